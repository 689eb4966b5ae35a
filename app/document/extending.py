"""Where the page is larger than the picture on it, and what a model is sent to paint the rest.

The picture is all that shows but live text, which is no part of it: it lies over what is new as it
lay over the page. Pure functions over document states.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from PySide6.QtCore import QRect
from PySide6.QtGui import QImage

from app.document.composite import render
from app.document.layers import GroupLayer, Layer, Layers, PixelLayer
from app.document.pictures import over_white
from app.document.selection import Selection, inverted, rectangle
from app.document.state import DocumentState
from app.document.tiles import PixelKind
from app.i18n import translate


@dataclass(frozen=True, kw_only=True)
class Margins:
    """How many px of the page lie beyond the picture, a side."""

    left: int
    right: int
    top: int
    bottom: int


def picture_area(state: DocumentState) -> QRect:
    """The smallest rect of the page that holds every pixel that shows; empty without any."""
    from app.document.arrays import bounding_rect, color_values

    return bounding_rect(color_values(render(_pixels(state))) != 0)


def extension_hindrance(state: DocumentState) -> str:
    """Why the picture cannot be continued, in words; empty when it can. Quick, like is_covered."""
    if not any(map(_has_pixels, state.layers)):
        return translate("Document", "There is no picture on the page yet.")
    if is_covered(state):
        return translate("Document", "The picture covers the page already.")
    return ""


def is_covered(state: DocumentState) -> bool:
    """Whether the picture reaches all four edges of the page, without a look at the rest of it."""
    page, pixels = state.page.rect, _pixels(state)
    last_row, last_column = page.bottom(), page.right()
    edges = (
        QRect(0, 0, page.width(), 1),
        QRect(0, last_row, page.width(), 1),
        QRect(0, 0, 1, page.height()),
        QRect(last_column, 0, 1, page.height()),
    )
    return all(render(pixels, edge) != _blank(edge) for edge in edges)


def margins(area: QRect, page: QRect) -> Margins:
    """What a picture in `area` lacks to the page's edges."""
    return Margins(
        left=area.left(),
        right=page.right() - area.right(),
        top=area.top(),
        bottom=page.bottom() - area.bottom(),
    )


def beyond(area: QRect, page: QRect) -> Selection:
    """White where the page lies beyond a picture in `area`."""
    return inverted(rectangle(area), page)


def source_for_extension(state: DocumentState, area: QRect) -> QImage:
    """The picture in `area`, without live text, on white where it lets through."""
    return over_white(render(_pixels(state), area))


def _pixels(state: DocumentState) -> DocumentState:
    """The document with nothing but pixels on a page without colour."""
    page = dataclasses.replace(state.page, background=None)
    return dataclasses.replace(state, page=page, layers=_without_text(state.layers))


def _without_text(layers: Layers) -> Layers:
    found: list[Layer] = []
    for layer in layers:
        if isinstance(layer, GroupLayer):
            found.append(dataclasses.replace(layer, children=_without_text(layer.children)))
        elif isinstance(layer, PixelLayer):
            found.append(layer)
    return tuple(found)


def _has_pixels(layer: Layer) -> bool:
    if isinstance(layer, GroupLayer):
        return any(map(_has_pixels, layer.children))
    return isinstance(layer, PixelLayer) and not layer.tiles.is_empty


def _blank(rect: QRect) -> QImage:
    return PixelKind.color.blank(rect.width(), rect.height())
