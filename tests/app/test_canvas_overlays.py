"""What is drawn around the page and the pointer, against plain ways to draw it."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QColor, QImage, QPainter

from app.canvas import overlays
from app.canvas.palette import DARK, LIGHT, Palette
from app.canvas.ring import LARGEST_KEPT_PX, Ring, draw_ring, ring_bounds

VIEW = QRectF(0, 0, 300, 200)


def ground(ratio: float = 1.0, color: str = "#4080c0") -> QImage:
    image = QImage(round(300 * ratio), round(200 * ratio), QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(ratio)
    image.fill(QColor(color))
    return image


def pixels(image: QImage) -> np.ndarray:
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.width(), 4)
    return rows[..., :3].astype(int)


@pytest.mark.parametrize("ratio", [1.0, 2.0])
@pytest.mark.parametrize("diameter", [1.0, 7.4, 120.0, 2.0 * LARGEST_KEPT_PX])
def test_a_kept_ring_looks_as_one_drawn_anew(qapp: object, diameter: float, ratio: float) -> None:
    ring = Ring()
    for size, at in (
        (30.0, QPointF(50, 60)),
        (diameter, QPointF(90, 70)),
        (diameter, QPointF(151, 99)),
    ):
        kept, anew = ground(ratio), ground(ratio)
        with QPainter(kept) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            ring.paint(painter, at, size)
        with QPainter(anew) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            draw_ring(painter, at, size)
        assert np.abs(pixels(kept) - pixels(anew)).max() <= 2


def test_a_ring_keeps_to_its_bounds(qapp: object) -> None:
    for diameter in (2.0, 33.3, 90.0):
        image, at = ground(), QPointF(150, 100)
        before = pixels(image)
        with QPainter(image) as painter:
            Ring().paint(painter, at, diameter)
        rows, columns = (pixels(image) != before).any(axis=2).nonzero()
        bounds = ring_bounds(at, diameter)
        assert bounds.contains(QRectF(columns.min(), rows.min(), 1, 1))
        assert bounds.contains(QRectF(columns.max(), rows.max(), 1, 1))


@pytest.mark.parametrize("palette", [LIGHT, DARK])
@pytest.mark.parametrize(
    "page", [QRectF(60, 40, 180, 110), QRectF(60.5, 40, 181.5, 110.5), QRectF(-900, 40, 1201, 500)]
)
def test_the_surround_covers_all_but_the_page_and_casts_a_shadow(
    qapp: object, palette: Palette, page: QRectF
) -> None:
    image = ground(color="#ff00ff")
    with QPainter(image) as painter:
        overlays.draw_surround(painter, VIEW, page, palette)
    found = pixels(image)
    inside = np.zeros(found.shape[:2], bool)
    inner = (page.adjusted(1, 1, -1, -1) & VIEW).toRect()
    inside[inner.top() : inner.bottom() + 1, inner.left() : inner.right() + 1] = True
    untouched = (found == (255, 0, 255)).all(axis=2)
    assert untouched[inside].all()
    outer = (page.adjusted(-1, -1, 1, 1) & VIEW).toAlignedRect()
    inside[outer.top() : outer.bottom() + 1, outer.left() : outer.right() + 1] = True
    assert not untouched[~inside].any()
    assert image.pixelColor(2, 2) == QColor(palette.surround)
    near, far = (round(min(page.right(), 200)), round(page.bottom()) + 3), (2, 2)
    if page.bottom() < VIEW.bottom():
        assert image.pixelColor(*near).lightnessF() < image.pixelColor(*far).lightnessF()
