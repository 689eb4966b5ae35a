"""Captions say what is on the poster, in both languages and every template."""

import random
import re

import pytest

from training.data.captions import (
    LANGUAGES,
    TEMPLATES,
    Template,
    caption,
    colour_name,
    fill_template,
    kind_name,
    with_article,
)
from training.data.scenes import Fill, Scene, Shape, TextLine
from training.data.synthesis import Level, PosterStream, StreamConfig

POSTER = Scene(
    size=128,
    page=Fill(colour="navy"),
    lines=(TextLine(text="SALE", colour="white", column=1, row=1),),
    shapes=(Shape(kind="circle", colour="orange", column=4, row=3, cells=4),),
)
EVERY = [
    (language, first, template)
    for (language, first), templates in TEMPLATES.items()
    for template in templates
]


@pytest.mark.parametrize(("language", "first", "template"), EVERY)
def test_every_template_names_all_there_is(language: str, first: bool, template: Template) -> None:
    said = fill_template(template, POSTER, language)
    facts = [colour_name(name, language) for name in ("navy", "white", "orange")]
    facts += [kind_name("circle", language)]
    facts += {"en": ["top", "right"], "zh": ["上方", "右侧"]}[language]
    for fact in facts:
        assert said.lower().count(fact.lower()) == 1, (fact, said)
    assert re.findall(r'"([^"]*)"', said) == ["SALE"]
    assert said.startswith('"SALE"') == first
    assert not re.search(r"[{}|]|  |\ba [aeiou]", said), said


@pytest.mark.parametrize(("language", "first", "template"), EVERY)
def test_a_poster_of_text_alone_has_a_whole_sentence(
    language: str, first: bool, template: Template
) -> None:
    bare = Scene(size=128, page=POSTER.page, lines=POSTER.lines)
    said = fill_template(template, bare, language)
    assert kind_name("circle", language) not in said
    assert not re.search(r"[{}|]|  |[,，、 ]$|，，|，。", said), said


def test_captions_that_begin_with_the_text_are_short() -> None:
    stream = PosterStream(StreamConfig(levels=(Level(chinese=0.5),)), seed=0)
    sizes = [len(stream.sample(i).caption.encode()) for i in range(500)]
    assert max(sizes) <= 96
    assert sum(sizes) / 500 < 62


def test_shares_choose_language_and_form() -> None:
    chance = random.Random(1)
    english = [caption(POSTER, chance, chinese=0, text_first=0) for _ in range(50)]
    chinese = [caption(POSTER, chance, chinese=1, text_first=1) for _ in range(50)]
    assert all(text.isascii() and not text.startswith('"') for text in english)
    assert all("圆形" in text and text.startswith('"') for text in chinese)
    assert len(set(english)) == len(TEMPLATES["en", False])
    assert len(set(chinese)) == len(TEMPLATES["zh", True])


def test_two_lines_are_both_quoted_in_order() -> None:
    second = TextLine(text="TODAY", colour="white", column=1, row=3)
    poster = Scene(size=128, page=POSTER.page, lines=(*POSTER.lines, second))
    for language in LANGUAGES:
        for template in TEMPLATES[language, True]:
            quoted = re.findall(r'"([^"]*)"', fill_template(template, poster, language))
            assert quoted == ["SALE", "TODAY"]


def test_gradients_and_sizes_are_named() -> None:
    small = Shape(kind="star", colour="red", column=1, row=4, cells=2)
    page = Fill(colour="white", to="sky blue")
    poster = Scene(size=128, page=page, lines=POSTER.lines, shapes=(small,))
    english, chinese = TEMPLATES["en", True][0], TEMPLATES["zh", True][0]
    assert (
        fill_template(english, poster, "en")
        == '"SALE" in white on a white to sky blue page, top, small red star left'
    )
    assert (
        fill_template(chinese, poster, "zh")
        == '"SALE" 白色文字，白色到天蓝色渐变页面，上方，左侧红色小星形'
    )


@pytest.mark.parametrize(
    ("phrase", "said"), [("orange page", "an orange page"), ("navy page", "a navy page")]
)
def test_articles(phrase: str, said: str) -> None:
    assert with_article(phrase) == said
