"""The part of the canvas that shows: paints a document through a viewport, with all overlays.

Repaints only what changed. Knows no input: that is the view's affair.
"""

from __future__ import annotations

import math
from enum import Enum
from time import perf_counter

from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent, QTransform
from PySide6.QtWidgets import QWidget

from app.canvas import overlays
from app.canvas.making import Making
from app.canvas.mask_alone import mask_alone
from app.canvas.overlays import Progress
from app.canvas.palette import DARK, Palette
from app.canvas.sheet import Sheet
from app.canvas.tools.tool import Draft
from app.canvas.zoomable import SETTLED_MS, ZoomableWidget
from app.document.changes import Change
from app.document.composite import content, layer_bounds
from app.document.document import Document
from app.document.layers import GroupLayer, Layer, PixelLayer
from app.document.pictures import to_image
from app.document.state import DocumentState
from app.i18n import translate
from model.requests import Picture

ANTS_MS = 120
# While the view moves, a frame takes this long at most; what is missing comes in the next ones.
FRAME_S = 0.008
# While nothing else is to be done, so much at a time is made ready for the next drag.
SLICE_S = 0.004


class MaskLook(Enum):
    """How the selection is shown: ants along its edge, or a tint over it as well."""

    ants = "ants"
    tint = "tint"


