"""Presets: every template's words, its fields, and what is refused."""

from __future__ import annotations

from string import Formatter

import pytest

from app.presets import LANGUAGES, MAP, PRESETS, language_of, preset_instruction
from model.requests import RequestError

EXAMPLES: dict[str, tuple[dict[str, str], str, str]] = {
    "depth": ({}, "near is white", "近处为白色"),
    "edges": ({}, "white lines on black", "黑底上的白色细线"),
    "segment": (
        {"object": "the cup"},
        "Segment the cup: paint it white",
        "分割the cup：把它涂成白色",
    ),
    "boxes": ({"object": "cats"}, "red box around each", "红色方框"),
    "view": (
        {"degrees": "45", "direction": "left"},
        "turn the camera 45 degrees to the left",
        "镜头向左转动45度",
    ),
    "enlarge": ({}, "higher resolution", "更高分辨率"),
    "style": ({"style": "a woodcut"}, "in the style of a woodcut", "用a woodcut的风格"),
    "background": ({"background": "a beach"}, "background with a beach", "背景换成a beach"),
    "add": ({"object": "a lamp", "place": "on the table"}, "Add a lamp on the table", "添加a lamp"),
    "remove": ({"object": "the sign"}, "Remove the sign and fill", "去掉the sign"),
    "replace": ({"object": "the dog", "new": "a cat"}, "the dog with a cat", "the dog换成a cat"),
    "pose": (
        {"person": "the woman", "pose": "sitting"},
        "pose of the woman: sitting",
        "姿势：sitting",
    ),
    "text": ({"old": "SALE", "new": "OPEN"}, '"SALE" with "OPEN"', "“SALE”改成“OPEN”"),
    "material": ({"object": "the chair", "material": "brass"}, "chair to brass", "材质改成brass"),
}


def fields_of(template: str) -> set[str]:
    """Names in braces."""
    return {name for _, name, _, _ in Formatter().parse(template) if name}


def test_every_preset_has_an_example() -> None:
    assert set(EXAMPLES) == set(PRESETS)


@pytest.mark.parametrize("name", PRESETS)
def test_words(name: str) -> None:
    values, english, chinese = EXAMPLES[name]
    assert english in preset_instruction(name, values, "en")
    assert chinese in preset_instruction(name, values, "zh")


@pytest.mark.parametrize("name", PRESETS)
def test_both_languages_name_every_field(name: str) -> None:
    preset = PRESETS[name]
    wanted = {field.name for field in preset.fields}
    assert fields_of(preset.english) == fields_of(preset.chinese) == wanted


def test_the_language_is_that_of_the_fields() -> None:
    assert preset_instruction("remove", {"object": "招牌"}).startswith("去掉招牌")
    assert preset_instruction("remove", {"object": "the sign"}).startswith("Remove the sign")
    assert preset_instruction("depth", {}).startswith("Estimate")
    assert [language_of(text) for text in ("", "A 山", "ok")] == ["en", "zh", "en"]
    assert LANGUAGES == ("en", "zh")


def test_maps_say_that_they_are_maps() -> None:
    assert {name for name, preset in PRESETS.items() if preset.gives == MAP} == {
        "depth",
        "edges",
        "segment",
    }


def test_values_are_put_in_as_they_are() -> None:
    assert "{old} % {}" in preset_instruction("text", {"old": "{old} % {}", "new": "b"})


@pytest.mark.parametrize(
    ("name", "values", "words"),
    [
        ("paint", {}, "preset: 'paint' is none of depth, edges"),
        ("remove", {}, "its field object is missing"),
        ("remove", {"object": "  "}, "needs 1…400 characters"),
        ("remove", {"object": "x" * 401}, "needs 1…400 characters"),
        ("depth", {"object": "x"}, "has no field 'object' \\(known: none\\)"),
        ("view", {"degrees": "0"}, "'0' is no whole number in 1…180"),
        ("view", {"degrees": "many"}, "'many' is no whole number"),
        ("view", {"degrees": "9", "direction": "north"}, "'north' is none of left, right"),
    ],
)
def test_what_is_refused(name: str, values: dict[str, str], words: str) -> None:
    with pytest.raises(RequestError, match=words):
        preset_instruction(name, values)
