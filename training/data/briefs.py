"""Posters asked for in free words: a scene, and which of its parts the words will say.

What is not said has one usual look, so that every brief has one poster: a white page, text in black
or white, a shape in the centre with the text above it.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from functools import cache

from training.data.composition import (
    BARE,
    NO_TEXT,
    QUOTED,
    TOPIC,
    Level,
    add_shape,
    draw_lines,
    draw_page,
    shape_colours_for,
)
from training.data.layout import shape_sites, size_name
from training.data.palette import PALETTES, contrast, is_readable, rgb
from training.data.scenes import Fill, Scene, TextLine
from training.data.vocabulary import caption_words

USUAL_PAGES = ("white", "black")
USUAL_SHAPES = ("red", "yellow", "blue", "white", "black", "pink")

_TEXT_KINDS = {
    "en": {QUOTED: 0.5, BARE: 0.22, TOPIC: 0.2, NO_TEXT: 0.08},
    "zh": {QUOTED: 0.62, BARE: 0.23, NO_TEXT: 0.15},
}
_PAGE, _COLOUR, _ROW, _PLACE, _SHAPE_COLOUR = (
    0.82,
    0.55,
    0.45,
    0.65,
    0.93,
)  # how often they are said
_BELOW = 0.25  # of the posters whose shape is said to be at the top


@dataclass(frozen=True, kw_only=True)
class Brief:
    """`text` is how the headline is given: in quotation marks, as bare capitals, as the topic in
    small letters, or not at all; the rest is whether a part is said."""

    scene: Scene
    language: str
    text: str
    page: bool
    colour: bool
    row: bool
    place: bool
    shape_colour: bool


def draw_brief(chance: random.Random, level: Level, size_px: int, *, unseen: bool = False) -> Brief:
    language = "zh" if chance.random() < level.chinese else "en"
    kinds = {kind: n for kind, n in _TEXT_KINDS[language].items() if kind in level.headlines}
    text = chance.choices(list(kinds), list(kinds.values()))[0]
    has_shape = chance.random() < level.shape
    is_row_said = text != NO_TEXT and chance.random() < _ROW
    if is_row_said:
        row = chance.choice(level.rows)
    else:
        row = "middle" if not has_shape else "bottom" if chance.random() < _BELOW else "top"
    is_page_said = chance.random() < _PAGE or not (has_shape or text != NO_TEXT)
    is_colour_said = text != NO_TEXT and chance.random() < _COLOUR
    page = draw_page(chance, level) if is_page_said else Fill(colour=USUAL_PAGES[0])
    colour = usual_text_colour(page)
    if is_colour_said:
        colour, page = _draw_colour(chance, level, page, is_page_said)
    lines = (
        () if text == NO_TEXT else _draw_lines(chance, level, size_px, text, colour, row, unseen)
    )
    scene = Scene(size=size_px, page=page, lines=lines)
    if has_shape:
        scene = add_shape(chance, level, scene, unseen=unseen)
    brief = Brief(
        scene=scene,
        language=language,
        text=text,
        page=is_page_said,
        colour=is_colour_said,
        row=is_row_said,
        place=True,
        shape_colour=True,
    )
    return _with_usual_shape(chance, level, brief, unseen) if scene.shapes else brief


def usual_text_colour(page: Fill) -> str:
    """White or black, whichever is read better."""
    return max(
        ("white", "black"), key=lambda c: min(contrast(rgb(c), rgb(p)) for p in page.colours)
    )


def usual_shape_colour(level: Level, scene: Scene) -> str | None:
    allowed = shape_colours_for(level, scene)
    return next((colour for colour in USUAL_SHAPES if colour in allowed), None)


def _draw_colour(
    chance: random.Random, level: Level, page: Fill, is_page_said: bool
) -> tuple[str, Fill]:
    """A colour that can be read on the page; where no page is said, on one of the usual ones."""
    pages = (page,) if is_page_said else tuple(Fill(colour=colour) for colour in USUAL_PAGES)
    fitting = {
        text: fill
        for fill in reversed(pages)
        for text in PALETTES[level.palette].texts
        if is_readable(text, *fill.colours)
    }
    colour = chance.choice(sorted(fitting))
    return colour, fitting[colour]


def _draw_lines(
    chance: random.Random,
    level: Level,
    size_px: int,
    text: str,
    colour: str,
    row: str,
    unseen: bool,
) -> tuple[TextLine, ...]:
    level = _in_row(level, row, text == TOPIC)
    while True:
        lines = draw_lines(chance, level, size_px, colour, unseen)
        if text != TOPIC or not any(is_word(line.text) for line in lines):
            return lines


@cache
def _in_row(level: Level, row: str, is_topic: bool) -> Level:
    """The level with that row alone; a topic is of words."""
    level = replace(level, rows=(row,))
    return replace(level, words=1.0, digits=0.0) if is_topic else level


def is_word(text: str) -> bool:
    """Whether captions know it as a word: in small letters it would not be letters any more."""
    return text.lower() in _known() or text.capitalize() in _known()


@cache
def _known() -> frozenset[str]:
    return frozenset(caption_words())


def _with_usual_shape(chance: random.Random, level: Level, brief: Brief, unseen: bool) -> Brief:
    """Some of what is said about the shape left out, and the shape as it is then."""
    scene = brief.scene
    shape, without = scene.shapes[0], replace(scene, shapes=())
    is_below = bool(scene.lines) and not brief.row and scene.lines[0].row > 2
    centre = shape_sites(without, size_name(scene, shape)).get("centre")
    if centre is not None and not is_below and chance.random() >= _PLACE:
        shape = replace(shape, column=centre[0], row=centre[1])
        brief = replace(brief, place=False)
    usual = usual_shape_colour(level, without)
    if usual and not unseen and chance.random() >= _SHAPE_COLOUR:
        shape = replace(shape, colour=usual)
        brief = replace(brief, shape_colour=False)
    return replace(brief, scene=replace(scene, shapes=(shape,)))
