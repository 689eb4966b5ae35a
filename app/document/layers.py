"""The kinds of layers, as frozen values, and how the tree of them is read and rebuilt.

A tree is a tuple of layers, bottom first. Every position is in page pixels, that of a layer in a
group too, so that grouping moves nothing. Knows nothing of painting them.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from enum import Enum

from app.document.blend import Blend
from app.document.errors import UnknownLayer
from app.document.tiles import PixelKind, Tiles
from app.i18n import translate

Layers = tuple["Layer", ...]


def new_id() -> str:
    return uuid.uuid4().hex


class Align(Enum):
    left = "left"
    center = "center"
    right = "right"


@dataclass(frozen=True, kw_only=True)
class LayerMask:
    """White shows the layer, black hides it; outside its tiles is black. Moves with its layer."""

    tiles: Tiles
    enabled: bool = True

    def __post_init__(self) -> None:
        if self.tiles.kind is not PixelKind.grey:
            raise ValueError("a layer's mask needs grey tiles")


@dataclass(frozen=True, kw_only=True)
class Layer:
    """What every layer has. Pixel (0, 0) of it and of its mask lies at (x, y) of the page."""

    id: str = field(default_factory=new_id)
    name: str = ""
    visible: bool = True
    locked: bool = False
    opacity: float = 1.0
    blend: Blend = Blend.normal
    mask: LayerMask | None = None
    x: int = 0
    y: int = 0

    def __post_init__(self) -> None:
        if not 0.0 <= self.opacity <= 1.0:
            raise ValueError(f"opacity {self.opacity} is outside 0…1")


@dataclass(frozen=True, kw_only=True)
class PixelLayer(Layer):
    tiles: Tiles = field(default_factory=Tiles.empty)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.tiles.kind is not PixelKind.color:
            raise ValueError("a pixel layer needs colour tiles")


@dataclass(frozen=True, kw_only=True)
class TextLayer(Layer):
    """Live text. Its box begins at (x, y) and, without a width, is as wide as the text."""

    text: str = ""
    family: str = ""
    size_px: int = 48
    bold: bool = False
    italic: bool = False
    color: str = "#000000"
    align: Align = Align.left
    width_px: int | None = None
    line_spacing: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.size_px <= 4096:
            raise ValueError(f"text size {self.size_px} px is outside 1…4096")
        if self.width_px is not None and not 1 <= self.width_px <= 65_536:
            raise ValueError(f"text width {self.width_px} px is outside 1…65536")
        if not 0.1 <= self.line_spacing <= 10:
            raise ValueError(f"line spacing {self.line_spacing} is outside 0.1…10")


@dataclass(frozen=True, kw_only=True)
class GroupLayer(Layer):
    """Its children are composited by themselves first (an isolated group)."""

    children: Layers = ()


def shown_name(layer: Layer) -> str:
    """A layer's own name, or what it is."""
    if layer.name:
        return layer.name
    if isinstance(layer, TextLayer):
        return layer.text.replace("\n", " ") or translate("Layers", "Text")
    if isinstance(layer, GroupLayer):
        return translate("Layers", "Group")
    return translate("Layers", "Layer")


def walk(layers: Layers) -> Iterator[Layer]:
    """Every layer, bottom first, a group before its children."""
    for layer in layers:
        yield layer
        if isinstance(layer, GroupLayer):
            yield from walk(layer.children)


def path_to(layers: Layers, layer_id: str) -> Layers:
    """The groups from the root down to the layer, and it itself at the end. Raises UnknownLayer."""
    for layer in layers:
        if layer.id == layer_id:
            return (layer,)
        if isinstance(layer, GroupLayer) and has_layer(layer.children, layer_id):
            return (layer, *path_to(layer.children, layer_id))
    raise UnknownLayer(translate("Document", "The layer is not in the document any more."))


def find_layer(layers: Layers, layer_id: str) -> Layer:
    """Raises UnknownLayer."""
    return path_to(layers, layer_id)[-1]


def has_layer(layers: Layers, layer_id: str | None) -> bool:
    return any(layer.id == layer_id for layer in walk(layers))


