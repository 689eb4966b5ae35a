"""How a row of the layer stack is painted, and what a click on its eye or lock does."""

from __future__ import annotations

import dataclasses

from PySide6.QtCore import (
    QAbstractItemModel,
    QEvent,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPalette, QPen, QPixmap
from PySide6.QtWidgets import QStyledItemDelegate, QStyleOptionViewItem, QWidget

from app.document.commands import SetLayer
from app.document.composite import layer_bounds, render
from app.document.geometry import Page
from app.document.layers import GroupLayer, Layer, TextLayer
from app.document.state import DocumentState
from app.document.tiles import PixelKind
from app.panels.layer_model import LAYER_ROLE, shown_name
from app.theme import HALF, ICON_PX, SPACE
from app.widgets.icons import Icons
from app.widgets.rows import paint_ground

ROW_PX = 44
THUMB_PX = 34
CHECKER_PX = 5
MAX_KEPT = 400
Index = QModelIndex | QPersistentModelIndex


class LayerPainter(QStyledItemDelegate):
    """`wish` carries the command of a click on eye or lock."""

    wish = Signal(object)

    def __init__(self, icons: Icons, parent: QWidget) -> None:
        super().__init__(parent)
        self._icons = icons
        self._thumbnails: dict[str, tuple[Layer, QPixmap]] = {}
        self.page = Page(width=256, height=256)

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(140, ROW_PX)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        layer: Layer = index.data(LAYER_ROLE)
        box: QRect = option.rect  # type: ignore[attr-defined]
        palette: QPalette = option.palette  # type: ignore[attr-defined]
        painter.save()
        paint_ground(painter, option)
        painter.setOpacity(1.0 if layer.visible else 0.5)
        self._icons("eye" if layer.visible else "eye-slash", "muted").paint(painter, _eye(box))
        lock = "lock-simple" if layer.locked else "lock-simple-open"
        painter.setOpacity(1.0 if layer.locked else 0.35)
        self._icons(lock, "text" if layer.locked else "muted").paint(painter, _lock(box))
        painter.setOpacity(1.0 if layer.visible else 0.5)
        left = self._paint_pictures(painter, box, layer, palette)
        text = QRect(left, box.y(), _lock(box).left() - left - HALF, box.height())
        painter.setPen(palette.color(QPalette.ColorRole.Text))
        name = painter.fontMetrics().elidedText(
            shown_name(layer), Qt.TextElideMode.ElideRight, text.width()
        )
        painter.drawText(text, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, name)
        painter.restore()

    def editorEvent(
        self,
        event: QEvent,
        model: QAbstractItemModel,
        option: QStyleOptionViewItem,
        index: Index,
    ) -> bool:
        layer = index.data(LAYER_ROLE)
        if not isinstance(event, QMouseEvent) or layer is None:
            return False
        box: QRect = option.rect  # type: ignore[attr-defined]
        at = event.position().toPoint()
        hits = {"eye": _eye(box).adjusted(-4, -8, 4, 8), "lock": _lock(box).adjusted(-4, -8, 4, 8)}
        hit = next((name for name, area in hits.items() if area.contains(at)), None)
        if hit is None or event.type() == QEvent.Type.MouseButtonDblClick:
            return hit is not None
        if event.type() == QEvent.Type.MouseButtonRelease:
            self.wish.emit(
                SetLayer(layer_id=layer.id, visible=not layer.visible)
                if hit == "eye"
                else SetLayer(layer_id=layer.id, locked=not layer.locked)
            )
        return True

    def updateEditorGeometry(
        self, editor: QWidget, option: QStyleOptionViewItem, index: Index
    ) -> None:
        box: QRect = option.rect  # type: ignore[attr-defined]
        height = editor.sizeHint().height()
        top = box.y() + (box.height() - height) // 2
        editor.setGeometry(QRect(_eye(box).right() + SPACE, top, box.width() - 64, height))

    def _paint_pictures(
        self, painter: QPainter, box: QRect, layer: Layer, palette: QPalette
    ) -> int:
        spot = QRect(_eye(box).right() + SPACE, box.y() + (ROW_PX - THUMB_PX) // 2, 34, THUMB_PX)
        symbol = {GroupLayer: "folder-simple", TextLayer: "text-t"}.get(type(layer))
        if symbol is None:
            painter.drawPixmap(spot, self._thumbnail(layer))
        else:
            self._icons(symbol).paint(painter, spot.adjusted(6, 6, -6, -6))
        painter.setPen(QPen(palette.color(QPalette.ColorRole.Mid), 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(QRectF(spot).adjusted(-0.5, -0.5, 0.5, 0.5), 3, 3)
        if layer.mask is None:
            return spot.right() + SPACE
        mask = spot.translated(THUMB_PX + HALF, 0)
        self._icons("circle-half", "accent" if layer.mask.enabled else "muted").paint(
            painter, mask.adjusted(9, 9, -9, -9)
        )
        return mask.right() + HALF

    def _thumbnail(self, layer: Layer) -> QPixmap:
        kept = self._thumbnails.get(layer.id)
        if kept is not None and kept[0] is layer:
            return kept[1]
        if len(self._thumbnails) > MAX_KEPT:
            self._thumbnails.clear()
        made = QPixmap.fromImage(_picture(layer, self.page, 2 * THUMB_PX))
        self._thumbnails[layer.id] = (layer, made)
        return made


def _picture(layer: Layer, page: Page, side: int) -> QImage:
    """The layer alone, as large as fits a square, on a checkerboard."""
    shown = dataclasses.replace(layer, visible=True, opacity=1.0, x=layer.x, y=layer.y)
    paper = dataclasses.replace(page, background=None)
    rect = layer_bounds(layer).intersected(page.rect)
    found = _checkerboard(side)
    if rect.isEmpty():
        return found
    scale = min(side / page.width, side / page.height)
    image = render(DocumentState(page=paper, layers=(shown,)), page.rect, scale)
    with QPainter(found) as painter:
        painter.drawImage((side - image.width()) // 2, (side - image.height()) // 2, image)
    return found


def _checkerboard(side: int) -> QImage:
    found = PixelKind.color.blank(side, side)
    light, dark = QColor("#ffffff"), QColor("#d0d3d8")
    with QPainter(found) as painter:
        for x in range(0, side, CHECKER_PX):
            for y in range(0, side, CHECKER_PX):
                is_dark = (x + y) // CHECKER_PX % 2
                painter.fillRect(x, y, CHECKER_PX, CHECKER_PX, dark if is_dark else light)
    return found


def _eye(box: QRect) -> QRect:
    return QRect(box.x() + HALF, box.center().y() - ICON_PX // 2, ICON_PX, ICON_PX)


def _lock(box: QRect) -> QRect:
    top = box.center().y() - ICON_PX // 2 + 1
    return QRect(box.right() - ICON_PX - HALF, top, ICON_PX - 2, ICON_PX - 2)
