"""The canvas that the window shows: the surface, with pointer, wheel, keys and drops.

Turns input into gestures of the tool in hand. Knows neither panels nor what a dropped picture
becomes: it says what was asked for, and where.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QKeyCombination, QPoint, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QFocusEvent, QKeyEvent, QMouseEvent, QPainter
from PySide6.QtWidgets import QWidget

from app.canvas import overlays
from app.canvas.keys import Deed, arrow, tool_keys, zoom_keys
from app.canvas.navigation import Navigation
from app.canvas.palette import DARK, Palette
from app.canvas.ring import ring_bounds
from app.canvas.sheet import Sheet
from app.canvas.tooled import ToolSurface
from app.canvas.tools import hand, move, text
from app.canvas.tools.tool import Pointer
from app.document.errors import DocumentError
from app.document.layers import TextLayer, find_layer, new_id
from app.i18n import translate
from app.widgets.drops import DropTarget

# An arrow key moves the page by this much with a tool that has nothing to nudge.
ARROW_PAN_PX = 24


class CanvasView(ToolSurface):
    """Shows a document and lets the tool in hand work on it.

    `picture_dropped` carries paths and images, and the page point; `context_requested` a global
    point.
    """

    cursor_moved = Signal(QPointF)
    cursor_left = Signal()
    picture_dropped = Signal(list, QPointF)
    context_requested = Signal(QPoint)

    def __init__(self, palette: Palette = DARK, parent: QWidget | None = None) -> None:
        super().__init__(palette, parent)
        # False when all of these keys are the window's own actions, which the user can change.
        self.has_own_keys = True
        self._button = Qt.MouseButton.NoButton
        self._nudging = new_id()
        self._keys = self._key_table()
        self._drops = DropTarget(self)
        self._drops.over_changed.connect(self.update)
        self._drops.dropped.connect(self._tell_drop)
        self._navigation = Navigation(self, self._wheel_brush)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def _tell_drop(self, pictures: list[object], at: QPointF) -> None:
        self.picture_dropped.emit(pictures, self.viewport.to_page(at))

    def _key_table(self) -> dict[QKeyCombination, Deed]:
        return {
            **zoom_keys(self),
            **tool_keys(self._tools, self.set_tool),
            QKeyCombination(Qt.Key.Key_BracketLeft): lambda: self.step_brush(-1),
            QKeyCombination(Qt.Key.Key_BracketRight): lambda: self.step_brush(1),
            QKeyCombination(Qt.Key.Key_Q): self.toggle_mask_look,
        }

    def _wheel_brush(self, notches: int) -> bool:
        if self._tool.has_brush:
            self.step_brush(notches)
        return self._tool.has_brush

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self.document is None or self._gestures.is_running:
            return
        pointer, button = self._pointed(event), event.button()
        is_left = button == Qt.MouseButton.LeftButton
        if is_left and self._ends_writing(pointer):
            return
        self._is_panning = button == Qt.MouseButton.MiddleButton or (
            is_left and (self._is_space_held or self._tool.press is hand.drag)
        )
        if self._is_panning:
            self._gestures.start(hand.drag(self._stage, pointer))
        elif is_left:
            self._gestures.start(self._tool.press(self._stage, pointer))
        self._button = button
        self._show_cursor()

    def _ends_writing(self, pointer: Pointer) -> bool:
        """Whether the press only takes leave of the text that was written in."""
        if self.written is None:
            return False
        self.leave_text()
        is_text_tool = self._tool.press is text.drag
        return is_text_tool and text.text_at(self._stage.state, pointer.page) is None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """On a text it goes into the words; anywhere else it is a second press."""
        found = self._text_under(event) if self._tool.press is move.drag else None
        if found is None or event.button() != Qt.MouseButton.LeftButton:
            super().mouseDoubleClickEvent(event)
        else:
            self.edit_text(found, self.viewport.to_page(event.position()))

    def _text_under(self, event: QMouseEvent) -> str | None:
        if self.document is None or self.is_mask_alone:
            return None
        layers = self.document.state.layers
        found = move.layer_at(layers, self.viewport.to_page(event.position()))
        is_text = found is not None and isinstance(find_layer(layers, found), TextLayer)
        return found if is_text else None

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._follow_pointer(event.position())
        if self._gestures.is_running:
            self._gestures.move(self._pointed(event))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._gestures.is_running and event.button() == self._button:
            self._gestures.move(self._pointed(event, is_release=True))
            self._show_cursor()

    def _pointed(self, event: QMouseEvent, *, is_release: bool = False) -> Pointer:
        keys = event.modifiers()
        if self.is_mask_alone and self._tool.press is move.drag:
            keys |= Qt.KeyboardModifier.ControlModifier  # of the active layer: no other is seen
        return Pointer(
            page=self.viewport.to_page(event.position()),
            screen=event.position(),
            keys=keys,
            is_release=is_release,
        )

    def _follow_pointer(self, position: QPointF | None) -> None:
        before, self._pointer = self._pointer, position
        for at in (before, position):
            if at is not None and self._tool.has_brush:
                self.update(ring_bounds(at, self._ring_px).toAlignedRect())
        if (before is None) is not (position is None):
            self.update()
        if position is not None:
            self.cursor_moved.emit(self.viewport.to_page(position))

    def leaveEvent(self, event: QEvent) -> None:
        self._follow_pointer(None)
        self.cursor_left.emit()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        self.context_requested.emit(event.globalPos())

    def event(self, event: QEvent) -> bool:
        is_override = event.type() == QEvent.Type.ShortcutOverride and self._gestures.is_running
        if is_override and isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape:
            # Esc belongs to the gesture now, whatever the window does with it at other times.
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, modifiers = event.key(), event.modifiers()
        if key == Qt.Key.Key_Space and not event.isAutoRepeat():
            self._is_space_held = True
            self._show_cursor()
        elif key == Qt.Key.Key_Escape and self._gestures.is_running:
            self.cancel_gesture()
        elif (way := arrow(key, modifiers)) is not None and self.document is not None:
            self._nudge(*way, is_repeat=event.isAutoRepeat())
        elif self.has_own_keys and (deed := self._keys.get(event.keyCombination())):
            deed()
        elif key != Qt.Key.Key_Space:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self._is_space_held = False
            self._show_cursor()
        else:
            super().keyReleaseEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._is_space_held = False
        self._show_cursor()
        super().focusOutEvent(event)

    def _nudge(self, dx: int, dy: int, *, is_repeat: bool) -> None:
        """A held key is one step of undo."""
        if self._gestures.is_running:
            return
        if self._tool.nudge is None:
            self.pan_by(-dx * ARROW_PAN_PX, -dy * ARROW_PAN_PX)
            return
        self._nudging = self._nudging if is_repeat else new_id()
        try:
            self._tool.nudge(self._stage, dx, dy, self._nudging)
        except DocumentError as error:
            self.refused.emit(str(error))

    def _paint_overlays(self, painter: QPainter, sheet: Sheet) -> None:
        super()._paint_overlays(painter, sheet)
        if self._drops.is_over:
            rect = self.viewport.page_on_screen & QRectF(self.rect())
            overlays.draw_frame(painter, rect, self._colors, is_dashed=True)
            at = rect.topLeft() + QPointF(10, 10)
            overlays.draw_chip(painter, at, translate("Canvas", "Drop to place"), self._colors)
