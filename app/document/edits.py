"""What an edit sends, and what its result replaces. Pure functions over document states.

An edit sends the visible flatten. Its result must then be what is seen inside the mask, and nothing
outside may change, whatever the stack looks like:

- The picture layer lies uncovered in the masked area (nothing visible over it there, nothing that
  alters how it shows): the result is composited through the mask over its own pixels.
- Otherwise the result becomes a new picture layer on top of the stack, transparent outside the
  mask. The layers that it covers, live text among them, stay below it as they were.

Composited means source-over with the mask as alpha: where the mask is 0, the pixels stay the same,
bit for bit, and untouched tiles stay the same objects. A picture made from words alone knows
nothing of the other layers: it takes the picture layer's place, below what lies over it.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QPoint, QRect
from PySide6.QtGui import QImage

from app.document.blend import Blend
from app.document.composite import (
    apply_mask,
    execute,
    layer_operations,
    render,
    shown_bounds,
)
from app.document.geometry import Page, covering
from app.document.layers import (
    GroupLayer,
    Layer,
    Layers,
    PixelLayer,
    TextLayer,
    has_layer,
    is_locked,
    path_to,
    walk,
)
from app.document.pictures import over_white, sized
from app.document.placing import PlaceResult, SetCurrentNode
from app.document.selection import Selection, cropped, feathered
from app.document.state import DocumentState
from app.document.tiles import PixelKind, Tiles
from app.i18n import translate


@dataclass(frozen=True, kw_only=True)
class PlacedResult:
    """A result in its place: the command that puts it there, and what its node keeps.

    `picture` is what the node is a picture of, of the page's size. `image` covers its `region`;
    outside it the picture equals that of the parent.
    """

    placing: PlaceResult
    picture: QImage
    region: QRect
    image: QImage
    changed_outside: int = 0

    def command(self, node_id: str) -> PlaceResult:
        """One step of undo: the result in the picture layer, and its node current."""
        return dataclasses.replace(self.placing, node=node_id)


def source_for_edit(state: DocumentState) -> QImage:
    """What an edit sends: the page as it is seen, on white where it is transparent."""
    return over_white(render(state))


def has_mask(state: DocumentState) -> bool:
    """Whether `mask_for` would find one."""
    mask = state.active_layer.mask if state.active_layer is not None else None
    return state.selection is not None or (mask is not None and mask.enabled)


def mask_for(state: DocumentState, feather_px: int = 0) -> Selection | None:
    """Where an edit may change the page: the selection, else the active layer's mask, else None.

    None means everywhere. Feathering fades the edge inwards.
    """
    found = state.selection
    layer = state.active_layer
    if found is None and layer is not None and layer.mask is not None and layer.mask.enabled:
        offset = QPoint(layer.x, layer.y)
        area = state.page.rect
        image = layer.mask.tiles.image(area.translated(-offset))
        found = Selection(Tiles.from_image(image, area.topLeft(), PixelKind.grey))
    return None if found is None else feathered(found, feather_px, state.page.rect)


def place_result(
    state: DocumentState, result: QImage, *, mask: Selection | None, base: QImage | None
) -> PlacedResult:
    """The result of an edit of what is seen, composited through the mask (None: everywhere).

    `base` is the picture of the node that will be the parent, if there is one.
    """
    image, area = fitted_to_page(result, state.page), state.page.rect
    if mask is not None:
        mask = cropped(mask, area)
        area = mask.bounds
        image = _masked(image, mask, area)
    layer, index = _layer_for_edit(state, area)
    return _painted(state, layer, index, image, area, mask, base)


def place_extension(
    state: DocumentState, result: QImage, *, mask: Selection, base: QImage | None
) -> PlacedResult:
    """The picture continued over the page: only what is inside the mask is new.

    Live text lies over it as it did.
    """
    mask = cropped(mask, state.page.rect)
    area = mask.bounds
    image = _masked(fitted_to_page(result, state.page), mask, area)
    layer, index = _layer_for_extension(state)
    return _painted(state, layer, index, image, area, mask, base)


def place_picture(state: DocumentState, result: QImage, *, base: QImage | None) -> PlacedResult:
    """A picture made from words: the new content of the picture layer, below what lies over it."""
    image = fitted_to_page(result, state.page)
    return with_region(_placing_whole(state, image), image, base)


def make_current(state: DocumentState, node_id: str, picture: QImage) -> SetCurrentNode:
    """The command that shows a node of the tree; `picture` is what the tree composes for it."""
    placing = _placing_whole(state, fitted_to_page(picture, state.page))
    return SetCurrentNode(node=node_id, layer=placing.layer, index=placing.index)


def fitted_to_page(image: QImage, page: Page) -> QImage:
    """Of the page's size: the same pixels, or, if sizes differ, smoothly scaled to cover it."""
    cover = covering(image.size(), page.rect)
    found = sized(image, cover.size())
    if cover == page.rect:
        return found
    return found.copy(page.rect.translated(-cover.topLeft()))


def count_changed_outside(before: QImage, after: QImage, mask: Selection) -> int:
    """How many pixels differ where the mask is 0. 0 by construction, and measured all the same."""
    from app.document.arrays import color_values, grey_values

    protected = mask.image(before.rect())
    differs = color_values(before) != color_values(after)
    return int((differs & (grey_values(protected) == 0)).sum())


def changed_region(before: QImage, after: QImage) -> QRect:
    """The smallest rect that holds every pixel in which the two differ."""
    from app.document.arrays import bounding_rect, color_values

    return bounding_rect(color_values(before) != color_values(after))


