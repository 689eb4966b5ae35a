"""The rules of polishing and of captions, as tables of texts."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.requests import MAX_SEED, Caption, CaptionRecord, Picture, Polish, RequestError
from model.text_encoder.captions import NoRecord, parse_record
from model.text_encoder.polish import (
    PAIRS,
    cleaned,
    instructions,
    is_faithful,
    language_of,
    polish,
    quotations,
)

WORDS = st.text(st.characters(exclude_characters="".join(PAIRS) + "".join(PAIRS.values())))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a red poster", "en"),
        ("一张红色的海报", "zh"),
        ('A poster that says "春节快乐，万事如意"', "en"),
        ("海报，标题“GRAND OPENING SALE TODAY ONLY”", "zh"),
        ("一张 Apple Macbook 的海报", "zh"),
        ("Make a portrait of 李白 in ink", "en"),
        ('"开业"', "zh"),
        ("「OPEN」", "en"),
        ("50 %", "en"),
        ("Ein Plakat für den Sommer", "en"),
    ],
)
def test_language(text: str, expected: str) -> None:
    assert language_of(text) == expected
    assert ("中文" in instructions(text, is_edit=True)) is (expected == "zh")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('a "SALE" sign', ("SALE",)),
        ("“春”和「夏」与『秋』", ("春", "夏", "秋")),
        ("「外“内”」", ("外“内”",)),
        ("「一「二」三」", ("一「二」三",)),
        ("the dog's bowl isn't 'BIG'", ("BIG",)),
        ("写着'开业'大吉", ("开业",)),
        ("‘it’s on’", ("it’s on",)),
        ('two lines: "A\nB"', ("A\nB",)),
        ('"" and " "', ()),
        ('a 5" screen', ()),
        ("「never closed", ()),
        ("the cats' toys", ()),
    ],
)
def test_quotations(text: str, expected: tuple[str, ...]) -> None:
    assert quotations(text) == expected


@given(WORDS, WORDS, WORDS, st.sampled_from(sorted(PAIRS)))
def test_what_stands_in_marks_is_found(before: str, inside: str, after: str, mark: str) -> None:
    text = f"{before} {mark}{inside}{PAIRS[mark]} {after}"
    assert quotations(text) == ((inside,) if inside.strip() else ())


@given(st.text())
def test_any_text_has_rules(text: str) -> None:
    assert all(quotation in text for quotation in quotations(text))
    assert cleaned(text) in text


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("A red poster.", "A red poster."),
        ("  A red poster.\n", "A red poster."),
        ('"A red poster."', "A red poster."),
        ("“一张红色海报。”", "一张红色海报。"),
        ("Here's the rewritten prompt:\n\nA red poster.", "A red poster."),
        ("Sure! Here is it:\nA red poster.", "A red poster."),
        ("Sure!\n\nHere is it:\nA red poster.", "A red poster."),
        ("**Rewritten prompt:** A red poster.", "A red poster."),
        ("改写后的提示词：一张红色海报。", "一张红色海报。"),
        ("好的，以下是润色后的版本：\n一张红色海报。", "一张红色海报。"),
        ("修改后：一张红色海报。", "一张红色海报。"),
        ("```text\nA red poster.\n```", "A red poster."),
        ("<think>Red: good.</think>\n\nA red poster.", "A red poster."),
        ("Red: good.</think>A red poster.", "A red poster."),
        ("<think>never done", ""),
        ("Final sale: a red poster.", "Final sale: a red poster."),
        ("新的一年：一张红色海报。", "新的一年：一张红色海报。"),
        ("Poster: red.", "Poster: red."),
        ('"A" beside "B"', '"A" beside "B"'),
    ],
)
def test_what_is_around_a_prompt_goes(answer: str, expected: str) -> None:
    assert cleaned(answer) == expected


def test_marks_around_the_whole_go_where_the_words_inside_are_kept() -> None:
    assert cleaned('"Red, with "SALE" on it"', ("SALE",)) == 'Red, with "SALE" on it'
    assert cleaned('"SALE"', ("SALE",)) == '"SALE"'
    assert cleaned('"SALE" over "NOW"', ("SALE", "NOW")) == '"SALE" over "NOW"'


@pytest.mark.parametrize(
    ("text", "prompt", "expected"),
    [
        ('red, with "SALE"', 'a "SALE" poster', True),
        ("red, with “SALE”", 'a "SALE" poster', True),
        ('red, with "SALE!"', 'a "SALE" poster', False),
        ('red, with "Sale"', 'a "SALE" poster', False),
        ("red, with SALE", 'a "SALE" poster', False),
        ('red, with "SALE" and "NOW"', 'a "SALE" poster', True),
        ("一张红色海报", "a red poster", False),
        ("", "a red poster", False),
    ],
)
def test_faithful(text: str, prompt: str, expected: bool) -> None:
    assert is_faithful(text, prompt) is expected


@given(st.text(min_size=1), st.lists(st.text(), min_size=2, max_size=2), st.integers(0, MAX_SEED))
def test_nothing_in_marks_is_ever_lost(prompt: str, answers: list[str], seed: int) -> None:
    seeds: list[int] = []

    def rewritten(attempt: int) -> str:
        seeds.append(attempt)
        return answers[len(seeds) - 1]

    found = polish(prompt, rewritten, seed)
    assert set(quotations(prompt)) <= set(quotations(found.text))
    assert len(seeds) == len(set(seeds)) <= 2
    assert found.text == prompt if found.is_original else is_faithful(found.text, prompt)


# --- captions --------------------------------------------------------------------------------

FULL = {
    "Caption": "A red poster.",
    "Image Type": "poster",
    "Image Style": "flat",
    "Watermark List": ["Stock"],
    "Abnormal Element": "yes",
}


@pytest.mark.parametrize(
    "answer",
    [
        json.dumps(FULL),
        "```json\n" + json.dumps(FULL, indent=2) + "\n```",
        "Here it is: " + json.dumps(FULL) + " I hope it helps {really}.",
        json.dumps(FULL).replace("}", ",}").replace("]", " , ]"),
        json.dumps(FULL).replace('"yes"', "true"),
        json.dumps(FULL).replace('["Stock"]', '"Stock"'),
    ],
)
def test_a_record_is_read_leniently(answer: str) -> None:
    found = parse_record(answer)
    assert found == CaptionRecord(
        caption="A red poster.",
        image_type="poster",
        image_style="flat",
        watermarks=("Stock",),
        has_abnormal_element=True,
    )
    assert found.values() == FULL


def test_marks_and_breaks_within_a_caption() -> None:
    found = parse_record('{"Caption": "It says "SALE" and \\"NOW\\",\n twice, {x}", "a": [1,]}')
    assert found.caption == 'It says "SALE" and "NOW",\n twice, {x}'
    assert (found.image_type, found.watermarks, found.has_abnormal_element) == ("", (), False)


def test_no_watermark_is_none() -> None:
    answer = '{"Caption": "x", "Watermark List": ["None", " "], "Abnormal Element": "No"}'
    assert parse_record(answer).watermarks == ()


@pytest.mark.parametrize(
    "answer",
    [
        *("", "no object", "{", '{"Caption": "cut off', "{}", '{"Caption": 3}', '{"Caption": " "}'),
        *("{" * 100_000, '{"a":' * 20_000),
    ],
    ids=lambda answer: answer[:12],
)
def test_what_is_no_record(answer: str) -> None:
    with pytest.raises(NoRecord):
        parse_record(answer)


@given(st.text())
def test_any_answer_is_a_record_or_refused(text: str) -> None:
    for answer in (text, "{" + text, '{"Caption": "' + text):
        try:
            assert parse_record(answer).caption
        except NoRecord:
            continue


# --- requests --------------------------------------------------------------------------------

DOT = Picture(width=1, height=1, mode="L", data=b"\0")


def test_requests_that_nobody_could_answer() -> None:
    with pytest.raises(RequestError, match="prompt: is empty"):
        Polish(prompt=" ")
    with pytest.raises(RequestError, match="prompt: 20001 characters"):
        Polish(prompt="x" * 20_001)
    with pytest.raises(RequestError, match="seed: -1"):
        Polish(prompt="x", seed=-1)
    with pytest.raises(RequestError, match="images: 11"):
        Polish(prompt="x", images=(DOT,) * 11)
    with pytest.raises(RequestError, match="language: 'de'"):
        Caption(image=DOT, language="de")
