"""A page with one layer lifted out of it, to be laid back anywhere: how a drag looks from afar.

Below 100 % a screen pixel covers many of the page. While a layer moves, what is below it, itself
and what is above it are blended as they are sampled for the screen, and not in all pixels of the
page. It is a look for the time of the drag: the layer lies on whole screen pixels, and blending
samples is not sampling blends. On flat colours the two differ by 2 of 255 at most, at edges more.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QPoint, QRect
from PySide6.QtGui import QColor, QImage, QPainter

from app.canvas.pyramid import Pyramid
from app.canvas.screen import Screen, sampled, touched
from app.document.blend import Blend
from app.document.composite import flatten, paint, shown_bounds
from app.document.compositor import Compositor, around_active
from app.document.layers import Layer, Layers, moved
from app.document.state import DocumentState
from app.document.tiles import Key, Mode, keys_over, tile_rect


class Lifted:
    """The root layer that is active, or that the active one is in, of a compositor's state."""

    def __init__(self, compositor: Compositor, layer: Layer, around: tuple[Layers, Layers]) -> None:
        page = compositor.state.page.rect
        self._layer = layer
        self._around = around
        self._way = QPoint()
        self._bare = flatten((dataclasses.replace(layer, opacity=1.0, blend=Blend.normal),))
        self._under = _Part(page, compositor.below)
        self._own = _Part(shown_bounds(layer), self._own_tile)
        self._over = _Part(compositor.above_reach & page, compositor.above)

    @staticmethod
    def of(compositor: Compositor, state: DocumentState) -> Lifted | None:
        """None if no layer can be lifted out of `state`, with the same layers around it."""
        below, active, above = around_active(state)
        if not active or not compositor.stands_alone:
            return None
        return Lifted(compositor, active[0], (below, above))

    def can_show(self, state: DocumentState) -> bool:
        """Whether nothing but the layer's place is different."""
        below, active, above = around_active(state)
        if not active or (below, above) != self._around:
            return False
        way = self._way_to(active[0])
        return moved(self._layer, way.x(), way.y()) == active[0]

    def show(self, state: DocumentState) -> None:
        """One that `can_show` has allowed."""
        self._way = self._way_to(around_active(state)[1][0])

    def sampled(self, zoom: float, square: QRect) -> QImage:
        """A screen tile of the page, which is the caller's own."""
        image = self._under.tile(zoom, next(keys_over(square))).copy()
        way = QPoint(round(self._way.x() * zoom), round(self._way.y() * zoom))
        with QPainter(image) as painter:
            painter.translate(way - square.topLeft())
            painter.setCompositionMode(self._layer.blend.mode)
            painter.setOpacity(self._layer.opacity)
            self._own.lay(painter, zoom, square.translated(-way))
            painter.translate(-way)
            painter.setCompositionMode(Mode.CompositionMode_SourceOver)
            painter.setOpacity(1.0)
            self._over.lay(painter, zoom, square)
        return image

    def prepare(self, zoom: float, rect: QRect, deadline: float) -> bool:
        """Make what `sampled` needs for the page pixels in `rect`; whether all of it is done."""
        parts = (self._under, self._over, self._own)
        return all(part.prepare(zoom, rect, deadline) for part in parts)

    def _way_to(self, layer: Layer) -> QPoint:
        return QPoint(layer.x - self._layer.x, layer.y - self._layer.y)

    def _own_tile(self, key: Key) -> QImage:
        square = tile_rect(key)
        return paint(self._bare, square, square, QColor(0, 0, 0, 0))


class _Part:
    """Some layers by themselves, on screen tiles."""

    def __init__(self, bounds: QRect, source: Callable[[Key], QImage]) -> None:
        self._bounds = bounds
        self._screen = Screen[QImage](partial(sampled, Pyramid(bounds, source)))

    def tile(self, zoom: float, key: Key) -> QImage:
        tile = self._screen.tile(zoom, key)
        assert tile is not None, "without a deadline every tile is made"
        return tile

    def lay(self, painter: QPainter, zoom: float, rect: QRect) -> None:
        for key in keys_over(rect & touched(self._bounds, zoom)):
            painter.drawImage(tile_rect(key).topLeft(), self.tile(zoom, key))

    def prepare(self, zoom: float, rect: QRect, deadline: float) -> bool:
        wanted = touched(rect, zoom) & touched(self._bounds, zoom)
        tiles = (self._screen.tile(zoom, key, deadline) for key in keys_over(wanted))
        return all(tile is not None for tile in tiles)
