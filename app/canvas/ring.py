"""The ring around the pointer that shows how large the brush is."""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen

SMALLEST_PX = 5.0
LARGEST_KEPT_PX = 2048  # 16 MiB


class Ring:
    """Keeps the picture of the last ring: painting its smoothed edge anew takes milliseconds."""

    def __init__(self) -> None:
        self._image = QImage()
        self._shows = (0.0, 0.0)

    def paint(self, painter: QPainter, at: QPointF, diameter: float) -> None:
        """Around `at`, in logical pixels and on whole ones of the device."""
        ratio = painter.device().devicePixelRatio()
        reach = _reach(diameter)
        if 2 * reach * ratio > LARGEST_KEPT_PX:
            draw_ring(painter, at, diameter)
            return
        if self._shows != (diameter, ratio):
            self._shows = diameter, ratio
            self._image = _image(diameter, ratio)
        painter.drawImage(at - QPointF(reach, reach), self._image)


def draw_ring(painter: QPainter, at: QPointF, diameter: float) -> None:
    """A cross where the ring would be too small to see."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for color, width in ((QColor(0, 0, 0, 150), 3.0), (QColor("white"), 1.3)):
        painter.setPen(QPen(color, width))
        if diameter >= SMALLEST_PX:
            painter.drawEllipse(at, diameter / 2, diameter / 2)
        else:
            for way in (QPointF(5, 0), QPointF(0, 5)):
                painter.drawLine(at - way, at + way)


def ring_bounds(at: QPointF, diameter: float) -> QRectF:
    reach = _reach(diameter)
    return QRectF(at.x() - reach, at.y() - reach, 2 * reach, 2 * reach)


def _reach(diameter: float) -> int:
    """From the middle to the edge of all that is drawn, in whole pixels."""
    return math.ceil(max(diameter / 2, SMALLEST_PX) + 3)


def _image(diameter: float, ratio: float) -> QImage:
    reach = _reach(diameter)
    side = math.ceil(2 * reach * ratio)
    image = QImage(side, side, QImage.Format.Format_ARGB32_Premultiplied)
    image.setDevicePixelRatio(ratio)
    image.fill(0)
    with QPainter(image) as painter:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        draw_ring(painter, QPointF(reach, reach), diameter)
    return image
