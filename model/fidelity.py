"""How alike two pictures are: PSNR, and SSIM as Wang et al. (2004) define it. Pure arithmetic."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from model.pictures import resize, to_image
from model.requests import Picture

WINDOW, SPREAD = 11, 1.5
C1, C2 = 0.01**2, 0.03**2
BEST_DB = 99.0


def likeness(source: Picture, drawn: Picture) -> tuple[float, float]:
    """PSNR in dB and SSIM of a picture, over white, against its source at the same size."""
    image = to_image(drawn)
    pair = (resize(to_image(source), image.size), image)
    first, second = (torch.from_numpy(np.array(i)).permute(2, 0, 1) / 255 for i in pair)
    return psnr_db(first, second), ssim(first, second)


def psnr_db(first: Tensor, second: Tensor) -> float:
    """Decibels between pictures of any shape in 0…1; at most 99, where they are equal."""
    error = (first.double() - second.double()).square().mean().item()
    return min(BEST_DB, -10 * math.log10(max(error, 1e-12)))


def ssim(first: Tensor, second: Tensor) -> float:
    """Mean structural similarity of [C, H, W] in 0…1: Gaussian windows of 11 px, spread 1.5, over
    every place where a window fits; 1 where they are equal. Sides are at least 11 px."""
    position = torch.arange(WINDOW, dtype=torch.float64) - WINDOW // 2
    bell = torch.exp(-(position**2) / (2 * SPREAD**2))
    bell = bell / bell.sum()

    def blurred(x: Tensor) -> Tensor:
        rows = F.conv2d(x, bell.view(1, 1, -1, 1))
        return F.conv2d(rows, bell.view(1, 1, 1, -1))

    x, y = first.double()[:, None], second.double()[:, None]
    mean_x, mean_y = blurred(x), blurred(y)
    var_x, var_y = blurred(x * x) - mean_x**2, blurred(y * y) - mean_y**2
    shared = blurred(x * y) - mean_x * mean_y
    likeness = (2 * mean_x * mean_y + C1) * (2 * shared + C2)
    return (likeness / ((mean_x**2 + mean_y**2 + C1) * (var_x + var_y + C2))).mean().item()
