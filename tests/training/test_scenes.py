"""Posters as values and as pixels: letters keep to their cells, shapes to their boxes."""

from itertools import combinations

import numpy as np
import pytest
from PIL import ImageFont

from training.data import glyphs
from training.data.layout import ROWS, first_row, place_name, row_name, rows_in, shape_sites
from training.data.palette import (
    COLOURS,
    PAGE_COLOURS,
    SHAPE_COLOURS,
    TEXT_COLOURS,
    WIDE,
    contrast,
    distance,
    rgb,
    shades,
    shape_colours_on,
    text_colours_on,
)
from training.data.scenes import (
    Fill,
    LossWeights,
    Scene,
    Shape,
    TextLine,
    letter_cells,
    render,
    render_array,
    weights,
)
from training.evaluation.text_rendering import LETTERS


def scene(text: str = "SALE", *, row: int = 1, size: int = 128, cell_px: int = 16) -> Scene:
    line = TextLine(text=text, colour="white", column=1, row=row, cell_px=cell_px)
    return Scene(size=size, page=Fill(colour="navy"), lines=(line,))


def with_shape(kind: str = "circle") -> Scene:
    shape = Shape(kind=kind, colour="red", column=2, row=3, cells=4)
    line = TextLine(text="SALE", colour="white", column=1, row=1)
    return Scene(size=128, page=Fill(colour="navy"), lines=(line,), shapes=(shape,))


def test_ink_stays_in_the_cells_and_every_cell_has_some() -> None:
    pixels = render_array(scene())
    inked = (pixels != rgb("navy")).any(axis=-1)
    for (left, top, width, height), _ in letter_cells(scene()):
        assert inked[top : top + height, left : left + width].mean() > 0.15
        inked[top : top + height, left : left + width] = False
    assert not inked.any()


@pytest.mark.parametrize("kind", glyphs.SHAPE_KINDS)
def test_a_shape_is_flat_ink_inside_its_box(kind: str) -> None:
    pixels = render_array(with_shape(kind))
    left, top, width, height = with_shape(kind).shapes[0].rect
    box = pixels[top : top + height, left : left + width]
    assert (box == rgb("red")).all(axis=-1).mean() > 0.2
    outside = (pixels == rgb("red")).all(axis=-1)
    outside[top : top + height, left : left + width] = False
    assert not outside.any()


def test_shapes_differ_from_each_other() -> None:
    for first, second in combinations(glyphs.SHAPE_KINDS, 2):
        difference = np.abs(glyphs.shape(first, 64, 64) - glyphs.shape(second, 64, 64))
        assert difference.mean() > 0.1, (first, second)


@pytest.mark.parametrize("cell_px", [16, 32])
def test_no_letter_is_cut_off_and_none_looks_like_another(cell_px: int) -> None:
    bitmaps = {char: glyphs.letter(char, cell_px) for char in LETTERS}
    for char, bitmap in bitmaps.items():
        rim = np.concatenate([bitmap[0], bitmap[-1], bitmap[:, 0], bitmap[:, -1]])
        assert rim.max() < (1.01 if char == "Q" else 0.5), char  # its tail ends at the edge
        assert bitmap.max() > 0.95, char
    for first, second in combinations(LETTERS, 2):
        assert np.abs(bitmaps[first] - bitmaps[second]).max() > 0.5, (first, second)


def test_a_letter_is_the_same_wherever_its_cell_is() -> None:
    here, there = render_array(scene("A", row=1)), render_array(scene("A", row=5))
    np.testing.assert_array_equal(here[16:32, 16:32], there[80:96, 16:32])


def test_a_gradient_goes_from_the_first_colour_to_the_second() -> None:
    page = Scene(size=128, page=Fill(colour="white", to="navy"), lines=scene().lines)
    pixels = render_array(page)
    assert tuple(pixels[0, 0]) == rgb("white")
    assert tuple(pixels[-1, 0]) == rgb("navy")
    column = pixels[:, 0, 0].astype(int)
    assert (np.diff(column) <= 0).all()


