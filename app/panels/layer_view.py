"""The list of layers under the pointer: what a press on an eye, a lock or a thumbnail does.

Knows where the parts of a row lie from `layer_rows`; every wish leaves as a signal.
"""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QTreeView

from app.document.layers import Layer
from app.panels.layer_model import LAYER_ROLE
from app.panels.layer_rows import Part, part_at

Key = Qt.KeyboardModifier


class LayerView(QTreeView):
    """`switched` carries a layer's id and a part that is turned on or off: eye, lock or mask.
    `chosen` carries a layer's id, and whether its mask was meant; `mask_looked_at` the id of a
    layer whose mask is to be seen alone, or no more."""

    switched = Signal(str, object)
    mask_looked_at = Signal(str)
    chosen = Signal(str, bool)

    def __init__(self) -> None:
        super().__init__()
        self._is_taken = False

    def mousePressEvent(self, event: QMouseEvent) -> None:
        layer, part = self._hit(event.position().toPoint())
        self._is_taken = False
        if layer is None or part is None or event.button() is not Qt.MouseButton.LeftButton:
            super().mousePressEvent(event)
            return
        is_switch = part is not Part.mask or bool(event.modifiers() & Key.ShiftModifier)
        if part is not Part.picture and is_switch:
            self._is_taken = True  # what turns a part on or off chooses no row and drags none
            self.switched.emit(layer.id, part)
            return
        super().mousePressEvent(event)
        if part is Part.mask and event.modifiers() == Key.AltModifier:
            self.mask_looked_at.emit(layer.id)
        elif not event.modifiers() & (Key.ShiftModifier | Key.ControlModifier):
            self.chosen.emit(layer.id, part is Part.mask)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if not self._is_taken:
            super().mouseMoveEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if not self._is_taken:
            super().mouseReleaseEvent(event)
        self._is_taken = False

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Two quick clicks on a part are two clicks; on the name they edit it."""
        if self._hit(event.position().toPoint())[1] is not None:
            self.mousePressEvent(event)
        else:
            super().mouseDoubleClickEvent(event)

    def _hit(self, at: QPoint) -> tuple[Layer | None, Part | None]:
        index = self.indexAt(at)
        layer: Layer | None = index.data(LAYER_ROLE) if index.isValid() else None
        return layer, layer and part_at(self.visualRect(index), layer, at)