class CanvasSurface(ZoomableWidget):
    """Shows one document. `mask_alone_changed` says that a mask alone is shown, or no more."""

    mask_alone_changed = Signal()

    def __init__(self, palette: Palette = DARK, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self._colors = palette
        self._document: Document | None = None
        self._sheet: Sheet | None = None
        self._page_sheet: Sheet | None = None  # kept while a mask is shown instead
        self._lone_mask: str | None = None
        self._mask_look = MaskLook.ants
        self._draft: Draft | None = None
        self._drawn_outline: QRect | None = None
        self._before_text = ""
        self._phase = 0
        self._ants = QTimer(self, interval=ANTS_MS)
        self._ants.timeout.connect(self._march)
        self._rough = QTimer(self, interval=SETTLED_MS, singleShot=True)
        self._rough.timeout.connect(self._settle_pixels)
        self._preparing = QTimer(self, interval=0)
        self._preparing.timeout.connect(self._prepare)
        self._settling.timeout.connect(self._preparing.start)
        self._making = Making(self)
        self._making.changed.connect(self.update)

    @property
    def document(self) -> Document | None:
        return self._document

    def set_document(self, document: Document | None) -> None:
        """Show another document, whole; None shows an empty place."""
        if self._document is not None:
            self._document.changed.disconnect(self._follow)
        self._document = document
        if document is not None:
            document.changed.connect(self._follow)
        self._renew_sheet()
        self.zoom_fit()
        self._settling.stop()

    def set_colors(self, palette: Palette) -> None:
        self._colors = palette
        self._renew_look()

    def set_reduced_motion(self, is_reduced: bool) -> None:
        """Nothing marches or fades."""
        self._making.is_still = is_reduced
        self._mind_ants()

    def set_mask_look(self, look: MaskLook) -> None:
        self._mask_look = look
        self.update()

    @property
    def mask_look(self) -> MaskLook:
        return self._mask_look

    def set_preview(
        self,
        picture: Picture | QImage | None,
        step: int = 0,
        total: int = 0,
        text: str = "",
    ) -> None:
        """What is being made, as far as it is. Neither a picture nor a total: it has ended."""
        if picture is None and not total:
            self._making.end()
            return
        image = to_image(picture) if isinstance(picture, Picture) else picture
        self._making.show(image, Progress(step=step, total=total, text=text))

    def set_busy_rect(self, rect: QRect | None) -> None:
        """The page pixels that are being made; None: all of the page."""
        self._making.set_region(rect)

    def show_before(self, image: QImage | None, text: str = "") -> None:
        """Another picture in the page's place, called "Before" or `text`. None: the page."""
        self._before_text = text
        if self._sheet is not None:
            self._sheet.show_before(image)
            self.update()

    @property
    def is_mask_alone(self) -> bool:
        return self._lone_mask is not None

    def show_mask_alone(self, is_alone: bool) -> None:
        """Nothing but the mask that is painted, until another layer, page or step is looked at."""
        masked = self._document.state.masked_layer if self._document is not None else None
        wanted = masked.id if is_alone and masked is not None else None
        if self._document is None or self._sheet is None or wanted == self._lone_mask:
            return
        page_sheet = self._page_sheet or self._sheet
        self._lone_mask = wanted
        self._page_sheet = page_sheet if wanted is not None else None
        if wanted is not None:
            self._sheet = self._new_sheet(mask_alone(self._document.state))
        else:
            self._sheet = page_sheet
            page_sheet.show_before(None)
            page_sheet.follow(self._document.state)
            page_sheet.settle()
        self._preparing.start()
        self.update()
        self.mask_alone_changed.emit()

    def show_draft(self, draft: Draft | None) -> None:
        self._draft = draft
        self.update()

    def _renew_sheet(self) -> None:
        """Everything anew: another document, or another page."""
        was_mask_alone = self.is_mask_alone
        self._sheet = self._page_sheet = self._lone_mask = None
        self._draft = None
        page = QSize(1, 1)
        if self._document is not None:
            self._sheet = self._new_sheet(self._document.state)
            page = self._sheet.page.rect.size()
        self.set_page(page)
        self._mind_ants()
        self._preparing.start()
        self.update()
        if was_mask_alone:
            self.mask_alone_changed.emit()

    def _new_sheet(self, state: DocumentState) -> Sheet:
        return Sheet(state, self._colors, self.devicePixelRatioF())

    def _follow(self, change: Change) -> None:
        assert self._document is not None
        assert self._sheet is not None
        if change.page:
            self._renew_sheet()
            return
        state = self._document.state
        masked = state.masked_layer
        if masked is None or masked.id != self._lone_mask or change.history:
            self.show_mask_alone(False)
        dirty = self._sheet.follow(mask_alone(state) if self.is_mask_alone else state)
        if self._sheet.is_rough:
            self._rough.start()
        if change.active:
            self._preparing.start()
        if change.active or (change.layers and self._is_empty):
            self.update()
        else:
            outlines = (self._drawn_outline, self._shown_outline()) if change.layers else ()
            for rect in (dirty, *outlines):
                if rect is not None and not rect.isEmpty():
                    self.update(self._on_screen(rect))
        if change.selection:
            self._mind_ants()

    def _prepare(self) -> None:
        sheet = self._sheet if self.isVisible() else None
        if sheet is None or self._is_ready(sheet):
            self._preparing.stop()

    def _is_ready(self, sheet: Sheet) -> bool:
        viewport = self.viewport
        return sheet.prepare(viewport.zoom, viewport.seen, perf_counter() + SLICE_S)

    def _settle_pixels(self) -> None:
        if self._sheet is not None:
            self.update(self._on_screen(self._sheet.settle()))

    def _on_screen(self, rect: QRect) -> QRect:
        # Two pixels for smooth sampling and rounding, as `touched` allows for the tiles.
        reach = 2 + math.ceil(4 * max(1.0, self.viewport.scale))
        on_screen = self.viewport.rect_to_screen(QRectF(rect)).toAlignedRect()
        return on_screen.adjusted(-reach, -reach, reach, reach)

    @property
    def _is_empty(self) -> bool:
        state = self._document.state if self._document is not None else None
        return state is not None and not state.layers

    def _shown_outline(self) -> QRect | None:
        """The page rect of the layer to be outlined; the view says when there is one."""
        return None

    def _mind_ants(self) -> None:
        has_ants = self._sheet is not None and not self._sheet.selection.is_empty
        if has_ants and self.isVisible() and not self._making.is_still:
            self._ants.start()
        else:
            self._ants.stop()

    def _march(self) -> None:
        assert self._sheet is not None
        self._phase += 1
        clip = self._device(self.rect())
        back = self._to_device.inverted()[0]
        for rect in self._sheet.selection.edges(self.viewport.zoom, clip):
            self.update(back.mapRect(QRectF(rect)).toAlignedRect())

    @property
    def _to_device(self) -> QTransform:
        """From logical pixels to device pixels that count from the page's corner."""
        origin, ratio = self.viewport.origin, self.viewport.ratio
        return QTransform(ratio, 0, 0, ratio, -origin.x(), -origin.y())

    def _device(self, rect: QRect) -> QRect:
        return self._to_device.mapRect(QRectF(rect)).toAlignedRect()

    def paintEvent(self, event: QPaintEvent) -> None:
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            if self._sheet is None:
                painter.fillRect(event.rect(), QColor(self._colors.surround))
                return
            view, page = QRectF(self.rect()), self.viewport.page_on_screen
            overlays.draw_surround(painter, view, page, self._colors)
            self._paint_page(painter, self._sheet, event.rect())
            self._paint_overlays(painter, self._sheet)

    def _paint_page(self, painter: QPainter, sheet: Sheet, rect: QRect) -> None:
        zoom, clip = self.viewport.zoom, self._device(rect)
        deadline = perf_counter() + FRAME_S if self.is_moving else math.inf
        painter.save()
        painter.setTransform(self._to_device.inverted()[0], True)
        missing = sheet.paint(painter, zoom, clip, deadline)
        if not sheet.is_before:
            if self._shows_tint:
                sheet.selection.paint_tint(painter, zoom, clip)
            sheet.selection.paint_ants(painter, zoom, clip, self._phase)
        painter.restore()
        if not missing.isEmpty():
            QTimer.singleShot(0, self, self.update)

    @property
    def _shows_tint(self) -> bool:
        return self._mask_look is MaskLook.tint

    def _paint_overlays(self, painter: QPainter, sheet: Sheet) -> None:
        viewport, colors, view = self.viewport, self._colors, QRectF(self.rect())
        page = viewport.page_on_screen
        if sheet.is_before:
            at = (page & view).topLeft() + QPointF(10, 10)
            text = self._before_text or translate("Canvas", "Before")
            overlays.draw_chip(painter, at, text, colors)
            return
        if self._is_empty and not self._making.is_shown:
            background = QColor(sheet.page.background or colors.checker_light)
            overlays.draw_hint(painter, page & view, background, colors)
        if self._making.is_shown:
            self._making.paint(painter, viewport, colors)
        self._drawn_outline = self._shown_outline()
        if self._drawn_outline is not None:
            rect = viewport.rect_to_screen(QRectF(self._drawn_outline))
            overlays.draw_frame(painter, rect, colors, is_dashed=False)
        if self._draft is not None:
            rect = viewport.rect_to_screen(QRectF(self._draft.rect))
            overlays.draw_draft(painter, rect, view, self._draft.text, colors)

    def _renew_look(self) -> None:
        for sheet in (self._sheet, self._page_sheet):
            if sheet is not None:
                sheet.set_look(self._colors, self.devicePixelRatioF())
        self.update()

    def showEvent(self, event: QEvent) -> None:
        self._mind_ants()
        self._preparing.start()

    def hideEvent(self, event: QEvent) -> None:
        self._mind_ants()

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.DevicePixelRatioChange:
            self._renew_look()
        return super().event(event)


def outline_of(layer: Layer) -> QRect:
    """The smallest page rect around a layer's pixels."""
    if isinstance(layer, GroupLayer):
        found = QRect()
        for child in layer.children:
            found = found.united(outline_of(child))
        return found
    if isinstance(layer, PixelLayer):
        return layer.tiles.bounds().translated(layer.x, layer.y)
    return content(layer).bounds().translated(layer.x, layer.y) & layer_bounds(layer)
