"""The page as it is seen, square by square, kept up to date for the canvas.

A square is composited when it is asked for, so that what nobody looks at costs nothing. What lies
below the active layer and, if nothing there blends with what is under it, what lies above it are
kept flattened: a stroke or a drag blends three images, however many layers there are. Laying the
flattened upper layers over the rest rounds differently from painting them one by one, by 1 of 255
here and there; what is sent or exported is `composite.render`'s.
"""

from __future__ import annotations

from time import perf_counter

from PySide6.QtCore import QPoint, QRect
from PySide6.QtGui import QColor, QImage, QPainter

from app.document.changes import change_between
from app.document.composite import (
    Operation,
    background,
    can_stand_alone,
    execute,
    flatten,
    paint,
    shown_bounds,
)
from app.document.layers import Layers, path_to
from app.document.state import DocumentState
from app.document.tiles import TILE_PX, Key, Mode, PixelKind, keys_over, tile_rect


class Compositor:
    """Follows the states of a document; it finds out itself what is different."""

    def __init__(self, state: DocumentState) -> None:
        self._begin(state)

    @property
    def state(self) -> DocumentState:
        """The state that the tiles show."""
        return self._state

    @property
    def image(self) -> QImage:
        """A new image of the whole page."""
        page = self._state.page.rect
        found = PixelKind.color.blank(page.width(), page.height())
        for key in keys_over(page):
            _lay(self.tile(key), found, tile_rect(key).topLeft(), Mode.CompositionMode_Source)
        return found

    def tile(self, key: Key) -> QImage:
        """A square of the page, transparent beyond its edge. Shared: never paint on it."""
        tile = self._tiles.get(key)
        if tile is None:
            tile = self._tiles[key] = self._composed(key)
        return tile

    def update(self, state: DocumentState) -> QRect:
        """Show another state. Returns the rect of the page outside which it looks the same."""
        change = change_between(self._state, state)
        if change.page:
            self._begin(state)
        else:
            self._show(state, change.rect)
        return change.rect

    def below(self, key: Key) -> QImage:
        """What lies below the active layer. Shared, as all of these."""
        return self._below.tile(key)

    def above(self, key: Key) -> QImage:
        """What lies above the active layer, by itself; it means something if `stands_alone`."""
        return self._above.tile(key)

    @property
    def stands_alone(self) -> bool:
        """Whether what lies above the active layer may be laid over the rest in one."""
        return self._above.stands_alone

    @property
    def above_reach(self) -> QRect:
        return self._above.reach

    def prepare(self, rect: QRect, deadline: float) -> bool:
        """Flatten what lies around the active layer in `rect`; whether all of it is done."""
        for key in keys_over(rect & self._state.page.rect):
            if perf_counter() > deadline:
                return False
            self._below.tile(key)
            if self._above.stands_alone and self._above.reach.intersects(tile_rect(key)):
                self._above.tile(key)
        return True

    def _begin(self, state: DocumentState) -> None:
        page = state.page.rect
        self._below = _Flattened(page, background(state.page))
        self._above = _Flattened(page, QColor(0, 0, 0, 0))
        self._tiles: dict[Key, QImage] = {}
        self._show(state, page)

    def _show(self, state: DocumentState, dirty: QRect) -> None:
        self._state = state
        below, active, above = around_active(state)
        self._below.show(below, dirty)
        self._above.show(above, dirty)
        self._active = flatten(active)
        self._reach = _reach(active)
        for key in keys_over(dirty):
            self._tiles.pop(key, None)

    def _composed(self, key: Key) -> QImage:
        rect, below = tile_rect(key), self._below.tile(key)
        has_above = self._above.reach.intersects(rect)
        if not has_above and not self._reach.intersects(rect):
            return below
        part = rect & self._state.page.rect
        image = below.copy(QRect(QPoint(0, 0), part.size()))
        if has_above and not self._above.stands_alone:
            execute((*self._active, *self._above.operations), image, part)
        else:
            execute(self._active, image, part)
            if has_above:
                above = self._above.tile(key)
                _lay(above, image, QPoint(0, 0), Mode.CompositionMode_SourceOver)
        return image if part == rect else image.copy(0, 0, TILE_PX, TILE_PX)


class _Flattened:
    """Some layers over a colour, in squares that are painted when they are asked for."""

    def __init__(self, page: QRect, fill: QColor) -> None:
        self._page = page
        self._fill = fill
        self._layers: Layers = ()
        self._tiles: dict[Key, QImage] = {}
        self.operations: tuple[Operation, ...] = ()
        self.stands_alone = True
        self.reach = QRect()

    def show(self, layers: Layers, dirty: QRect) -> None:
        """Other layers make all of it stale; the same ones in a new state only what is `dirty`."""
        if layers == self._layers:
            return
        if [layer.id for layer in layers] != [layer.id for layer in self._layers]:
            self._tiles.clear()
        for key in keys_over(dirty):
            self._tiles.pop(key, None)
        self._layers, self.operations = layers, flatten(layers)
        self.stands_alone = can_stand_alone(self.operations)
        self.reach = _reach(layers)

    def tile(self, key: Key) -> QImage:
        tile = self._tiles.get(key)
        if tile is None:
            tile = paint(self.operations, tile_rect(key), self._page, self._fill)
            self._tiles[key] = tile
        return tile


def _reach(layers: Layers) -> QRect:
    """The rect outside which none of them shows anything."""
    found = QRect()
    for layer in layers:
        found = found.united(shown_bounds(layer))
    return found


def around_active(state: DocumentState) -> tuple[Layers, Layers, Layers]:
    """Root layers below the active one, it (or the group that it is in), and those above."""
    if state.active_layer is None:
        return state.layers, (), ()
    index = state.layers.index(path_to(state.layers, state.active_layer.id)[0])
    return state.layers[:index], state.layers[index : index + 1], state.layers[index + 1 :]


def _lay(image: QImage, onto: QImage, at: QPoint, mode: Mode) -> None:
    with QPainter(onto) as painter:
        painter.setCompositionMode(mode)
        painter.drawImage(at, image)
