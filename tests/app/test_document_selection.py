"""Selections: what is white, what is black, and that feathering never leaves the white."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, QPointF, QRect

from app.document.arrays import grey_values
from app.document.selection import (
    MAX_FEATHER_PX,
    Combine,
    Selection,
    brushed,
    combined,
    cropped,
    everything,
    feathered,
    inverted,
    model_mask,
    nothing,
    rectangle,
)
from app.document.tiles import PixelKind, Tiles
from tests.documents import grey

PAGE = QRect(0, 0, 200, 150)
spots = st.builds(
    QRect, st.integers(0, 150), st.integers(0, 100), st.integers(1, 80), st.integers(1, 60)
)


def values(selection: Selection) -> np.ndarray:
    return grey_values(selection.image(PAGE)).astype(np.int16)


def area(*rects: QRect) -> np.ndarray:
    found = np.zeros((PAGE.height(), PAGE.width()), bool)
    for rect in rects:
        found[rect.top() : rect.bottom() + 1, rect.left() : rect.right() + 1] = True
    return found


def test_a_rectangle_is_hard(qapp: object) -> None:
    rect = QRect(10, 20, 30, 40)
    assert (values(rectangle(rect)) == 255 * area(rect)).all()
    assert rectangle(rect).bounds == rect
    assert (values(everything(PAGE)) == 255).all()
    assert nothing().is_empty


@settings(max_examples=30, deadline=None)
@given(spots, spots)
def test_combining_is_the_logic_of_sets(qapp: object, first: QRect, second: QRect) -> None:
    one, two = rectangle(first), rectangle(second)
    a, b = area(first), area(second)
    expected = {
        Combine.replace: b,
        Combine.add: a | b,
        Combine.subtract: a & ~b,
        Combine.intersect: a & b,
    }
    for how, found in expected.items():
        assert (values(combined(one, two, how)) == 255 * found).all(), how


@pytest.mark.parametrize(
    ("how", "empty"),
    [(Combine.replace, False), (Combine.add, False), (Combine.subtract, True),
     (Combine.intersect, True)],
)  # fmt: skip
def test_combining_with_nothing_selected(qapp: object, how: Combine, empty: bool) -> None:
    assert combined(None, rectangle(QRect(0, 0, 5, 5)), how).is_empty is empty


@settings(max_examples=30, deadline=None)
@given(st.lists(spots, max_size=3))
def test_inverting_twice_is_the_same(qapp: object, rects: list[QRect]) -> None:
    selection = Selection(Tiles.from_image(grey(120, 90), QPoint(5, 5), PixelKind.grey))
    for rect in rects:
        selection = combined(selection, rectangle(rect), Combine.add)
    once = inverted(selection, PAGE)
    assert (values(once) == 255 - values(selection)).all()
    assert (values(inverted(once, PAGE)) == values(selection)).all()


def test_inverting_none_selects_all(qapp: object) -> None:
    assert (values(inverted(None, PAGE)) == 255).all()
    assert inverted(everything(PAGE), PAGE).is_empty


def test_a_brush_dot_is_a_disc(qapp: object) -> None:
    for points in ([QPointF(60, 50)], [QPointF(60, 50), QPointF(60, 50)]):
        found = values(brushed(None, points, 40, add=True))
        y, x = np.mgrid[: PAGE.height(), : PAGE.width()]
        distance = np.hypot(x + 0.5 - 60, y + 0.5 - 50)
        assert (found[distance < 19] == 255).all()
        assert (found[distance > 21] == 0).all()


def test_a_brush_stroke_in_pieces_is_the_same_stroke(qapp: object) -> None:
    points = [QPointF(20, 20), QPointF(90, 100), QPointF(150, 40)]
    whole = values(brushed(None, points, 25, add=True))
    pieces = brushed(brushed(None, points[:2], 25, add=True), points[1:], 25, add=True)
    assert ((whole > 0) == (values(pieces) > 0)).all()
    assert (np.abs(whole - values(pieces)) > 0).mean() < 0.01  # the edge, where the pieces meet


@pytest.mark.parametrize(("old", "add"), [(nothing(), True), (everything(PAGE), False)])
def test_a_brush_drawn_twice_is_the_same_stroke(qapp: object, old: Selection, add: bool) -> None:
    """Its smoothed edge too: a slow hand goes over the same place many times."""
    points = [QPointF(20.3, 20.6), QPointF(90.1, 100.4)]
    once = brushed(old, points, 24.5, add=add)
    edge = values(once)
    assert ((edge > 0) & (edge < 255)).any()
    assert brushed(once, points, 24.5, add=add) == once


def test_a_brush_takes_away_what_it_added(qapp: object) -> None:
    points = [QPointF(20, 20), QPointF(90, 100)]
    stroke = brushed(None, points, 24, add=True)
    rest = brushed(stroke, points, 28, add=False)
    assert values(stroke).sum() > 0
    assert values(rest).sum() == 0


def test_a_stroke_off_the_page_is_cut(qapp: object) -> None:
    found = brushed(None, [QPointF(-50, 50), QPointF(20, 50)], 20, add=True)
    assert found.bounds.left() < 0
    assert cropped(found, PAGE).bounds.left() == 0


@settings(max_examples=30, deadline=None)
@given(st.lists(spots, min_size=1, max_size=3), st.integers(0, 40), st.booleans())
def test_feathering_never_selects_what_was_not(
    qapp: object, rects: list[QRect], radius: int, soft: bool
) -> None:
    selection = nothing()
    if soft:
        selection = Selection(Tiles.from_image(grey(90, 60), QPoint(40, 30), PixelKind.grey))
    for rect in rects:
        selection = combined(selection, rectangle(rect), Combine.add)
    before, after = values(selection), values(feathered(selection, radius, PAGE))
    assert (after <= before).all()
    assert (after > 0).any()


@pytest.mark.parametrize("radius", [2, 5, 16, 50])
def test_feathering_is_a_ramp_inwards(qapp: object, radius: int) -> None:
    rect = QRect(20, 20, 130, 120)
    found = values(feathered(rectangle(rect), radius, PAGE))
    row = found[80]
    ramp = [int(255 * step / radius) for step in range(1, radius + 1)]
    assert row[20 : 20 + radius].tolist() == ramp
    assert row[149 - radius + 1 : 150].tolist() == ramp[::-1]
    assert (row[20 + radius : 150 - radius] == 255).all()


def test_the_edge_of_the_page_does_not_fade(qapp: object) -> None:
    found = values(feathered(rectangle(QRect(0, 0, 80, 150)), 10, PAGE))
    assert (found[:, :70] == 255).all()
    assert (found[0] == found[75]).all()
    whole = values(feathered(everything(PAGE), 30, PAGE))
    assert (whole == 255).all()


def test_a_thin_selection_fades_to_its_middle(qapp: object) -> None:
    found = values(feathered(rectangle(QRect(50, 50, 9, 90)), 40, PAGE))
    assert found[90, 54] == 255
    assert found[90, 50] < 128


def test_a_huge_radius_is_limited(qapp: object) -> None:
    page = QRect(0, 0, 200, 150)
    rect = QRect(1, 1, 198, 148)
    limited = feathered(rectangle(rect), MAX_FEATHER_PX, page)
    huge = feathered(rectangle(rect), 100_000, page)
    assert (values(huge) == values(limited)).all()


def test_the_model_s_mask_is_hard_at_128(qapp: object) -> None:
    image = grey(200, 150)
    selection = Selection(Tiles.from_image(image, kind=PixelKind.grey))
    picture = model_mask(selection, PAGE)
    assert (picture.mode, picture.width, picture.height) == ("L", 200, 150)
    found = np.frombuffer(picture.data, np.uint8).reshape(150, 200)
    assert (found == 255 * (values(selection) >= 128)).all()
    odd = model_mask(selection, QRect(0, 0, 13, 7))
    assert len(odd.data) == 13 * 7
