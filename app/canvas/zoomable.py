"""A widget with a page in it that can be zoomed and moved. Knows sizes, and nothing of pixels."""

from __future__ import annotations

import math
from collections.abc import Mapping

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QWidget

from app.canvas.viewport import Viewport

SETTLED_MS = 120


class ZoomableWidget(QWidget):
    """`zoom_changed` carries device pixels for a page pixel (1.0 is 100 %); `moved` says that the
    page lies elsewhere on the screen, or in another size.

    A page that is shown whole stays whole in a window of another size.
    """

    zoom_changed = Signal(float)
    moved = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setMinimumSize(120, 120)
        self._viewport = Viewport(view=self.size(), page=QSize(1, 1))
        self._is_fitted = True
        self._settling = QTimer(self, interval=SETTLED_MS, singleShot=True)
        self._settling.timeout.connect(self.update)

    @property
    def viewport(self) -> Viewport:
        return self._viewport

    @property
    def is_moving(self) -> bool:
        """Whether it was moved a moment ago: then the next frame matters more than its detail."""
        return self._settling.isActive()

    def set_page(self, page: QSize) -> None:
        """A page of another size is shown whole; one of the same size stays where it is."""
        if page != self._viewport.page:
            view, ratio = self.size(), self.devicePixelRatioF()
            self._viewport = Viewport(view=view, page=page, ratio=ratio)
            self.zoom_fit()
            self._settling.stop()
            self.zoom_changed.emit(self._viewport.zoom)

    def zoom_fit(self) -> None:
        self._show_through(self._viewport.fitted())
        self._is_fitted = True

    def zoom_to(self, zoom: float, at: QPointF | None = None) -> None:
        self._show_through(self._viewport.zoomed(zoom, at or self._middle))

    def zoom_by(self, steps: int, at: QPointF | None = None) -> None:
        """So many zoom stops in (positive) or out."""
        self._show_through(self._viewport.stepped(steps, at or self._middle))

    def pan_by(self, dx: float, dy: float) -> None:
        self._show_through(self._viewport.panned(dx, dy))

    def place(self) -> dict[str, float]:
        """What is seen, to be kept with the project: zoom, and the page point in the middle."""
        if self._is_fitted:
            return {}
        middle = self._viewport.to_page(self._middle)
        return {"zoom": self._viewport.scale, "x": middle.x(), "y": middle.y()}

    def restore_place(self, place: Mapping[str, float]) -> None:
        """Show what `place` remembers; anything that is not a place shows the whole page."""
        try:
            scale, x, y = (float(place[name]) for name in ("zoom", "x", "y"))
        except (KeyError, TypeError, ValueError):
            scale = x = y = math.nan
        if not all(map(math.isfinite, (scale, x, y))) or scale <= 0:
            self.zoom_fit()
            return
        zoomed = self._viewport.zoomed(scale * self._viewport.ratio, self._middle)
        way = self._middle - zoomed.to_screen(QPointF(x, y))
        self._show_through(zoomed.panned(way.x(), way.y()))

    @property
    def _middle(self) -> QPointF:
        return QRectF(self.rect()).center()

    def _show_through(self, viewport: Viewport) -> None:
        before, self._viewport = self._viewport, viewport
        self._is_fitted = False
        self._settling.start()
        self.update()
        self.moved.emit()
        if before.zoom != viewport.zoom:
            self.zoom_changed.emit(viewport.zoom)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fill_widget()

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.DevicePixelRatioChange:
            self._fill_widget()
        return super().event(event)

    def _fill_widget(self) -> None:
        was_fitted = self._is_fitted
        self._show_through(self._viewport.resized(self.size(), self.devicePixelRatioF()))
        if was_fitted:
            self.zoom_fit()
        self._settling.stop()
