"""Where the page lies on the screen: zoom, pan, fit and the way between screen and page.

A value without widgets. Screen points are logical pixels as Qt's events carry them; `zoom` counts
device pixels for one page pixel, so that 100 % is sharp on every display.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, QSize

MAX_ZOOM = 64.0
MIN_ZOOM = 0.02
ZOOM_STOPS = (
    *(0.02, 0.03, 0.04, 0.05, 0.0625, 0.0833, 0.125, 0.1667, 0.25, 0.3333, 0.5, 0.6667, 0.75),
    *(1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0, 48.0, 64.0),
)
FIT_MARGIN = 32
# So much of the page stays in view, however far the hand moves it.
KEPT_IN_VIEW = 48


@dataclass(frozen=True, kw_only=True)
class Viewport:
    """`left` and `top` are the page's corner in device pixels, kept exact and shown rounded."""

    view: QSize
    page: QSize
    ratio: float = 1.0
    zoom: float = 1.0
    left: float = 0.0
    top: float = 0.0

    @property
    def device_size(self) -> QSize:
        """The view in device pixels."""
        return QSize(
            math.ceil(self.view.width() * self.ratio), math.ceil(self.view.height() * self.ratio)
        )

    @property
    def origin(self) -> QPoint:
        """The page's corner as drawn: whole device pixels, so that panning moves pixels exactly."""
        return QPoint(round(self.left), round(self.top))

    @property
    def scale(self) -> float:
        """Logical pixels for one page pixel."""
        return self.zoom / self.ratio

    @property
    def fit_zoom(self) -> float:
        """The zoom that shows the whole page with a margin; from 200 % on a whole number."""
        room = self.device_size
        margin = 2 * FIT_MARGIN * self.ratio
        fitting = min(
            max(1.0, room.width() - margin) / max(1, self.page.width()),
            max(1.0, room.height() - margin) / max(1, self.page.height()),
        )
        return min(float(math.floor(fitting)), MAX_ZOOM) if fitting >= 2 else fitting

    @property
    def min_zoom(self) -> float:
        """Even the largest page can be seen whole, and smaller."""
        return min(MIN_ZOOM, self.fit_zoom / 2)

    def to_page(self, point: QPointF) -> QPointF:
        """Screen to page."""
        corner = self.origin
        return QPointF(
            (point.x() * self.ratio - corner.x()) / self.zoom,
            (point.y() * self.ratio - corner.y()) / self.zoom,
        )

    def to_screen(self, point: QPointF) -> QPointF:
        """Page to screen."""
        corner = self.origin
        return QPointF(
            (point.x() * self.zoom + corner.x()) / self.ratio,
            (point.y() * self.zoom + corner.y()) / self.ratio,
        )

    def rect_to_screen(self, rect: QRectF) -> QRectF:
        """Page to screen, logical pixels."""
        return QRectF(self.to_screen(rect.topLeft()), self.to_screen(rect.bottomRight()))

    def rect_to_page(self, rect: QRectF) -> QRectF:
        """Screen to page, exact."""
        return QRectF(self.to_page(rect.topLeft()), self.to_page(rect.bottomRight()))

    @property
    def page_on_screen(self) -> QRectF:
        """The whole page in logical pixels."""
        return self.rect_to_screen(QRectF(QPointF(0, 0), self.page.toSizeF()))

    @property
    def seen(self) -> QRect:
        """The page pixels in view, rounded outwards."""
        inside = self.rect_to_page(QRectF(QPointF(0, 0), self.view.toSizeF()))
        return inside.toAlignedRect() & QRect(QPoint(0, 0), self.page)

    def zoomed(self, zoom: float, at: QPointF) -> Viewport:
        """At another zoom, with the page point under `at` (a screen point) still under it."""
        zoom = min(max(zoom, self.min_zoom), MAX_ZOOM)
        x, y = at.x() * self.ratio, at.y() * self.ratio
        factor = zoom / self.zoom
        moved = replace(
            self, zoom=zoom, left=x - (x - self.left) * factor, top=y - (y - self.top) * factor
        )
        return moved.kept_in_view()

    def stepped(self, steps: int, at: QPointF) -> Viewport:
        """`steps` zoom stops further in (positive) or out."""
        zoom = self.zoom
        for _ in range(abs(steps)):
            zoom = next_stop(zoom, inwards=steps > 0)
        return self.zoomed(zoom, at)

    def panned(self, dx: float, dy: float) -> Viewport:
        """Moved by logical pixels, until only a rim of the page is in view."""
        moved = replace(self, left=self.left + dx * self.ratio, top=self.top + dy * self.ratio)
        return moved.kept_in_view()

    def fitted(self) -> Viewport:
        """The whole page in the middle of the view."""
        return replace(self, zoom=self.fit_zoom).centred()

    def centred(self) -> Viewport:
        """The page's middle in the middle of the view, at the same zoom."""
        room = self.device_size
        return replace(
            self,
            left=(room.width() - self.page.width() * self.zoom) / 2,
            top=(room.height() - self.page.height() * self.zoom) / 2,
        )

    def resized(self, view: QSize, ratio: float) -> Viewport:
        """In another window size or on another display: what was in the middle stays there."""
        middle = self.to_page(QPointF(self.view.width() / 2, self.view.height() / 2))
        zoom = self.zoom * ratio / self.ratio
        moved = replace(
            self,
            view=view,
            ratio=ratio,
            zoom=zoom,
            left=view.width() * ratio / 2 - middle.x() * zoom,
            top=view.height() * ratio / 2 - middle.y() * zoom,
        )
        return moved.kept_in_view()

    def kept_in_view(self) -> Viewport:
        """Pushed back so that a rim of the page can still be seen and taken hold of."""
        room = self.device_size
        rim = KEPT_IN_VIEW * self.ratio
        return replace(
            self,
            left=_kept(self.left, self.page.width() * self.zoom, room.width(), rim),
            top=_kept(self.top, self.page.height() * self.zoom, room.height(), rim),
        )


def next_stop(zoom: float, *, inwards: bool) -> float:
    """The neighbouring zoom stop; the same one at either end."""
    # A zoom within a thousandth of a stop counts as standing on it.
    if inwards:
        return next((stop for stop in ZOOM_STOPS if stop > zoom * 1.001), ZOOM_STOPS[-1])
    return next((stop for stop in reversed(ZOOM_STOPS) if stop < zoom * 0.999), zoom)


def _kept(start: float, length: float, room: float, rim: float) -> float:
    rim = min(rim, max(length, 1.0), room / 2)  # at least one pixel that can be painted
    return min(max(start, rim - length), room - rim)
