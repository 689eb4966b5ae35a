"""How a selection looks: marching ants along its edge, and a tint over what may change.

Both are made on screen tiles from the selection's own grey pixels, so that their cost depends on
the window and never on how ragged the edge is. Knows nothing of tools.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QRect
from PySide6.QtGui import QColor, QImage, QPainter

from app.canvas.screen import Screen, device_extent, touched
from app.document.geometry import Page
from app.document.selection import MODEL_THRESHOLD, Selection, nothing
from app.document.tiles import Tiles, keys_over, tile_rect

if TYPE_CHECKING:  # numpy is loaded with the first selection: starting would pay for it
    import numpy as np

ANT_PX = 4
TINT = 0.45


@dataclass(frozen=True, kw_only=True)
class MaskTile:
    """Indexed images: `tint` by how much is selected, `ants` by their place on the stripes.

    Both are null where there is nothing to paint.
    """

    tint: QImage
    ants: QImage


class SelectionScreen:
    """The selection of one page, ready to be painted."""

    def __init__(self, page: Page) -> None:
        self._page = page.rect
        self._selection = nothing()
        self._screen = Screen[MaskTile](self._tile)
        self._tint: list[int] = []
        self._line_px = 1

    def set_look(self, mask_color: str, ratio: float) -> None:
        self._tint = tint_table(QColor(mask_color))
        self._line_px = max(1, round(ratio))
        self._screen.clear()

    def set_selection(self, selection: Selection | None) -> QRect:
        """Gives back the page pixels that look different now."""
        before, self._selection = self._selection, selection or nothing()
        rect = changed_pixels(before.tiles, self._selection.tiles)
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
        return area & device_extent(self._page.size(), zoom)

    def paint_tint(self, painter: QPainter, zoom: float, clip: QRect) -> None:
        for rect, tile in self._tiles(zoom, clip):
            if not tile.tint.isNull():
                painter.drawImage(rect.topLeft(), tile.tint)

    def paint_ants(self, painter: QPainter, zoom: float, clip: QRect, phase: int) -> None:
        """`phase` counts the steps that the ants have marched."""
        table = ants_table(ANT_PX * self._line_px, phase * self._line_px)
        for rect, tile in self._tiles(zoom, clip):
            if not tile.ants.isNull():
                painter.drawImage(rect.topLeft(), _colored(tile.ants, table))

    def edges(self, zoom: float, clip: QRect) -> list[QRect]:
        """The squares in which ants walk."""
        return [rect for rect, tile in self._tiles(zoom, clip) if not tile.ants.isNull()]

    def _tiles(self, zoom: float, clip: QRect) -> list[tuple[QRect, MaskTile]]:
        tiles = []
        for key in keys_over(clip & self.on_screen(zoom)):
            tile = self._screen.tile(zoom, key, math.inf)
            assert tile is not None, "without a deadline every tile is made"
            tiles.append((tile_rect(key), tile))
        return tiles

    def _tile(self, zoom: float, square: QRect) -> MaskTile:
        rim = self._line_px
        grey = self._sampled(zoom, square.adjusted(-rim, -rim, rim, rim))
        if not grey.any():
            return MaskTile(tint=QImage(), ants=QImage())
        tint = _colored(_indexed(grey[rim:-rim, rim:-rim]), self._tint)
        if grey.min() >= MODEL_THRESHOLD:
            return MaskTile(tint=tint, ants=QImage())
        stripes = on_stripes(grey, rim, square.topLeft())
        return MaskTile(tint=tint, ants=_indexed(stripes) if stripes.any() else QImage())

    def _sampled(self, zoom: float, square: QRect) -> np.ndarray:
        """For each device pixel the grey of the page pixel under its centre, 0 off the page."""
        import numpy as np

        found = np.zeros((square.height(), square.width()), np.uint8)
        xs, columns = _page_pixels(square.left(), square.width(), zoom, self._page.width())
        ys, rows = _page_pixels(square.top(), square.height(), zoom, self._page.height())
        if len(xs) and len(ys):
            corner = QPoint(int(xs[0]), int(ys[0]))
            under = QRect(corner, QPoint(int(xs[-1]), int(ys[-1])))
            pixels = self._selection.tiles.values(under)
            found[rows, columns] = pixels[ys - corner.y()][:, xs - corner.x()]
        return found


def changed_pixels(before: Tiles, after: Tiles) -> QRect:
    """The smallest rect that holds every pixel in which the two differ."""
    found, blank = QRect(), before.kind.blank()
    for key in before.keys | after.keys:
        old, new = before.tile(key), after.tile(key)
        if old is not new:
            found |= _difference(old or blank, new or blank).translated(tile_rect(key).topLeft())
    return found


def on_stripes(grey: np.ndarray, rim: int, at: QPoint) -> np.ndarray:
    """The edge of what is at least half selected: 0 elsewhere, on it 1 and up along the stripes.

    `grey` has a rim around what is wanted; `at` is where that begins, so that stripes of
    neighbouring tiles meet.
    """
    import numpy as np

    solid = grey >= MODEL_THRESHOLD
    edge = solid[rim:-rim, rim:-rim].copy()
    height, width = edge.shape
    inner = edge.copy()
    for dy, dx in ((0, rim), (2 * rim, rim), (rim, 0), (rim, 2 * rim)):
        inner &= solid[dy : dy + height, dx : dx + width]
    edge &= ~inner
    period = 2 * ANT_PX * rim
    down = (np.arange(at.y(), at.y() + height) % period + 1).astype(np.uint8)
    along = (np.arange(at.x(), at.x() + width) % period).astype(np.uint8)
    return np.add.outer(down, along) * edge


def tint_table(color: QColor) -> list[int]:
    """The colour, as dense as the grey is white."""
    table = []
    for value in range(256):
        color.setAlphaF(TINT * value / 255)
        table.append(color.rgba())
    return table


def ants_table(length_px: int, phase: int) -> list[int]:
    """Black and white by turns, two periods long, moved along by `phase`; index 0 is clear."""
    black, white = QColor("black").rgba(), QColor("white").rgba()
    period = 2 * length_px
    places = [(place - phase) % period for place in range(2 * period)]
    return [0, *(white if place < length_px else black for place in places)]


def _page_pixels(start: int, length: int, zoom: float, side: int) -> tuple[np.ndarray, slice]:
    """The page pixel under each device pixel's centre, and which of them lie on the page."""
    import numpy as np

    under = np.floor((np.arange(start, start + length) + 0.5) / zoom).astype(np.int64)
    first, last = np.searchsorted(under, (0, side))
    return under[first:last], slice(int(first), int(last))


def _difference(old: QImage, new: QImage) -> QRect:
    from app.document.arrays import bounding_rect, grey_view

    return bounding_rect(grey_view(old) != grey_view(new))


def _indexed(values: np.ndarray) -> QImage:
    height, width = values.shape
    data = values.tobytes()
    return QImage(data, width, height, width, QImage.Format.Format_Indexed8).copy()


def _colored(indexed: QImage, table: list[int]) -> QImage:
    indexed.setColorTable(table)
    return indexed.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)
