"""Every change of a document: a frozen value that makes the next state out of the last.

Commands of one drag or stroke carry the same `gesture` and merge into one step of undo. A locked
layer refuses what would change how it looks. Knows nothing of windows and of how undo is kept.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QPoint
from PySide6.QtGui import QImage

from app.document.blend import Blend
from app.document.errors import DocumentError, LayerLocked
from app.document.geometry import Page
from app.document.layers import (
    Align,
    GroupLayer,
    Layer,
    LayerMask,
    Layers,
    PixelLayer,
    TextLayer,
    find_layer,
    has_layer,
    insert_layer,
    is_locked,
    moved,
    neighbour,
    outermost,
    path_to,
    place_above,
    place_of,
    remove_layer,
    replace_layer,
)
from app.document.selection import Selection, cropped
from app.document.state import DocumentState
from app.document.text import check_length, plain
from app.document.tiles import Mode
from app.i18n import translate


@dataclass(frozen=True, kw_only=True)
class Command:
    """Base of all. `gesture` names the drag or stroke that a command is part of."""

    gesture: str | None = None

    def name(self) -> str:
        raise NotImplementedError

    def apply(self, state: DocumentState) -> DocumentState:
        raise NotImplementedError

    def merge(self, previous: Command) -> Command | None:
        """Both as one, if they are of one kind, one gesture and one layer."""
        same = type(previous) is type(self) and previous.target == self.target
        return (
            self if same and self.gesture is not None and previous.gesture == self.gesture else None
        )

    @property
    def target(self) -> object:
        return getattr(self, "layer_id", None)


@dataclass(frozen=True, kw_only=True)
class AddLayer(Command):
    """Without a place: above the active layer, beside it; at the top if none is active."""

    layer: Layer
    parent: str | None = None
    index: int | None = None

    def name(self) -> str:
        match self.layer:
            case TextLayer():
                return translate("Commands", "Add text")
            case GroupLayer():
                return translate("Commands", "Add group")
        return translate("Commands", "Add layer")

    def apply(self, state: DocumentState) -> DocumentState:
        parent, index = self.parent, self.index
        if index is None:
            parent, index = place_above(state.layers, state.active, self.parent)
        layers = insert_layer(state.layers, self.layer, parent, index)
        return dataclasses.replace(state, layers=layers, active=self.layer.id)


@dataclass(frozen=True, kw_only=True)
class RemoveLayer(Command):
    """`active` is the layer that is active then, if it is there; else one beside the removed.

    One that was added in the same gesture has never been there.
    """

    layer_id: str
    active: str | None = None

    def name(self) -> str:
        return translate("Commands", "Delete layer")

    def apply(self, state: DocumentState) -> DocumentState:
        check_unlocked(state.layers, self.layer_id)
        layers = remove_layer(state.layers, self.layer_id)
        found = dataclasses.replace(state, layers=layers)
        if has_layer(layers, self.active):
            found = dataclasses.replace(found, active=self.active)
        elif not has_layer(layers, state.active):
            found = dataclasses.replace(found, active=neighbour(state.layers, self.layer_id))
        if not has_layer(layers, state.picture):
            found = dataclasses.replace(found, picture=None, current_node=None)
        return found

    def merge(self, previous: Command) -> Command | None:
        return self if _added(previous, self) is not None else super().merge(previous)


@dataclass(frozen=True, kw_only=True)
class GroupLayers(Command):
    """Puts the layers, in their order, into `group`, at the place of the topmost of them."""

    layer_ids: tuple[str, ...]
    group: GroupLayer

    def name(self) -> str:
        return translate("Commands", "Group layers")

    def apply(self, state: DocumentState) -> DocumentState:
        inside = outermost(state.layers, self.layer_ids)
        if not inside:
            return state
        parent, index = place_of(state.layers, inside[-1].id)
        layers = insert_layer(state.layers, self.group, parent, index + 1)
        for layer in inside:
            layers = remove_layer(layers, layer.id)
        layers = replace_layer(
            layers, self.group.id, lambda group: dataclasses.replace(group, children=inside)
        )
        return dataclasses.replace(state, layers=layers, active=self.group.id)


@dataclass(frozen=True, kw_only=True)
class SetLayer(Command):
    """Changes those properties that are not None. What a locked layer looks like stays."""

    layer_id: str
    new_name: str | None = None
    visible: bool | None = None
    locked: bool | None = None
    opacity: float | None = None
    blend: Blend | None = None

    @property
    def _changes(self) -> dict[str, Any]:
        fields = ("visible", "locked", "opacity", "blend")
        values = {"name": self.new_name} | {field: getattr(self, field) for field in fields}
        return {field: value for field, value in values.items() if value is not None}

    @property
    def target(self) -> object:
        return self.layer_id, tuple(self._changes)

    def name(self) -> str:
        match self._changes:
            case {"visible": visible}:
                show, hide = (
                    translate("Commands", "Show layer"),
                    translate("Commands", "Hide layer"),
                )
                return show if visible else hide
            case {"locked": locked}:
                lock = translate("Commands", "Lock layer")
                return lock if locked else translate("Commands", "Unlock layer")
            case {"opacity": _}:
                return translate("Commands", "Layer opacity")
            case {"blend": _}:
                return translate("Commands", "Blend mode")
        return translate("Commands", "Rename layer")

    def apply(self, state: DocumentState) -> DocumentState:
        if self.opacity is not None or self.blend is not None:
            check_unlocked(state.layers, self.layer_id)
        return with_layer(
            state, self.layer_id, lambda layer: dataclasses.replace(layer, **self._changes)
        )


@dataclass(frozen=True, kw_only=True)
class OffsetLayer(Command):
    """Shifts a layer, its mask and all that is in it, by whole pixels."""

    layer_id: str
    dx: int
    dy: int

    def name(self) -> str:
        return translate("Commands", "Move")

    def apply(self, state: DocumentState) -> DocumentState:
        check_unlocked(state.layers, self.layer_id)
        return with_layer(state, self.layer_id, lambda layer: moved(layer, self.dx, self.dy))


@dataclass(frozen=True, kw_only=True)
class PaintTiles(Command):
    """Composites `image` at `at`, in page pixels, onto a pixel layer, or onto a layer's mask."""

    layer_id: str
    image: QImage
    at: QPoint
    mode: Mode = Mode.CompositionMode_SourceOver
    on_mask: bool = False

    @property
    def target(self) -> object:
        return self.layer_id, self.on_mask

    def name(self) -> str:
        if self.on_mask:
            return translate("Commands", "Paint mask")
        if self.mode is Mode.CompositionMode_DestinationOut:
            return translate("Commands", "Erase")
        return translate("Commands", "Paint")

    def apply(self, state: DocumentState) -> DocumentState:
        check_unlocked(state.layers, self.layer_id)
        return with_layer(state, self.layer_id, self._painted)

    def _painted(self, layer: Layer) -> Layer:
        at = self.at - QPoint(layer.x, layer.y)
        if self.on_mask and layer.mask is not None:
            tiles = layer.mask.tiles.painted(self.image, at, self.mode)
            return dataclasses.replace(layer, mask=dataclasses.replace(layer.mask, tiles=tiles))
        if self.on_mask or not isinstance(layer, PixelLayer):
            text = translate("Document", "Only a pixel layer or a layer's mask can be painted on.")
            raise DocumentError(text)
        tiles = layer.tiles.painted(self.image, at, self.mode)
        return dataclasses.replace(layer, tiles=tiles)


