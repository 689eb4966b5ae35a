"""PSNR and SSIM against their definitions, window by window."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from model.fidelity import BEST_DB, psnr_db, ssim


def by_windows(first: np.ndarray, second: np.ndarray) -> float:
    """SSIM of [H, W], each window by itself."""
    position = np.arange(11) - 5
    bell = np.exp(-(position**2) / (2 * 1.5**2))
    weights = np.outer(bell, bell) / np.outer(bell, bell).sum()
    found = []
    for y in range(first.shape[0] - 10):
        for x in range(first.shape[1] - 10):
            a, b = first[y : y + 11, x : x + 11], second[y : y + 11, x : x + 11]
            mean_a, mean_b = (weights * a).sum(), (weights * b).sum()
            var_a = (weights * (a - mean_a) ** 2).sum()
            var_b = (weights * (b - mean_b) ** 2).sum()
            both = (weights * (a - mean_a) * (b - mean_b)).sum()
            found.append(
                (2 * mean_a * mean_b + 1e-4)
                * (2 * both + 9e-4)
                / ((mean_a**2 + mean_b**2 + 1e-4) * (var_a + var_b + 9e-4))
            )
    return float(np.mean(found))


@pytest.mark.parametrize(("size", "noise"), [((11, 11), 0.1), ((15, 23), 0.3), ((20, 12), 0.02)])
def test_ssim(size: tuple[int, int], noise: float) -> None:
    random = np.random.default_rng(size[0])
    first = random.random((3, *size))
    second = np.clip(first + noise * random.standard_normal(first.shape), 0, 1)
    expected = np.mean([by_windows(a, b) for a, b in zip(first, second, strict=True)])
    assert ssim(torch.from_numpy(first), torch.from_numpy(second)) == pytest.approx(expected)


def test_equal_pictures() -> None:
    picture = torch.rand(3, 16, 16, generator=torch.Generator().manual_seed(1))
    assert ssim(picture, picture) == pytest.approx(1.0)
    assert psnr_db(picture, picture) == BEST_DB


def test_psnr() -> None:
    picture = torch.zeros(3, 4, 4)
    assert psnr_db(picture, picture + 0.1) == pytest.approx(20.0, abs=1e-4)
    assert psnr_db(picture, picture + 1) == pytest.approx(0.0, abs=1e-6)
    assert math.isfinite(psnr_db(picture, picture + 1e-9))
