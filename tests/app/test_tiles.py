"""Tiles against a plain image on which the same things are painted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, QRect
from PySide6.QtGui import QColor, QImage, QPainter

from app.document.arrays import grey_values
from app.document.tiles import (
    TILE_PX,
    Mode,
    PixelKind,
    Tiles,
    changed_rect,
    keys_over,
    tile_rect,
)
from tests.documents import grey, noise, solid

AREA = QRect(-300, -300, 900, 800)
spots = st.builds(
    QRect, st.integers(-290, 300), st.integers(-290, 200), st.integers(1, 290), st.integers(1, 290)
)
MODES = (Mode.CompositionMode_SourceOver, Mode.CompositionMode_Source, Mode.CompositionMode_Clear)


@pytest.mark.parametrize(
    ("rect", "keys"),
    [
        (QRect(0, 0, 256, 256), [(0, 0)]),
        (QRect(255, 0, 2, 1), [(0, 0), (1, 0)]),
        (QRect(-256, -1, 256, 1), [(-1, -1)]),
        (QRect(-1, -1, 2, 2), [(-1, -1), (0, -1), (-1, 0), (0, 0)]),
        (QRect(), []),
        (QRect(5, 5, 0, 9), []),
    ],
)
def test_keys_over(rect: QRect, keys: list[tuple[int, int]]) -> None:
    assert list(keys_over(rect)) == keys


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(spots, st.sampled_from(MODES), st.integers(0, 9)), max_size=6))
def test_painting_equals_painting_on_one_image(
    qapp: object, strokes: list[tuple[QRect, Mode, int]]
) -> None:
    tiles = Tiles.empty()
    oracle = PixelKind.color.blank(AREA.width(), AREA.height())
    for rect, mode, seed in strokes:
        image = noise(rect.width(), rect.height(), seed)
        before, tiles = tiles, tiles.painted(image, rect.topLeft(), mode)
        with QPainter(oracle) as painter:
            painter.setCompositionMode(mode)
            painter.drawImage(rect.topLeft() - AREA.topLeft(), image)
        assert tile_cover(rect).united(changed_rect(before, tiles)) == tile_cover(rect)
    assert tiles.image(AREA) == oracle
    assert tiles == Tiles.from_image(oracle, AREA.topLeft(), like=tiles)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(spots, st.integers(0, 255), st.booleans()), max_size=6), spots)
@example([(QRect(-1, -1, 29, 3), 128, False)], QRect(0, 0, 1, 2))
def test_filling_and_erasing_equal_one_image_of_grey(
    qapp: object, fills: list[tuple[QRect, int, bool]], seen: QRect
) -> None:
    tiles = Tiles.empty(PixelKind.grey)
    oracle = PixelKind.grey.blank(AREA.width(), AREA.height())
    for rect, value, erase in fills:
        color = QColor("black") if erase else QColor(value, value, value)
        tiles = tiles.erased(rect) if erase else tiles.filled(rect, color)
        with QPainter(oracle) as painter:
            painter.fillRect(rect.translated(-AREA.topLeft()), color)
    assert tiles.image(seen) == oracle.copy(seen.translated(-AREA.topLeft()))


@settings(max_examples=40, deadline=None)
@given(spots, spots)
def test_bounds_and_crop_are_exact(qapp: object, painted: QRect, kept: QRect) -> None:
    tiles = Tiles.from_image(
        solid(painted.width(), painted.height(), "#80ff0000"), painted.topLeft()
    )
    assert tiles.bounds() == painted
    cut = tiles.cropped(kept)
    both = painted.intersected(kept)
    assert cut.bounds() == (both if not both.isEmpty() else QRect())
    assert cut.image(both) == tiles.image(both)


def test_a_grey_image_comes_back_bit_for_bit(qapp: object) -> None:
    image = grey(300, 270)
    tiles = Tiles.from_image(image, QPoint(-20, 7), PixelKind.grey)
    assert tiles.image(QRect(QPoint(-20, 7), image.size())) == image


@settings(max_examples=40, deadline=None)
@given(spots, spots)
def test_merging_bytes_changes_only_their_rect(qapp: object, first: QRect, second: QRect) -> None:
    tiles = Tiles.from_image(grey(first.width(), first.height()), first.topLeft(), PixelKind.grey)
    values = grey_values(grey(second.width(), second.height()))
    assert (tiles.values(second) == grey_values(tiles.image(second))).all()
    merged = tiles.merged(second, values, np.maximum)
    expected = tiles.values(AREA)
    top, left = second.top() - AREA.top(), second.left() - AREA.left()
    part = expected[top : top + second.height(), left : left + second.width()]
    np.maximum(part, values, out=part)
    assert (merged.values(AREA) == expected).all()
    assert merged.merged(second, values, np.maximum) == merged
    assert merged.merged(AREA, np.zeros_like(expected), np.minimum).is_empty


def test_cropping_takes_over_tiles_with_nothing_outside(qapp: object) -> None:
    tiles = Tiles.from_image(grey(300, 200), QPoint(0, 0), PixelKind.grey)
    assert tiles.cropped(QRect(0, 0, 300, 200)) == tiles
    assert tiles.cropped(QRect(0, 0, 299, 200)).tile((0, 0)) is tiles.tile((0, 0))
    assert tiles.cropped(QRect(0, 0, 299, 200)).tile((1, 0)) is not tiles.tile((1, 0))


def test_what_does_not_change_stays_the_same_object(qapp: object) -> None:
    tiles = Tiles.from_image(noise(600, 300, opaque=True))
    painted = tiles.painted(solid(10, 10, "red"), QPoint(0, 0))
    assert painted.tile((0, 0)) is not tiles.tile((0, 0))
    assert painted.tile((1, 0)) is tiles.tile((1, 0))
    assert tiles.painted(solid(600, 300, "#00000000"), QPoint(0, 0)) == tiles
    assert Tiles.from_image(noise(600, 300, opaque=True), like=tiles) == tiles


def test_a_snapshot_survives_what_is_painted_later(qapp: object) -> None:
    before = noise(100, 100, opaque=True)
    tiles = Tiles.from_image(before)
    tiles.painted(solid(100, 100, "red"), QPoint(0, 0))
    tiles.erased(QRect(0, 0, 100, 100))
    assert tiles.image(QRect(0, 0, 100, 100)) == before


def test_erasing_all_leaves_no_tiles(qapp: object) -> None:
    tiles = Tiles.from_image(noise(600, 300, opaque=True))
    assert tiles.memory_bytes == 6 * TILE_PX * TILE_PX * 4
    empty = tiles.erased(QRect(0, 0, 600, 300))
    assert empty.is_empty
    assert (empty.memory_bytes, empty.bounds()) == (0, QRect())


def test_tiles_of_another_size_or_kind_are_refused(qapp: object) -> None:
    with pytest.raises(ValueError, match="256"):
        Tiles(PixelKind.color, {(0, 0): solid(10, 256, "red")})
    with pytest.raises(ValueError, match="grey"):
        Tiles(PixelKind.grey, {(0, 0): QImage(256, 256, QImage.Format.Format_RGB32)})


def tile_cover(rect: QRect) -> QRect:
    keys = list(keys_over(rect))
    return tile_rect(keys[0]).united(tile_rect(keys[-1]))
