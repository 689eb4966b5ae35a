"""Canny edges: the drawing that a ControlNet for edges follows. Pure arithmetic on pictures.

Source: Canny, A Computational Approach to Edge Detection (1986): blur, gradient, thinning along the
gradient, and two thresholds, of which the lower one counts beside what reached the higher.
"""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from model.pictures import to_image
from model.requests import Picture

SPREAD_PX = 1.4
LOW, HIGH = 100.0, 200.0
"""Of the Sobel gradient of 8-bit values, as ControlNets were trained."""
_STEPS = ((0, 1), (1, 1), (1, 0), (1, -1))


def canny(picture: Picture, low: float = LOW, high: float = HIGH) -> Picture:
    """White lines of one pixel on black, RGB, of the picture's size."""
    grey = np.asarray(to_image(picture).convert("L"), dtype=np.float32)
    lines = edges(torch.from_numpy(grey), low, high).numpy()
    values = np.repeat((lines * 255).astype(np.uint8)[:, :, None], 3, axis=2)
    return Picture(width=picture.width, height=picture.height, mode="RGB", data=values.tobytes())


def edges(grey: Tensor, low: float, high: float) -> Tensor:
    """[H, W] of 0…255 -> bool [H, W]."""
    x, y = _gradient(_blurred(grey))
    strength = torch.hypot(x, y)
    thin = strength * _is_ridge(strength, x, y)
    weak, strong = thin >= low, thin >= high
    while True:  # weak pixels join the strong ones that they touch
        grown = F.max_pool2d(strong.float()[None, None], 3, 1, 1)[0, 0].bool() & weak
        if torch.equal(grown | strong, strong):
            return strong
        strong = grown | strong


def _blurred(grey: Tensor) -> Tensor:
    radius = math.ceil(2 * SPREAD_PX)
    position = torch.arange(-radius, radius + 1, dtype=torch.float32)
    bell = torch.exp(-(position**2) / (2 * SPREAD_PX**2))
    bell = (bell / bell.sum()).view(1, 1, -1)
    for _ in range(2):  # along rows, then along columns
        rows = F.pad(grey[:, None], (radius, radius), mode="replicate")
        grey = F.conv1d(rows, bell)[:, 0].T
    return grey


def _gradient(grey: Tensor) -> tuple[Tensor, Tensor]:
    """Sobel, towards the right and downwards."""
    kernel = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    padded = F.pad(grey[None, None], (1, 1, 1, 1), mode="replicate")
    both = F.conv2d(padded, torch.stack([kernel, kernel.T])[:, None])[0]
    return both[0], both[1]


def _is_ridge(strength: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Where no neighbour along the gradient, rounded to eight directions, is stronger."""
    height, width = strength.shape
    padded = F.pad(strength, (1, 1, 1, 1))
    direction = (torch.atan2(y, x) / (math.pi / 4)).round().long() % 4
    found = torch.zeros_like(strength, dtype=torch.bool)
    for index, (down, right) in enumerate(_STEPS):
        ahead = padded[1 + down : 1 + down + height, 1 + right : 1 + right + width]
        behind = padded[1 - down : 1 - down + height, 1 - right : 1 - right + width]
        # Of two equal neighbours one stays, so that a line is one pixel wide.
        found |= (direction == index) & (strength > behind) & (strength >= ahead)
    return found
