"""Pyramid, screen tiles and the selection's look: equal to what they stand for, pixel by pixel."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, QPointF, QRect
from PySide6.QtGui import QColor, QImage, QPainter

from app.canvas.palette import DARK
from app.canvas.pyramid import Pyramid
from app.canvas.screen import PageScreen, Screen, device_extent, sampled
from app.canvas.selection_screen import SelectionScreen, ants_table, changed_pixels, on_stripes
from app.canvas.sheet import Sheet
from app.document.blend import Blend
from app.document.commands import OffsetLayer, SetLayer, SetSelection
from app.document.geometry import Page
from app.document.layers import GroupLayer, LayerMask, PixelLayer
from app.document.selection import Selection, brushed, nothing, rectangle
from app.document.state import DocumentState
from app.document.tiles import Key, PixelKind, Tiles, tile_rect

PAGE = Page(width=700, height=500, background=None)
ZOOMS = [0.1, 0.25, 0.37, 0.5, 1.0, 1.3, 2.0, 3.0]


def noise(width: int, height: int, seed: int = 0) -> QImage:
    values = np.random.default_rng(seed).integers(0, 256, (height, width, 4), np.uint8)
    straight = QImage(values.tobytes(), width, height, 4 * width, QImage.Format.Format_RGBA8888)
    return straight.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)


def pixels(image: QImage) -> np.ndarray:
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1)
    return rows.reshape(image.height(), image.width(), -1).copy()


def pyramid_of(image: QImage) -> Pyramid:
    return Pyramid(image.rect(), lambda key: image.copy(tile_rect(key)))


def shot(sheet: Sheet, zoom: float) -> QImage:
    """All of the page with its selection, as the canvas paints it."""
    image = QImage(device_extent(PAGE.rect.size(), zoom).size(), QImage.Format.Format_RGB32)
    image.fill(0)
    with QPainter(image) as painter:
        sheet.paint(painter, zoom, image.rect(), math.inf)
        sheet.selection.paint_tint(painter, zoom, image.rect())
        sheet.selection.paint_ants(painter, zoom, image.rect(), 0)
    return image


def sheet_of(state: DocumentState) -> Sheet:
    return Sheet(state, DARK, 1.0)


def some_state() -> DocumentState:
    lower = PixelLayer(id="lower", tiles=Tiles.from_image(noise(700, 500)))
    upper = PixelLayer(id="upper", tiles=Tiles.from_image(noise(130, 90, 1)), x=200, y=120)
    return DocumentState(page=PAGE, layers=(lower, upper), active="upper")


def covered_state() -> DocumentState:
    """The active layer, a group with a mask, between two others; all of soft shapes."""
    mask = Tiles.empty(PixelKind.grey).filled(QRect(20, 20, 300, 200), QColor("white"))
    dot = PixelLayer(tiles=Tiles.empty().filled(QRect(0, 0, 350, 260), QColor(200, 40, 90, 180)))
    layers = (
        PixelLayer(id="lower", tiles=Tiles.empty().filled(PAGE.rect, QColor(30, 90, 160))),
        GroupLayer(
            id="middle",
            children=(dot,),
            mask=LayerMask(tiles=mask),
            opacity=0.7,
            blend=Blend.multiply,
        ),
        PixelLayer(
            id="upper",
            tiles=Tiles.empty().filled(QRect(0, 0, 200, 300), QColor(250, 250, 0, 90)),
            x=120,
            y=70,
        ),
    )
    return DocumentState(page=PAGE, layers=layers, active="middle")


@pytest.mark.parametrize("zoom", ZOOMS)
@settings(max_examples=8, deadline=None)
@given(
    way=st.tuples(st.integers(-300, 300), st.integers(-300, 300)),
    points=st.lists(
        st.tuples(st.integers(-20, 720), st.integers(-20, 520)), min_size=1, max_size=3
    ),
    size=st.integers(1, 200),
)
def test_repainting_what_changed_equals_painting_anew(
    zoom: float, way: tuple[int, int], points: list[tuple[int, int]], size: int
) -> None:
    before = some_state()
    sheet = sheet_of(before)
    shot(sheet, zoom)
    after = OffsetLayer(layer_id="upper", dx=way[0], dy=way[1]).apply(before)
    stroke = brushed(None, [QPointF(*point) for point in points], size, add=True)
    after = SetSelection(selection=stroke).apply(after)
    sheet.follow(after)
    shot(sheet, zoom)
    sheet.settle()
    assert shot(sheet, zoom) == shot(sheet_of(after), zoom)


@pytest.mark.parametrize("zoom", [0.1, 0.37, 0.7, 1.0])
def test_a_drag_settles_to_what_a_fresh_page_shows(zoom: float) -> None:
    state = covered_state()
    sheet = sheet_of(state)
    assert sheet.prepare(zoom, PAGE.rect, math.inf)
    for _ in range(3):
        state = OffsetLayer(layer_id="middle", dx=33, dy=-21).apply(state)
        sheet.follow(state)
        exact = pixels(shot(sheet_of(state), zoom)).astype(int)
        difference = np.abs(pixels(shot(sheet, zoom)) - exact)
        assert difference.mean() < 3
        assert np.percentile(difference, 75) <= 2
    assert sheet.is_rough
    assert not sheet.settle().isEmpty()
    assert not sheet.is_rough
    assert shot(sheet, zoom) == shot(sheet_of(state), zoom)


@pytest.mark.parametrize("zoom", [0.25, 0.37, 0.7])
def test_a_layer_that_moves_keeps_its_screen_pixels(zoom: float) -> None:
    layer = PixelLayer(id="upper", tiles=Tiles.from_image(noise(300, 200)), x=40, y=30)
    page = Page(width=700, height=500)  # a checkerboard would stay where it is
    state = DocumentState(page=page, layers=(layer,), active="upper")
    sheet = sheet_of(state)
    seen = []
    for dx, dy in ((1, 0), (201, 77)):
        sheet.follow(OffsetLayer(layer_id="upper", dx=dx, dy=dy).apply(state))
        left, top = round(dx * zoom) + round(60 * zoom), round(dy * zoom) + round(50 * zoom)
        width, height = round(250 * zoom), round(150 * zoom)
        seen.append(shot(sheet, zoom).copy(left, top, width, height))
    assert seen[0] == seen[1]


@pytest.mark.parametrize("zoom", [0.25, 1.0])
def test_any_other_change_ends_the_rough_look_of_a_drag(zoom: float) -> None:
    state = covered_state()
    sheet = sheet_of(state)
    shot(sheet, zoom)
    state = OffsetLayer(layer_id="middle", dx=40, dy=10).apply(state)
    sheet.follow(state)
    shot(sheet, zoom)
    state = SetLayer(layer_id="upper", opacity=0.5).apply(state)
    sheet.follow(state)
    assert not sheet.is_rough
    assert shot(sheet, zoom) == shot(sheet_of(state), zoom)


def test_a_layer_under_one_that_blends_is_never_rough() -> None:
    state = SetLayer(layer_id="upper", blend=Blend.multiply).apply(covered_state())
    sheet = sheet_of(state)
    state = OffsetLayer(layer_id="middle", dx=40, dy=10).apply(state)
    sheet.follow(state)
    assert not sheet.is_rough
    assert shot(sheet, 0.25) == shot(sheet_of(state), 0.25)


@pytest.mark.parametrize("zoom", ZOOMS)
def test_nothing_changes_outside_the_rect_that_a_change_names(zoom: float) -> None:
    state = some_state()
    sheet = sheet_of(state)
    before = shot(sheet, zoom)
    after = SetSelection(selection=rectangle(QRect(300, 200, 40, 30))).apply(state)
    named = sheet.follow(after)
    different = (pixels(before) != pixels(shot(sheet, zoom))).any(axis=2)
    rows, columns = different.nonzero()
    assert named == QRect(300, 200, 40, 30)
    assert rows.min() >= 200 * zoom - 2
    assert rows.max() <= 230 * zoom + 2
    assert columns.min() >= 300 * zoom - 2
    assert columns.max() <= 340 * zoom + 2


def test_at_100_percent_the_screen_is_the_page() -> None:
    image = noise(700, 500)
    pyramid = pyramid_of(image)
    assert sampled(pyramid, 1.0, QRect(100, 50, 256, 256)) == image.copy(QRect(100, 50, 256, 256))


@pytest.mark.parametrize("zoom", [2, 3, 8])
def test_from_200_percent_a_page_pixel_is_a_square_of_its_own_colour(zoom: int) -> None:
    image = noise(60, 40)
    pyramid = pyramid_of(image)
    large = pixels(sampled(pyramid, float(zoom), QRect(0, 0, 60 * zoom, 40 * zoom)))
    assert (large == pixels(image).repeat(zoom, axis=0).repeat(zoom, axis=1)).all()


def test_each_level_is_the_mean_of_four_pixels() -> None:
    image = noise(600, 520)
    level = pixels(pyramid_of(image).gather(1, QRect(0, 0, 300, 260)))
    mean = pixels(image).astype(int).reshape(260, 2, 300, 2, 4).mean(axis=(1, 3))
    assert np.abs(level - mean).max() <= 1


def test_a_pyramid_keeps_to_its_budget_and_forgets_what_changed() -> None:
    asked: list[Key] = []

    def source(key: Key) -> QImage:
        asked.append(key)
        return noise(256, 256)

    pyramid = Pyramid(QRect(0, 0, 2048, 2048), source)
    pyramid.gather(1, QRect(0, 0, 1024, 1024))
    first = len(asked)
    pyramid.gather(1, QRect(0, 0, 1024, 1024))
    assert len(asked) == first
    pyramid.invalidate(QRect(600, 10, 1, 1))
    pyramid.gather(1, QRect(0, 0, 1024, 1024))
    assert asked[first:] == [(2, 0), (3, 0), (2, 1), (3, 1)]

    small = Pyramid(QRect(0, 0, 2048, 2048), source, budget_bytes=3 * 256 * 256 * 4)
    small.gather(1, QRect(0, 0, 1024, 1024))
    assert small.kept_bytes <= 3 * 256 * 256 * 4


def test_a_frame_that_is_out_of_time_shows_the_former_zoom_and_says_what_is_missing() -> None:
    image = QImage(512, 512, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(QColor("red"))
    screen = PageScreen(pyramid_of(image), is_opaque=True)
    canvas = QImage(512, 512, QImage.Format.Format_RGB32)
    with QPainter(canvas) as painter:
        assert screen.paint(painter, 1.0, canvas.rect(), math.inf).isEmpty()
        canvas.fill(0)
        assert screen.paint(painter, 0.5, QRect(0, 0, 256, 256), -math.inf) == QRect(0, 0, 256, 256)
    assert canvas.pixelColor(128, 128) == QColor("red")


def test_a_first_frame_that_is_out_of_time_shows_plain_ground() -> None:
    image = noise(300, 300)
    screen = PageScreen(pyramid_of(image), is_opaque=True)
    screen.set_look(DARK, 1.0)
    canvas = QImage(300, 300, QImage.Format.Format_RGB32)
    with QPainter(canvas) as painter:
        assert not screen.paint(painter, 1.0, canvas.rect(), -math.inf).isEmpty()
        screen.invalidate(canvas.rect())
        assert not screen.paint(painter, 1.0, canvas.rect(), -math.inf).isEmpty()
    assert canvas.pixelColor(150, 150) == QColor(DARK.checker_light)


def test_a_screen_makes_each_square_once() -> None:
    made: list[QRect] = []
    screen = Screen[int](lambda zoom, square: made.append(square) or len(made))
    assert [screen.tile(1.0, (0, 0)), screen.tile(1.0, (1, 0)), screen.tile(1.0, (0, 0))] == [
        1,
        2,
        1,
    ]
    screen.invalidate(QRect(300, 5, 1, 1))
    assert [screen.tile(1.0, (0, 0)), screen.tile(1.0, (1, 0))] == [1, 3]
    assert screen.tile(2.0, (0, 0)) == 4


def test_before_takes_the_pages_place_and_gives_it_back() -> None:
    sheet = sheet_of(some_state())
    now = shot(sheet, 1.0)
    blue = QImage(700, 500, QImage.Format.Format_RGB32)
    blue.fill(QColor("blue"))
    sheet.show_before(blue)
    assert shot(sheet, 1.0).pixelColor(350, 250) == QColor("blue")
    sheet.show_before(None)
    assert shot(sheet, 1.0) == now


@pytest.mark.parametrize("zoom", ZOOMS)
def test_the_tint_lies_on_the_pixels_that_are_selected(zoom: float) -> None:
    selection = SelectionScreen(PAGE)
    selection.set_look("#ff0000", 1.0)
    selection.set_selection(rectangle(QRect(130, 70, 260, 301)))
    size = device_extent(PAGE.rect.size(), zoom).size()
    image = QImage(size, QImage.Format.Format_RGB32)
    image.fill(0)
    with QPainter(image) as painter:
        selection.paint_tint(painter, zoom, image.rect())
    tinted = pixels(image)[:, :, 2] > 0
    x, y = (np.arange(size.width()) + 0.5) / zoom, (np.arange(size.height()) + 0.5) / zoom
    expected = ((y >= 70) & (y < 371))[:, None] & ((x >= 130) & (x < 390))[None, :]
    assert (tinted == expected).all()


def test_ants_walk_on_the_outermost_selected_pixels() -> None:
    grey = np.zeros((8, 8), np.uint8)
    grey[2:7, 2:7] = 255
    grey[4, 4] = 127
    edge = on_stripes(grey, 1, QPoint(0, 0)) > 0
    expected = np.zeros((6, 6), bool)
    expected[1:6, 1:6] = True
    expected[2, 2] = expected[2, 4] = expected[4, 2] = expected[4, 4] = False
    expected[3, 3] = False  # the hole is outside, and what is around it an edge
    assert (edge == expected).all()


def test_ants_march_and_come_round() -> None:
    assert ants_table(4, 0) != ants_table(4, 1)
    assert ants_table(4, 3) == ants_table(4, 11)
    assert ants_table(4, 5)[0] == 0


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_the_changed_pixels_of_two_selections_are_exactly_bounded(data: st.DataObject) -> None:
    def rects() -> QRect:
        draw = data.draw
        x, y = draw(st.integers(0, 690)), draw(st.integers(0, 490))
        return QRect(x, y, draw(st.integers(1, 700 - x)), draw(st.integers(1, 500 - y)))

    old, new = rectangle(rects()), rectangle(rects())
    both = [pixels(each.image(PAGE.rect))[:, :, 0] for each in (old, new)]
    rows, columns = (both[0] != both[1]).nonzero()
    found = changed_pixels(old.tiles, new.tiles)
    if len(rows):
        assert found == QRect(QPoint(columns.min(), rows.min()), QPoint(columns.max(), rows.max()))
    else:
        assert found.isEmpty()


def test_an_empty_selection_shows_nothing() -> None:
    selection = SelectionScreen(PAGE)
    selection.set_look("#ff0000", 2.0)
    assert selection.set_selection(Selection(Tiles.empty(PixelKind.grey))).isEmpty()
    assert selection.edges(1.0, PAGE.rect) == []
    assert nothing().is_empty
