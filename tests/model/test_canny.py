"""Canny edges where they can be told beforehand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from model.canny import canny, edges
from model.requests import Picture


def lines(grey: np.ndarray, low: float = 100, high: float = 200) -> np.ndarray:
    return edges(torch.from_numpy(grey.astype(np.float32)), low, high).numpy()


@pytest.mark.parametrize("turn", range(4))
def test_a_step_gives_one_straight_line(turn: int) -> None:
    grey = np.zeros((40, 40))
    grey[:, 17:] = 255
    found = np.rot90(lines(np.rot90(grey, turn).copy()), -turn)
    assert (found.sum(axis=1) == 1).all()
    assert set(np.argwhere(found)[:, 1]) <= {16, 17}


def test_a_square_gives_its_outline() -> None:
    grey = np.zeros((60, 60))
    grey[20:40, 15:45] = 200
    found = lines(grey)
    assert not found[23:37, 18:42].any()
    assert not found[:17].any()
    assert not found[:, :12].any()
    near = np.zeros_like(found)
    near[18:42, 13:47] = True
    near[22:38, 17:43] = False
    assert (found & ~near).sum() == 0
    assert 80 <= found.sum() <= 104  # its circumference is 96, corners are rounded


def test_weak_lines_count_beside_strong_ones_alone() -> None:
    grey = np.zeros((60, 40))
    grey[:, 20:] = np.linspace(255, 60, 60)[:, None]  # too weak below to count by itself
    found = lines(grey, 40, 300)
    assert found[:, 18:22].any(axis=1)[5:55].all()
    alone = np.zeros((60, 40))
    alone[:, 20:] = 60
    assert not lines(alone, 40, 300).any()


@pytest.mark.parametrize("value", [0, 77, 255])
def test_flat_pictures_have_none(value: int) -> None:
    assert not lines(np.full((12, 30), value)).any()


def test_pictures_in_and_out() -> None:
    picture = Picture(width=30, height=9, mode="RGB", data=bytes([0] * 45 + [255] * 45) * 9)
    found = canny(picture)
    assert (found.width, found.height, found.mode) == (30, 9, "RGB")
    assert set(found.data) == {0, 255}
    assert len(canny(Picture(width=1, height=1, mode="L", data=b"x")).data) == 3