def test_render_is_the_array_as_a_picture() -> None:
    picture = render(with_shape())
    assert picture.mode == "RGB"
    np.testing.assert_array_equal(np.asarray(picture), render_array(with_shape()))


def test_letters_weigh_most_then_shapes_then_the_page() -> None:
    grid = weights(with_shape(), values=LossWeights(letter=7, shape=2, page=0.5))
    expected = np.full((8, 8), 0.5)
    expected[3:7, 2:6] = 2
    expected[1, 1:5] = 7
    np.testing.assert_array_equal(grid, expected)


def test_spaces_and_large_letters_weigh_by_what_they_cover() -> None:
    spaced = weights(scene("A B"))
    assert spaced[1].tolist() == [1, 10, 1, 10, 1, 1, 1, 1]
    large = weights(scene("AB", cell_px=32))
    assert (large[1:3, 1:5] == 10).all()
    assert (large == 10).sum() == 8


def test_every_named_colour_is_apart_from_the_others_and_plain_ones_more() -> None:
    plain = {*PAGE_COLOURS, *TEXT_COLOURS, *SHAPE_COLOURS}
    for first, second in combinations(COLOURS, 2):
        least = 60 if {first, second} <= plain else 40
        assert distance(rgb(first), rgb(second)) >= least, (first, second)


def test_no_name_stands_for_two_colours() -> None:
    colours = COLOURS.values()
    names = [name for c in colours for name in (c.english, c.chinese, *c.also, *c.also_chinese)]
    assert len(set(names)) == len(names) > 150
    assert all(name.isascii() for c in colours for name in (c.english, *c.also))


@pytest.mark.parametrize("page", COLOURS)
def test_every_colour_can_be_a_page(page: str) -> None:
    assert len(text_colours_on(page, palette=WIDE)) >= 3
    assert len(shape_colours_on(page, palette=WIDE)) >= 15


@pytest.mark.parametrize("page", PAGE_COLOURS)
def test_every_page_has_colours_that_show_on_it(page: str) -> None:
    assert len(text_colours_on(page)) >= 2
    assert len(shape_colours_on(page)) >= 4
    assert set(text_colours_on(page)) <= set(TEXT_COLOURS)
    assert set(shape_colours_on(page)) <= set(SHAPE_COLOURS)
    assert all(contrast(rgb(text), rgb(page)) >= 3 for text in text_colours_on(page))


def test_text_keeps_its_contrast_all_the_way_down_a_gradient() -> None:
    middle = shades("white", "black")[4]
    assert contrast(middle, rgb("red")) < 3
    assert "red" in text_colours_on("white")
    assert "red" in text_colours_on("black")
    assert "red" not in text_colours_on("white", "black")


def test_contrast_of_black_and_white_is_that_of_wcag() -> None:
    assert contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21.0)


@pytest.mark.parametrize("size", [128, 256])
@pytest.mark.parametrize("row", ROWS)
def test_a_line_in_a_row_is_called_by_that_row(size: int, row: str) -> None:
    for place in [first_row(row, size, 1), *rows_in(row, size, 1)]:
        assert row_name(scene(row=place, size=size)) == row


def test_shape_sites_are_named_as_the_shapes_on_them_are() -> None:
    for row in (1, 3, 6):
        page = scene(row=row)
        for size, cells in (("small", 2), ("medium", 4), ("big", 6)):
            for name, (column, first) in shape_sites(page, size).items():
                shape = Shape(kind="star", colour="red", column=column, row=first, cells=cells)
                assert place_name(page, shape) == name


def test_text_in_the_middle_leaves_places_above_and_below() -> None:
    assert set(shape_sites(scene(row=1), "small")) == {"left", "centre", "right"}
    assert {name.split()[0] for name in shape_sites(scene(row=3), "small")} == {"top", "bottom"}
    assert shape_sites(scene(row=3), "big") == {}


def test_the_font_comes_with_its_licence() -> None:
    licence = glyphs.FONT_PATH.parent / "JetBrainsMono-OFL.txt"
    assert "SIL Open Font License, Version 1.1" in licence.read_text()
    assert ImageFont.truetype(str(glyphs.FONT_PATH)).getname()[0] == "JetBrains Mono"
