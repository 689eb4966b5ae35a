"""Draws posters by chance: a level says what may occur on them and how often.

Knows no captions. Training and evaluation draw by the same rules: words and pairs of page and
shape colour that training never shows are what evaluation draws when it asks for `unseen` ones.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import Annotated

from training.data.glyphs import SHAPE_KINDS
from training.data.layout import (
    SIZES,
    first_row,
    grid,
    rows_in,
    shape_cells,
    shape_sites,
)
from training.data.palette import (
    PALETTES,
    PLAIN,
    is_readable,
    shape_colours_on,
    text_colours_on,
)
from training.data.scenes import CELL_PX, Fill, Scene, Shape, TextLine
from training.data.words import MIN_LETTERS, draw_text, is_rare
from training.options import Choice, Options, Range, Share

PLACEMENTS = ("column1", "centred", "free_cells")
QUOTED, BARE, TOPIC, NO_TEXT = "quoted", "bare", "topic", "none"
HEADLINES = (QUOTED, BARE, TOPIC, NO_TEXT)
SECOND_LINE_ROWS = 2  # with a free row above: readers take lines without a gap for one

Row = Annotated[str, Choice(("top", "middle", "bottom"))]
Kind = Annotated[str, Choice(SHAPE_KINDS)]
Size = Annotated[str, Choice(SIZES)]
Headline = Annotated[str, Choice(HEADLINES)]
Colours = Annotated[str, Choice(tuple(PALETTES))]


@dataclass(frozen=True, kw_only=True)
class Level(Options):
    """How hard one kind of poster is; a run mixes several."""

    weight: Annotated[float, Range(0.0, 1e6)] = 1.0
    """How often this level is drawn, against the others."""
    letters_min: Annotated[int, Range(MIN_LETTERS, 64)] = 3
    letters_max: Annotated[int, Range(MIN_LETTERS, 64)] = 6
    placement: Annotated[str, Choice(PLACEMENTS)] = "column1"
    rows: tuple[Row, ...] = ("top", "middle", "bottom")
    cell_px: Annotated[int, Range(CELL_PX, 2 * CELL_PX)] = CELL_PX
    """Side of a headline's letter; a second line always has letters of one cell."""
    words: Share = 0.3
    """Real and pronounceable words; the rest are numerals and random capitals."""
    digits: Share = 0.1
    second_line: Share = 0.0
    shape: Share = 0.5
    second_shape: Share = 0.0
    """Of the posters with a shape, how many have another."""
    shapes: tuple[Kind, ...] = SHAPE_KINDS
    shape_sizes: tuple[Size, ...] = SIZES
    palette: Colours = PLAIN
    """With `wide`, captions also say the other names that a colour has."""
    gradient: Share = 0.0
    filled: Share = 0.0
    """Of the posters, how many have letters in every row and no shapes: most to learn for a VAE."""
    text_first: Share = 1.0
    """Captions that begin with the quoted text; the rest have it anywhere."""
    chinese: Share = 0.3
    free: Share = 0.0
    """Posters that are asked for in free words, which leave parts out: see `briefs`."""
    headlines: tuple[Headline, ...] = HEADLINES
    """How free words give a headline: in quotation marks, in bare capitals, as the topic in small
    letters (in English alone), or not at all."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.letters_min > self.letters_max:
            raise ValueError(f"letters_min {self.letters_min} is above letters_max")
        if self.free and self.chinese and set(self.headlines) <= {TOPIC}:
            raise ValueError(f"headlines {self.headlines} leave none for Chinese")
        if self.cell_px % CELL_PX:
            raise ValueError(f"cell_px {self.cell_px} must be {CELL_PX} or {2 * CELL_PX}")

    def check_page(self, size_px: int) -> None:
        """Refuses lines that are longer than a page of this size."""
        room = grid(size_px) - (1 if self.placement == "column1" else 0)
        if self.letters_max * self.cell_px > room * CELL_PX:
            raise ValueError(
                f"letters_max {self.letters_max} of {self.cell_px} px do not fit {size_px} px"
            )


def draw_scene(chance: random.Random, level: Level, size_px: int, *, unseen: bool = False) -> Scene:
    page = draw_page(chance, level)
    if level.filled and chance.random() < level.filled:
        return Scene(size=size_px, page=page, lines=_draw_filled(chance, level, size_px, page))
    colour = chance.choice(text_colours_on(*page.colours, palette=level.palette))
    scene = Scene(size=size_px, page=page, lines=draw_lines(chance, level, size_px, colour, unseen))
    if chance.random() < level.shape:
        scene = add_shape(chance, level, scene, unseen=unseen)
        if chance.random() < level.second_shape:
            scene = add_shape(chance, level, scene, unseen=unseen)
    return scene


def add_shape(chance: random.Random, level: Level, scene: Scene, *, unseen: bool = False) -> Scene:
    """The scene with one more shape of a kind it does not have; the same scene if none fits."""
    kinds = [kind for kind in level.shapes if all(kind != s.kind for s in scene.shapes)]
    colours = shape_colours_for(level, scene, unseen=unseen)
    sites = {size: shape_sites(scene, size) for size in level.shape_sizes}
    sizes = [size for size in level.shape_sizes if sites[size]]
    if not (kinds and colours and sizes):
        return scene
    size = chance.choice(sizes)
    column, row = chance.choice(list(sites[size].values()))
    shape = Shape(
        kind=chance.choice(kinds),
        colour=chance.choice(colours),
        column=column,
        row=row,
        cells=shape_cells(size, scene.size),
    )
    return replace(scene, shapes=(*scene.shapes, shape))


def shape_colours_for(level: Level, scene: Scene, *, unseen: bool = False) -> list[str]:
    """Shape colours that show on the scene's page, seen in training or never."""
    fitting = shape_colours_on(*scene.page.colours, palette=level.palette)
    chosen = [c for c in fitting if is_unseen_pair(scene.page, c) == unseen]
    # a page that has no held-out pair is shown with one that training knows
    return chosen or (list(fitting) if unseen else [])


