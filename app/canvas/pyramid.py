"""Page pixels in halving sizes, made tile by tile when they are looked at.

Level 0 is the source's own tiles, a compositor's; level n + 1 is the 2 x 2 mean of level n.
Knows neither screen nor document; a change of the source is told to it as a page rectangle.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QImage, QPainter

from app.document.tiles import TILE_PX, Key, keys_over, tile_rect

FORMAT = QImage.Format.Format_ARGB32_Premultiplied
BUDGET_BYTES = 192 * 2**20


class Pyramid:
    """`source(key)` gives a tile in `FORMAT`, transparent beyond `bounds`, most often a page."""

    def __init__(
        self,
        bounds: QRect,
        source: Callable[[Key], QImage],
        budget_bytes: int = BUDGET_BYTES,
    ) -> None:
        self.bounds = bounds
        self._source = source
        self._budget_bytes = budget_bytes
        self._tiles: OrderedDict[tuple[int, Key], QImage] = OrderedDict()
        self.kept_bytes = 0

    def extent(self, level: int) -> QRect:
        return extent(self.bounds, level)

    def gather(self, level: int, rect: QRect) -> QImage:
        """The pixels of `rect`, in pixels of the level; transparent outside the bounds."""
        image = QImage(rect.size(), FORMAT)
        image.fill(0)
        with QPainter(image) as painter:
            painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Source)
            painter.translate(-rect.topLeft())
            for key in keys_over(rect & self.extent(level)):
                painter.drawImage(tile_rect(key).topLeft(), self.tile(level, key))
        return image

    def invalidate(self, rect: QRect) -> None:
        """The source has changed inside `rect` (page pixels)."""
        if rect.isEmpty():
            return
        for key in [key for key in self._tiles if _covers(*key).intersects(rect)]:
            self.kept_bytes -= self._tiles.pop(key).sizeInBytes()

    def tile(self, level: int, key: Key) -> QImage:
        """Shared: never paint on it."""
        if level == 0:
            return self._source(key)
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
        image = QImage(TILE_PX, TILE_PX, FORMAT)
        image.fill(0)
        square = tile_rect(key)
        finer = QRect(square.topLeft() * 2, square.size() * 2) & self.extent(level - 1)
        with QPainter(image) as painter:
            painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Source)
            for child in keys_over(finer):
                at = (tile_rect(child).topLeft() - square.topLeft() * 2) / 2
                painter.drawImage(at, _half(self.tile(level - 1, child)))
        return image


def _half(tile: QImage) -> QImage:
    ignore, smooth = (
        Qt.AspectRatioMode.IgnoreAspectRatio,
        Qt.TransformationMode.SmoothTransformation,
    )
    return tile.scaled(TILE_PX // 2, TILE_PX // 2, ignore, smooth)


def extent(rect: QRect, level: int) -> QRect:
    """A rect in the pixels of a level; those that it covers in part count."""
    half = (1 << level) - 1
    first = QPoint(rect.left() >> level, rect.top() >> level)
    after = QPoint(rect.right() + 1 + half >> level, rect.bottom() + 1 + half >> level)
    return QRect(first, after - QPoint(1, 1))


def _covers(level: int, key: Key) -> QRect:
    """The page pixels under a tile of a level."""
    square = tile_rect(key)
    return QRect(square.topLeft() * (1 << level), square.size() * (1 << level))
