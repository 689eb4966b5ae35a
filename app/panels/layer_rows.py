"""How a row of the layer stack is painted, and where its parts lie: eye, thumbnails, lock."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from enum import Enum
from functools import partial

from PySide6.QtCore import (
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QRectF,
    QSize,
    Qt,
)
from PySide6.QtGui import QColor, QImage, QPainter, QPalette, QPen, QPixmap
from PySide6.QtWidgets import QStyledItemDelegate, QStyleOptionViewItem, QWidget

from app.document.composite import layer_bounds, render
from app.document.geometry import Page
from app.document.layers import GroupLayer, Layer, LayerMask, TextLayer, shown_name
from app.document.state import DocumentState
from app.document.tiles import PixelKind, tile_rect
from app.panels.layer_model import LAYER_ROLE
from app.theme import HALF, ICON_PX, SPACE
from app.widgets.icons import Icons
from app.widgets.rows import paint_ground

ROW_PX = 44
THUMB_PX = 34
CHECKER_PX = 5
MAX_KEPT = 400
Index = QModelIndex | QPersistentModelIndex


class Part(Enum):
    """What a press on a row can mean, besides the row itself."""

    eye = "eye"
    lock = "lock"
    picture = "picture"
    mask = "mask"


def part_at(box: QRect, layer: Layer, at: QPoint) -> Part | None:
    """The part of the row `box` under a point; a layer without a mask has only eye and lock."""
    spots = {
        Part.eye: _eye(box).adjusted(-4, -8, 4, 8),
        Part.lock: _lock(box).adjusted(-4, -8, 4, 8),
    }
    if layer.mask is not None:
        spots |= {Part.picture: _picture_spot(box), Part.mask: _mask_spot(box)}
    return next((part for part, spot in spots.items() if spot.contains(at)), None)


class LayerPainter(QStyledItemDelegate):
    """Paints rows for the state that it was shown last."""

    def __init__(self, icons: Icons, parent: QWidget) -> None:
        super().__init__(parent)
        self._icons = icons
        self._thumbnails: dict[str, tuple[object, QPixmap]] = {}
        self._page = Page(width=256, height=256)
        self._active: str | None = None
        self._masked: str | None = None

    def show_state(self, state: DocumentState) -> None:
        masked = state.masked_layer
        self._page, self._active = state.page, state.active
        self._masked = masked.id if masked is not None else None

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
        """The layer's thumbnail and its mask's; the one that is worked on has a frame."""
        spot = _picture_spot(box)
        symbol = {GroupLayer: "folder-simple", TextLayer: "text-t"}.get(type(layer))
        if symbol is None:
            painter.drawPixmap(spot, self._thumbnail(layer))
        else:
            self._icons(symbol).paint(painter, spot.adjusted(6, 6, -6, -6))
        is_active, is_masked = layer.id == self._active, layer.id == self._masked
        if layer.mask is None:
            _paint_frame(painter, spot, palette, is_chosen=False)
            return spot.right() + SPACE
        _paint_frame(painter, spot, palette, is_chosen=is_active and not is_masked)
        mask = _mask_spot(box)
        painter.drawPixmap(mask, self._mask_thumbnail(layer, layer.mask))
        if not layer.mask.enabled:
            _cross_out(painter, mask)
        _paint_frame(painter, mask, palette, is_chosen=is_masked)
        return mask.right() + SPACE

    def _thumbnail(self, layer: Layer) -> QPixmap:
        """Of what the mask would show and hide, whether it does or not."""
        bare = dataclasses.replace(
            layer, name="", visible=True, locked=False, opacity=1.0, mask=None
        )
        return self._kept(layer.id, bare, partial(_picture, bare, self._page, 2 * THUMB_PX))

    def _mask_thumbnail(self, layer: Layer, mask: LayerMask) -> QPixmap:
        """Of the mask as it lies on the page, whether it is on or off."""
        state = (mask.tiles, layer.x, layer.y)
        make = partial(_mask_picture, layer, mask, self._page, 2 * THUMB_PX)
        return self._kept(f"{layer.id} mask", state, make)

    def _kept(self, key: str, of: object, make: Callable[[], QImage]) -> QPixmap:
        """The thumbnail made last under the key, if it was made of the very same."""
        kept = self._thumbnails.get(key)
        if kept is not None and kept[0] == (of, self._page):
            return kept[1]
        if len(self._thumbnails) > MAX_KEPT:
            self._thumbnails.clear()
        made = QPixmap.fromImage(make())
        self._thumbnails[key] = ((of, self._page), made)
        return made


def _picture(layer: Layer, page: Page, side: int) -> QImage:
    """The layer alone, as large as fits a square, on a checkerboard."""
    paper = dataclasses.replace(page, background=None)
    rect = layer_bounds(layer).intersected(page.rect)
    found = _checkerboard(side)
    if rect.isEmpty():
        return found
    scale = min(side / page.width, side / page.height)
    image = render(DocumentState(page=paper, layers=(layer,)), page.rect, scale)
    with QPainter(found) as painter:
        painter.drawImage((side - image.width()) // 2, (side - image.height()) // 2, image)
    return found


def _mask_picture(layer: Layer, mask: LayerMask, page: Page, side: int) -> QImage:
    """White shows and black hides, on the page as large as it fits a square. Quick enough to be
    made anew at every move of a stroke."""
    found = PixelKind.color.blank(side, side)
    scale = min(side / page.width, side / page.height)
    with QPainter(found) as painter:
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.translate(side / 2, side / 2)
        painter.scale(scale, scale)
        painter.translate(-page.width / 2, -page.height / 2)
        painter.setClipRect(page.rect)
        painter.fillRect(page.rect, QColor("black"))
        for key, tile in mask.tiles.tiles_in(page.rect.translated(-layer.x, -layer.y)):
            painter.drawImage(tile_rect(key).translated(layer.x, layer.y), tile)
    return found


def _paint_frame(painter: QPainter, spot: QRect, palette: QPalette, *, is_chosen: bool) -> None:
    painter.setBrush(Qt.BrushStyle.NoBrush)
    role = QPalette.ColorRole.Accent if is_chosen else QPalette.ColorRole.Mid
    painter.setPen(QPen(palette.color(role), 2 if is_chosen else 1))
    reach = 1.5 if is_chosen else 0.5
    painter.drawRoundedRect(QRectF(spot).adjusted(-reach, -reach, reach, reach), 3, 3)


def _cross_out(painter: QPainter, spot: QRect) -> None:
    """The mark of a mask that is off, to be seen on black and on white."""
    box = QRectF(spot).adjusted(4, 4, -4, -4)
    for color, width in (("#ffffff", 4.0), ("#d92d20", 2.0)):
        painter.setPen(QPen(QColor(color), width))
        painter.drawLine(box.topLeft(), box.bottomRight())
        painter.drawLine(box.bottomLeft(), box.topRight())


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


def _picture_spot(box: QRect) -> QRect:
    top = box.y() + (ROW_PX - THUMB_PX) // 2
    return QRect(_eye(box).right() + SPACE, top, THUMB_PX, THUMB_PX)


def _mask_spot(box: QRect) -> QRect:
    return _picture_spot(box).translated(THUMB_PX + SPACE, 0)