def is_unseen_pair(page: Fill, shape_colour: str) -> bool:
    """Whether training never shows a shape of this colour on this page."""
    return any(is_rare(colour, shape_colour) for colour in page.colours)


def place_line(
    chance: random.Random, level: Level, size_px: int, text: str, like: TextLine
) -> TextLine:
    """The text in the row, colour and size of `like`, at the column its placement asks for."""
    width = len(text) * like.cell_px // CELL_PX
    column = _draw_column(chance, level.placement, grid(size_px), width)
    return replace(like, text=text, column=column)


def draw_headline(chance: random.Random, level: Level, *, unseen: bool = False) -> str:
    letters = chance.randint(level.letters_min, level.letters_max)
    return draw_text(chance, letters, words=level.words, digits=level.digits, unseen=unseen)


def draw_page(chance: random.Random, level: Level) -> Fill:
    pages = PALETTES[level.palette].pages
    first = chance.choice(pages)
    if chance.random() >= level.gradient:
        return Fill(colour=first)
    others = [to for to in pages if to != first and text_colours_on(first, to)]
    return Fill(colour=first, to=chance.choice(others))


def draw_lines(
    chance: random.Random, level: Level, size_px: int, colour: str, unseen: bool
) -> tuple[TextLine, ...]:
    has_second = chance.random() < level.second_line
    rows = level.cell_px // CELL_PX
    row = _draw_row(chance, level, size_px, rows + (SECOND_LINE_ROWS if has_second else 0))
    line = TextLine(text="", colour=colour, column=0, row=row, cell_px=level.cell_px)
    first = draw_headline(chance, level, unseen=unseen)
    headline = place_line(chance, level, size_px, first, line)
    if not has_second:
        return (headline,)
    text = draw_headline(chance, level, unseen=unseen)
    below = replace(line, row=row + rows + SECOND_LINE_ROWS - 1, cell_px=CELL_PX)
    second = place_line(chance, level, size_px, text, below)
    return headline, second


def _draw_filled(
    chance: random.Random, level: Level, size_px: int, page: Fill
) -> tuple[TextLine, ...]:
    """Lines from the top to the bottom edge, each in a colour of its own."""
    height = level.cell_px // CELL_PX
    colours = text_colours_on(*page.colours, palette=level.palette)
    lines = []
    for row in range(0, grid(size_px) - height + 1, height):
        colour = chance.choice(colours)
        line = TextLine(text="", colour=colour, column=0, row=row, cell_px=level.cell_px)
        text = draw_headline(chance, level)
        lines.append(place_line(chance, level, size_px, text, line))
    return tuple(lines)


def _draw_row(chance: random.Random, level: Level, size_px: int, height: int) -> int:
    row = chance.choice(level.rows)
    usual = first_row(row, size_px, height)
    if level.placement == "free_cells":  # a block too tall for its third has its usual row alone
        return chance.choice(rows_in(row, size_px, height) or [usual])
    return usual


def _draw_column(chance: random.Random, placement: str, columns: int, width: int) -> int:
    if placement == "column1":
        return 1
    if placement == "centred":
        return (columns - width) // 2
    margin = 1 if width <= columns - 2 else 0
    return chance.randint(margin, columns - width - margin)


def can_be_read(scene: Scene) -> bool:
    """Whether the text's colour keeps its contrast on the page."""
    return all(is_readable(line.colour, *scene.page.colours) for line in scene.lines)
