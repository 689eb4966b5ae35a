"""The surface with a tool in hand: its cursor, ring and outline, and what a screen reader says.

Knows tools by their table, and no events.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QWidget

from app.canvas import overlays
from app.canvas.gestures import CanvasStage, Gestures
from app.canvas.palette import DARK, Palette
from app.canvas.ring import Ring
from app.canvas.sheet import Sheet
from app.canvas.surface import CanvasSurface, MaskLook, outline_of
from app.canvas.tools import brush
from app.canvas.tools.table import tools
from app.canvas.tools.tool import Tool
from app.canvas.writing import Writing
from app.document.changes import Change
from app.document.document import Document
from app.document.errors import DocumentError
from app.document.layers import TextLayer, shown_name
from app.document.state import DocumentState
from app.document.text import text_box
from app.i18n import translate


class ToolSurface(CanvasSurface):
    """`text_requested` carries a page rect, empty after a click; `refused` a sentence to show."""

    tool_changed = Signal(str)
    brush_size_changed = Signal(int)
    text_requested = Signal(QRectF)
    refused = Signal(str)

    def __init__(self, palette: Palette = DARK, parent: QWidget | None = None) -> None:
        super().__init__(palette, parent)
        self._tools = tools()
        self._tool = self._tools["move"]
        self._pointer: QPointF | None = None
        self._ring = Ring()
        self._is_space_held = False
        self._is_panning = False
        self._mask_text = ""
        self._stage = CanvasStage(self)
        self._gestures = Gestures(self._stage)
        self._gestures.refused.connect(self.refused)
        self._writing = Writing(self, self._stage)
        self._writing.refused.connect(self.refused)
        self._stage.text_requested.connect(self.text_requested)
        self._stage.brush_size_changed.connect(self.brush_size_changed)
        self._stage.brush_size_changed.connect(self.update)
        self.zoom_changed.connect(self._describe)
        self.mask_alone_changed.connect(self._tell_mask)
        self._describe()

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
        self._writing.finish()
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
        self._writing.finish()
        super().set_document(document)
        self._tell_mask()
        self._describe()

    def edit_text(self, layer_id: str, at: QPointF | None = None) -> None:
        """Write in a text layer, the caret at a point of the page, else all selected."""
        self.show_mask_alone(False)  # it shows no words
        try:
            self._writing.begin(layer_id, at)
        except DocumentError as error:
            self.refused.emit(str(error))

    def add_text(self, layer: TextLayer) -> None:
        """Add a text layer and write in it."""
        self._writing.begin_new(layer)

    def leave_text(self) -> None:
        """Keep what has been written; a new text without words goes."""
        self._writing.finish()

    @property
    def written(self) -> TextLayer | None:
        """The text layer that is written in."""
        return self._writing.layer

    def toggle_mask_look(self) -> None:
        """Tint over what may change, or only ants around it."""
        is_tint = self.mask_look is MaskLook.tint
        self.set_mask_look(MaskLook.ants if is_tint else MaskLook.tint)

    def _show_cursor(self) -> None:
        is_running = self._gestures.is_running
        if self._is_space_held or (is_running and self._is_panning):
            closed, is_open = Qt.CursorShape.ClosedHandCursor, Qt.CursorShape.OpenHandCursor
            self.setCursor(closed if is_running else is_open)
        else:
            self.setCursor(self._tool.cursor)

    @property
    def _shows_tint(self) -> bool:
        paints_selection = self._tool.has_brush and not self._mask_text
        return paints_selection or super()._shows_tint

    def _shown_outline(self) -> QRect | None:
        """Only while the pointer or the keys are here: the outline belongs to the tool."""
        if (written := self.written) is not None:
            box = text_box(written).translated(written.x, written.y)
            return box if written.text else None
        is_here = self._pointer is not None or self.hasFocus()
        if self.document is None or not self._tool.shows_layer or not is_here:
            return None
        layer = self.document.state.active_layer
        return outline_of(layer) if layer is not None and layer.visible else None

    def _follow(self, change: Change) -> None:
        super()._follow(change)
        self._tell_mask()

    def _tell_mask(self) -> None:
        """Keeps the label true that says whose mask the brush paints, and which is shown alone."""
        text = ""
        if self.document is not None:
            text = mask_text(self.document.state, is_alone=self.is_mask_alone)
        if text != self._mask_text:
            self._mask_text = text
            self._describe()
            self.update()

    def _paint_overlays(self, painter: QPainter, sheet: Sheet) -> None:
        super()._paint_overlays(painter, sheet)
        if self._mask_text and not sheet.is_before:
            overlays.draw_corner_chip(painter, QRectF(self.rect()), self._mask_text, self._colors)
        if self._tool.has_brush and self._pointer is not None and not self._is_space_held:
            self._ring.paint(painter, self._pointer, self._ring_px)

    @property
    def _ring_px(self) -> float:
        return self.brush_size * self.viewport.scale

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.LanguageChange:
            self._tell_mask()
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
        text = text.format(zoom=zoom, tool=tool, **numbers)
        self.setAccessibleDescription(f"{text} {self._mask_text}".strip())


def mask_text(state: DocumentState, *, is_alone: bool = False) -> str:
    """Whose mask the brush paints, in words; empty if it paints the selection."""
    layer = state.masked_layer
    if layer is None or layer.mask is None:
        return ""
    match is_alone, layer.mask.enabled:
        case True, True:
            text = translate("Canvas", "Only the mask of “{name}” is shown. Esc: back")
        case True, False:
            text = translate(
                "Canvas", "Only the mask of “{name}”, which is off, is shown. Esc: back"
            )
        case False, True:
            text = translate("Canvas", "Painting mask of “{name}”")
        case _:
            text = translate("Canvas", "Painting mask of “{name}”, which is off")
    return text.format(name=shown_name(layer))
