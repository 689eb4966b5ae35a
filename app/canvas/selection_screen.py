"""How a selection looks: marching ants along its edge, and a tint over what may change.

Both are made on screen tiles from the selection's own grey pixels, so that their cost depends on
the window and never on how ragged the edge is. Knows nothing of tools.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from PySide6.QtCore import QPoint, QRect
from PySide6.QtGui import QBrush, QColor, QImage, QPainter

from app.canvas.pyramid import Pyramid
from app.canvas.screen import Screen, device_extent, sampled, touched
from app.document.geometry import Page
from app.document.selection import MODEL_THRESHOLD, Selection, nothing
from app.document.tiles import Mode, changed_rect, keys_over, tile_rect

ANT_PX = 4
TINT = 0.45


@dataclass(frozen=True, kw_only=True)
class MaskTile:
    """`tint` in the mask's colour; `edge` opaque where the ants walk, null where they do not."""

    tint: QImage
    edge: QImage


class SelectionScreen:
    """The selection of one page, ready to be painted."""

    def __init__(self, page: Page) -> None:
        self._selection = nothing()
        grey = QImage.Format.Format_Grayscale8
        self._pyramid = Pyramid(page.rect.size(), self._pixels, grey)
        self._screen = Screen[MaskTile](self._tile)
        self._tint = QColor()
        self._line_px = 1

    def set_look(self, mask_color: str, ratio: float) -> None:
        self._tint = QColor(mask_color)
        self._line_px = max(1, round(ratio))
        self._screen.clear()

    def set_selection(self, selection: Selection | None) -> QRect:
        """Gives back the page pixels that look different now."""
        before, self._selection = self._selection, selection or nothing()
        rect = changed_rect(before.tiles, self._selection.tiles)
        self._pyramid.invalidate(rect)
        self._screen.invalidate(rect)
        return rect

    @property
    def is_empty(self) -> bool:
        return self._selection.is_empty

    def on_screen(self, zoom: float) -> QRect:
        """Device pixels, from the page's corner, outside which nothing of it shows."""
        if self.is_empty:
            return QRect()
        area = touched(self._selection.tiles.tile_bounds, zoom)
        return area & device_extent(self._pyramid, zoom)

    def paint_tint(self, painter: QPainter, zoom: float, clip: QRect) -> None:
        for rect, tile in self._tiles(zoom, clip):
            painter.drawImage(rect.topLeft(), tile.tint)

    def paint_ants(self, painter: QPainter, zoom: float, clip: QRect, phase: int) -> None:
        """`phase` counts steps of one device pixel, along which the ants have marched."""
        brush = stripes(ANT_PX * self._line_px)
        for rect, tile in self._tiles(zoom, clip):
            if tile.edge.isNull():
                continue
            ants = QImage(rect.size(), QImage.Format.Format_ARGB32_Premultiplied)
            with QPainter(ants) as marching:
                marching.setCompositionMode(Mode.CompositionMode_Source)
                marching.setBrushOrigin(QPoint(phase * self._line_px, 0) - rect.topLeft())
                marching.fillRect(ants.rect(), brush)
                marching.setCompositionMode(Mode.CompositionMode_DestinationIn)
                marching.drawImage(0, 0, tile.edge)
            painter.drawImage(rect.topLeft(), ants)

    def edges(self, zoom: float, clip: QRect) -> list[QRect]:
        """The squares in which ants walk."""
        return [rect for rect, tile in self._tiles(zoom, clip) if not tile.edge.isNull()]

    def _tiles(self, zoom: float, clip: QRect) -> list[tuple[QRect, MaskTile]]:
        tiles = []
        for key in keys_over(clip & self.on_screen(zoom)):
            tile = self._screen.tile(zoom, key, math.inf)
            assert tile is not None, "without a deadline every tile is made"
            tiles.append((tile_rect(key), tile))
        return tiles

    def _pixels(self, rect: QRect) -> QImage:
        return self._selection.image(rect)

    def _tile(self, zoom: float, square: QRect) -> MaskTile:
        rim = self._line_px
        grey = sampled(self._pyramid, zoom, square.adjusted(-rim, -rim, rim, rim))
        inside = QRect(QPoint(rim, rim), square.size())
        line = edge(grey, rim).copy(inside)
        is_walked = line != _blank(line)
        return MaskTile(
            tint=tinted(grey.copy(inside), self._tint), edge=line if is_walked else QImage()
        )


def tinted(grey: QImage, color: QColor) -> QImage:
    """The colour, as dense as the grey is white."""
    table = []
    for value in range(256):
        color.setAlphaF(TINT * value / 255)
        table.append(color.rgba())
    return _through(grey, table)


def edge(grey: QImage, width_px: int) -> QImage:
    """The outermost pixels of what is at least half selected, opaque; all else transparent."""
    clear, opaque = QColor(0, 0, 0, 0).rgba(), QColor(0, 0, 0).rgba()
    solid = _through(grey, [clear] * MODEL_THRESHOLD + [opaque] * (256 - MODEL_THRESHOLD))
    inner = solid.copy()
    with QPainter(inner) as painter:
        painter.setCompositionMode(Mode.CompositionMode_DestinationIn)
        for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            painter.drawImage(dx * width_px, dy * width_px, solid)
    with QPainter(solid) as painter:
        painter.setCompositionMode(Mode.CompositionMode_DestinationOut)
        painter.drawImage(0, 0, inner)
    return solid


def stripes(length_px: int) -> QBrush:
    """Diagonal stripes in black and white, visible on every picture."""
    side = 2 * length_px
    image = QImage(side, side, QImage.Format.Format_RGB32)
    for y in range(side):
        for x in range(side):
            is_white = (x + y) % side < length_px
            image.setPixelColor(x, y, QColor("white" if is_white else "black"))
    return QBrush(image)


def _blank(like: QImage) -> QImage:
    image = QImage(like.size(), like.format())
    image.fill(0)
    return image


def _through(grey: QImage, table: list[int]) -> QImage:
    """Every grey value exchanged for a colour, in one pass of Qt's own loop."""
    indexed = QImage(grey)
    indexed.reinterpretAsFormat(QImage.Format.Format_Indexed8)
    indexed.setColorTable(table)
    return indexed.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)
