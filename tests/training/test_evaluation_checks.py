"""The checks pass on what a perfect model would draw, and fail on everything else."""

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest

from training.data.composition import Level, is_unseen_pair
from training.data.edits import ATTRIBUTES, HEADLINE, SHAPE_MOVED
from training.data.glyphs import SHAPE_KINDS
from training.data.scenes import Fill, Scene, Shape, TextLine, letter_cells, render_array
from training.data.synthesis import StreamConfig
from training.data.words import is_all_held_out
from training.evaluation.attributes import (
    check_poster,
    find_shapes,
    kind_of,
    page_colours,
    text_colour,
)
from training.evaluation.editing import check_edit, kept_psnr_db
from training.evaluation.prompts import (
    default_config,
    free_config,
    held_out_edits,
    held_out_prompts,
)
from training.evaluation.text_rendering import (
    LETTERS,
    OcrReader,
    is_read_exactly,
    read_at,
    read_glyphs,
)

RICH = Level(second_line=0.4, second_shape=0.5, gradient=0.3, shape=0.8)
CONFIGS = {
    "starter": default_config(128),
    "starter, drawn larger": default_config(128, scale=2),
    "rich": StreamConfig(
        levels=(replace(RICH, placement="centred"), replace(RICH, placement="free_cells"))
    ),
    "large": StreamConfig(
        size_px=256,
        levels=(
            replace(RICH, letters_max=12, placement="free_cells"),
            replace(RICH, cell_px=32, letters_max=7),
        ),
    ),
}
POSTER = Scene(
    size=128,
    page=Fill(colour="navy"),
    lines=(TextLine(text="SALE", colour="white", column=1, row=1),),
    shapes=(Shape(kind="circle", colour="orange", column=4, row=3, cells=4),),
)


@pytest.mark.parametrize("name", [*CONFIGS, "free"])
def test_true_renders_pass_every_check(name: str) -> None:
    config = CONFIGS.get(name) or free_config(128)
    passed = [
        asdict(check_poster(render_array(c.scene, config.scale), c.scene, read_glyphs))
        for c in held_out_prompts(100, config)
    ]
    for finding in passed[0]:
        assert np.mean([p[finding] for p in passed]) >= 0.98, finding


@pytest.mark.parametrize("name", CONFIGS)
def test_true_edits_pass_and_untouched_sources_do_not(name: str) -> None:
    for case in held_out_edits(35, CONFIGS[name]):
        args = (case.source, case.target, case.attribute, read_glyphs)
        done = check_edit(render_array(case.target, CONFIGS[name].scale), *args)
        assert done.changed
        assert all(done.kept.values())
        assert done.kept_psnr_db == 99.0 or done.kept_psnr_db is None
        untouched = check_edit(render_array(case.source, CONFIGS[name].scale), *args)
        assert not untouched.changed
        assert all(untouched.kept.values())


def with_shape(**changes: Any) -> Scene:
    return replace(POSTER, shapes=(replace(POSTER.shapes[0], **changes),))


def with_line(**changes: Any) -> Scene:
    return replace(POSTER, lines=(replace(POSTER.lines[0], **changes),))


EXTRA = Shape(kind="star", colour="red", column=1, row=4, cells=2)
WRONG = [
    (replace(POSTER, page=Fill(colour="purple")), {"page"}),
    (replace(POSTER, page=Fill(colour="navy", to="purple")), {"page"}),
    (with_line(colour="yellow"), {"text_colour"}),
    (with_line(text="SALT"), {"headline", "lines"}),
    (with_line(text="SALES"), {"headline", "lines"}),
    (with_line(text="ALE"), {"headline", "lines"}),
    (with_shape(kind="square"), {"shapes", "places"}),
    (with_shape(colour="red"), {"shapes", "places"}),
    (with_shape(column=0), {"places"}),
    (replace(POSTER, shapes=()), {"shapes", "places"}),
    (replace(POSTER, shapes=(*POSTER.shapes, replace(EXTRA, column=0))), {"shapes"}),
]


@pytest.mark.parametrize(("drawn", "wrong"), WRONG)
def test_a_wrong_poster_fails_where_it_is_wrong(drawn: Scene, wrong: set[str]) -> None:
    findings = asdict(check_poster(render_array(drawn), POSTER, read_glyphs))
    assert {name for name, is_right in findings.items() if not is_right} == wrong


@pytest.mark.parametrize(
    "draw",
    [
        lambda: np.zeros((128, 128, 3), np.uint8),
        lambda: np.full((128, 128, 3), 255, np.uint8),
        lambda: np.random.default_rng(0).integers(0, 256, (128, 128, 3)).astype(np.uint8),
    ],
    ids=["black", "white", "noise"],
)
def test_pictures_of_nothing_fail(draw: Callable[[], np.ndarray]) -> None:
    findings = check_poster(draw(), POSTER, read_glyphs)
    assert not any(asdict(findings).values())


def test_checks_forgive_the_blur_and_noise_of_a_small_vae() -> None:
    noise = np.random.default_rng(0).normal(0, 8, (128, 128, 3))
    cases = held_out_prompts(60, CONFIGS["rich"])
    passed = 0
    for case in cases:
        pixels = render_array(case.scene).astype(float)
        blurred = (pixels * 2 + np.roll(pixels, 1, 0) + np.roll(pixels, 1, 1)) / 4 + noise
        seen = blurred.clip(0, 255).astype(np.uint8)
        passed += all(asdict(check_poster(seen, case.scene, read_glyphs)).values())
    assert passed >= 55


