"""Edits of scenes: one attribute changed, and the instruction that asks for it in words."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from training.data.captions import (
    AT_PLACE,
    LANGUAGES,
    Namer,
    colour_name,
    kind_name,
    page_name,
    place_in,
    shape_name,
    with_article,
)
from training.data.composition import (
    Level,
    add_shape,
    can_be_read,
    draw_headline,
    draw_page,
    place_line,
    shape_colours_for,
)
from training.data.layout import place_name, shape_sites, size_name
from training.data.palette import text_colours_on
from training.data.scenes import Scene, Shape

HEADLINE, PAGE, TEXT_COLOUR = "headline", "page", "text_colour"
SHAPE_ADDED, SHAPE_REMOVED = "shape_added", "shape_removed"
SHAPE_RECOLOURED, SHAPE_MOVED = "shape_recoloured", "shape_moved"
ATTRIBUTES = (
    HEADLINE, PAGE, TEXT_COLOUR, SHAPE_ADDED, SHAPE_REMOVED, SHAPE_RECOLOURED, SHAPE_MOVED,
)  # fmt: skip

_PAGE_TRIES = 20


@dataclass(frozen=True, kw_only=True)
class Change:
    """A scene with one attribute changed, and what the instruction must name."""

    attribute: str
    source: Scene
    target: Scene
    before: Shape | None = None
    after: Shape | None = None


def draw_change(
    chance: random.Random, level: Level, source: Scene, *, unseen: bool = False
) -> Change:
    """A change that the scene allows, every kind of them equally likely."""
    for attribute in chance.sample(ATTRIBUTES, len(ATTRIBUTES)):
        change = draw_change_of(attribute, chance, level, source, unseen=unseen)
        if change is not None:
            return change
    raise AssertionError("a headline can always be changed")


def draw_change_of(
    attribute: str, chance: random.Random, level: Level, source: Scene, *, unseen: bool = False
) -> Change | None:
    """A change of that attribute, or None where the scene has nothing to change."""
    return _DRAWN[attribute](chance, level, source, unseen)


def instruction(
    change: Change,
    chance: random.Random,
    *,
    chinese: float,
    text_first: float,
    name: Namer = colour_name,
) -> str:
    """The change in words; `text_first` puts a new headline before everything else."""
    language = LANGUAGES[chance.random() < chinese]
    is_first = chance.random() < text_first
    kind = change.attribute
    if kind == HEADLINE and is_first:
        kind = "headline_first"
    template = chance.choice(TEMPLATES[language][kind])
    return template.format(**_facts(change, language, name))


TEMPLATES: dict[str, dict[str, tuple[str, ...]]] = {
    "en": {
        "headline_first": (
            '"{new}" instead of "{old}"',
            '"{new}" in place of "{old}"',
            '"{new}" as the headline',
        ),
        HEADLINE: (
            'Change the headline to "{new}"',
            'Replace "{old}" with "{new}"',
            'Write "{new}" instead of "{old}"',
            'Make the text say "{new}"',
        ),
        PAGE: (
            "Make the page {page}",
            "Change the background to {page}",
            "Put it on {page}",
            "{page} background",
        ),
        TEXT_COLOUR: (
            "Make the text {colour}",
            "Write the headline in {colour}",
            "Change the letters to {colour}",
            "{colour} text",
        ),
        SHAPE_ADDED: (
            "Add {a_shape} {at_place}",
            "Put {a_shape} {at_place}",
            "Draw {a_shape} {at_place}",
        ),
        SHAPE_REMOVED: (
            "Remove the {kind}",
            "Take away the {kind}",
            "Delete the {old_colour} {kind}",
            "No {kind}",
        ),
        SHAPE_RECOLOURED: (
            "Make the {kind} {new_colour}",
            "Change the {kind} to {new_colour}",
            "Recolour the {old_colour} {kind} {new_colour}",
        ),
        SHAPE_MOVED: (
            "Move the {kind} to the {place}",
            "Put the {kind} {at_place}",
            "Shift the {old_colour} {kind} to the {place}",
        ),
    },
    "zh": {
        "headline_first": ('"{new}" 代替 "{old}"', '"{new}" 换掉 "{old}"', '"{new}" 作为标题'),
        HEADLINE: (
            '把标题改成"{new}"',
            '将"{old}"换成"{new}"',
            '文字改为"{new}"',
            '把"{old}"改为"{new}"',
        ),
        PAGE: ("把页面改成{page}", "背景换成{page}", "{page}背景", "将底色改为{page}"),
        TEXT_COLOUR: (
            "把文字改成{colour}",
            "标题用{colour}",
            "文字颜色换成{colour}",
            "{colour}文字",
        ),
        SHAPE_ADDED: ("在{place}加一个{shape}", "{place}画一个{shape}", "{place}添加{shape}"),
        SHAPE_REMOVED: ("去掉{kind}", "删除{old_colour}{kind}", "移除{kind}", "不要{kind}"),
        SHAPE_RECOLOURED: (
            "把{kind}改成{new_colour}",
            "{kind}换成{new_colour}",
            "将{old_colour}{kind}改为{new_colour}",
        ),
        SHAPE_MOVED: (
            "把{kind}移到{place}",
            "{kind}放到{place}",
            "将{old_colour}{kind}移动到{place}",
        ),
    },
}


def _facts(change: Change, language: str, name: Namer) -> dict[str, str]:
    target = change.target
    facts = {
        "new": target.headline.text,
        "old": change.source.headline.text,
        "page": page_name(target.page, language, name),
        "colour": name(target.headline.colour, language),
    }
    if change.before:
        facts["kind"] = kind_name(change.before.kind, language)
        facts["old_colour"] = name(change.before.colour, language)
    if change.after:
        shape = shape_name(target, change.after, language, name)
        facts |= {
            "shape": shape,
            "a_shape": with_article(shape),
            "new_colour": name(change.after.colour, language),
            "place": place_in(place_name(target, change.after), language),
            "at_place": AT_PLACE[place_name(target, change.after)],
        }
    return facts


def _change_headline(
    chance: random.Random, level: Level, source: Scene, unseen: bool
) -> Change | None:
    text = source.headline.text
    while text == source.headline.text:
        text = draw_headline(chance, level, unseen=unseen)
    line = place_line(chance, level, source.size, text, source.headline)
    target = replace(source, lines=(line, *source.lines[1:]))
    return Change(attribute=HEADLINE, source=source, target=target)


def _change_page(chance: random.Random, level: Level, source: Scene, unseen: bool) -> Change | None:
    for _ in range(_PAGE_TRIES):
        target = replace(source, page=draw_page(chance, level))
        allowed = shape_colours_for(level, target, unseen=False)
        if (
            target.page != source.page
            and can_be_read(target)
            and all(shape.colour in allowed for shape in source.shapes)
        ):
            return Change(attribute=PAGE, source=source, target=target)
    return None


def _change_text_colour(
    chance: random.Random, level: Level, source: Scene, unseen: bool
) -> Change | None:
    now = source.headline.colour
    colours = [c for c in text_colours_on(*source.page.colours, palette=level.palette) if c != now]
    if not colours:
        return None
    colour = chance.choice(colours)
    lines = tuple(replace(line, colour=colour) for line in source.lines)
    return Change(attribute=TEXT_COLOUR, source=source, target=replace(source, lines=lines))


def _add(chance: random.Random, level: Level, source: Scene, unseen: bool) -> Change | None:
    target = add_shape(chance, level, source, unseen=unseen)
    if target == source:
        return None
    return Change(attribute=SHAPE_ADDED, source=source, target=target, after=target.shapes[-1])


def _remove(chance: random.Random, level: Level, source: Scene, unseen: bool) -> Change | None:
    if not source.shapes:
        return None
    shape = chance.choice(source.shapes)
    target = replace(source, shapes=tuple(s for s in source.shapes if s != shape))
    return Change(attribute=SHAPE_REMOVED, source=source, target=target, before=shape)


def _recolour(chance: random.Random, level: Level, source: Scene, unseen: bool) -> Change | None:
    if not source.shapes:
        return None
    shape = chance.choice(source.shapes)
    colours = [c for c in shape_colours_for(level, source, unseen=unseen) if c != shape.colour]
    if not colours:
        return None
    after = replace(shape, colour=chance.choice(colours))
    return _with_shape(SHAPE_RECOLOURED, source, shape, after)


def _move(chance: random.Random, level: Level, source: Scene, unseen: bool) -> Change | None:
    if not source.shapes:
        return None
    shape = chance.choice(source.shapes)
    without = replace(source, shapes=tuple(s for s in source.shapes if s != shape))
    sites = shape_sites(without, size_name(source, shape)).values()
    elsewhere = [site for site in sites if site != (shape.column, shape.row)]
    if not elsewhere:
        return None
    column, row = chance.choice(elsewhere)
    return _with_shape(SHAPE_MOVED, source, shape, replace(shape, column=column, row=row))


def _with_shape(attribute: str, source: Scene, before: Shape, after: Shape) -> Change:
    shapes = tuple(after if shape == before else shape for shape in source.shapes)
    target = replace(source, shapes=shapes)
    return Change(attribute=attribute, source=source, target=target, before=before, after=after)


_Drawer = Callable[[random.Random, Level, Scene, bool], Change | None]
_DRAWN: dict[str, _Drawer] = {
    HEADLINE: _change_headline,
    PAGE: _change_page,
    TEXT_COLOUR: _change_text_colour,
    SHAPE_ADDED: _add,
    SHAPE_REMOVED: _remove,
    SHAPE_RECOLOURED: _recolour,
    SHAPE_MOVED: _move,
}
