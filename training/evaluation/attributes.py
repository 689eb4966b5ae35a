"""Looks at the pixels of a poster: its page, the colour of its text, its shapes.

Pure functions over arrays that judge what a scene asked for. They know no model, and of readers
only that they give rows of text.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training.data.glyphs import SHAPE_KINDS
from training.data.glyphs import shape as shape_coverage
from training.data.layout import SIDES, place_name, row_name, rows_in, text_rows
from training.data.palette import PAGE_COLOURS, SHAPE_COLOURS, TEXT_COLOURS, distance, nearest, rgb
from training.data.scenes import CELL_PX, Scene, Shape
from training.evaluation.text_rendering import (
    MIN_INK,
    Pixels,
    Reader,
    cell_ink,
    is_read_exactly,
    nearest_letters,
    split_cells,
)

Mask = NDArray[np.bool_]

MAX_COLOUR_ERROR = 65.0  # RGB distance to the named colour; two plain ones are 65 apart at least
MIN_SHAPE_CONTRAST = 55.0  # RGB distance of a shape's pixel from its page

_EDGE_PX = 2  # letters and shapes keep off the outermost pixels, so they show the page
_BLOCKS = 64  # of a page's side, where areas are sought
_MIN_AREA_BLOCKS = 40  # a letter covers 25 at most, the smallest shape 60
_KIND_SIDE_PX = 48
_LEFT_UP_TO, _RIGHT_FROM = 3 / 8, 5 / 8  # of the width; the places are at 2/8, 4/8 and 6/8


@dataclass(frozen=True, kw_only=True)
class FoundShape:
    """A flat area that is neither page nor text, by what it is most like."""

    kind: str
    colour: str
    place: str


@dataclass(frozen=True, kw_only=True)
class PosterFindings:
    """What is as asked: `shapes` their kinds and colours and no others, `places` where they are. A
    poster without text has it as asked where none is read."""

    page: bool
    text_colour: bool
    headline: bool
    lines: bool
    shapes: bool
    places: bool


def check_poster(pixels: Pixels, scene: Scene, read: Reader) -> PosterFindings:
    """Of a picture of the scene's size, or a whole number of times larger: then the text is read as
    it is, and all else is looked at in the scene's size."""
    rows = read(pixels)
    pixels = reduced(pixels, scene.size)
    found = find_shapes(pixels, scene)
    return PosterFindings(
        page=has_page(pixels, scene),
        text_colour=all(text_colour(pixels, scene) == line.colour for line in scene.lines[:1]),
        headline=is_read_exactly(rows, scene.headline.text) if scene.lines else not rows,
        lines=all(is_read_exactly(rows, line.text) for line in scene.lines),
        shapes=has_shapes(found, scene),
        places=all(is_in_place(found, scene, shape) for shape in scene.shapes),
    )


def reduced(pixels: Pixels, size: int) -> Pixels:
    """The picture in squares of equal area averaged, [size, size, 3]."""
    k = len(pixels) // size
    means = pixels.reshape(size, k, size, k, 3).mean(axis=(1, 3))
    return (means + 0.5).astype(np.uint8)


def has_page(pixels: Pixels, scene: Scene) -> bool:
    asked = (scene.page.colours[0], scene.page.colours[-1])
    return page_colours(pixels, asked) == asked


def page_colours(pixels: Pixels, asked: tuple[str, ...] = ()) -> tuple[str | None, str | None]:
    """Names of the page's colours at the top and at the bottom edge, among the plain ones and those
    that were asked for; None is no such colour."""
    top, bottom = _edge_colours(pixels)
    names = (*PAGE_COLOURS, *asked)
    return _named(top, names), _named(bottom, names)


def text_colour(pixels: Pixels, scene: Scene) -> str | None:
    """The name of the headline's colour, read from the strongest pixels of its letters."""
    side = scene.headline.cell_px
    top = find_text_row(pixels, scene) * CELL_PX
    strip = pixels[top : top + side].astype(np.float32)
    ink, strongest = cell_ink(strip, side)
    is_inked = (ink > 0.9 * strongest[..., None, None]) & (strongest > MIN_INK)[..., None, None]
    chosen = split_cells(strip, side)[is_inked]
    names = (*TEXT_COLOURS, scene.headline.colour)
    return _named(np.median(chosen, axis=0), names) if len(chosen) else None


def find_text_row(pixels: Pixels, scene: Scene) -> int:
    """The row of the asked third of the page that looks most like letters; else the asked one."""
    first, last = text_rows(scene.lines)
    candidates = rows_in(row_name(scene), scene.size, last - first)
    likeness = {row: _block_likeness(pixels, scene, row - first) for row in candidates}
    best = max(candidates, key=lambda row: (likeness[row], row == first))
    return best if likeness[best] > 0 else first


def find_shapes(pixels: Pixels, scene: Scene) -> list[FoundShape]:
    """Flat areas outside the rows of text."""
    row = find_text_row(pixels, scene)
    first, last = text_rows(scene.lines)
    mask = stands_out(pixels)
    mask[row * CELL_PX : (row + last - first) * CELL_PX] = False
    text_centre = (row + (last - first) / 2) * CELL_PX / scene.size
    has_zones = row_name(scene) == "middle"
    names = (*SHAPE_COLOURS, *(shape.colour for shape in scene.shapes))
    return [
        _described(pixels, mask, area, text_centre if has_zones else None, names)
        for area in areas(mask)
    ]