@pytest.mark.parametrize("kind", SHAPE_KINDS)
@pytest.mark.parametrize("cells", [2, 4, 6])
def test_every_kind_is_known_at_every_size(kind: str, cells: int) -> None:
    column = (8 - cells) // 2
    shape = Shape(kind=kind, colour="pink", column=column, row=8 - cells, cells=cells)
    found = find_shapes(render_array(replace(POSTER, shapes=(shape,))), POSTER)
    assert [(s.kind, s.colour, s.place) for s in found] == [(kind, "pink", "centre")]


def test_a_bar_is_no_square() -> None:
    mask = np.zeros((64, 64), bool)
    mask[10:20, 10:40] = True
    assert kind_of(mask) == "bar"
    mask[10:40, 10:40] = True
    assert kind_of(mask) == "square"


def test_colours_far_from_every_name_have_none() -> None:
    grey = np.full((128, 128, 3), 128, np.uint8)
    assert page_colours(grey) == (None, None)
    assert text_colour(grey, POSTER) is None


def test_a_colour_that_was_asked_for_counts_beside_the_plain_ones() -> None:
    coral = replace(POSTER, page=Fill(colour="coral"))
    pixels = render_array(coral)
    assert check_poster(pixels, coral, read_glyphs).page
    assert not check_poster(pixels, replace(coral, page=Fill(colour="gold")), read_glyphs).page
    orange = render_array(replace(POSTER, page=Fill(colour="orange")))
    assert not check_poster(orange, coral, read_glyphs).page


def test_where_no_text_was_asked_for_none_may_be_read() -> None:
    bare = replace(POSTER, lines=(), shapes=())
    assert all(asdict(check_poster(render_array(bare), bare, read_glyphs)).values())
    written = render_array(replace(POSTER, shapes=()))
    assert not check_poster(written, bare, read_glyphs).headline


def test_all_letters_are_read_at_their_cells() -> None:
    for start in range(0, len(LETTERS), 7):
        scene = with_line(text=LETTERS[start : start + 7])
        pixels = render_array(scene)
        assert read_at(pixels, letter_cells(scene)) == scene.headline.text
        assert scene.headline.text in read_glyphs(pixels)


def test_reading_exactly_ignores_case_spaces_and_width_alone() -> None:
    assert is_read_exactly(["top", "big Ｓale"], "BIG SALE")
    assert not is_read_exactly(["BIG", "SALE"], "BIG SALE")
    assert not is_read_exactly(["BIG SALE!"], "BIG SALE")
    assert not is_read_exactly([], "BIG SALE")


def test_the_ocr_program_reads_true_renders_and_no_others() -> None:
    read = OcrReader()
    cases = held_out_prompts(6, CONFIGS["rich"])
    rows = [read(render_array(case.scene)) for case in cases]
    right = [is_read_exactly(rows[k], case.scene.headline.text) for k, case in enumerate(cases)]
    assert sum(right) >= 5
    shifted = [
        is_read_exactly(rows[k - 1], case.scene.headline.text) for k, case in enumerate(cases)
    ]
    assert not any(shifted)
    assert read(np.full((128, 128, 3), 255, np.uint8)) == ()


def test_prompts_are_held_out_distinct_and_the_same_every_time() -> None:
    config = default_config(128)
    cases = held_out_prompts(200, config)
    assert cases == held_out_prompts(200, config)
    assert cases[:50] == held_out_prompts(50, config)
    assert len({case.scene.headline.text for case in cases}) == 200
    assert all(is_all_held_out(case.scene.headline.text) for case in cases)
    assert all(f'"{case.scene.headline.text}"' in case.prompt for case in cases)
    first = np.mean([case.prompt.startswith('"') for case in cases])
    assert 0.35 < first < 0.65
    unseen = [
        c for c in cases if any(is_unseen_pair(c.scene.page, s.colour) for s in c.scene.shapes)
    ]
    assert len(unseen) >= 20


def test_edits_are_held_out_and_take_the_attributes_in_turn() -> None:
    cases = held_out_edits(28, default_config(128))
    assert [case.attribute for case in cases] == list(ATTRIBUTES) * 4
    assert all(is_all_held_out(case.source.headline.text) for case in cases)
    assert cases == held_out_edits(28, default_config(128))


def test_what_was_to_be_kept_is_measured_where_it_was_to_be_kept() -> None:
    case = next(c for c in held_out_edits(7, default_config(128)) if c.attribute == SHAPE_MOVED)
    pixels = render_array(case.target)
    assert kept_psnr_db(pixels, case.source, case.target) == 99.0
    lost = kept_psnr_db(255 - pixels, case.source, case.target)
    assert lost is not None
    assert lost < 15


def test_an_edit_that_loses_the_headline_says_so() -> None:
    cases = held_out_edits(14, default_config(128))
    for case in cases:
        line = replace(case.target.headline, text="QQQ")
        spoilt = render_array(replace(case.target, lines=(line, *case.target.lines[1:])))
        found = check_edit(spoilt, case.source, case.target, case.attribute, read_glyphs)
        if case.attribute == HEADLINE:
            assert found.headline_kept is None
            assert not found.changed
        else:
            assert found.headline_kept is False
            assert found.changed
