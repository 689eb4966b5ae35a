"""Maps as selections, masks and layers: the arithmetic, and what it does to a document."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, QRect
from PySide6.QtGui import QColor, QImage

from app.document.arrays import bounding_rect, eroded, grey_image, grey_values, grown
from app.document.geometry import Page
from app.document.layers import PixelLayer, find_layer
from app.document.maps import (
    MAX_GROW_PX,
    PREVIEW_PX,
    MapPreview,
    Reading,
    as_layer,
    as_mask,
    read_map,
)
from app.document.selection import Selection
from app.document.state import DocumentState
from app.document.tiles import Tiles

SIDE = 40
PAGE = QRect(0, 0, SIDE, SIDE)


def values(found: Selection) -> np.ndarray:
    return grey_values(found.image(PAGE))


def map_of(grey: np.ndarray) -> QImage:
    return grey_image(grey.astype(np.uint8)).convertToFormat(QImage.Format.Format_ARGB32)


maps = st.integers(0, 2**32 - 1).map(
    lambda seed: np.random.default_rng(seed).integers(0, 256, (SIDE, SIDE))
)


@given(maps)
def test_grey_stays_as_it_is_without_a_threshold(grey: np.ndarray) -> None:
    assert (values(read_map(map_of(grey), Reading(threshold=None))) == grey).all()


@given(maps, st.integers(1, 255))
def test_from_the_threshold_on_it_is_white(grey: np.ndarray, threshold: int) -> None:
    found = values(read_map(map_of(grey), Reading(threshold=threshold)))
    assert ((found == 255) == (grey >= threshold)).all()
    assert set(np.unique(found)) <= {0, 255}


@given(maps, st.integers(0, 6))
def test_growing_contains_and_shrinking_is_contained(grey: np.ndarray, px: int) -> None:
    image = map_of(np.where(grey > 250, 255, 0))
    plain, grown, shrunk = (values(read_map(image, Reading(grow_px=by))) for by in (0, px, -px))
    assert (shrunk <= plain).all()
    assert (plain <= grown).all()


@given(maps, st.integers(-6, 6))
def test_growing_the_inverse_is_shrinking(grey: np.ndarray, px: int) -> None:
    image = map_of(np.where(grey > 200, 255, 0))
    grown = values(read_map(image, Reading(grow_px=px)))
    inverse = values(read_map(image, Reading(inverts=True, grow_px=-px)))
    assert (grown == 255 - inverse).all()


@given(maps, st.integers(-9, 9))
def test_growing_is_eroding_step_by_step(grey: np.ndarray, px: int) -> None:
    mask = grey.astype(np.uint8)
    expected = mask if px < 0 else ~mask
    for step in range(abs(px)):
        expected = eroded(expected, diagonal=step % 2 == 1)
    assert (grown(mask, px) == (expected if px < 0 else ~expected)).all()


@given(maps)
def test_inverting_twice_or_growing_by_nothing_is_the_same(grey: np.ndarray) -> None:
    image = map_of(grey)
    once = read_map(image, Reading(threshold=None, inverts=True)).image(PAGE)
    twice = read_map(once, Reading(threshold=None, inverts=True, grow_px=0))
    assert (values(twice) == grey).all()


@given(maps, st.integers(1, 255), st.integers(-4, 4), st.booleans())
def test_the_preview_of_a_small_map_is_what_is_used(
    grey: np.ndarray, threshold: int, px: int, inverts: bool
) -> None:
    reading = Reading(threshold=threshold, grow_px=px, inverts=inverts)
    shown = grey_values(MapPreview(map_of(grey)).read(reading))
    assert (shown == values(read_map(map_of(grey), reading))).all()


def test_the_preview_of_a_large_map_is_small_and_nearly_that() -> None:
    grey = np.zeros((2 * PREVIEW_PX, PREVIEW_PX))
    grey[400:800, 200:600] = 255
    preview = MapPreview(map_of(grey))
    shown = preview.read(Reading(grow_px=20))
    assert (shown.width(), shown.height()) == (PREVIEW_PX // 2, PREVIEW_PX)
    box = bounding_rect(grey_values(shown) > 127)
    assert (box.left(), box.top(), box.right(), box.bottom()) == (90, 190, 309, 409)
    page = QImage(PREVIEW_PX, 2 * PREVIEW_PX, QImage.Format.Format_RGB32)
    page.fill(QColor("white"))
    over = preview.over(page, shown)
    assert over.size() == shown.size()
    assert over.pixelColor(200, 300) == QColor("white")
    assert over.pixelColor(20, 20).value() < 100


def test_a_point_grows_by_as_many_pixels_as_asked() -> None:
    grey = np.zeros((SIDE, SIDE))
    grey[20, 20] = 255
    found = values(read_map(map_of(grey), Reading(grow_px=5)))
    assert np.flatnonzero(found[20]).tolist() == list(range(15, 26))
    assert np.flatnonzero(found[:, 20]).tolist() == list(range(15, 26))
    whole = values(read_map(map_of(grey), Reading(grow_px=10 * MAX_GROW_PX)))
    assert (whole == 255).all()


def test_what_is_transparent_is_not_chosen() -> None:
    image = QImage(SIDE, SIDE, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(QColor(255, 255, 255, 0))
    assert not values(read_map(image, Reading())).any()
    assert values(read_map(image, Reading(inverts=True))).all()


@pytest.fixture
def state() -> DocumentState:
    moved = PixelLayer(
        name="moved", x=7, y=-3, tiles=Tiles.from_image(map_of(np.full((9, 9), 80)), QPoint(0, 0))
    )
    other = PixelLayer(name="other")
    page = Page(width=SIDE, height=SIDE, dpi=72)
    return dataclasses.replace(DocumentState(page=page), layers=(moved, other), active=other.id)


def test_a_mask_lies_on_the_page_wherever_its_layer_was_moved(state: DocumentState) -> None:
    grey = np.zeros((SIDE, SIDE))
    grey[5:12, 8:30] = 255
    target = state.layers[0]
    after = as_mask(state, read_map(map_of(grey), Reading()), target.id).apply(state)
    layer = find_layer(after.layers, target.id)
    assert layer.mask is not None
    shown = grey_values(layer.mask.tiles.image(PAGE.translated(-layer.x, -layer.y)))
    assert (shown == grey).all()


def test_a_layer_is_black_and_white_and_on_top(state: DocumentState) -> None:
    grey = np.zeros((SIDE, SIDE))
    grey[:3] = 255
    after = as_layer(state, read_map(map_of(grey), Reading())).apply(state)
    top = after.layers[-1]
    assert isinstance(top, PixelLayer)
    image = top.tiles.image(PAGE)
    assert image.pixelColor(0, 0) == QColor("white")
    assert image.pixelColor(0, 5) == QColor("black")
    assert after.active == top.id