def has_shapes(found: list[FoundShape], scene: Scene) -> bool:
    """Whether kinds and colours are those asked for, and nothing else is there."""
    asked = Counter((shape.kind, shape.colour) for shape in scene.shapes)
    return Counter((shape.kind, shape.colour) for shape in found) == asked


def is_in_place(found: list[FoundShape], scene: Scene, shape: Shape) -> bool:
    asked = FoundShape(kind=shape.kind, colour=shape.colour, place=place_name(scene, shape))
    return asked in found


def stands_out(pixels: Pixels) -> Mask:
    """Pixels that differ from the page, whose two colours the edges show."""
    top, bottom = _edge_colours(pixels)
    share = np.linspace(0, 1, pixels.shape[0], dtype=np.float32)[:, None, None]
    page = top * (1 - share) + bottom * share
    return np.linalg.norm(pixels.astype(np.float32) - page, axis=-1) > MIN_SHAPE_CONTRAST


def areas(mask: Mask) -> list[Mask]:
    """Connected areas that are large enough for a shape, each as [64, 64] blocks."""
    side = mask.shape[0] // _BLOCKS
    blocks = mask.reshape(_BLOCKS, side, _BLOCKS, side).mean(axis=(1, 3)) > 0.5
    left = {(int(y), int(x)) for y, x in np.argwhere(blocks)}
    found = []
    while left:
        area = _connected(left, next(iter(left)))
        left -= area
        if len(area) >= _MIN_AREA_BLOCKS:
            found.append(_as_mask(area))
    return sorted(found, key=lambda area: tuple(np.argwhere(area).mean(axis=0)))


def kind_of(area: Mask) -> str:
    """The kind of shape that covers most alike, whatever the size."""
    seen = _framed(area)
    return max(SHAPE_KINDS, key=lambda kind: _overlap(seen, _kind_template(kind)))


def _described(
    pixels: Pixels, mask: Mask, area: Mask, text_centre: float | None, names: tuple[str, ...]
) -> FoundShape:
    """`text_centre` (a share of the height) is given where the place has a zone beside a side."""
    side = mask.shape[0] // _BLOCKS
    covered = np.kron(area, np.ones((side, side), bool)) & mask
    centre_y, centre_x = (np.argwhere(area).min(axis=0) + np.argwhere(area).max(axis=0) + 1) / 2
    place = SIDES[1 + int(centre_x > _RIGHT_FROM * _BLOCKS) - int(centre_x < _LEFT_UP_TO * _BLOCKS)]
    if text_centre is not None:
        place = f"{'top' if centre_y < text_centre * _BLOCKS else 'bottom'} {place}"
    colour = _named(np.median(pixels[covered], axis=0), names)
    return FoundShape(kind=kind_of(covered), colour=colour or "", place=place)


def _block_likeness(pixels: Pixels, scene: Scene, shift: int) -> float:
    return sum(_letter_likeness(pixels, line.row + shift, line.cell_px) for line in scene.lines)


def _letter_likeness(pixels: Pixels, row: int, side: int) -> float:
    """How much the row looks like letters, on the better of the grids that a cell may be on."""
    strip = pixels[row * CELL_PX : row * CELL_PX + side]
    starts = range(0, side, CELL_PX)
    return max(float(nearest_letters(strip[:, start:], side)[1].sum()) for start in starts)


def _edge_colours(pixels: Pixels) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    top = np.median(pixels[:_EDGE_PX].reshape(-1, 3), axis=0)
    bottom = np.median(pixels[-_EDGE_PX:].reshape(-1, 3), axis=0)
    return top.astype(np.float32), bottom.astype(np.float32)


def _named(colour: NDArray[np.floating], names: tuple[str, ...]) -> str | None:
    red, green, blue = (round(float(value)) for value in colour)
    name = nearest((red, green, blue), names)
    return name if distance((red, green, blue), rgb(name)) <= MAX_COLOUR_ERROR else None


def _connected(among: set[tuple[int, int]], start: tuple[int, int]) -> set[tuple[int, int]]:
    reached, edge = {start}, [start]
    while edge:
        y, x = edge.pop()
        for step in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
            if step in among and step not in reached:
                reached.add(step)
                edge.append(step)
    return reached


def _as_mask(area: set[tuple[int, int]]) -> Mask:
    mask = np.zeros((_BLOCKS, _BLOCKS), bool)
    rows, columns = zip(*area, strict=True)
    mask[list(rows), list(columns)] = True
    return mask


@cache
def _kind_template(kind: str) -> Mask:
    return _framed(shape_coverage(kind, 4 * _KIND_SIDE_PX, 4 * _KIND_SIDE_PX) > 0.5)


def _framed(mask: Mask) -> Mask:
    """The area in the middle of a square as large as its longer side, at one common size."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    cut = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    side = max(cut.shape)
    frame = np.zeros((side, side), np.uint8)
    top, left = (side - cut.shape[0]) // 2, (side - cut.shape[1]) // 2
    frame[top : top + cut.shape[0], left : left + cut.shape[1]] = cut * 255
    common = Image.fromarray(frame).resize((_KIND_SIDE_PX, _KIND_SIDE_PX))
    return np.asarray(common) > 127


def _overlap(first: Mask, second: Mask) -> float:
    return float((first & second).sum() / max(1, (first | second).sum()))
