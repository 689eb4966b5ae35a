"""How a row of the history is painted: lanes, thumbnail, name, pin, the mark of the current."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QImage, QPainter, QPainterPath, QPalette, QPen, QPixmap
from PySide6.QtWidgets import QStyledItemDelegate, QStyleOptionViewItem, QWidget

from app.document.geometry import fitted
from app.panels.lanes import Row
from app.theme import HALF, SPACE
from app.widgets.icons import Icons
from app.widgets.rows import paint_ground

THUMB_PX = 48
ROW_PX = THUMB_PX + SPACE
LANE_PX = 12
MAX_LANES = 6
DOT_PX = 4
PIN_PX = 14


@dataclass(frozen=True, kw_only=True)
class RowView:
    """All that a row shows. `picture` is None until it is there, and null if it cannot be read."""

    row: Row
    picture: QPixmap | None
    name: str
    detail: str
    is_current: bool
    is_pinned: bool


def shrunk(image: QImage, side_px: int = 2 * THUMB_PX) -> QImage:
    """A small copy, twice the shown size for dense screens."""
    size = QSize(side_px, side_px)
    smooth = Qt.TransformationMode.SmoothTransformation
    return image.scaled(size, Qt.AspectRatioMode.KeepAspectRatio, smooth)


class RowPainter(QStyledItemDelegate):
    """Paints a RowView, which the model gives under the first user role."""

    def __init__(self, icons: Icons, parent: QWidget) -> None:
        super().__init__(parent)
        self._icons = icons

    def sizeHint(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        return QSize(160, ROW_PX)

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        view: RowView = index.data(Qt.ItemDataRole.UserRole)
        box: QRect = option.rect  # type: ignore[attr-defined]
        palette: QPalette = option.palette  # type: ignore[attr-defined]
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        paint_ground(painter, option)
        left = self._paint_lanes(painter, box, view, palette)
        left = self._paint_picture(painter, box, left, view, palette)
        self._paint_text(
            painter, QRect(left, box.y(), box.right() - left, box.height()), view, palette
        )
        painter.restore()

    def updateEditorGeometry(
        self,
        editor: QWidget,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        box: QRect = option.rect  # type: ignore[attr-defined]
        height = editor.sizeHint().height()
        editor.setGeometry(box.adjusted(LANE_PX, (box.height() - height) // 2, -HALF, 0))
        editor.setFixedHeight(height)

    def _paint_lanes(self, painter: QPainter, box: QRect, view: RowView, palette: QPalette) -> int:
        row, middle = view.row, box.center().y()
        used = max((row.lane, *row.passing, *row.children)) + 1
        line = QPen(palette.color(QPalette.ColorRole.PlaceholderText), 1.5)
        accent = palette.color(QPalette.ColorRole.Accent)
        painter.setPen(line)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for lane in row.passing:
            painter.drawLine(_x(box, lane), box.top(), _x(box, lane), box.bottom() + 1)
        if row.has_parent:
            painter.drawLine(_x(box, row.lane), box.top(), _x(box, row.lane), middle)
        for lane in row.children:
            painter.drawPath(_branch(_x(box, row.lane), _x(box, lane), middle, box.bottom() + 1))
        painter.setPen(QPen(accent if view.is_current else line.color(), 2))
        ground = accent if view.is_current else palette.color(QPalette.ColorRole.AlternateBase)
        painter.setBrush(ground)
        painter.drawEllipse(QPointF(_x(box, row.lane), middle), DOT_PX, DOT_PX)
        return box.left() + HALF + min(used, MAX_LANES) * LANE_PX + HALF

    def _paint_picture(
        self, painter: QPainter, box: QRect, left: int, view: RowView, palette: QPalette
    ) -> int:
        frame = QRect(left, box.y() + (box.height() - THUMB_PX) // 2, THUMB_PX, THUMB_PX)
        spot = frame
        if view.picture is not None and view.picture.isNull():
            self._icons("warning", "warning").paint(painter, frame.adjusted(12, 12, -12, -12))
        elif view.picture is not None:
            spot = fitted(view.picture.size(), frame)
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawPixmap(spot, view.picture)
        role = QPalette.ColorRole.Accent if view.is_current else QPalette.ColorRole.Mid
        painter.setPen(QPen(palette.color(role), 2 if view.is_current else 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(QRectF(spot).adjusted(-0.5, -0.5, 0.5, 0.5), 3, 3)
        return frame.right()

    def _paint_text(self, painter: QPainter, area: QRect, view: RowView, palette: QPalette) -> None:
        area = area.adjusted(SPACE, 0, -SPACE, 0)
        if view.is_pinned:
            spot = QRect(area.right() - PIN_PX, area.center().y() - PIN_PX // 2, PIN_PX, PIN_PX)
            self._icons("push-pin", "accent").paint(painter, spot)
            area.setRight(spot.left() - HALF)
        font = QFont(painter.font())
        font.setWeight(QFont.Weight.DemiBold if view.is_current else QFont.Weight.Normal)
        middle = area.center().y()
        _line(painter, area, middle - 2, font, palette.color(QPalette.ColorRole.Text), view.name)
        font = QFont(painter.font())
        font.setPixelSize(11)
        muted = palette.color(QPalette.ColorRole.PlaceholderText)
        _line(painter, area, middle + 15, font, muted, view.detail)


def _line(
    painter: QPainter, area: QRect, baseline: int, font: QFont, colour: QColor, text: str
) -> None:
    painter.setFont(font)
    painter.setPen(colour)
    shown = painter.fontMetrics().elidedText(
        text.replace("\n", " "), Qt.TextElideMode.ElideRight, area.width()
    )
    painter.drawText(area.left(), baseline, shown)


def _x(box: QRect, lane: int) -> int:
    return box.left() + HALF + LANE_PX // 2 + min(lane, MAX_LANES - 1) * LANE_PX


def _branch(x: int, to_x: int, top: int, bottom: int) -> QPainterPath:
    path = QPainterPath(QPointF(x, top))
    path.cubicTo(QPointF(x, bottom), QPointF(to_x, top), QPointF(to_x, bottom))
    return path
