"""A page with one layer lifted out of it, to be laid back anywhere: how a drag looks from afar.

Below 100 % a screen pixel covers many of the page. While a layer moves, what is below it, itself
and what is above it are blended in the size that is shown, and not in all pixels of the page. It
is a look for the time of the drag: blending averages is not averaging blends.
"""

from __future__ import annotations

import dataclasses
from time import perf_counter

from PySide6.QtCore import QPoint, QRect
from PySide6.QtGui import QColor, QImage, QPainter

from app.canvas.pyramid import Pyramid, extent
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
        self._under = Pyramid(page, compositor.below)
        self._own = Pyramid(shown_bounds(layer), self._own_tile)
        self._over = Pyramid(compositor.above_reach & page, compositor.above)

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

    def extent(self, level: int) -> QRect:
        return self._under.extent(level)

    def gather(self, level: int, rect: QRect) -> QImage:
        """As a pyramid's; the layer lies on whole pixels of the level."""
        image = self._under.gather(level, rect)
        way = QPoint(self._way.x() >> level, self._way.y() >> level)
        with QPainter(image) as painter:
            painter.translate(way - rect.topLeft())
            painter.setCompositionMode(self._layer.blend.mode)
            painter.setOpacity(self._layer.opacity)
            _lay(self._own, level, rect.translated(-way), painter)
            painter.translate(-way)
            painter.setCompositionMode(Mode.CompositionMode_SourceOver)
            painter.setOpacity(1.0)
            _lay(self._over, level, rect, painter)
        return image

    def prepare(self, level: int, rect: QRect, deadline: float) -> bool:
        """Make what `gather` needs for the page pixels in `rect`; whether all of it is done."""
        for pyramid in (self._under, self._over, self._own):
            for key in keys_over(extent(rect, level) & pyramid.extent(level)):
                if perf_counter() > deadline:
                    return False
                pyramid.tile(level, key)
        return True

    def _way_to(self, layer: Layer) -> QPoint:
        return QPoint(layer.x - self._layer.x, layer.y - self._layer.y)

    def _own_tile(self, key: Key) -> QImage:
        square = tile_rect(key)
        return paint(self._bare, square, square, QColor(0, 0, 0, 0))


def _lay(pyramid: Pyramid, level: int, rect: QRect, painter: QPainter) -> None:
    for key in keys_over(rect & pyramid.extent(level)):
        painter.drawImage(tile_rect(key).topLeft(), pyramid.tile(level, key))
