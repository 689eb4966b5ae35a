"""What differs between two states: for redrawing, and for counting what undo holds in memory."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from PySide6.QtCore import QRect

from app.document.composite import layer_bounds
from app.document.layers import GroupLayer, Layer, Layers, PixelLayer, walk
from app.document.state import DocumentState
from app.document.tiles import Tiles, changed_rect, tile_sizes

STEP_BYTES = 4096  # what a step holds besides pixels, roughly


@dataclass(frozen=True, kw_only=True)
class Change:
    """What is different now: page pixels in `rect`, and which views have to look again."""

    rect: QRect
    layers: bool
    selection: bool
    history: bool
    page: bool
    active: bool


def change_between(before: DocumentState, after: DocumentState) -> Change:
    page = before.page != after.page
    rect = changed_pixels(before.layers, after.layers).intersected(after.page.rect)
    return Change(
        rect=after.page.rect if page else rect,
        layers=before.layers != after.layers,
        selection=before.selection != after.selection,
        history=_nodes(before) != _nodes(after),
        page=page,
        active=before.active != after.active,
    )


def _nodes(state: DocumentState) -> tuple[object, ...]:
    return state.picture, state.current_node, state.pruned


def changed_pixels(before: Layers, after: Layers) -> QRect:
    """A rect outside which both look the same."""
    found = QRect()
    if before is after:
        return found
    old, new = {layer.id: layer for layer in before}, {layer.id: layer for layer in after}
    for layer_id in old.keys() | new.keys():
        found = found.united(_changed_layer(old.get(layer_id), new.get(layer_id)))
    stayed = [layer.id for layer in before if layer.id in new]
    order = [layer.id for layer in after if layer.id in old]
    for was, now in zip(stayed, order, strict=True):
        if was != now:  # every layer out of its place shows up here, once as `was`
            found = found.united(_visible_bounds(old[was])).united(_visible_bounds(new[was]))
    return found


def _changed_layer(old: Layer | None, new: Layer | None) -> QRect:
    if old is new:
        return QRect()
    if old is None or new is None or _frame(old) != _frame(new):
        return _visible_bounds(old).united(_visible_bounds(new))
    if not new.visible:
        return QRect()
    found = _changed_mask(old, new)
    if isinstance(old, PixelLayer) and isinstance(new, PixelLayer):
        found = found.united(changed_rect(old.tiles, new.tiles).translated(new.x, new.y))
    if isinstance(old, GroupLayer) and isinstance(new, GroupLayer):
        found = found.united(changed_pixels(old.children, new.children))
    return found


def _changed_mask(old: Layer, new: Layer) -> QRect:
    if old.mask == new.mask:
        return QRect()
    if not (old.mask and new.mask and old.mask.enabled and new.mask.enabled):
        return layer_bounds(old).united(layer_bounds(new))
    return changed_rect(old.mask.tiles, new.mask.tiles).translated(new.x, new.y)


def _frame(layer: Layer) -> Layer:
    """The layer without its pixels, its mask, and what nobody sees on the page."""
    frame = dataclasses.replace(layer, name="", locked=False, mask=None)
    if isinstance(frame, PixelLayer):
        return dataclasses.replace(frame, tiles=Tiles.empty())
    if isinstance(frame, GroupLayer):
        return dataclasses.replace(frame, children=())
    return frame


def _visible_bounds(layer: Layer | None) -> QRect:
    return layer_bounds(layer) if layer is not None and layer.visible else QRect()


def held_bytes(before: DocumentState, after: DocumentState) -> int:
    """Memory of the tiles that only one of the two has: what a step of undo between them costs."""
    old, new = _all_tiles(before), _all_tiles(after)
    sizes_old, sizes_new = _sizes(old, new), _sizes(new, old)
    only_one, sizes = sizes_old.keys() ^ sizes_new.keys(), sizes_old | sizes_new
    return STEP_BYTES + sum(sizes[tile] for tile in only_one)


def _sizes(tiles: dict[int, Tiles], without: dict[int, Tiles]) -> dict[int, int]:
    found: dict[int, int] = {}
    for key in tiles.keys() - without.keys():
        found |= tile_sizes(tiles[key])
    return found


def _all_tiles(state: DocumentState) -> dict[int, Tiles]:
    """By identity. A set of tiles that both states share needs no look inside."""
    found = [state.selection.tiles] if state.selection is not None else []
    for layer in walk(state.layers):
        if isinstance(layer, PixelLayer):
            found.append(layer.tiles)
        if layer.mask is not None:
            found.append(layer.mask.tiles)
    return {id(tiles): tiles for tiles in found}
