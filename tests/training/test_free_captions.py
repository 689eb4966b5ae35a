"""Posters in free words: everything said is on the poster, what is left unsaid looks as usual."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from training.data.briefs import Brief, draw_brief, is_word, usual_text_colour
from training.data.composition import BARE, NO_TEXT, QUOTED, TOPIC, Level
from training.data.free_captions import free_caption
from training.data.free_words import KINDS, KINDS_ZH, TOPICS, TOPICS_ZH
from training.data.layout import row_name
from training.data.palette import COLOURS, Colour
from training.data.scenes import Fill

LEVEL = Level(placement="centred", second_line=0.3, shape=0.6, palette="wide", chinese=0.4)


@pytest.fixture(scope="module")
def drawn() -> list[tuple[Brief, str]]:
    briefs = [draw_brief(random.Random(f"brief {i}"), LEVEL, 128) for i in range(500)]
    return [(brief, free_caption(brief, random.Random(i))) for i, brief in enumerate(briefs)]


def names(colour: Colour, language: str) -> tuple[str, ...]:
    if language == "zh":
        return (colour.chinese, *colour.also_chinese)
    return (colour.english, *colour.also)


def test_every_way_to_give_a_headline_occurs_in_both_languages(
    drawn: list[tuple[Brief, str]],
) -> None:
    ways = {(brief.language, brief.text) for brief, _ in drawn}
    english = {("en", way) for way in (QUOTED, BARE, TOPIC, NO_TEXT)}
    assert ways == english | {("zh", way) for way in (QUOTED, BARE, NO_TEXT)}


def test_a_level_chooses_how_headlines_are_given() -> None:
    level = replace(LEVEL, headlines=(BARE, TOPIC))
    briefs = [draw_brief(random.Random(i), level, 128) for i in range(60)]
    assert {(b.language, b.text) for b in briefs} == {("en", BARE), ("en", TOPIC), ("zh", BARE)}
    with pytest.raises(ValueError, match="none for Chinese"):
        replace(LEVEL, free=1.0, headlines=(TOPIC,))


def test_what_is_said_is_named_and_what_is_not_looks_as_usual(
    drawn: list[tuple[Brief, str]],
) -> None:
    for brief, caption in drawn:
        scene, said = brief.scene, caption.lower()

        def is_named(colour: str, brief: Brief = brief, said: str = said) -> bool:
            return any(name in said for name in names(COLOURS[colour], brief.language))

        assert is_named(scene.page.colour) or not brief.page, caption
        assert brief.page or scene.page.colour in ("white", "black"), caption
        if scene.lines:
            assert is_named(scene.headline.colour) or not brief.colour, caption
            usual = usual_text_colour(scene.page)
            assert brief.colour or scene.headline.colour == usual, caption
            assert brief.row or row_name(scene) == "middle" or scene.shapes, caption
        for shape in scene.shapes:
            assert is_named(shape.colour) or not brief.shape_colour, caption
            kinds = (KINDS_ZH if brief.language == "zh" else KINDS)[shape.kind]
            assert any(kind in said for kind in kinds), caption
        assert "{" not in caption
        assert "  " not in caption


def test_headlines_are_said_as_their_brief_asks(drawn: list[tuple[Brief, str]]) -> None:
    for brief, caption in drawn:
        texts = [line.text for line in brief.scene.lines]
        assert bool(texts) == (brief.text != NO_TEXT)
        assert all(text.lower() in caption.lower() for text in texts), caption
        if brief.text == BARE:
            assert " ".join(texts) in caption
        if brief.text == TOPIC:
            assert not any(text in caption for text in texts), caption
            assert not any(is_word(text) for text in texts), caption


def test_topics_stand_beside_headlines_and_are_not_drawn(drawn: list[tuple[Brief, str]]) -> None:
    with_topic = [
        (brief, caption)
        for brief, caption in drawn
        if any(topic in caption.lower() for topic in (*TOPICS, *TOPICS_ZH))
    ]
    assert len(with_topic) > 25
    assert all(brief.text != TOPIC for brief, _ in with_topic)


def test_a_shape_without_a_place_is_in_the_centre(drawn: list[tuple[Brief, str]]) -> None:
    placeless = [brief for brief, _ in drawn if not brief.place]
    assert len(placeless) > 30
    for brief in placeless:
        (shape,) = brief.scene.shapes
        assert shape.column == (8 - shape.cells) // 2


@pytest.mark.parametrize(("page", "text"), [("navy", "white"), ("cream", "black")])
def test_the_usual_text_is_what_is_read_best(page: str, text: str) -> None:
    assert usual_text_colour(Fill(colour=page)) == text


def test_a_brief_may_ask_for_held_out_words() -> None:
    from training.data.words import is_all_held_out

    chance = random.Random(4)
    briefs = [draw_brief(chance, replace(LEVEL, words=0.6), 128, unseen=True) for _ in range(40)]
    texts = [line.text for brief in briefs for line in brief.scene.lines]
    assert len(texts) > 20
    assert all(map(is_all_held_out, texts))
