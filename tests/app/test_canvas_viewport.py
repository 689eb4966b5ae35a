"""The way between screen and page, by properties and tables."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPointF, QRect, QRectF, QSize

from app.canvas.viewport import MAX_ZOOM, ZOOM_STOPS, Viewport, next_stop

ratios = st.sampled_from([1.0, 1.25, 1.5, 2.0])
zooms = st.floats(0.02, 64)


@st.composite
def viewports(draw: st.DrawFn) -> Viewport:
    view = QSize(draw(st.integers(120, 2500)), draw(st.integers(120, 1500)))
    page = QSize(draw(st.integers(1, 10_000)), draw(st.integers(1, 10_000)))
    fitted = Viewport(view=view, page=page, ratio=draw(ratios)).fitted()
    at = QPointF(draw(st.floats(0, view.width())), draw(st.floats(0, view.height())))
    return fitted.zoomed(draw(zooms), at)


def points(viewport: Viewport) -> st.SearchStrategy[QPointF]:
    return st.builds(
        QPointF, st.floats(0, viewport.view.width()), st.floats(0, viewport.view.height())
    )


@given(st.data())
def test_the_way_to_the_page_and_back_ends_where_it_began(data: st.DataObject) -> None:
    viewport = data.draw(viewports())
    point = data.draw(points(viewport))
    back = viewport.to_screen(viewport.to_page(point))
    assert (back - point).manhattanLength() < 1e-6


@given(st.data(), zooms)
def test_zooming_keeps_the_page_point_under_the_cursor(data: st.DataObject, zoom: float) -> None:
    viewport = data.draw(viewports())
    inside = viewport.page_on_screen & QRectF(0, 0, viewport.view.width(), viewport.view.height())
    at = data.draw(
        st.builds(
            QPointF,
            st.floats(inside.left(), inside.right()),
            st.floats(inside.top(), inside.bottom()),
        )
    )
    before = viewport.to_page(at)
    after = viewport.zoomed(zoom, at)
    if after == after.kept_in_view() and _is_free(after):
        # Both pages lie on whole device pixels: half a pixel either side of the exact place.
        drift = after.to_page(at) - before
        assert max(abs(drift.x()), abs(drift.y())) <= 0.5 / after.zoom + 0.5 / viewport.zoom + 1e-6


def _is_free(viewport: Viewport) -> bool:
    """Whether no rim held the page back, so that the place is the one asked for."""
    rim = 50 * viewport.ratio
    room = viewport.device_size
    far = viewport.page.width() * viewport.zoom, viewport.page.height() * viewport.zoom
    return (
        rim - far[0] < viewport.left < room.width() - rim
        and rim - far[1] < viewport.top < room.height() - rim
        and min(far) > rim
    )


@given(viewports(), st.floats(-1e5, 1e5), st.floats(-1e5, 1e5))
def test_no_pan_loses_the_page(viewport: Viewport, dx: float, dy: float) -> None:
    moved = viewport.panned(dx, dy)
    view = QRectF(0, 0, moved.view.width(), moved.view.height())
    assert moved.page_on_screen.intersects(view)


@given(viewports())
def test_fitting_shows_all_of_the_page_in_the_middle(viewport: Viewport) -> None:
    fitted = viewport.fitted()
    view = QRectF(0, 0, fitted.view.width(), fitted.view.height())
    assert view.contains(fitted.page_on_screen)
    assert (fitted.page_on_screen.center() - view.center()).manhattanLength() <= 2


@given(viewports(), st.integers(120, 2000), st.integers(120, 2000), ratios)
def test_resizing_keeps_the_middle(
    viewport: Viewport, width: int, height: int, ratio: float
) -> None:
    resized = viewport.resized(QSize(width, height), ratio)
    assert resized.scale == pytest.approx(viewport.scale)
    if _is_free(resized):
        before = viewport.to_page(QPointF(viewport.view.width() / 2, viewport.view.height() / 2))
        drift = resized.to_page(QPointF(width / 2, height / 2)) - before
        assert (
            max(abs(drift.x()), abs(drift.y())) <= 0.5 / resized.zoom + 0.5 / viewport.zoom + 1e-6
        )


@given(viewports(), st.integers(-60, 60))
def test_steps_stay_within_the_limits(viewport: Viewport, steps: int) -> None:
    stepped = viewport.stepped(steps, QPointF(10, 10))
    assert viewport.min_zoom <= stepped.zoom <= MAX_ZOOM


@pytest.mark.parametrize(
    ("zoom", "inwards", "expected"),
    [
        (1.0, True, 1.5),
        (1.0, False, 0.75),
        (0.9, True, 1.0),
        (1.1, False, 1.0),
        (0.99999, True, 1.5),
        (64.0, True, 64.0),
        (0.02, False, 0.02),
        (0.005, True, 0.02),
    ],
)
def test_the_next_stop(zoom: float, inwards: bool, expected: float) -> None:
    assert next_stop(zoom, inwards=inwards) == expected


def test_stops_are_in_order_and_hold_the_whole_percents() -> None:
    assert list(ZOOM_STOPS) == sorted(set(ZOOM_STOPS))
    assert {0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0} <= set(ZOOM_STOPS)


@pytest.mark.parametrize(
    ("page", "ratio", "zoom"),
    [
        (QSize(2000, 1000), 1.0, 936 / 2000),
        (QSize(2000, 1000), 2.0, 936 * 2 / 2000),
        (QSize(256, 256), 1.0, 2.0),  # 2.875 would be uneven pixels
        (QSize(700, 400), 1.0, 936 / 700),
    ],
)
def test_fit_fills_the_view_and_is_whole_from_200_percent(
    page: QSize, ratio: float, zoom: float
) -> None:
    assert Viewport(view=QSize(1000, 800), page=page, ratio=ratio).fit_zoom == pytest.approx(zoom)


def test_a_hidpi_display_shows_one_page_pixel_on_one_of_its_own() -> None:
    viewport = Viewport(view=QSize(500, 500), page=QSize(800, 800), ratio=2.0, zoom=1.0)
    assert viewport.rect_to_screen(QRectF(0, 0, 800, 800)).width() == 400


def test_what_is_seen_is_cut_to_the_page() -> None:
    viewport = Viewport(view=QSize(200, 200), page=QSize(100, 100), zoom=1.0, left=50, top=-20)
    assert viewport.seen == QRect(0, 20, 100, 80)
