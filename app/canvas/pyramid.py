"""Page pixels in halving sizes, made tile by tile when they are looked at.

Level 0 is the source, a compositor; level n + 1 is the 2 x 2 mean of level n.
Knows neither screen nor document; a change of the source is told to it as a page rectangle.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QImage, QPainter

from app.document.tiles import TILE_PX, Key, keys_over, tile_rect

FORMAT = QImage.Format.Format_ARGB32_Premultiplied
BUDGET_BYTES = 192 * 2**20


class Pyramid:
    """`source(rect)` gives the page pixels of `rect`, which lies inside the page, in `FORMAT`."""

    def __init__(
        self,
        page: QSize,
        source: Callable[[QRect], QImage],
        budget_bytes: int = BUDGET_BYTES,
    ) -> None:
        self.page = page
        self._source = source
        self._budget_bytes = budget_bytes
        self._tiles: OrderedDict[tuple[int, Key], QImage] = OrderedDict()
        self.kept_bytes = 0

    def extent(self, level: int) -> QRect:
        """The page at a level; a last, partly covered row or column counts."""
        half = (1 << level) - 1
        width, height = self.page.width() + half >> level, self.page.height() + half >> level
        return QRect(0, 0, width, height)

    def gather(self, level: int, rect: QRect) -> QImage:
        """The pixels of `rect`, in pixels of the level; transparent outside the page."""
        if level == 0 and self.extent(0).contains(rect):
            return self._source(rect)
        image = QImage(rect.size(), FORMAT)
        image.fill(0)
        painter = QPainter(image)
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Source)
        inside = rect & self.extent(level)
        if level == 0 and not inside.isEmpty():
            painter.drawImage(inside.topLeft() - rect.topLeft(), self._source(inside))
        for key in keys_over(inside) if level else ():
            painter.drawImage(tile_rect(key).topLeft() - rect.topLeft(), self._tile(level, key))
        painter.end()
        return image

    def invalidate(self, rect: QRect) -> None:
        """The source has changed inside `rect` (page pixels)."""
        if rect.isEmpty():
            return
        for key in [key for key in self._tiles if _covers(*key).intersects(rect)]:
            self.kept_bytes -= self._tiles.pop(key).sizeInBytes()

    def _tile(self, level: int, key: Key) -> QImage:
        tile = self._tiles.get((level, key))
        if tile is None:
            tile = self._halved(level, key)
            self._keep(level, key, tile)
        else:
            self._tiles.move_to_end((level, key))
        return tile

    def _keep(self, level: int, key: Key, tile: QImage) -> None:
        self._tiles[level, key] = tile
        self.kept_bytes += tile.sizeInBytes()
        while self.kept_bytes > self._budget_bytes and len(self._tiles) > 1:
            self.kept_bytes -= self._tiles.popitem(last=False)[1].sizeInBytes()

    def _halved(self, level: int, key: Key) -> QImage:
        square = tile_rect(key)
        finer = self.gather(level - 1, QRect(square.topLeft() * 2, square.size() * 2))
        smooth = Qt.TransformationMode.SmoothTransformation
        half = finer.scaled(TILE_PX, TILE_PX, Qt.AspectRatioMode.IgnoreAspectRatio, smooth)
        return half.convertToFormat(FORMAT)


def _covers(level: int, key: Key) -> QRect:
    """The page pixels under a tile of a level."""
    square = tile_rect(key)
    return QRect(square.topLeft() * (1 << level), square.size() * (1 << level))
