"""A picture read as a map: white counts, black does not, as a selection of the page.

For answers of models (depth, edges, segments) and for any layer that is one. Knows no widgets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor, QImage, QPainter

from app.document.commands import AddLayer, Command, SetMask, SetSelection
from app.document.layers import LayerMask, PixelLayer, find_layer
from app.document.pictures import over_black, over_white
from app.document.selection import Selection
from app.document.stacking import Several
from app.document.state import DocumentState
from app.document.tiles import PixelKind, Tiles
from app.i18n import translate

if TYPE_CHECKING:  # numpy is loaded with the first map: starting would pay for it
    from app.document.arrays import GreyArray

MAX_GROW_PX = 128
PREVIEW_PX = 1024
VEIL = QColor(0, 0, 0, 170)


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How grey becomes more or less chosen. Without a `threshold` it stays as grey as it is; from
    the threshold on it is white. `grow_px` below 0 shrinks."""

    threshold: int | None = 128
    inverts: bool = False
    grow_px: int = 0


def read_map(image: QImage, reading: Reading) -> Selection:
    """What the map chooses; `image` is of the page's size. What is transparent is not chosen."""
    from app.document.arrays import grey_image, grown

    reach = max(-MAX_GROW_PX, min(MAX_GROW_PX, reading.grow_px))
    values = grown(_levelled(_grey(image), reading), reach)
    return Selection(Tiles.from_image(grey_image(values), QPoint(0, 0), PixelKind.grey))


class MapPreview:
    """What a reading chooses, no larger than `PREVIEW_PX`, so that it follows the hand. Every
    pixel of the map is compared with the threshold; only growing works on the small picture."""

    def __init__(self, image: QImage) -> None:
        self._grey = _grey(image)
        longest = max(image.width(), image.height())
        self._scale = min(1.0, PREVIEW_PX / longest)
        self._size = image.size() * self._scale if self._scale < 1 else image.size()

    def read(self, reading: Reading) -> QImage:
        """In grey: what is white is chosen."""
        from app.document.arrays import grey_image, grey_values, grown

        levelled = self._small(grey_image(_levelled(self._grey, reading)))
        values = grey_values(levelled.convertToFormat(QImage.Format.Format_Grayscale8))
        return grey_image(grown(values, round(reading.grow_px * self._scale)))

    def over(self, page: QImage, chosen: QImage) -> QImage:
        """The page with a veil over what is not chosen."""
        veil = QImage(chosen.size(), QImage.Format.Format_ARGB32_Premultiplied)
        veil.fill(VEIL)
        hole = chosen.copy()
        hole.reinterpretAsFormat(QImage.Format.Format_Alpha8)
        with QPainter(veil) as painter:
            painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_DestinationOut)
            painter.drawImage(0, 0, hole)
        found = self._small(over_white(page))
        with QPainter(found) as painter:
            painter.drawImage(0, 0, veil)
        return found

    def _small(self, image: QImage) -> QImage:
        ignore = Qt.AspectRatioMode.IgnoreAspectRatio
        smooth = Qt.TransformationMode.SmoothTransformation
        return image if image.size() == self._size else image.scaled(self._size, ignore, smooth)


def _grey(image: QImage) -> GreyArray:
    from app.document.arrays import grey_values

    return grey_values(over_black(image).convertToFormat(QImage.Format.Format_Grayscale8))


def _levelled(grey: GreyArray, reading: Reading) -> GreyArray:
    import numpy as np

    values = ~grey if reading.inverts else grey
    if reading.threshold is None:
        return values
    return np.where(values >= reading.threshold, np.uint8(255), np.uint8(0))


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
