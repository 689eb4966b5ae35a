"""Pages and how sizes fit: tables of values."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QRect, QSize

from app.document.errors import BadPage
from app.document.geometry import (
    MAX_SIDE_PX,
    Page,
    closest_size,
    covering,
    fitted,
    page_from_mm,
    presets,
    to_mm,
    to_px,
)


@pytest.mark.parametrize(
    ("mm", "dpi", "px"), [(210, 300, 2480), (297, 300, 3508), (25.4, 72, 72), (3, 300, 35)]
)
def test_millimetres(mm: float, dpi: float, px: int) -> None:
    assert to_px(mm, dpi) == px
    assert abs(to_mm(px, dpi) - mm) <= 25.4 / dpi / 2


def test_bleed_lies_around_the_trim() -> None:
    page = page_from_mm(297, 420, dpi=300, bleed_mm=3)
    assert (page.width, page.height) == (3508 + 70, 4961 + 70)
    assert page.trim == QRect(35, 35, 3508, 4961)
    assert page.size_mm == pytest.approx((303, 426), abs=0.1)
    assert Page(width=100, height=50).trim == QRect(0, 0, 100, 50)


@pytest.mark.parametrize(
    "wrong",
    [
        {"width": 0},
        {"height": -1},
        {"width": MAX_SIDE_PX + 1},
        {"width": 16_000, "height": 16_000},
        {"dpi": 0},
        {"dpi": float("nan")},
        {"bleed_mm": -1},
        {"bleed_mm": 5},
        {"bleed_mm": float("inf")},
    ],
)
def test_impossible_pages(wrong: dict[str, float]) -> None:
    with pytest.raises(BadPage):
        Page(**{"width": 100, "height": 100, **wrong})


def test_every_preset_makes_a_page() -> None:
    for preset in presets():
        page = preset.page()
        with_bleed = preset.page(bleed_mm=3)
        assert with_bleed.trim.size() == page.rect.size(), preset.name
    names = [preset.name for preset in presets()]
    assert len(names) == len(set(names))
    a4 = next(preset for preset in presets() if preset.name == "A4")
    assert a4.page(dpi=72).rect == QRect(0, 0, 595, 842)


@pytest.mark.parametrize(
    ("size", "area", "inside", "over"),
    [
        ((200, 100), QRect(0, 0, 100, 100), QRect(0, 25, 100, 50), QRect(-50, 0, 200, 100)),
        ((50, 100), QRect(10, 20, 100, 100), QRect(35, 20, 50, 100), QRect(10, -30, 100, 200)),
        ((7, 7), QRect(0, 0, 7, 7), QRect(0, 0, 7, 7), QRect(0, 0, 7, 7)),
    ],
)
def test_fitting_and_covering(
    size: tuple[int, int], area: QRect, inside: QRect, over: QRect
) -> None:
    assert fitted(QSize(*size), area) == inside
    assert covering(QSize(*size), area) == over


@pytest.mark.parametrize(
    ("page", "size"),
    [
        ((1000, 1000), (1328, 1328)),
        ((300, 300), (256, 256)),
        ((4961, 7016), (1056, 1584)),
        ((1920, 1080), (1664, 928)),
    ],
)
def test_closest_size(page: tuple[int, int], size: tuple[int, int]) -> None:
    sizes = [(256, 256), (1328, 1328), (1056, 1584), (1664, 928)]
    assert closest_size(Page(width=page[0], height=page[1]), sizes) == size
