"""What is done to layers: made, doubled, grouped, moved, masked, written on."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPoint, QPointF, QRectF
from PySide6.QtGui import QImage, qGray
from PySide6.QtWidgets import QApplication

from app.document.commands import (
    AddLayer,
    GroupLayers,
    SetMask,
)
from app.document.composite import layer_bounds, render
from app.document.layers import (
    GroupLayer,
    Layer,
    LayerMask,
    PixelLayer,
    TextLayer,
    has_layer,
    walk,
)
from app.document.masking import ApplyMask, EnableMask
from app.document.selection import Selection, everything
from app.document.stacking import (
    Several,
    StepLayers,
    Ungroup,
    duplicated,
    looks_kept,
    removed,
    set_each,
)
from app.document.state import DocumentState
from app.document.tiles import PixelKind, Tiles
from app.i18n import translate
from app.main_window import MainWindow

HEADLINE_PART = 9  # a new headline is as high as this part of the page
DARK_BELOW = 128


class LayerDeeds:
    """Each deed acts on the active layer of the window's document, or on all that are marked."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window

    def handlers(self) -> dict[str, Callable[[], object]]:
        return {
            "layer_new": self.add_pixels,
            "layer_text": self.add_headline,
            "layer_duplicate": self.duplicate,
            "layer_group": self.group,
            "layer_ungroup": self.ungroup,
            "layer_show": self.show_or_hide,
            "layer_lock": self.lock_or_unlock,
            "layer_delete": self.delete,
            "layer_rename": self.rename,
            "layer_up": lambda: self.move(up=True),
            "layer_down": lambda: self.move(up=False),
            "layer_next": lambda: self.step(1),
            "layer_previous": lambda: self.step(-1),
            "mask_add": self.add_mask,
            "mask_reveal": self.add_whole_mask,
            "mask_paint": self.switch_painting,
            "mask_alone": lambda: self.show_mask_alone(self._active.id),
            "mask_toggle": self.toggle_mask,
            "mask_apply": self.apply_mask,
            "mask_remove": self.remove_mask,
        }

    @property
    def _state(self) -> DocumentState:
        return self._window.workspace.document.state

    @property
    def _active(self) -> Layer:
        layer = self._state.active_layer
        assert layer is not None, "the action is enabled with an active layer only"
        return layer

    @property
    def _selected(self) -> tuple[str, ...]:
        return self._window.layers.selected

    def add_pixels(self) -> None:
        self._window.do(AddLayer(layer=PixelLayer(name=translate("Layers", "Layer"))))

    def add_picture(self, image: QImage, name: str, at: QPointF) -> None:
        """A picture as a layer of its own size, its middle at a point of the page."""
        corner = at.toPoint() - QPoint(image.width() // 2, image.height() // 2)
        page = self._state.page.rect
        if image.width() >= page.width() or image.height() >= page.height():
            corner = page.center() - QPoint(image.width() // 2, image.height() // 2)
        tiles = Tiles.from_image(image, QPoint(0, 0))
        layer = PixelLayer(name=name, tiles=tiles, x=corner.x(), y=corner.y())
        self._window.do(AddLayer(layer=layer))

    def add_headline(self) -> None:
        """A line of text over the width of the page, in its upper part."""
        page = self._state.page.trim
        margin = max(8, page.width() // 16)
        top = page.top() + margin
        box = QRectF(page.left() + margin, top, page.width() - 2 * margin, 0)
        self._add_text(box, translate("Text", "Headline"))

    def ask_text(self, box: QRectF) -> None:
        """The text tool was used: go on in the text under it, or begin one there."""
        layer = self._state.active_layer
        is_there = isinstance(layer, TextLayer) and layer_bounds(layer).contains(
            box.topLeft().toPoint()
        )
        if layer is not None and is_there:
            self._window.canvas.edit_text(layer.id, box.topLeft())
        else:
            self._add_text(box)

    def _add_text(self, box: QRectF, text: str = "") -> None:
        page = self._state.page
        layer = TextLayer(
            text=text,
            family=QApplication.font().family(),
            size_px=max(12, min(page.height, page.width) // HEADLINE_PART),
            bold=True,
            color=self._readable_color(box),
            x=round(box.x()),
            y=round(box.y()),
            width_px=round(box.width()) if box.width() >= 1 else None,
        )
        self._window.canvas.add_text(layer)

    def _readable_color(self, box: QRectF) -> str:
        """Black or white, whichever stands out from what lies under the text."""
        height = max(box.height(), self._state.page.height / HEADLINE_PART)
        area = QRectF(box.x(), box.y(), max(box.width(), 1), height).toAlignedRect()
        area = area.intersected(self._state.page.rect)
        if area.isEmpty():
            return "#000000"
        spot = render(self._state, area).scaled(1, 1).pixel(0, 0)
        return "#ffffff" if qGray(spot) < DARK_BELOW else "#000000"

    def duplicate(self) -> None:
        """All marked layers; then the copies are marked, to be moved or deleted at once."""
        command = duplicated(self._state.layers, self._selected)
        if self._window.attempt(lambda: self._window.workspace.document.do(command)):
            copies = [each.layer.id for each in command.commands if isinstance(each, AddLayer)]
            self._window.layers.select(copies)

    def group(self) -> None:
        group = GroupLayer(name=translate("Layers", "Group"))
        self._window.do(GroupLayers(layer_ids=self._selected, group=group))

    def ungroup(self) -> None:
        """Every marked group; what cannot be kept of its look is told, and undo brings it back."""
        marked = self._window.layers.selected_layers
        groups = [layer for layer in marked if isinstance(layer, GroupLayer)]
        before = self._state
        self._window.do(Several(commands=tuple(Ungroup(layer_id=g.id) for g in groups)))
        if self._state is before:
            return
        freed = [layer.id for group in groups for layer in group.children]
        self._window.layers.select([id for id in freed if has_layer(self._state.layers, id)])
        if not all(map(looks_kept, groups)):
            text = translate(
                "Layers", "Ungrouped. The group's own opacity, blending or mask is gone with it."
            )
            self._window.status.show_work(text)

    def delete(self) -> None:
        self._window.do(removed(self._state.layers, self._selected))

    def show_or_hide(self) -> None:
        """All marked layers, as the active one is not."""
        self._window.do(set_each(self._selected, visible=not self._active.visible))

    def lock_or_unlock(self) -> None:
        """All marked layers, as the active one is not."""
        self._window.do(set_each(self._selected, locked=not self._active.locked))

    def rename(self) -> None:
        """F2 names what has the focus: a step of the history, or the layer."""
        if self._window.history.view.hasFocus():
            self._window.history.edit_name()
        else:
            self._window.layers.edit_name()

    def move(self, *, up: bool) -> None:
        """One place up or down among its siblings."""
        self._window.do(StepLayers(layer_ids=frozenset(self._selected), up=up))

    def step(self, way: int) -> None:
        """Make the next layer above or below the active one."""
        ids = [layer.id for layer in walk(self._state.layers)]
        if not ids:
            return
        here = ids.index(self._state.active) if self._state.active in ids else -1
        index = min(max(here + way, 0), len(ids) - 1)
        self._window.workspace.document.activate(ids[index])

    def add_mask(self) -> None:
        """From the selection; without one, the mask shows the whole layer."""
        selection = self._state.selection
        if selection is None:
            self.add_whole_mask()
        else:
            self._add_mask(selection)

    def add_whole_mask(self) -> None:
        """It shows all of the layer, and all that could be painted on it within the page."""
        page = self._state.page.rect
        self._add_mask(everything(page.united(layer_bounds(self._active))))

    def _add_mask(self, shown: Selection) -> None:
        layer, area = self._active, shown.bounds
        at = area.topLeft() - QPoint(layer.x, layer.y)
        tiles = Tiles.from_image(shown.image(area), at, PixelKind.grey)
        self._window.do(SetMask(layer_id=layer.id, mask=LayerMask(tiles=tiles)))

    def switch_painting(self) -> None:
        """The brush paints the active layer's mask from now on, or the selection again."""
        is_mask = self._state.masked_layer is not None
        self._window.workspace.document.activate(self._active.id, on_mask=not is_mask)

    def show_mask_alone(self, layer_id: str) -> None:
        """Nothing but the layer's mask on the canvas, ready to be painted; or the page again."""
        document, canvas = self._window.workspace.document, self._window.canvas
        if canvas.is_mask_alone and self._state.painted_mask == layer_id:
            canvas.show_mask_alone(False)
        else:
            document.activate(layer_id, on_mask=True)
            canvas.show_mask_alone(True)

    def toggle_mask(self) -> None:
        mask = self._active.mask
        assert mask is not None, "the action is enabled with a mask only"
        self._window.do(EnableMask(layer_id=self._active.id, enabled=not mask.enabled))

    def apply_mask(self) -> None:
        self._window.do(ApplyMask(layer_id=self._active.id))

    def remove_mask(self) -> None:
        self._window.do(SetMask(layer_id=self._active.id, mask=None))
