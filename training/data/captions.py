"""What a person would ask for to get a scene: short sentences in English and Chinese.

The text stands in ASCII quotation marks in both languages, one byte a mark. `text_first` captions
begin with it, so that letter k of the picture belongs to byte k + 1 of the caption.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from training.data.layout import place_name, row_name, size_name
from training.data.palette import COLOURS
from training.data.scenes import Fill, Scene, Shape

LANGUAGES = ("en", "zh")
Namer = Callable[[str, str], str]
"""From a colour and a language to the word for it."""


@dataclass(frozen=True, kw_only=True)
class Template:
    """A sentence with places for its facts; `shape` is said once for every shape."""

    sentence: str
    shape: str
    between: str


ENGLISH_TEXT_FIRST = (
    Template(
        sentence="{text} in {colour} on a {page} page, {row}{shapes}",
        shape=", {shape} {place}",
        between="",
    ),
    Template(
        sentence="{text}, {colour} on {page}, {row}{shapes}",
        shape=", {shape} {place}",
        between="",
    ),
    Template(
        sentence="{text} in {colour} {at_row} of {a_page} poster{shapes}",
        shape="{a_shape} {at_place}",
        between=" with | and ",
    ),
)
ENGLISH_NATURAL = (
    Template(
        sentence="{A_page} poster with {text} in {colour} {at_row}{shapes}.",
        shape="{a_shape} {at_place}",
        between=" and | and ",
    ),
    Template(
        sentence="Poster on {page}: {text} written in {colour} letters {at_row}{shapes}",
        shape=", {a_shape} {at_place}",
        between="",
    ),
    Template(
        sentence="{A_page} page, {shapes}{at_row} it says {text} in {colour}",
        shape="{a_shape} {at_place}, ",
        between="",
    ),
    Template(
        sentence="Please make {a_page} poster that says {text} in {colour}, {at_row}{shapes}",
        shape="{a_shape} {at_place}",
        between=". Add | and ",
    ),
    Template(
        sentence="Poster, {page} background{shapes}. Headline: {text}, {colour}, {row}",
        shape=", {shape} {place}",
        between="",
    ),
)
CHINESE_TEXT_FIRST = (
    Template(
        sentence="{text} {colour}文字，{page}页面，{row}{shapes}",
        shape="，{place}{shape}",
        between="",
    ),
    Template(
        sentence="{text} {colour}，{page}底，{row}{shapes}",
        shape="，{place}{shape}",
        between="",
    ),
    Template(
        sentence="{text} 用{colour}写在{page}海报{row}{shapes}",
        shape="，{place}有{shape}",
        between="",
    ),
)
CHINESE_NATURAL = (
    Template(
        sentence="一张{page}海报，{row}写着{colour}的{text}{shapes}。",
        shape="，{place}有一个{shape}",
        between="",
    ),
    Template(
        sentence="{page}页面{shapes}，{row}用{colour}写{text}",
        shape="，{place}{shape}",
        between="",
    ),
    Template(
        sentence="海报，{page}背景，标题{text}，{colour}，放在{row}{shapes}",
        shape="，{place}画{shape}",
        between="",
    ),
    Template(
        sentence="请做一张{page}的海报{shapes}，{row}的文字是{text}，{colour}",
        shape="，{place}一个{shape}",
        between="",
    ),
)
TEMPLATES = {
    ("en", True): ENGLISH_TEXT_FIRST,
    ("en", False): ENGLISH_NATURAL,
    ("zh", True): CHINESE_TEXT_FIRST,
    ("zh", False): CHINESE_NATURAL,
}

AT_ROW = {"top": "at the top", "middle": "in the middle", "bottom": "at the bottom"}
AT_PLACE = {
    "left": "on the left",
    "centre": "in the centre",
    "right": "on the right",
    "top left": "at the top left",
    "top centre": "at the top centre",
    "top right": "at the top right",
    "bottom left": "at the bottom left",
    "bottom centre": "at the bottom centre",
    "bottom right": "at the bottom right",
}
KINDS_ZH = {
    "circle": "圆形",
    "square": "方形",
    "triangle": "三角形",
    "ring": "圆环",
    "star": "星形",
    "bar": "横条",
}
PLACES_ZH = {
    "top": "上方",
    "middle": "中间",
    "bottom": "下方",
    "left": "左侧",
    "centre": "中央",
    "right": "右侧",
    "top left": "左上方",
    "top centre": "正上方",
    "top right": "右上方",
    "bottom left": "左下方",
    "bottom centre": "正下方",
    "bottom right": "右下方",
}
SIZES_ZH = {"small": "小", "medium": "", "big": "大"}
_SIZES_EN = {"small": "small ", "medium": "", "big": "big "}


def colour_name(name: str, language: str) -> str:
    return COLOURS[name].chinese if language == "zh" else COLOURS[name].english


def any_colour_name(chance: random.Random) -> Namer:
    """A namer that says one of the names of a colour, by chance."""

    def said(name: str, language: str) -> str:
        first = colour_name(name, language)
        colour = COLOURS[name]
        return chance.choice((first, *(colour.also_chinese if language == "zh" else colour.also)))

    return said


def caption(
    scene: Scene,
    chance: random.Random,
    *,
    chinese: float,
    text_first: float,
    name: Namer = colour_name,
) -> str:
    """A caption by chance; both numbers are shares."""
    language = LANGUAGES[chance.random() < chinese]
    templates = TEMPLATES[language, chance.random() < text_first]
    return fill_template(chance.choice(templates), scene, language, name)


def fill_template(
    template: Template, scene: Scene, language: str, name: Namer = colour_name
) -> str:
    page = page_name(scene.page, language, name)
    return template.sentence.format(
        text=quoted(scene, language),
        colour=name(scene.headline.colour, language),
        page=page,
        a_page=with_article(page),
        A_page=with_article(page).capitalize(),
        row=place_in(row_name(scene), language),
        at_row=AT_ROW[row_name(scene)],
        shapes=_shapes(template, scene, language, name),
    )


def quoted(scene: Scene, language: str) -> str:
    """Every line in quotation marks: `"BIG" and "SALE"`."""
    joint = {"en": " and ", "zh": "和"}[language]
    return joint.join(f'"{line.text}"' for line in scene.lines)


def page_name(page: Fill, language: str, name: Namer = colour_name) -> str:
    names = [name(colour, language) for colour in page.colours]
    if len(names) == 1:
        return names[0]
    return "到".join(names) + "渐变" if language == "zh" else f"{names[0]} to {names[1]}"


def shape_name(scene: Scene, shape: Shape, language: str, name: Namer = colour_name) -> str:
    """Like `small red circle`."""
    colour, size = name(shape.colour, language), size_name(scene, shape)
    if language == "zh":
        return f"{colour}{SIZES_ZH[size]}{kind_name(shape.kind, language)}"
    return f"{_SIZES_EN[size]}{colour} {kind_name(shape.kind, language)}"


def kind_name(kind: str, language: str) -> str:
    return KINDS_ZH[kind] if language == "zh" else kind


def place_in(place: str, language: str) -> str:
    return PLACES_ZH[place] if language == "zh" else place


def with_article(phrase: str) -> str:
    return f"an {phrase}" if phrase[0] in "aeiou" else f"a {phrase}"


def _shapes(template: Template, scene: Scene, language: str, name: Namer) -> str:
    said = []
    for shape in scene.shapes:
        phrase = shape_name(scene, shape, language, name)
        place = place_name(scene, shape)
        said.append(
            template.shape.format(
                shape=phrase,
                a_shape=with_article(phrase),
                place=place_in(place, language),
                at_place=AT_PLACE[place],
            )
        )
    if not template.between or not said:
        return "".join(said)
    before, joint = template.between.split("|")
    return before + joint.join(said)
