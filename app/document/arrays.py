"""Images seen as NumPy arrays, for measuring them; painting is QPainter's.

Import it inside functions: NumPy must not cost the window's start.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QRect
from PySide6.QtGui import QImage

GreyArray = NDArray[np.uint8]


def grey_view(image: QImage) -> GreyArray:
    """The bytes of a Grayscale8 image, one a pixel, to be read only as long as the image lives."""
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : image.width()]


def grey_values(image: QImage) -> GreyArray:
    """The bytes of a Grayscale8 image; a copy, for a view would not keep it alive."""
    return grey_view(image).copy()


def color_values(image: QImage) -> NDArray[np.uint32]:
    """The 32 bit words of an image, one a pixel; a copy too."""
    assert image.depth() == 32, f"{image.depth()} bits a pixel"
    words = np.frombuffer(image.constBits(), np.uint32)
    return words.reshape(image.height(), image.width()).copy()


def grey_image(values: GreyArray) -> QImage:
    height, width = values.shape
    form = QImage.Format.Format_Grayscale8
    return QImage(values.tobytes(), width, height, width, form).copy()


def bounding_rect(flags: NDArray[np.bool_]) -> QRect:
    """The smallest rect around every True; empty if there is none."""
    rows = np.flatnonzero(flags.any(axis=1))
    columns = np.flatnonzero(flags.any(axis=0))
    if not len(rows):
        return QRect()
    top_left = QPoint(int(columns[0]), int(rows[0]))
    return QRect(top_left, QPoint(int(columns[-1]), int(rows[-1])))


def eroded(mask: GreyArray, *, diagonal: bool) -> GreyArray:
    """The least of each pixel and its neighbours: 4 and 8 by turns make an octagon of distance."""
    down = mask.copy()
    np.minimum(down[1:], mask[:-1], out=down[1:])
    np.minimum(down[:-1], mask[1:], out=down[:-1])
    source = down if diagonal else mask
    across = down.copy()
    np.minimum(across[:, 1:], source[:, :-1], out=across[:, 1:])
    np.minimum(across[:, :-1], source[:, 1:], out=across[:, :-1])
    return across


def grown(mask: GreyArray, px: int) -> GreyArray:
    """What is white spreads by `px`, or shrinks where that is below 0, as `eroded` by turns does
    it, in passes that double their reach. What lies outside the mask changes nothing."""
    if px == 0:
        return mask
    dark = mask if px < 0 else ~mask
    reach = abs(px)
    spread = np.pad(dark, reach, constant_values=255)
    spread = _spread(spread, (reach + 1) // 2, diagonal=False)
    spread = _spread(spread, reach // 2, diagonal=True)
    found = spread[reach:-reach, reach:-reach]
    return found.copy() if px < 0 else ~found


def _spread(values: GreyArray, reach: int, *, diagonal: bool) -> GreyArray:
    """`eroded` so many times. Four copies of a diamond or a square, moved by its own reach to its
    corners, cover the one of twice the reach."""
    done = 0
    while done < reach:
        step = min(max(done, 1), reach - done)
        if done == 0:
            values = eroded(values, diagonal=diagonal)
        else:
            values = _least_of_corners(values, step, diagonal=diagonal)
        done += step
    return values


def _least_of_corners(values: GreyArray, by: int, *, diagonal: bool) -> GreyArray:
    found = np.full_like(values, 255)
    height, width = values.shape
    corners = ((-by, -by), (-by, by), (by, -by), (by, by))
    sides = ((-by, 0), (by, 0), (0, -by), (0, by))
    for dy, dx in corners if diagonal else sides:
        here = found[max(0, dy) : height + min(0, dy), max(0, dx) : width + min(0, dx)]
        there = values[max(0, -dy) : height - max(0, dy), max(0, -dx) : width - max(0, dx)]
        np.minimum(here, there, out=here)
    return found
