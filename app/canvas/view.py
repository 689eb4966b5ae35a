"""The canvas that the window shows: the surface, with pointer, wheel, keys and drops.

Turns input into gestures of the tool in hand. Knows neither panels nor what a dropped picture
becomes: it says what was asked for, and where.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QKeyCombination, QPoint, QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QFocusEvent, QKeyEvent, QMouseEvent, QPainter
from PySide6.QtWidgets import QWidget

from app.canvas import overlays
from app.canvas.drops import DropTarget
from app.canvas.gestures import CanvasStage, Gestures
from app.canvas.keys import Deed, arrow, tool_keys, zoom_keys
from app.canvas.navigation import Navigation
from app.canvas.palette import DARK, Palette
from app.canvas.sheet import Sheet
from app.canvas.surface import CanvasSurface, MaskLook, outline_of
from app.canvas.tools import brush, hand
from app.canvas.tools.table import tools
from app.canvas.tools.tool import Pointer, Tool
from app.document.document import Document
from app.document.errors import DocumentError
from app.document.layers import new_id
from app.i18n import translate

# An arrow key moves the page by this much with a tool that has nothing to nudge.
ARROW_PAN_PX = 24


class CanvasView(CanvasSurface):
    """Shows a document and lets the tool in hand work on it.

    `picture_dropped` carries paths and images, and the page point; `text_requested` a page rect,
    empty after a click; `context_requested` a global point; `refused` a sentence for the user.
    """

    tool_changed = Signal(str)
    brush_size_changed = Signal(int)
    cursor_moved = Signal(QPointF)
    cursor_left = Signal()
    picture_dropped = Signal(list, QPointF)
    text_requested = Signal(QRectF)
    context_requested = Signal(QPoint)
    refused = Signal(str)

    def __init__(self, palette: Palette = DARK, parent: QWidget | None = None) -> None:
        super().__init__(palette, parent)
        # False when all of these keys are the window's own actions, which the user can change.
        self.has_own_keys = True
        self._tools = tools()
        self._tool = self._tools["move"]
        self._pointer: QPointF | None = None
        self._is_space_held = False
        self._is_panning = False
        self._button = Qt.MouseButton.NoButton
        self._nudging = new_id()
        self._stage = CanvasStage(self)
        self._gestures = Gestures(self._stage)
        self._drops = DropTarget(self)
        self._navigation = Navigation(self, self._wheel_brush)
        self._connect_stage()
        self._keys = self._key_table()
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.zoom_changed.connect(self._describe)
        self._describe()

    def _connect_stage(self) -> None:
        self._gestures.refused.connect(self.refused)
        self._stage.text_requested.connect(self.text_requested)
        self._stage.brush_size_changed.connect(self.brush_size_changed)
        self._stage.brush_size_changed.connect(self.update)
        self._drops.over_changed.connect(self.update)
        self._drops.dropped.connect(
            lambda pictures, at: self.picture_dropped.emit(pictures, self.viewport.to_page(at))
        )

    @property
    def tools(self) -> dict[str, Tool]:
        return self._tools

    @property
    def tool(self) -> str:
        return self._tool.name

    def set_tool(self, name: str) -> None:
        """Take another tool in hand; a gesture of the one before is broken off."""
        if name == self._tool.name:
            return
        self._gestures.cancel()
        self._tool = self._tools[name]
        self._show_cursor()
        self._describe()
        self.update()
        self.tool_changed.emit(name)

    @property
    def brush_size(self) -> int:
        """The diameter in page pixels."""
        return self._stage.brush_size

    @brush_size.setter
    def brush_size(self, size_px: int) -> None:
        self._stage.brush_size = size_px

    def step_brush(self, steps: int) -> None:
        """So many sizes larger (positive) or smaller."""
        self.brush_size = brush.stepped(self.brush_size, steps)

    def cancel_gesture(self) -> bool:
        """Breaks off what the pointer is doing; whether there was anything."""
        was_running = self._gestures.is_running
        self._gestures.cancel()
        self._show_cursor()
        return was_running

    def set_document(self, document: Document | None) -> None:
        self._gestures.cancel()
        super().set_document(document)
        self._describe()

    def _key_table(self) -> dict[QKeyCombination, Deed]:
        return {
            **zoom_keys(self),
            **tool_keys(self._tools, self.set_tool),
            QKeyCombination(Qt.Key.Key_BracketLeft): lambda: self.step_brush(-1),
            QKeyCombination(Qt.Key.Key_BracketRight): lambda: self.step_brush(1),
            QKeyCombination(Qt.Key.Key_Q): self.toggle_mask_look,
        }

    def toggle_mask_look(self) -> None:
        """Tint over what may change, or only ants around it."""
        is_tint = self.mask_look is MaskLook.tint
        self.set_mask_look(MaskLook.ants if is_tint else MaskLook.tint)

    def _wheel_brush(self, notches: int) -> bool:
        if self._tool.has_brush:
            self.step_brush(notches)
        return self._tool.has_brush

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self.document is None or self._gestures.is_running:
            return
        pointer, button = self._pointed(event), event.button()
        is_left = button == Qt.MouseButton.LeftButton
        self._is_panning = button == Qt.MouseButton.MiddleButton or (
            is_left and (self._is_space_held or self._tool.press is hand.drag)
        )
        if self._is_panning:
            self._gestures.start(hand.drag(self._stage, pointer))
        elif is_left:
            self._gestures.start(self._tool.press(self._stage, pointer))
        self._button = button
        self._show_cursor()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._follow_pointer(event.position())
        if self._gestures.is_running:
            self._gestures.move(self._pointed(event))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._gestures.is_running and event.button() == self._button:
            self._gestures.move(self._pointed(event, is_release=True))
            self._show_cursor()

    def _pointed(self, event: QMouseEvent, *, is_release: bool = False) -> Pointer:
        return Pointer(
            page=self.viewport.to_page(event.position()),
            screen=event.position(),
            keys=event.modifiers(),
            is_release=is_release,
        )

    def _follow_pointer(self, position: QPointF | None) -> None:
        before, self._pointer = self._pointer, position
        for at in (before, position):
            if at is not None and self._tool.has_brush:
                self.update(overlays.ring_bounds(at, self._ring_px).toAlignedRect())
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

    def _show_cursor(self) -> None:
        is_running = self._gestures.is_running
        if self._is_space_held or (is_running and self._is_panning):
            closed, is_open = Qt.CursorShape.ClosedHandCursor, Qt.CursorShape.OpenHandCursor
            self.setCursor(closed if is_running else is_open)
        else:
            self.setCursor(self._tool.cursor)

    @property
    def _shows_tint(self) -> bool:
        return self._tool.has_brush or super()._shows_tint

    def _shown_outline(self) -> QRect | None:
        """Only while the pointer or the keys are here: the outline belongs to the tool."""
        is_here = self._pointer is not None or self.hasFocus()
        if self.document is None or not self._tool.shows_layer or not is_here:
            return None
        layer = self.document.state.active_layer
        return outline_of(layer) if layer is not None and layer.visible else None

    def _paint_overlays(self, painter: QPainter, sheet: Sheet) -> None:
        super()._paint_overlays(painter, sheet)
        if self._drops.is_over:
            rect = self.viewport.page_on_screen & QRectF(self.rect())
            overlays.draw_frame(painter, rect, self._colors, is_dashed=True)
            at = rect.topLeft() + QPointF(10, 10)
            overlays.draw_chip(painter, at, translate("Canvas", "Drop to place"), self._colors)
        if self._tool.has_brush and self._pointer is not None and not self._is_space_held:
            overlays.draw_ring(painter, self._pointer, self._ring_px)

    @property
    def _ring_px(self) -> float:
        return self.brush_size * self.viewport.scale

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.LanguageChange:
            self._describe()
            self.update()
        super().changeEvent(event)

    def _describe(self) -> None:
        """What a screen reader says of the canvas."""
        self.setAccessibleName(translate("Canvas", "Canvas"))
        if self.document is None:
            self.setAccessibleDescription(translate("Canvas", "No page is open."))
            return
        page = self.document.state.page
        text = translate("Canvas", "Page of {width} × {height} px at {zoom} %. Tool: {tool}.")
        numbers = {"width": page.width, "height": page.height}
        zoom, tool = round(self.viewport.zoom * 100), translate("Canvas", self._tool.title)
        self.setAccessibleDescription(text.format(zoom=zoom, tool=tool, **numbers))
