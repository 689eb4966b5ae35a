"""A picture read as a map: white counts, black does not, as a selection of the page.

For answers of models (depth, edges, segments) and for any layer that is one. Knows no widgets.
"""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QPoint
from PySide6.QtGui import QImage

from app.document.commands import AddLayer, Command, SetMask, SetSelection
from app.document.layers import LayerMask, PixelLayer, find_layer
from app.document.pictures import over_black
from app.document.selection import Selection
from app.document.stacking import Several
from app.document.state import DocumentState
from app.document.tiles import PixelKind, Tiles
from app.i18n import translate

MAX_GROW_PX = 128


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How grey becomes more or less chosen. Without a `threshold` it stays as grey as it is; from
    the threshold on it is white. `grow_px` below 0 shrinks."""

    threshold: int | None = 128
    inverts: bool = False
    grow_px: int = 0


def read_map(image: QImage, reading: Reading) -> Selection:
    """What the map chooses; `image` is of the page's size. What is transparent is not chosen."""
    import numpy as np

    from app.document.arrays import eroded, grey_image, grey_values

    values = grey_values(over_black(image).convertToFormat(QImage.Format.Format_Grayscale8))
    if reading.inverts:
        values = ~values
    if reading.threshold is not None:
        values = np.where(values >= reading.threshold, 255, 0).astype(np.uint8)
    for step in range(min(abs(reading.grow_px), MAX_GROW_PX)):
        is_diagonal = step % 2 == 1
        if reading.grow_px < 0:
            values = eroded(values, diagonal=is_diagonal)
        else:
            values = ~eroded(~values, diagonal=is_diagonal)
    return Selection(Tiles.from_image(grey_image(values), QPoint(0, 0), PixelKind.grey))


@dataclass(frozen=True, kw_only=True)
class UseMap(Several):
    """All that using a map does, as one step."""

    def name(self) -> str:
        return translate("Commands", "Use map")


def as_selection(found: Selection) -> Command:
    return SetSelection(selection=found)


def as_mask(state: DocumentState, found: Selection, layer_id: str) -> Command:
    """The layer's new mask. Raises UnknownLayer."""
    layer = find_layer(state.layers, layer_id)
    image, at = found.image(state.page.rect), QPoint(-layer.x, -layer.y)
    mask = LayerMask(tiles=Tiles.from_image(image, at, PixelKind.grey))
    return SetMask(layer_id=layer_id, mask=mask)


def as_layer(state: DocumentState, found: Selection) -> Command:
    """A layer of its own, black and white as it was read, on top of all."""
    image = found.image(state.page.rect).convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)
    tiles = Tiles.from_image(image, QPoint(0, 0))
    layer = PixelLayer(name=translate("Layers", "Map"), tiles=tiles)
    return AddLayer(layer=layer, index=len(state.layers))
