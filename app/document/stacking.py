"""Changes of the stack: layers moved, several changed as one step, groups dissolved.

Dissolving a group keeps what is seen where its layers can carry what the group had:

- A hidden group leaves hidden layers.
- A single layer takes over the group's opacity, blend mode and, if it has none, its mask.
- Several layers cannot: overlapping ones would show through each other. As in Photoshop and Krita
  they keep their own look, and what the group had is gone with it. `looks_kept` says whether that
  shows.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QPoint

from app.document.blend import Blend
from app.document.commands import AddLayer, Command, RemoveLayer, SetLayer, check_unlocked
from app.document.errors import DocumentError
from app.document.layers import (
    GroupLayer,
    Layer,
    LayerMask,
    Layers,
    find_layer,
    has_layer,
    insert_layer,
    neighbour,
    outermost,
    place_of,
    remove_layer,
    shown_name,
    with_new_ids,
)
from app.document.state import DocumentState
from app.document.tiles import PixelKind, Tiles
from app.i18n import translate


@dataclass(frozen=True, kw_only=True)
class Several(Command):
    """Commands one after another as one step: all of them or, where one is refused, none."""

    commands: tuple[Command, ...]

    @property
    def target(self) -> object:
        return tuple(command.target for command in self.commands)

    def name(self) -> str:
        name = self.commands[0].name()
        return name if len(self.commands) == 1 else f"{name} ({len(self.commands)})"

    def apply(self, state: DocumentState) -> DocumentState:
        for command in self.commands:
            state = command.apply(state)
        return state


@dataclass(frozen=True, kw_only=True)
class DuplicateLayer(AddLayer):
    """Adds a copy, which has an id of its own."""

    def name(self) -> str:
        return translate("Commands", "Duplicate layer")


@dataclass(frozen=True, kw_only=True)
class MoveLayers(Command):
    """To `index`, from below, of a group or of the root, counted without the moved layers, which
    keep their order."""

    layer_ids: tuple[str, ...]
    parent: str | None = None
    index: int

    def name(self) -> str:
        return translate("Commands", "Move layer in the stack")

    def apply(self, state: DocumentState) -> DocumentState:
        moved, layers = outermost(state.layers, self.layer_ids), state.layers
        if self.parent is not None and has_layer(moved, self.parent):
            raise DocumentError(translate("Document", "A group cannot be put into itself."))
        for layer in moved:
            layers = remove_layer(layers, layer.id)
        for place, layer in enumerate(moved, max(self.index, 0)):
            layers = insert_layer(layers, layer, self.parent, place)
        return dataclasses.replace(state, layers=layers)


@dataclass(frozen=True, kw_only=True)
class StepLayers(Command):
    """One place up or down among their siblings; those at the end stay, and hold up those that
    follow them."""

    layer_ids: frozenset[str]
    up: bool

    def name(self) -> str:
        return translate("Commands", "Move layer in the stack")

    def apply(self, state: DocumentState) -> DocumentState:
        return dataclasses.replace(state, layers=_stepped(state.layers, self.layer_ids, self.up))


@dataclass(frozen=True, kw_only=True)
class Ungroup(Command):
    """Puts a group's layers into its place."""

    layer_id: str

    def name(self) -> str:
        return translate("Commands", "Ungroup")

    def apply(self, state: DocumentState) -> DocumentState:
        check_unlocked(state.layers, self.layer_id)
        group = find_layer(state.layers, self.layer_id)
        if not isinstance(group, GroupLayer):
            raise DocumentError(translate("Document", "Only a group can be ungrouped."))
        freed = released(group)
        active = freed[-1].id if freed else neighbour(state.layers, group.id)
        parent, index = place_of(state.layers, group.id)
        layers = remove_layer(state.layers, group.id)
        for place, layer in enumerate(freed, index):
            layers = insert_layer(layers, layer, parent, place)
        return dataclasses.replace(state, layers=layers, active=active)


