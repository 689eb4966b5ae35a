"""Layers put together again equal the picture they came from, whatever they are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtGui import QImage

from app.document.arrays import color_values
from app.document.composite import render
from app.document.geometry import Page
from app.document.pictures import over_white, to_image
from app.document.recomposing import recompose
from app.document.state import DocumentState
from model.requests import Picture


def noise(seed: int, width: int, height: int, mode: str = "RGBA") -> QImage:
    values = np.random.default_rng(seed).integers(0, 256, width * height * len(mode), np.uint8)
    return to_image(Picture(width=width, height=height, mode=mode, data=values.tobytes()))


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 99),
    count=st.integers(0, 4),
    size=st.tuples(st.integers(1, 300), st.integers(1, 40)),
    own=st.tuples(st.integers(1, 60), st.integers(1, 60)),
    mode=st.sampled_from(["RGB", "RGBA"]),
)
def test_the_group_shows_exactly_the_source(
    seed: int, count: int, size: tuple[int, int], own: tuple[int, int], mode: str
) -> None:
    source = noise(seed, *size, mode)
    found = recompose([noise(seed + 1 + k, *own) for k in range(count)], source)
    page = Page(width=size[0], height=size[1], background=None)
    shown = render(DocumentState(page=page, layers=(found.group("x"),)))
    wanted = over_white(source).convertToFormat(shown.format())
    assert np.array_equal(color_values(shown), color_values(wanted))
    assert 0 <= found.share <= 1


def test_a_perfect_split_needs_no_correction() -> None:
    source = noise(3, 40, 30, "RGB")
    found = recompose([noise(5, 40, 30), source], source)
    assert found.share == 0
    assert [layer.name for layer in found.group("x").children] == ["Layer 1", "Layer 2"]


def test_only_what_differs_is_corrected() -> None:
    source = noise(3, 40, 30, "RGB")
    other = source.copy()
    for x in range(10):
        other.setPixelColor(x, 7, "#123456")
    found = recompose([other], source)
    assert found.share == pytest.approx(10 / 1200, abs=2 / 1200)
    covered = color_values(found.correction) >> 24
    assert set(np.argwhere(covered > 0)[:, 0]) == {7}
