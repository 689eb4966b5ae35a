"""Coverage bitmaps of letters and shapes, drawn once and kept: the ink of a synthetic poster.

Knows no colours and no places.
"""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Coverage = NDArray[np.floating]  # [height, width], 0 page to 1 ink

FONT_PATH = Path(__file__).resolve().parents[2] / "assets" / "fonts" / "JetBrainsMono[wght].ttf"
SHAPE_KINDS = ("circle", "square", "triangle", "ring", "star", "bar")

_WEIGHT = 800  # ExtraBold, the heaviest of the face
_OVERSAMPLING = 8
_CAP_HEIGHT = 0.8  # of the cell: a letter fills its cell and still has air above and below
_LETTER_WIDTH = 0.86  # of the cell, for the widest capital
_SHAPE_INSET = 1 / 16  # of the shape's box, on each side


@cache
def letter(char: str, cell_px: int) -> Coverage:
    """The letter in a square cell, standing on the cells' common baseline.

    Capitals and numerals fit; only the tail of Q is shortened by the cell's edge.
    """
    side = cell_px * _OVERSAMPLING
    font, cap_px, stretch = _fitted_font(side)
    wide = Image.new("L", (side * 2, side))
    baseline = round((side + cap_px) / 2)
    ImageDraw.Draw(wide).text((side, baseline), char, fill=255, font=font, anchor="ms")
    width = round(side * 2 * stretch)
    stretched = wide.resize((width, side), Image.Resampling.BICUBIC)
    left = (width - side) // 2
    return _reduced(stretched.crop((left, 0, left + side, side)), cell_px)


@cache
def shape(kind: str, width_px: int, height_px: int) -> Coverage:
    """The shape filling a box of that size, but for a small inset."""
    width, height = width_px * _OVERSAMPLING, height_px * _OVERSAMPLING
    image = Image.new("L", (width, height))
    inset = round(min(width, height) * _SHAPE_INSET)
    _SHAPES[kind](ImageDraw.Draw(image), (inset, inset, width - inset - 1, height - inset - 1))
    array = np.asarray(image, np.float32) / 255
    return _box_means(array, height_px, width_px)


@cache
def _fitted_font(side: int) -> tuple[ImageFont.FreeTypeFont, int, float]:
    """The font whose capitals are `_CAP_HEIGHT` of `side`, their height, and the stretch."""
    probe = _font(1000)
    left, top, right, bottom = probe.getbbox("H", anchor="ls")
    size = round(1000 * side * _CAP_HEIGHT / (bottom - top))
    font = _font(size)
    left, _, right, _ = font.getbbox("W", anchor="ls")
    return font, round(side * _CAP_HEIGHT), side * _LETTER_WIDTH / (right - left)


def _font(size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.truetype(str(FONT_PATH), size)
    font.set_variation_by_axes([_WEIGHT])
    return font


def _reduced(image: Image.Image, side: int) -> Coverage:
    return _box_means(np.asarray(image, np.float32) / 255, side, side)


def _box_means(array: Coverage, height: int, width: int) -> Coverage:
    blocks = array.reshape(height, _OVERSAMPLING, width, _OVERSAMPLING)
    means = blocks.mean(axis=(1, 3), dtype=np.float32)
    means.setflags(write=False)  # it is shared by every caller
    return means


Box = tuple[int, int, int, int]


def _circle(draw: ImageDraw.ImageDraw, box: Box) -> None:
    draw.ellipse(box, fill=255)


def _square(draw: ImageDraw.ImageDraw, box: Box) -> None:
    draw.rectangle(box, fill=255)


def _triangle(draw: ImageDraw.ImageDraw, box: Box) -> None:
    left, top, right, bottom = box
    draw.polygon([((left + right) / 2, top), (right, bottom), (left, bottom)], fill=255)


def _ring(draw: ImageDraw.ImageDraw, box: Box) -> None:
    draw.ellipse(box, outline=255, width=round((box[2] - box[0]) * 0.22))


def _star(draw: ImageDraw.ImageDraw, box: Box) -> None:
    left, top, right, bottom = box
    centre_x, radius = (left + right) / 2, (right - left) / 2
    centre_y = (top + bottom) / 2 + radius * 0.05  # five points stand lower than their circle
    points = []
    for k in range(10):
        reach = radius * (1.05 if k % 2 == 0 else 0.46)
        angle = math.pi * k / 5
        points.append((centre_x + reach * math.sin(angle), centre_y - reach * math.cos(angle)))
    draw.polygon(points, fill=255)


def _bar(draw: ImageDraw.ImageDraw, box: Box) -> None:
    left, top, right, bottom = box
    third = (bottom - top) / 3
    draw.rectangle((left, top + third, right, bottom - third), fill=255)


_SHAPES = {
    "circle": _circle,
    "square": _square,
    "triangle": _triangle,
    "ring": _ring,
    "star": _star,
    "bar": _bar,
}
