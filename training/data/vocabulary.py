"""The words of captions and instructions, as a tokenizer takes them: an English word, a run of
Chinese, quotation marks of more than one byte. The texts of posters are not among them: they stay
letters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from string import Formatter

from training.data import captions, edits, free_words
from training.data.glyphs import SHAPE_KINDS
from training.data.layout import ROWS, SIDES, SIZES
from training.data.palette import COLOURS

_WORD = re.compile(r"[A-Za-z]+|[\u4e00-\u9fff]+|[，。\u201c\u201d\u300a-\u300d]")
_MARKS = "\u201c\u201d\u300a\u300b\u300c\u300d"


def caption_words() -> tuple[str, ...]:
    """Every word of more than one byte, in an order that is always the same."""
    found: dict[str, None] = {}
    for name in _names():
        found |= dict.fromkeys((name, name.capitalize()))
    for sentence in _sentences():
        for literal, *_ in Formatter().parse(sentence):
            found |= dict.fromkeys(_WORD.findall(literal))
    for phrase in _free_phrases():
        for word in _WORD.findall(phrase):
            found |= dict.fromkeys((word, word.capitalize()))
    return tuple(word for word in found if len(word.encode()) > 1)


def _names() -> Iterator[str]:
    for colour in COLOURS.values():
        yield colour.english
        yield colour.chinese
    for kind in SHAPE_KINDS:
        yield kind
        yield captions.kind_name(kind, "zh")
    yield from SIZES
    yield from filter(None, captions.SIZES_ZH.values())
    for place in captions.PLACES_ZH:
        yield captions.place_in(place, "zh")
    for place in (*ROWS, *SIDES):
        yield place


def _sentences() -> Iterator[str]:
    for templates in captions.TEMPLATES.values():
        for template in templates:
            yield from (template.sentence, template.shape, template.between)
    for kinds in edits.TEMPLATES.values():
        for sentences in kinds.values():
            yield from sentences
    yield from (*captions.AT_ROW.values(), *captions.AT_PLACE.values(), "an")


def _free_phrases() -> Iterator[str]:
    for colour in COLOURS.values():
        yield from (*colour.also, *colour.also_chinese)
    for phrases in (*free_words.ENGLISH, *free_words.CHINESE):
        for phrase in phrases:
            for literal, *_ in Formatter().parse(phrase):
                yield literal
    yield _MARKS