@dataclass(frozen=True, kw_only=True)
class SetMask(Command):
    """Gives a layer a mask, exchanges it, or with None takes it away. A first mask is painted on
    from then on, as long as its layer is the active one."""

    layer_id: str
    mask: LayerMask | None

    def name(self) -> str:
        if self.mask is None:
            return translate("Commands", "Remove mask")
        return translate("Commands", "Layer mask")

    def apply(self, state: DocumentState) -> DocumentState:
        check_unlocked(state.layers, self.layer_id)
        if self.mask is not None and find_layer(state.layers, self.layer_id).mask is None:
            state = dataclasses.replace(state, painted_mask=self.layer_id)
        return with_layer(
            state, self.layer_id, lambda layer: dataclasses.replace(layer, mask=self.mask)
        )


@dataclass(frozen=True, kw_only=True)
class EditText(Command):
    """Changes those properties of a text layer that are not None; `set_width` says width counts."""

    layer_id: str
    text: str | None = None
    family: str | None = None
    size_px: int | None = None
    bold: bool | None = None
    italic: bool | None = None
    color: str | None = None
    align: Align | None = None
    line_spacing: float | None = None
    width_px: int | None = None
    set_width: bool = False

    def name(self) -> str:
        return translate("Commands", "Edit text")

    def merge(self, previous: Command) -> Command | None:
        """What is written into a layer while it is being added belongs to adding it."""
        added = _added(previous, self)
        if added is None:
            return super().merge(previous)
        return dataclasses.replace(added, layer=self._edited(added.layer))

    def apply(self, state: DocumentState) -> DocumentState:
        """Raises TextTooLong, but never where the text only becomes shorter."""
        check_unlocked(state.layers, self.layer_id)
        return with_layer(state, self.layer_id, self._edited)

    def _edited(self, layer: Layer) -> Layer:
        if not isinstance(layer, TextLayer):
            raise DocumentError(translate("Document", "This layer holds no text."))
        names = ("text", "family", "size_px", "bold", "italic", "color", "align", "line_spacing")
        values = {name: getattr(self, name) for name in names}
        changes = {name: value for name, value in values.items() if value is not None}
        if self.text is not None:
            changes["text"] = plain(self.text)
            check_length(len(changes["text"]), before=len(layer.text))
        if self.set_width:
            changes["width_px"] = self.width_px
        return dataclasses.replace(layer, **changes)


