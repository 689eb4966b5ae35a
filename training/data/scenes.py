"""Synthetic posters as values (a page, lines of letters on a grid, flat shapes) and as pixels.

Every letter fills one cell of 16 px (one token of a model with an 8x VAE and 2x2 packing) or a
square of such cells; drawn at twice the scale, the cells are the tokens of a 16x VAE. Knows nothing
of chance or captions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training.data import glyphs
from training.data.palette import rgb

CELL_PX = 16

Rect = tuple[int, int, int, int]  # left, top, width, height in px


@dataclass(frozen=True, kw_only=True)
class Fill:
    """The page: one named colour, or a gradient from `colour` at the top to `to` at the bottom."""

    colour: str
    to: str | None = None

    @property
    def colours(self) -> tuple[str, ...]:
        return (self.colour,) if self.to is None else (self.colour, self.to)


@dataclass(frozen=True, kw_only=True)
class TextLine:
    """Letters from left to right, the first at (column, row) of the 16 px grid."""

    text: str
    colour: str
    column: int
    row: int
    cell_px: int = CELL_PX

    @property
    def rect(self) -> Rect:
        left, top = self.column * CELL_PX, self.row * CELL_PX
        return left, top, self.cell_px * len(self.text), self.cell_px


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A flat shape in a square box of `cells` x `cells` at (column, row) of the 16 px grid."""

    kind: str
    colour: str
    column: int
    row: int
    cells: int

    @property
    def rect(self) -> Rect:
        side = self.cells * CELL_PX
        return self.column * CELL_PX, self.row * CELL_PX, side, side


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A square poster of `size` px; the first line, if there is one, is the headline."""

    size: int
    page: Fill
    lines: tuple[TextLine, ...]
    shapes: tuple[Shape, ...] = ()

    @property
    def headline(self) -> TextLine:
        return self.lines[0]


@dataclass(frozen=True, kw_only=True)
class LossWeights:
    """How much a cell counts in the training loss, by what is on it."""

    letter: float = 10.0
    shape: float = 3.0
    page: float = 1.0


def render(scene: Scene) -> Image.Image:
    return Image.fromarray(render_array(scene))


def render_array(scene: Scene, scale: int = 1) -> NDArray[np.uint8]:
    """The poster as [height, width, 3], with `scale` times the scene's pixels a side."""
    canvas = _page(scene, scale)
    for shape in scene.shapes:
        left, top, width, height = (scale * value for value in shape.rect)
        _ink(canvas, glyphs.shape(shape.kind, width, height), (left, top), shape.colour)
    for line in scene.lines:
        for rect, char in line_cells(line):
            left, top, side, _ = (scale * value for value in rect)
            _ink(canvas, glyphs.letter(char, side), (left, top), line.colour)
    return (canvas + 0.5).astype(np.uint8)


def line_cells(line: TextLine) -> list[tuple[Rect, str]]:
    left, top, _, side = line.rect
    return [
        ((left + k * side, top, side, side), char)
        for k, char in enumerate(line.text)
        if char != " "
    ]


def letter_cells(scene: Scene) -> list[tuple[Rect, str]]:
    """Every letter of the scene with its cell."""
    return [cell for line in scene.lines for cell in line_cells(line)]


def weights(
    scene: Scene, cell: int = CELL_PX, values: LossWeights | None = None
) -> NDArray[np.float32]:
    """The loss weight of each cell of the picture, as [height / cell, width / cell]."""
    values = values or LossWeights()
    grid = np.full((scene.size // cell, scene.size // cell), values.page, np.float32)
    for shape in scene.shapes:
        grid[_covered(shape.rect, cell)] = values.shape
    for rect, _ in letter_cells(scene):
        grid[_covered(rect, cell)] = values.letter
    return grid


def _page(scene: Scene, scale: int) -> NDArray[np.float32]:
    size = scale * scene.size
    top = np.array(rgb(scene.page.colour), np.float32)
    if scene.page.to is None:
        return np.tile(top, (size, size, 1))
    bottom = np.array(rgb(scene.page.to), np.float32)
    share = np.linspace(0, 1, size, dtype=np.float32)[:, None]
    rows = top * (1 - share) + bottom * share
    return np.repeat(rows[:, None, :], size, axis=1).astype(np.float32, copy=False)


def _ink(
    canvas: NDArray[np.float32], coverage: glyphs.Coverage, at: tuple[int, int], colour: str
) -> None:
    left, top = at
    height, width = coverage.shape
    under = canvas[top : top + height, left : left + width]
    under += coverage[:, :, None] * (np.array(rgb(colour), np.float32) - under)


def _covered(rect: Rect, cell: int) -> tuple[slice, slice]:
    left, top, width, height = rect
    rows = slice(top // cell, -(-(top + height) // cell))
    columns = slice(left // cell, -(-(left + width) // cell))
    return rows, columns
