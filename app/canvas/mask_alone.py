"""A layer's mask alone, as a page of its own: white shows the layer, black hides it."""

from __future__ import annotations

import dataclasses
from functools import cache

from PySide6.QtCore import Qt
from PySide6.QtGui import QImage

from app.document.layers import Layer, LayerMask, PixelLayer
from app.document.state import DocumentState
from app.document.tiles import PixelKind, Tiles


def mask_alone(state: DocumentState) -> DocumentState:
    """The state that shows nothing but the mask that is painted, whether it is on or off, at the
    place where it lies. It follows a stroke as any other state follows a change of a mask."""
    layer = state.masked_layer
    assert layer is not None, "a mask is painted"
    assert layer.mask is not None
    page = dataclasses.replace(state.page, background="#000000")
    return dataclasses.replace(state, page=page, layers=(_white(layer, layer.mask),))


def _white(layer: Layer, mask: LayerMask) -> PixelLayer:
    """White wherever the mask has pixels, seen through it."""
    tiles = Tiles(PixelKind.color, dict.fromkeys(mask.tiles.keys, _white_tile()))
    seen = LayerMask(tiles=mask.tiles)
    return PixelLayer(id=layer.id, tiles=tiles, mask=seen, x=layer.x, y=layer.y)


@cache
def _white_tile() -> QImage:
    """One for all: tiles are compared by identity."""
    tile = PixelKind.color.blank()
    tile.fill(Qt.GlobalColor.white)
    return tile
