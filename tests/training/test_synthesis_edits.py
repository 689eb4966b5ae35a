"""Edits change the one attribute they name, and their words say which and to what."""

import random
import re
from dataclasses import replace

import pytest

from training.data.captions import KINDS_ZH, LANGUAGES
from training.data.composition import draw_scene
from training.data.edits import (
    ATTRIBUTES,
    HEADLINE,
    PAGE,
    SHAPE_ADDED,
    SHAPE_MOVED,
    SHAPE_RECOLOURED,
    SHAPE_REMOVED,
    TEMPLATES,
    TEXT_COLOUR,
    Change,
    draw_change_of,
    instruction,
)
from training.data.layout import place_name
from training.data.scenes import Scene, Shape
from training.data.synthesis import Level, PosterStream, StreamConfig

LEVEL = Level(shape=0.9, second_shape=0.4, second_line=0.3, gradient=0.3)


def changes_of(attribute: str, count: int = 60) -> list[Change]:
    found: list[Change] = []
    for number in range(10 * count):
        chance = random.Random(number)
        scene = draw_scene(chance, LEVEL, 128)
        change = draw_change_of(attribute, chance, LEVEL, scene)
        found += [change] if change else []
    assert len(found) >= count
    return found[:count]


def without_text(scene: Scene) -> Scene:
    return replace(scene, lines=())


def only(mine: tuple[Shape, ...], others: tuple[Shape, ...]) -> list[Shape]:
    return [shape for shape in mine if shape not in others]


def test_a_new_headline_changes_nothing_else() -> None:
    for change in changes_of(HEADLINE):
        source, target = change.source, change.target
        assert source.headline.text != target.headline.text
        assert without_text(source) == without_text(target)
        assert source.lines[1:] == target.lines[1:]
        assert source.headline.colour == target.headline.colour


def test_a_new_page_changes_nothing_else() -> None:
    for change in changes_of(PAGE):
        assert change.source.page != change.target.page
        assert replace(change.source, page=change.target.page) == change.target


def test_new_letters_keep_their_text_and_place() -> None:
    for change in changes_of(TEXT_COLOUR):
        colour = change.target.headline.colour
        assert colour != change.source.headline.colour
        lines = tuple(replace(line, colour=colour) for line in change.source.lines)
        assert replace(change.source, lines=lines) == change.target


@pytest.mark.parametrize(
    ("attribute", "gone", "new"),
    [(SHAPE_ADDED, 0, 1), (SHAPE_REMOVED, 1, 0), (SHAPE_RECOLOURED, 1, 1), (SHAPE_MOVED, 1, 1)],
)
def test_one_shape_changes_and_all_else_stays(attribute: str, gone: int, new: int) -> None:
    for change in changes_of(attribute):
        before, after = change.source.shapes, change.target.shapes
        assert len(only(before, after)) == gone
        assert len(only(after, before)) == new
        assert replace(change.source, shapes=after) == change.target


def test_a_recoloured_shape_stays_and_a_moved_one_keeps_its_colour() -> None:
    for change in changes_of(SHAPE_RECOLOURED):
        assert change.before
        assert change.after
        assert change.after == replace(change.before, colour=change.after.colour)
    for change in changes_of(SHAPE_MOVED):
        assert change.before
        assert change.after
        assert (change.after.column, change.after.row) != (change.before.column, change.before.row)
        assert change.after.colour == change.before.colour
        moved = place_name(change.target, change.after)
        assert moved != place_name(change.source, change.before)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_attribute_has_words_in_every_language(language: str) -> None:
    assert set(TEMPLATES[language]) == {*ATTRIBUTES, "headline_first"}
    assert all(len(set(forms)) == len(forms) >= 3 for forms in TEMPLATES[language].values())


@pytest.mark.parametrize("attribute", ATTRIBUTES)
def test_instructions_name_what_changes(attribute: str) -> None:
    for number, change in enumerate(changes_of(attribute, 40)):
        for share in (0.0, 1.0):
            chance = random.Random(number)
            said = instruction(change, chance, chinese=share, text_first=0.0)
            assert said.isascii() == (share == 0)
            assert not re.search(r"[{}]|\ba [aeiou]", said)
            for fact in facts(change, "zh" if share else "en"):
                assert fact in said, (fact, said)


def facts(change: Change, language: str) -> list[str]:
    """Names that must be in the words, in a form independent of the templates."""
    shape = change.after or change.before
    named = [KINDS_ZH[shape.kind] if language == "zh" else shape.kind] if shape else []
    if change.attribute == HEADLINE:
        named.append(f'"{change.target.headline.text}"')
    return named


def test_a_new_headline_can_stand_first() -> None:
    for number, change in enumerate(changes_of(HEADLINE)):
        said = instruction(change, random.Random(number), chinese=0.5, text_first=1.0)
        assert said.startswith(f'"{change.target.headline.text}"')


def test_edits_of_a_stream_cover_every_attribute() -> None:
    stream = PosterStream(StreamConfig(levels=(LEVEL,), edits=1.0), seed=0)
    attributes = [getattr(stream.sample(i), "attribute", None) for i in range(400)]
    assert set(attributes) == set(ATTRIBUTES)
    assert all(attributes.count(name) > 30 for name in ATTRIBUTES)
    assert max(len(stream.sample(i).caption.encode()) for i in range(400)) <= 60


def test_a_shape_cannot_be_changed_where_there_is_none() -> None:
    bare = draw_scene(random.Random(0), Level(shape=0.0), 128)
    for attribute in (SHAPE_REMOVED, SHAPE_RECOLOURED, SHAPE_MOVED):
        assert draw_change_of(attribute, random.Random(0), LEVEL, bare) is None
