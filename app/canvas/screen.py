"""Screen tiles: the page as it looks at one zoom, in squares of device pixels kept for panning.

The grid hangs on the page's corner and a square is always made whole, so that a partial repaint
gives the same pixels as a full one. Knows pyramids, and nothing of documents or widgets.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Generic, Protocol, TypeVar

from PySide6.QtCore import QPoint, QRect, QRectF, QSize
from PySide6.QtGui import QBrush, QColor, QImage, QPainter

from app.canvas.palette import Palette
from app.canvas.pyramid import FORMAT, Pyramid
from app.document.tiles import Key, keys_over, tile_rect

NEAREST_FROM = 2.0
CHECKER_PX = 8
KEPT_TILES = 512

Made = TypeVar("Made")


class Screen(Generic[Made]):
    """Keeps what `make(zoom, square)` makes of each square; the least recently seen goes first."""

    def __init__(self, make: Callable[[float, QRect], Made]) -> None:
        self._make = make
        self._zoom = 0.0
        self._kept: OrderedDict[Key, Made] = OrderedDict()
        self._former: tuple[float, OrderedDict[Key, Made]] = (1.0, OrderedDict())

    @property
    def former(self) -> tuple[float, Mapping[Key, Made]]:
        """The zoom before this one and its squares: something to show until the new are made."""
        return self._former

    def tile(self, zoom: float, key: Key, deadline: float = math.inf) -> Made | None:
        """The square, made now if it must be; None if it must and `deadline` has passed."""
        if zoom != self._zoom:
            if self._kept:
                self._former = (self._zoom, self._kept)
            self._zoom, self._kept = zoom, OrderedDict()
        if key in self._kept:
            self._kept.move_to_end(key)
        elif perf_counter() > deadline:
            return None
        else:
            self._kept[key] = self._make(zoom, tile_rect(key))
            if len(self._kept) > KEPT_TILES:
                self._kept.popitem(last=False)
        return self._kept[key]

    def invalidate(self, rect: QRect) -> None:
        """The page pixels in `rect` have changed."""
        for zoom, kept in ((self._zoom, self._kept), self._former):
            if kept and not rect.isEmpty():
                for key in keys_over(touched(rect, zoom)):
                    kept.pop(key, None)

    def clear(self) -> None:
        self._kept.clear()
        self._former[1].clear()


def touched(rect: QRect, zoom: float) -> QRect:
    """The device pixels, from the page's corner, that a change of page pixels can show in."""
    # A pixel of a coarse level covers several of the page, and smooth sampling looks one beside it.
    reach = 4 * (1 << level_for(zoom))
    grown = QRectF(rect.adjusted(-reach, -reach, reach, reach))
    return QRectF(grown.topLeft() * zoom, grown.size() * zoom).toAlignedRect()


def level_for(zoom: float) -> int:
    """The coarsest level that is still at least as fine as the screen.

    >>> [level_for(zoom) for zoom in (4, 1, 0.51, 0.5, 0.3, 0.25)]
    [0, 0, 0, 1, 1, 2]
    """
    return max(0, math.floor(math.log2(1 / zoom) + 1e-9))


def sampled(pyramid: Pyramid, zoom: float, square: QRect) -> QImage:
    """The pyramid's pixels in a square of device pixels, smooth below 200 % and crisp above."""
    level = level_for(zoom)
    scale = zoom * (1 << level)
    source = shrunk(square, scale).adjusted(-2, -2, 2, 2) & pyramid.extent(level)
    image = QImage(square.size(), FORMAT)
    image.fill(0)
    if source.isEmpty():
        return image
    with QPainter(image) as painter:
        # Nothing lies below to blend with; blending zoomed pixels takes twice as long.
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Source)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, zoom < NEAREST_FROM)
        painter.translate(-square.topLeft())
        painter.scale(scale, scale)
        painter.drawImage(source.topLeft(), pyramid.gather(level, source))
    return image


