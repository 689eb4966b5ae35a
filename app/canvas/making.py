"""A picture in the making: its preview over the page, how far it is, and how it gives way.

A preview is never a layer: it is drawn over the page with a dashed frame and a label, and fades
into what the document shows when it ends. Knows nothing of jobs.
"""

from __future__ import annotations

from PySide6.QtCore import QEasingCurve, QObject, QRect, QRectF, QVariantAnimation, Signal
from PySide6.QtGui import QImage, QPainter

from app.canvas.overlays import Progress, draw_progress
from app.canvas.palette import Palette
from app.canvas.viewport import Viewport

FADE_MS = 180


class Making(QObject):
    """`changed` says that something of it looks different now."""

    changed = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.is_still = False
        self.region: QRect | None = None
        self._image: QImage | None = None
        self._progress: Progress | None = None
        self._fade = QVariantAnimation(self)
        self._fade.setStartValue(1.0)
        self._fade.setEndValue(0.0)
        self._fade.setDuration(FADE_MS)
        self._fade.setEasingCurve(QEasingCurve.Type.OutCubic)
        self._fade.valueChanged.connect(self.changed)
        self._fade.finished.connect(self._forget)

    @property
    def progress(self) -> Progress | None:
        return self._progress

    @property
    def is_shown(self) -> bool:
        """Whether there is anything to paint, a fading preview included."""
        return self._progress is not None or self._image is not None

    def set_region(self, region: QRect | None) -> None:
        """The page pixels that are being made; None means all of the page."""
        self.region = region
        self.changed.emit()

    def show(self, image: QImage | None, progress: Progress) -> None:
        """Without an image the last one stays: not every step brings one."""
        self._fade.stop()
        self._image = image if image is not None else self._image
        self._progress = progress
        self.changed.emit()

    def end(self) -> None:
        """Nothing is being made any more; the last preview fades, or goes at once if still."""
        self._progress = None
        if self._image is None or self.is_still:
            self._forget()
        else:
            self._fade.start()
            self.changed.emit()

    def paint(self, painter: QPainter, viewport: Viewport, palette: Palette) -> None:
        region = self.region or QRect(0, 0, viewport.page.width(), viewport.page.height())
        rect = viewport.rect_to_screen(QRectF(region))
        if self._image is not None:
            painter.save()
            if self._progress is None:
                painter.setOpacity(float(self._fade.currentValue()))
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(rect, self._image)
            painter.restore()
        if self._progress is not None:
            view = QRectF(0, 0, viewport.view.width(), viewport.view.height())
            draw_progress(painter, rect, view, self._progress, palette)

    def _forget(self) -> None:
        self._image = None
        self.changed.emit()
