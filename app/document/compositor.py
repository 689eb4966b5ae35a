"""The page as it is seen, kept up to date for the canvas by repainting only what changed.

What lies below the active layer and, if nothing there blends with what is under it, what lies
above it are kept flattened, square by square: a stroke blends three images, however many layers
there are. Laying the flattened upper layers over the rest rounds differently from painting them
one by one, by 1 of 255 here and there; what is sent or exported is `composite.render`'s.
"""

from __future__ import annotations

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
)
from app.document.layers import Layers, path_to
from app.document.state import DocumentState
from app.document.tiles import Key, Mode, PixelKind, keys_over, tile_rect


class Compositor:
    """Follows the states of a document; it finds out itself what is different."""

    def __init__(self, state: DocumentState) -> None:
        self._begin(state)

    @property
    def image(self) -> QImage:
        """The whole page. It is the compositor's own: draw from it, and copy it to keep it."""
        return self._image

    @property
    def state(self) -> DocumentState:
        """The state that the image shows."""
        return self._state

    def update(self, state: DocumentState) -> QRect:
        """Show another state. Returns the rect of the page that was repainted."""
        change = change_between(self._state, state)
        if change.page:
            self._begin(state)
        else:
            self._state = state
            self._repaint(change.rect)
        return change.rect

    def _begin(self, state: DocumentState) -> None:
        self._state = state
        page = state.page.rect
        self._below = _Flattened(page, background(state.page))
        self._above = _Flattened(page, QColor(0, 0, 0, 0))
        self._image = PixelKind.color.blank(page.width(), page.height())
        self._repaint(page)

    def _repaint(self, rect: QRect) -> None:
        if rect.isEmpty():
            return
        below, active, above = _around_active(self._state)
        self._below.show(below, rect)
        part = self._below.image(rect)
        operations = flatten(above)
        if above and can_stand_alone(operations):
            self._above.show(above, rect)
            execute(flatten(active), part, rect)
            _lay(self._above.image(rect), part, QPoint(0, 0), Mode.CompositionMode_SourceOver)
        else:
            execute((*flatten(active), *operations), part, rect)
        _lay(part, self._image, rect.topLeft(), Mode.CompositionMode_Source)


class _Flattened:
    """Some layers in one image of the page's size, painted when it is asked for."""

    def __init__(self, page: QRect, fill: QColor) -> None:
        self._page = page
        self._fill = fill
        self._layers: Layers = ()
        self._operations: tuple[Operation, ...] = ()
        self._kept: QImage | None = None
        self._fresh: set[Key] = set()

    def show(self, layers: Layers, dirty: QRect) -> None:
        """Other layers make all of it stale; the same ones in a new state only what is `dirty`."""
        if [layer.id for layer in layers] != [layer.id for layer in self._layers]:
            self._fresh.clear()
        elif layers != self._layers:
            self._fresh.difference_update(keys_over(dirty))
        if layers is not self._layers:
            self._layers, self._operations = layers, flatten(layers)

    def image(self, rect: QRect) -> QImage:
        """A copy of what they show in `rect`."""
        wanted = list(keys_over(rect))
        stale = [key for key in wanted if key not in self._fresh]
        if len(stale) == len(wanted):
            self._paint(tile_rect(wanted[0]).united(tile_rect(wanted[-1])))
        else:
            for key in stale:
                self._paint(tile_rect(key))
        self._fresh.update(stale)
        assert self._kept is not None
        return self._kept.copy(rect)

    def _paint(self, rect: QRect) -> None:
        if self._kept is None:
            self._kept = PixelKind.color.blank(self._page.width(), self._page.height())
        part = rect.intersected(self._page)
        image = paint(self._operations, part, self._page, self._fill)
        _lay(image, self._kept, part.topLeft(), Mode.CompositionMode_Source)


def _around_active(state: DocumentState) -> tuple[Layers, Layers, Layers]:
    """Root layers below the active one, it (or the group that it is in), and those above."""
    if state.active_layer is None:
        return state.layers, (), ()
    index = state.layers.index(path_to(state.layers, state.active_layer.id)[0])
    return state.layers[:index], state.layers[index : index + 1], state.layers[index + 1 :]


def _lay(image: QImage, onto: QImage, at: QPoint, mode: Mode) -> None:
    with QPainter(onto) as painter:
        painter.setCompositionMode(mode)
        painter.drawImage(at, image)