def is_locked(layers: Layers, layer_id: str) -> bool:
    """Whether it, or a group around it, is locked."""
    return any(layer.locked for layer in path_to(layers, layer_id))


def place_of(layers: Layers, layer_id: str) -> tuple[str | None, int]:
    """The id of the group around it (None at the root) and its index there, counted from below."""
    path = path_to(layers, layer_id)
    group = path[-2] if len(path) > 1 else None
    siblings = group.children if isinstance(group, GroupLayer) else layers
    return (group.id if group else None, [layer.id for layer in siblings].index(layer_id))


def place_above(layers: Layers, layer_id: str | None, group: str | None) -> tuple[str | None, int]:
    """Where a new layer goes: on top in `group`; without one, above the layer, else above all."""
    if group is not None:
        found = find_layer(layers, group)
        return group, len(found.children) if isinstance(found, GroupLayer) else 0
    if layer_id is None or not has_layer(layers, layer_id):
        return None, len(layers)
    parent, index = place_of(layers, layer_id)
    return parent, index + 1


def neighbour(layers: Layers, layer_id: str) -> str | None:
    """The layer that becomes active when this one goes: below it, else above it, else its group."""
    parent, index = place_of(layers, layer_id)
    group = find_layer(layers, parent) if parent is not None else None
    siblings = group.children if isinstance(group, GroupLayer) else layers
    below, above = siblings[:index], siblings[index + 1 :]
    if below:
        return below[-1].id
    return above[0].id if above else parent


def outermost(layers: Layers, layer_ids: Collection[str]) -> Layers:
    """The named layers, bottom first, without those that lie in another of them."""
    return tuple(
        layer
        for layer in walk(layers)
        if layer.id in layer_ids
        and not any(group.id in layer_ids for group in path_to(layers, layer.id)[:-1])
    )


def replace_layer(layers: Layers, layer_id: str, change: Callable[[Layer], Layer]) -> Layers:
    """The tree with one layer exchanged; the other branches are the same objects."""
    first = path_to(layers, layer_id)[0]

    def changed(layer: Layer) -> Layer:
        if layer.id == layer_id:
            return change(layer)
        assert isinstance(layer, GroupLayer)
        children = replace_layer(layer.children, layer_id, change)
        return dataclasses.replace(layer, children=children)

    return tuple(changed(layer) if layer is first else layer for layer in layers)


def remove_layer(layers: Layers, layer_id: str) -> Layers:
    """Raises UnknownLayer."""
    parent, index = place_of(layers, layer_id)
    return _with_children(layers, parent, lambda found: found[:index] + found[index + 1 :])


def insert_layer(layers: Layers, layer: Layer, parent: str | None, index: int) -> Layers:
    """The layer put at `index`, counted from below, of the group `parent` or of the root."""
    return _with_children(
        layers, parent, lambda found: (*found[: max(index, 0)], layer, *found[max(index, 0) :])
    )


def with_new_ids(layer: Layer) -> Layer:
    """A copy to stand beside the original: new ids all through, the same pixels."""
    copy = dataclasses.replace(layer, id=new_id())
    if isinstance(copy, GroupLayer):
        copy = dataclasses.replace(copy, children=tuple(map(with_new_ids, copy.children)))
    return copy


def moved(layer: Layer, dx: int, dy: int) -> Layer:
    """The layer, with its mask and everything in it, shifted."""
    found = dataclasses.replace(layer, x=layer.x + dx, y=layer.y + dy)
    if isinstance(found, GroupLayer):
        children = tuple(moved(child, dx, dy) for child in found.children)
        found = dataclasses.replace(found, children=children)
    return found


def _with_children(
    layers: Layers, parent: str | None, change: Callable[[Layers], Layers]
) -> Layers:
    if parent is None:
        return change(layers)

    def changed(group: Layer) -> Layer:
        if not isinstance(group, GroupLayer):
            raise UnknownLayer(translate("Document", "Only a group can hold layers."))
        return dataclasses.replace(group, children=change(group.children))

    return replace_layer(layers, parent, changed)
