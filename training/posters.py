"""Posters as training needs them: pixels by index, and those held out for samples and statistics.

Knows the stream of synthetic posters; knows no network.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from model.pictures import fit_area, resize
from training.data.synthesis import PosterStream

HELD_OUT_FIRST = 1 << 40
"""No run sees as many examples, so those from here on are new to every one."""


def poster_pixels(stream: PosterStream, index: int) -> NDArray[np.uint8]:
    """[H, W, 3] of one poster; of an edit, the picture that it results in."""
    return stream.drawn(stream.sample(index).target)


def held_out_pixels(stream: PosterStream, count: int) -> list[Tensor]:
    """`count` posters as [3, H, W] in -1…1 that no run trains on."""
    return [
        to_signed(torch.from_numpy(poster_pixels(stream, HELD_OUT_FIRST + i)).permute(2, 0, 1))
        for i in range(count)
    ]


def to_signed(pixels: Tensor) -> Tensor:
    """Bytes 0…255 -> -1…1, as the VAE takes them."""
    return pixels.float() / 127.5 - 1.0


def to_bytes(pixels: Tensor) -> Tensor:
    """-1…1 -> bytes, rounded."""
    return ((pixels.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)


def to_pictures(pixels: Tensor) -> list[Image.Image]:
    """Bytes [B, 3, H, W] as pictures."""
    return [Image.fromarray(p.permute(1, 2, 0).contiguous().numpy()) for p in pixels.cpu()]


def resized(picture: Image.Image, area_px: int) -> Image.Image:
    """As an edit resizes its picture."""
    return resize(picture, fit_area(area_px, picture.width, picture.height))