def set_each(layer_ids: Collection[str], *, gesture: str | None = None, **changes: Any) -> Several:
    """The properties of SetLayer, for each of the layers, as one step."""
    commands = tuple(SetLayer(layer_id=id, **changes) for id in layer_ids)
    return Several(commands=commands, gesture=gesture)


def duplicated(layers: Layers, layer_ids: Collection[str]) -> Several:
    """Copies of layers, with what lies in them, as one step. Those of one group stand together
    above the topmost of their originals, in the order of these."""
    originals = outermost(layers, layer_ids)
    tops: dict[str | None, int] = {}
    for layer in originals:
        parent, index = place_of(layers, layer.id)
        tops[parent] = max(index, tops.get(parent, index))
    commands = []
    for layer in originals:
        parent, _ = place_of(layers, layer.id)
        tops[parent] += 1
        copy = _named_copy(layer)
        commands.append(DuplicateLayer(layer=copy, parent=parent, index=tops[parent]))
    return Several(commands=tuple(commands))


def removed(layers: Layers, layer_ids: Collection[str]) -> Several:
    """Deletes layers, with what lies in them, as one step."""
    found = outermost(layers, layer_ids)
    return Several(commands=tuple(RemoveLayer(layer_id=layer.id) for layer in found))


def released(group: GroupLayer) -> Layers:
    """The group's layers as they stand without it."""
    found = group.children
    if len(found) == 1:
        found = (_carrying(found[0], group),)
    if not group.visible:
        found = tuple(dataclasses.replace(layer, visible=False) for layer in found)
    return found


def looks_kept(group: GroupLayer) -> bool:
    """Whether the page looks the same without the group, roundings aside."""
    masked = group.mask is not None and group.mask.enabled
    if not group.visible or not group.children:
        return True
    if len(group.children) == 1:
        (layer,) = group.children
        # Sums are cut off at white: before the group's opacity, after the layer's.
        is_cut = group.blend is Blend.add and layer.opacity < 1.0
        return not is_cut and (not masked or layer.mask is None)
    mixes = any(layer.visible and layer.blend is not Blend.normal for layer in group.children)
    return group.opacity == 1.0 and group.blend is Blend.normal and not masked and not mixes


def _named_copy(layer: Layer) -> Layer:
    name = translate("Layers", "{name} copy").format(name=shown_name(layer))
    return dataclasses.replace(with_new_ids(layer), name=name)


def _carrying(layer: Layer, group: GroupLayer) -> Layer:
    """The only layer of a group: what it is blended with in there is empty, so that its own blend
    mode shows nothing and the group's may take its place."""
    mask = layer.mask
    if mask is None and group.mask is not None:
        mask = _shifted(group.mask, QPoint(group.x - layer.x, group.y - layer.y))
    opacity = layer.opacity * group.opacity
    return dataclasses.replace(layer, opacity=opacity, blend=group.blend, mask=mask)


def _shifted(mask: LayerMask, way: QPoint) -> LayerMask:
    if way.isNull():
        return mask
    bounds = mask.tiles.bounds()
    image = mask.tiles.image(bounds)
    tiles = Tiles.from_image(image, bounds.topLeft() + way, PixelKind.grey)
    return dataclasses.replace(mask, tiles=tiles)


def _stepped(layers: Layers, ids: Collection[str], up: bool) -> Layers:
    found = [_with_children_stepped(layer, ids, up) for layer in layers]
    places = range(len(found) - 2, -1, -1) if up else range(len(found) - 1)
    for below in places:
        moving, other = (below, below + 1) if up else (below + 1, below)
        if found[moving].id in ids and found[other].id not in ids:
            found[moving], found[other] = found[other], found[moving]
    return tuple(found)


def _with_children_stepped(layer: Layer, ids: Collection[str], up: bool) -> Layer:
    """What lies in a group that moves, moves with it."""
    if not isinstance(layer, GroupLayer) or layer.id in ids:
        return layer
    children = _stepped(layer.children, ids, up)
    return layer if children == layer.children else dataclasses.replace(layer, children=children)