@dataclass(frozen=True, kw_only=True)
class SetSelection(Command):
    """None: nothing is selected, and an edit may change everything."""

    selection: Selection | None

    def name(self) -> str:
        if self.selection is None:
            return translate("Commands", "Deselect")
        return translate("Commands", "Select")

    def apply(self, state: DocumentState) -> DocumentState:
        selection = self.selection
        if selection is not None:
            selection = cropped(selection, state.page.rect, like=state.selection)
            if selection.is_empty:
                selection = None
        return dataclasses.replace(state, selection=selection)


@dataclass(frozen=True, kw_only=True)
class SetPage(Command):
    """Another page; (dx, dy) is where the old page's corner comes to lie. No layer is cut."""

    page: Page
    dx: int = 0
    dy: int = 0

    def name(self) -> str:
        return translate("Commands", "Change page")

    def apply(self, state: DocumentState) -> DocumentState:
        layers, selection = state.layers, state.selection
        if (self.dx, self.dy) != (0, 0):
            layers = tuple(moved(layer, self.dx, self.dy) for layer in layers)
        if self.page.rect != state.page.rect or layers is not state.layers:
            selection = None
        return dataclasses.replace(state, page=self.page, layers=layers, selection=selection)


def _added(previous: Command, command: Command) -> AddLayer | None:
    """The command before, if in the same gesture it added the layer that this one is about."""
    is_same = previous.gesture is not None and previous.gesture == command.gesture
    if is_same and isinstance(previous, AddLayer) and previous.layer.id == command.target:
        return previous
    return None


def with_layer(
    state: DocumentState, layer_id: str, change: Callable[[Layer], Layer]
) -> DocumentState:
    return dataclasses.replace(state, layers=replace_layer(state.layers, layer_id, change))


def check_unlocked(layers: Layers, layer_id: str) -> None:
    """Raises LayerLocked where the layer, or a group around it, is locked."""
    if not is_locked(layers, layer_id):
        return
    names = [layer.name for layer in path_to(layers, layer_id) if layer.locked]
    text = translate("Document", "The layer “{name}” is locked. Unlock it in the layers panel.")
    raise LayerLocked(text.format(name=names[0]))
