"""A page larger than the picture: what is missing, what is sent, and that the picture stays."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QRect

from app.document.commands import SetPage
from app.document.composite import render
from app.document.edits import place_extension
from app.document.extending import (
    Margins,
    beyond,
    extension_hindrance,
    is_covered,
    margins,
    picture_area,
    source_for_extension,
)
from app.document.geometry import Page, shift, to_px
from app.document.layers import GroupLayer, Layer, PixelLayer, TextLayer
from app.document.selection import rectangle
from app.document.state import DocumentState
from app.document.tiles import Tiles
from tests.documents import array, mask_of, noise, solid

PAGE = Page(width=100, height=80)
AREA = QRect(10, 20, 60, 50)


def picture(**look: object) -> PixelLayer:
    image = noise(AREA.width(), AREA.height(), 5, opaque=True)
    return PixelLayer(id="p", tiles=Tiles.from_image(image), x=10, y=20, **look)


def state(*layers: Layer, **rest: object) -> DocumentState:
    values = {"picture": "p", "current_node": "n0"} | rest
    return DocumentState(page=PAGE, layers=layers, **values)  # type: ignore[arg-type]


def headline() -> TextLayer:
    """Over all the page, the part without a picture too."""
    return TextLayer(id="t", text="OPEN", size_px=40, x=0, y=0, color="#ff0000")


def test_what_is_missing_is_measured_to_the_pixel(qapp: object) -> None:
    found = picture_area(state(picture(), headline()))
    assert found == AREA
    assert margins(found, PAGE.rect) == Margins(left=10, right=30, top=20, bottom=10)
    new = beyond(found, PAGE.rect)
    assert new.image(AREA).pixelColor(0, 0).red() == 0
    assert (array(new.image(PAGE.rect))[..., 0] == 255).sum() == 100 * 80 - 60 * 50


@pytest.mark.parametrize(
    ("layer", "is_whole"),
    [
        (PixelLayer(tiles=Tiles.from_image(solid(100, 80, "red"))), True),
        (PixelLayer(tiles=Tiles.from_image(solid(100, 79, "red"))), False),
        (PixelLayer(tiles=Tiles.from_image(solid(100, 80, "red")), x=1), False),
        (PixelLayer(tiles=Tiles.from_image(solid(900, 900, "red")), x=-50, y=-50), True),
        (PixelLayer(tiles=Tiles.from_image(solid(100, 80, "red")), visible=False), False),
        (PixelLayer(tiles=Tiles.from_image(solid(100, 80, "red")),
                    mask=mask_of(QRect(0, 0, 100, 70))), False),
        (GroupLayer(children=(PixelLayer(tiles=Tiles.from_image(solid(100, 80, "red"))),)), True),
    ],
)  # fmt: skip
def test_a_page_is_covered_or_not(qapp: object, layer: Layer, is_whole: bool) -> None:
    assert is_covered(state(layer)) is is_whole
    assert bool(extension_hindrance(state(layer))) is is_whole


def test_without_a_picture_there_is_nothing_to_extend(qapp: object) -> None:
    assert extension_hindrance(state()) == extension_hindrance(state(headline()))
    assert "no picture" in extension_hindrance(state())
    assert "covers" in extension_hindrance(
        state(PixelLayer(tiles=Tiles.from_image(solid(100, 80, "red"))))
    )


def test_live_text_is_not_sent(qapp: object) -> None:
    sent = source_for_extension(state(picture(), headline()), AREA)
    wanted = noise(AREA.width(), AREA.height(), 5, opaque=True)
    assert np.array_equal(array(sent), array(wanted))


@pytest.mark.parametrize(
    ("layers", "picture_id"),
    [
        ((picture(),), "p"),
        ((picture(), headline()), "p"),
        ((picture(),), None),
        ((GroupLayer(id="g", children=(picture(),)), headline()), "p"),
        ((picture(opacity=0.5),), "p"),
        ((picture(locked=True),), "p"),
    ],
)
def test_the_picture_stays_bit_for_bit(
    qapp: object, layers: tuple[Layer, ...], picture_id: str | None
) -> None:
    before = state(*layers, picture=picture_id)
    result = noise(PAGE.width, PAGE.height, 7, opaque=True)
    mask = beyond(AREA, PAGE.rect)
    placed = place_extension(before, result, mask=mask, base=None)
    after = placed.command("n1").apply(before)
    assert placed.changed_outside == 0
    assert render(after, AREA) == render(before, AREA)
    corner = QRect(0, 75, 9, 5)  # below the text
    assert render(after, corner) == result.copy(corner)
    assert picture_area(after) == PAGE.rect
    assert after.current_node == "n1"
    if len(layers) == 2:
        assert after.layers[-1] is layers[-1], "live text stays live, above what is new"


def test_a_mask_that_misses_the_page_changes_nothing(qapp: object) -> None:
    before = state(picture())
    result = noise(PAGE.width, PAGE.height, 7, opaque=True)
    placed = place_extension(before, result, mask=rectangle(QRect(500, 0, 9, 9)), base=None)
    assert render(placed.command("n").apply(before)) == render(before)


@pytest.mark.parametrize(
    ("across", "down", "corner"),
    [(0.5, 0.5, (20, 10)), (0, 0, (0, 0)), (1, 1, (40, 20)), (0, 1, (0, 20)), (0.5, 0, (20, 0))],
)
def test_the_anchor_stays(across: float, down: float, corner: tuple[int, int]) -> None:
    assert shift(PAGE, Page(width=140, height=100), across, down) == QPoint(*corner)


@pytest.mark.parametrize("place", [(0, 0), (0.5, 0.5), (1, 1)])
def test_bleed_grows_on_all_sides_whatever_the_anchor(
    qapp: object, place: tuple[float, float]
) -> None:
    bleed = to_px(3, PAGE.dpi)
    page = Page(width=PAGE.width + 2 * bleed, height=PAGE.height + 2 * bleed, bleed_mm=3)
    at = shift(PAGE, page, *place)
    assert at == QPoint(bleed, bleed)
    whole = PixelLayer(tiles=Tiles.from_image(solid(100, 80, "red")))
    after = SetPage(page=page, dx=at.x(), dy=at.y()).apply(state(whole))
    found = margins(picture_area(after), page.rect)
    assert found == Margins(left=bleed, right=bleed, top=bleed, bottom=bleed)
