"""What may change: a grey value a pixel of the page, white = may change, black = must not.

Selections are immutable. Feathering works inwards, so that what is black stays black. Knows
nothing of tools and outlines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRect, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath, QPen

from app.document.pictures import to_picture
from app.document.tiles import Mode, PixelKind, Tiles, tile_rows
from model.requests import Picture

if TYPE_CHECKING:
    from app.document.arrays import GreyArray

MAX_FEATHER_PX = 128
MODEL_THRESHOLD = 128


class Combine(Enum):
    """How a new area meets what is selected already."""

    replace = "replace"
    add = "add"
    subtract = "subtract"
    intersect = "intersect"


@dataclass(frozen=True)
class Selection:
    """An area of the page. An empty one selects nothing, and is not the same as none at all."""

    tiles: Tiles

    def __post_init__(self) -> None:
        if self.tiles.kind is not PixelKind.grey:
            raise ValueError("a selection needs grey tiles")

    @property
    def bounds(self) -> QRect:
        return self.tiles.bounds()

    @property
    def is_empty(self) -> bool:
        return self.tiles.is_empty

    def image(self, rect: QRect) -> QImage:
        """Grayscale8 of what lies in `rect`."""
        return self.tiles.image(rect)


def nothing() -> Selection:
    return Selection(Tiles.empty(PixelKind.grey))


def rectangle(rect: QRect) -> Selection:
    return Selection(Tiles.empty(PixelKind.grey).filled(rect, QColor("white")))


def everything(page: QRect) -> Selection:
    return rectangle(page)


def combined(old: Selection | None, new: Selection, how: Combine) -> Selection:
    """`new` added to, taken from or cut with `old`; no `old` counts as nothing selected."""
    if old is None or how is Combine.replace:
        return nothing() if how in (Combine.subtract, Combine.intersect) else new
    area = new.tiles.tile_bounds
    if how is Combine.intersect:
        kept = old.tiles.cropped(area)
        darker = _as_color(new.image(area))
        return Selection(kept.painted(darker, area.topLeft(), Mode.CompositionMode_Darken))
    image = _as_color(new.image(area))
    if how is Combine.subtract:
        image.invertPixels(QImage.InvertMode.InvertRgb)
    mode = Mode.CompositionMode_Lighten if how is Combine.add else Mode.CompositionMode_Darken
    return Selection(old.tiles.painted(image, area.topLeft(), mode))


def inverted(selection: Selection | None, page: QRect) -> Selection:
    """What was not selected on the page; the whole page if nothing was."""
    image = (selection or nothing()).image(page)
    image.invertPixels()
    return Selection(Tiles.from_image(image, page.topLeft(), PixelKind.grey))


def cropped(selection: Selection, page: QRect, like: Selection | None = None) -> Selection:
    """Only what lies on the page. `like` does already; what is shared with it costs nothing."""
    return Selection(selection.tiles.cropped(page, like.tiles if like is not None else None))


def brushed(
    selection: Selection | None, points: Sequence[QPointF], diameter_px: float, *, add: bool
) -> Selection:
    """A round brush drawn through the points: white when it adds, black when it takes away.

    A stroke may be drawn piece by piece, each piece beginning at the last point of the one before:
    where smoothed edges meet, the stronger counts.
    """
    import numpy as np

    tiles = (selection or nothing()).tiles
    path = _path(points)
    margin = diameter_px / 2 + 1
    rect = path.boundingRect().adjusted(-margin, -margin, margin, margin).toAlignedRect()
    for row in tile_rows(rect):  # in one piece, a stroke across a large page takes all the memory
        stroke = _stroked(path, diameter_px, row)
        tiles = (
            tiles.merged(row, stroke, np.maximum) if add else tiles.merged(row, ~stroke, np.minimum)
        )
    return Selection(tiles)


def feathered(selection: Selection, radius_px: int, page: QRect) -> Selection:
    """Faded from its edge inwards over `radius_px`; nothing outside it becomes selected.

    The edge of the page is no edge of the selection: what reaches it stays whole there.
    """
    if radius_px <= 0 or selection.is_empty:
        return selection
    rect = selection.bounds.intersected(page)
    area = rect.adjusted(-1, -1, 1, 1).intersected(page)
    if area.isEmpty():
        return nothing()
    faded = _faded(selection.image(area), min(radius_px, MAX_FEATHER_PX))
    return Selection(Tiles.from_image(faded, area.topLeft(), PixelKind.grey))


def model_mask(selection: Selection, page: QRect) -> Picture:
    """The hard mask a model gets: page size, 255 where the selection is at least half."""
    from app.document.arrays import grey_image, grey_values

    chosen = grey_values(selection.image(page)) >= MODEL_THRESHOLD
    return to_picture(grey_image(chosen.astype("uint8") * 255), "L")


def _path(points: Sequence[QPointF]) -> QPainterPath:
    path = QPainterPath(points[0])
    for point in points[1:]:
        path.lineTo(point)
    if path.elementCount() == 1 or path.boundingRect().isNull():
        path.lineTo(points[0] + QPointF(0.01, 0))  # a line without length draws no dot
    return path


def _stroked(path: QPainterPath, diameter_px: float, rect: QRect) -> GreyArray:
    """The line along `path` in white on black, with smoothed edges.

    Painted in colour and read from one channel: QPainter takes five times as long for grey.
    """
    import numpy as np

    image = QImage(rect.size(), QImage.Format.Format_RGB32)
    image.fill(QColor("black"))
    with QPainter(image) as painter:
        cap, join = Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.translate(-rect.topLeft())
        painter.setPen(QPen(QColor("white"), diameter_px, Qt.PenStyle.SolidLine, cap, join))
        painter.drawPath(path)
    channels = np.frombuffer(image.constBits(), np.uint8).reshape(rect.height(), rect.width(), 4)
    return np.ascontiguousarray(channels[..., 0])


def _as_color(grey: QImage) -> QImage:
    return grey.convertToFormat(QImage.Format.Format_RGB32)


def _faded(image: QImage, radius_px: int) -> QImage:
    """The mean of the mask and its erosions by 1 … radius - 1 px: a linear ramp inwards.

    One narrower than two radii fades to its middle, so that a thin selection never vanishes.
    """
    import numpy as np

    from app.document.arrays import eroded, grey_image, grey_values

    mask = grey_values(image)
    total, steps = mask.astype(np.uint32), 1
    while steps < radius_px and (mask := eroded(mask, diagonal=steps % 2 == 0)).any():
        total += mask
        steps += 1
    return grey_image((total // steps).astype(np.uint8))