def _masked(image: QImage, mask: Selection, area: QRect) -> QImage:
    if area.isEmpty():
        return QImage()
    found = image.copy(area)
    apply_mask(found, mask.image(area))
    return found


def _painted(
    state: DocumentState,
    layer: PixelLayer,
    index: int | None,
    image: QImage,
    area: QRect,
    mask: Selection | None,
    base: QImage | None,
) -> PlacedResult:
    """The image in `area` of the page, composited onto the layer, which is new at an index."""
    tiles = layer.tiles.painted(image, area.topLeft() - QPoint(layer.x, layer.y))
    placing = _placing(layer, tiles, index)
    before, after = render(state), render(placing.apply(state))
    picture = after
    if index is None:
        picture = tiles.image(state.page.rect.translated(-layer.x, -layer.y))
    outside = count_changed_outside(before, after, mask) if mask is not None else 0
    return with_region(placing, picture, base, outside)


def _placing(layer: PixelLayer, tiles: Tiles, index: int | None) -> PlaceResult:
    return PlaceResult(node="", layer=dataclasses.replace(layer, tiles=tiles), index=index)


def _placing_whole(state: DocumentState, image: QImage) -> PlaceResult:
    layer, index = _layer_for_picture(state)
    at = QPoint(-layer.x, -layer.y)  # on the page's corner, wherever the layer was moved to
    return _placing(layer, Tiles.from_image(image, at, like=layer.tiles), index)


def _layer_for_edit(state: DocumentState, area: QRect) -> tuple[PixelLayer, int | None]:
    """The picture layer, if painting on it shows as painted; else a new one on top of all."""
    layer = state.picture_layer
    if isinstance(layer, PixelLayer) and _shows_as_painted(state.layers, layer.id, area):
        return layer, None
    return _new_picture_layer(), len(state.layers)


def _layer_for_extension(state: DocumentState) -> tuple[PixelLayer, int | None]:
    """The picture layer, if what is painted on it is seen; else a new one above the pixels."""
    layer = state.picture_layer
    if isinstance(layer, PixelLayer):
        path = path_to(state.layers, layer.id)
        if all(is_plain(found) and not found.locked for found in path):
            return layer, None
    return _new_picture_layer(), _above_pixels(state.layers)


def _layer_for_picture(state: DocumentState) -> tuple[PixelLayer, int | None]:
    """The picture layer, if it shows and is not locked; else a new one above it.

    Without a picture layer, above the pixel layers, which would hide it, and below live text.
    """
    layer = state.picture_layer
    if layer is None or isinstance(layer, TextLayer):
        return _new_picture_layer(), _above_pixels(state.layers)
    path = path_to(state.layers, layer.id)
    if all(found.visible and not found.locked for found in path):
        return _as_pixels(layer), None
    return _new_picture_layer(), state.layers.index(path[0]) + 1


def _above_pixels(layers: Layers) -> int:
    solid = [place for place, found in enumerate(layers) if _holds_pixels(found)]
    return solid[-1] + 1 if solid else 0


def _holds_pixels(layer: Layer) -> bool:
    return any(isinstance(found, PixelLayer) for found in walk((layer,)))


def _as_pixels(layer: Layer) -> PixelLayer:
    """The picture layer itself; for the group that a picture was split into, one in its place."""
    if isinstance(layer, PixelLayer):
        return layer
    look: dict[str, Any] = {
        field.name: getattr(layer, field.name) for field in dataclasses.fields(Layer)
    }
    look["name"] = _new_picture_layer().name
    return PixelLayer(**look)


def _new_picture_layer() -> PixelLayer:
    return PixelLayer(name=translate("Layers", "Picture"))


def _shows_as_painted(layers: Layers, layer_id: str, area: QRect) -> bool:
    return not is_locked(layers, layer_id) and _is_uncovered(layers, layer_id, area)


def _is_uncovered(layers: Layers, layer_id: str, area: QRect) -> bool:
    """Whether what is painted on the layer, inside `area`, is what is seen on the page."""
    for layer in reversed(layers):
        if has_layer((layer,), layer_id):
            inside = layer.children if isinstance(layer, GroupLayer) else ()
            return is_plain(layer) and (not inside or _is_uncovered(inside, layer_id, area))
        if shows_in(layer, area):
            return False
    return False


def is_plain(layer: Layer) -> bool:
    """Whether it shows as it is: opaque, unmasked, not mixed with what lies below."""
    masked = layer.mask is not None and layer.mask.enabled
    return layer.visible and layer.opacity == 1.0 and layer.blend is Blend.normal and not masked


def shows_in(layer: Layer, area: QRect) -> bool:
    """Whether it has a single visible pixel there."""
    part = shown_bounds(layer).intersected(area)
    if part.isEmpty():
        return False
    blank = PixelKind.color.blank(part.width(), part.height())
    image = blank.copy()
    execute(layer_operations(layer), image, part)
    return image != blank


def with_region(
    placing: PlaceResult, picture: QImage, base: QImage | None, changed_outside: int = 0
) -> PlacedResult:
    """With what its node keeps beside the picture of its parent, which is `base`."""
    region = picture.rect()
    if base is not None and base.size() == picture.size():
        region = changed_region(base, picture)
        if region.isEmpty():  # the same picture again: a node still covers something
            region = QRect(0, 0, 1, 1)
    return PlacedResult(
        placing=placing,
        picture=picture,
        region=region,
        image=picture.copy(region),
        changed_outside=changed_outside,
    )
