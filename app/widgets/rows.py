"""The ground of a row in a list: marked, or under the pointer, with round corners."""

from __future__ import annotations

from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPalette
from PySide6.QtWidgets import QStyle, QStyleOptionViewItem

RADIUS_PX = 6
MARKED_ALPHA, HOVER_ALPHA = 52, 22


def paint_ground(painter: QPainter, option: QStyleOptionViewItem) -> None:
    state: QStyle.StateFlag = option.state  # type: ignore[attr-defined]
    palette: QPalette = option.palette  # type: ignore[attr-defined]
    box: QRect = option.rect  # type: ignore[attr-defined]
    is_marked = bool(state & QStyle.StateFlag.State_Selected)
    if not is_marked and not state & QStyle.StateFlag.State_MouseOver:
        return
    colour = QColor(palette.color(QPalette.ColorRole.Accent))
    colour.setAlpha(MARKED_ALPHA if is_marked else HOVER_ALPHA)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    painter.drawRoundedRect(QRectF(box).adjusted(0, 1, -1, -1), RADIUS_PX, RADIUS_PX)
    painter.restore()
