"""A small square of one colour, as an icon."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPen, QPixmap

SIDE_PX = 32


def swatch(colour: str) -> QIcon:
    picture = QPixmap(SIDE_PX, SIDE_PX)
    picture.fill(Qt.GlobalColor.transparent)
    with QPainter(picture) as painter:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(128, 128, 128), 2))
        painter.setBrush(QColor(colour))
        painter.drawRoundedRect(QRectF(1, 1, SIDE_PX - 2, SIDE_PX - 2), 6, 6)
    return QIcon(picture)
