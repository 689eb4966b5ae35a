"""Where things stand on a synthetic poster, and what their places are called.

Text is at the top, in the middle or at the bottom; shapes are named by their side and, where text
leaves room both above and below, by that too. Knows no colours and no chance.
"""

from __future__ import annotations

from collections.abc import Sequence

from training.data.scenes import CELL_PX, Scene, Shape, TextLine

ROWS = ("top", "middle", "bottom")
SIDES = ("left", "centre", "right")
SIZES = ("small", "medium", "big")

_SIZE_UNITS = {"small": 2, "medium": 4, "big": 6}
_SIDE_UNITS = {"left": -2, "centre": 0, "right": 2}
_UNITS = 8  # of the page: sizes and places scale with it


def grid(size_px: int) -> int:
    return size_px // CELL_PX


def unit(size_px: int) -> int:
    """An eighth of the page, in cells."""
    return grid(size_px) // _UNITS


def first_row(row: str, size_px: int, height: int) -> int:
    """The row where a block of text of `height` cells begins."""
    rows = grid(size_px)
    margin = unit(size_px)
    return {"top": margin, "middle": (rows - height) // 2, "bottom": rows - margin - height}[row]


def rows_in(row: str, size_px: int, height: int) -> list[int]:
    """Every row where a block of `height` cells may begin and still be called `row`."""
    return [
        first
        for first in range(1, grid(size_px) - height)  # the outermost rows are margin
        if _row_name(first, height, size_px) == row
    ]


def row_name(scene: Scene) -> str:
    first, last = text_rows(scene.lines)
    return _row_name(first, last - first, scene.size)


def text_rows(lines: Sequence[TextLine]) -> tuple[int, int]:
    """First row of the text and the one after its last, in cells; without text, both are 0."""
    if not lines:
        return 0, 0
    first = min(line.row for line in lines)
    return first, max(line.row + line.cell_px // CELL_PX for line in lines)


def shape_sites(scene: Scene, size: str) -> dict[str, tuple[int, int]]:
    """Free (column, row) places for one more shape of that size, by name."""
    cells = _SIZE_UNITS[size] * unit(scene.size)
    sites = {}
    for zone, (first, last) in _zones(scene).items():
        row = first + (last - first - cells) // 2
        for side in SIDES:
            column = (grid(scene.size) - cells) // 2 + _SIDE_UNITS[side] * unit(scene.size)
            if row >= first and _fits(scene, column, row, cells):
                sites[f"{zone} {side}".strip()] = (column, row)
    return sites


def size_name(scene: Scene, shape: Shape) -> str:
    cells = shape.cells // unit(scene.size)
    return next(name for name, units in _SIZE_UNITS.items() if units == cells)


def shape_cells(size: str, size_px: int) -> int:
    return _SIZE_UNITS[size] * unit(size_px)


def place_name(scene: Scene, shape: Shape) -> str:
    """Like `left` or `top left`: the side, after the zone where there are two."""
    offset = shape.column - (grid(scene.size) - shape.cells) // 2
    side = SIDES[(offset > 0) - (offset < 0) + 1]
    zone = next(z for z, (first, last) in _zones(scene).items() if first <= shape.row < last)
    return f"{zone} {side}".strip()


def _zones(scene: Scene) -> dict[str, tuple[int, int]]:
    """Rows without text, by name; a poster with text at its top or bottom has one, unnamed."""
    first, last = text_rows(scene.lines)
    above, below = (0, first), (last, grid(scene.size))
    row = row_name(scene)
    if row == "middle":
        return {"top": above, "bottom": below}
    return {"": below if row == "top" else above}


def _fits(scene: Scene, column: int, row: int, cells: int) -> bool:
    rows = grid(scene.size)
    if column < 0 or row < 0 or column + cells > rows or row + cells > rows:
        return False
    return not any(_overlap(column, row, cells, other) for other in scene.shapes)


def _overlap(column: int, row: int, cells: int, other: Shape) -> bool:
    return (
        column < other.column + other.cells
        and other.column < column + cells
        and row < other.row + other.cells
        and other.row < row + cells
    )


def _row_name(first: int, height: int, size_px: int) -> str:
    """By the third of the way from the top that the text has gone down."""
    return ROWS[first * len(ROWS) // (grid(size_px) - height + 1)]