def shrunk(rect: QRect, scale: float) -> QRect:
    """The whole pixels of another size that lie under `rect`, one of which is `scale` of ours."""
    left, top = rect.left() / scale, rect.top() / scale
    return QRectF(left, top, rect.width() / scale, rect.height() / scale).toAlignedRect()


class Sampler(Protocol):
    """What can make a square of device pixels at a zoom."""

    def sampled(self, zoom: float, square: QRect) -> QImage: ...


class PageScreen:
    """The page's picture on screen tiles, transparency shown as a checkerboard.

    `lifted`, while there is one, samples squares below 100 % in the pyramid's place.
    """

    def __init__(self, pyramid: Pyramid, *, is_opaque: bool) -> None:
        self.pyramid = pyramid
        self.lifted: Sampler | None = None
        self.page = pyramid.bounds.size()
        self._is_opaque = is_opaque
        self._screen = Screen[QImage](self._tile)
        self._checker = QBrush()
        self._ground = QColor()

    def set_look(self, palette: Palette, ratio: float) -> None:
        """Checks keep their size for the eye, whatever the display's pixel ratio."""
        self._checker = checker(palette, ratio)
        self._ground = QColor(palette.checker_light)
        self._screen.clear()

    def invalidate(self, rect: QRect) -> None:
        self.pyramid.invalidate(rect)
        self.renew(rect)

    def renew(self, rect: QRect) -> None:
        """Show `rect` afresh, though the pyramid has not changed."""
        self._screen.invalidate(rect)

    def paint(self, painter: QPainter, zoom: float, clip: QRect, deadline: float) -> QRect:
        """Paints `clip`, device pixels from the page's corner; gives back what is still missing."""
        missing = QRect()
        for key in keys_over(clip & device_extent(self.page, zoom)):
            tile = self._screen.tile(zoom, key, deadline)
            if tile is None:
                missing = missing.united(tile_rect(key))
                self._paint_former(painter, zoom, tile_rect(key))
            else:
                painter.drawImage(tile_rect(key).topLeft(), tile)
        return missing

    def _paint_former(self, painter: QPainter, zoom: float, square: QRect) -> None:
        """What the square showed at the zoom before, quickly stretched."""
        former_zoom, tiles = self._screen.former
        scale = zoom / former_zoom
        painter.save()
        painter.setClipRect(square)
        # One colour: a frame that is late has no time for a checkerboard.
        painter.fillRect(square & device_extent(self.page, zoom), self._ground)
        painter.scale(scale, scale)
        for key in keys_over(shrunk(square, scale)):
            if (tile := tiles.get(key)) is not None:
                painter.drawImage(tile_rect(key).topLeft(), tile)
        painter.restore()

    def _tile(self, zoom: float, square: QRect) -> QImage:
        image = self._sampled(zoom, square)
        if self._is_opaque:
            return image
        with QPainter(image) as painter:
            painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_DestinationOver)
            painter.translate(-square.topLeft())
            painter.fillRect(device_extent(self.page, zoom) & square, self._checker)
        return image

    def _sampled(self, zoom: float, square: QRect) -> QImage:
        if zoom == 1.0:  # the screen's grid is the page's
            return QImage(self.pyramid.tile(0, next(keys_over(square))))
        if self.lifted is not None and zoom < 1.0:
            return self.lifted.sampled(zoom, square)
        return sampled(self.pyramid, zoom, square)


def device_extent(page: QSize, zoom: float) -> QRect:
    """The page in device pixels from its corner, to the nearest whole one."""
    return QRect(
        QPoint(0, 0), QPoint(round(page.width() * zoom) - 1, round(page.height() * zoom) - 1)
    )


def checker(palette: Palette, ratio: float) -> QBrush:
    """Two by two checks as a brush."""
    side = max(1, round(CHECKER_PX * ratio))
    image = QImage(2 * side, 2 * side, QImage.Format.Format_RGB32)
    image.fill(QColor(palette.checker_light))
    with QPainter(image) as painter:
        dark = QColor(palette.checker_dark)
        painter.fillRect(0, 0, side, side, dark)
        painter.fillRect(side, side, side, side, dark)
    return QBrush(image)
