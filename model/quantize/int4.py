"""Signed four-bit numbers with a scale a row, of a weight whose columns are rotated."""

from __future__ import annotations

import torch
from torch import Tensor

from model.quantize.bits import looked_up


def dequantise(weight: Tensor, scale: Tensor) -> Tensor:
    """int8 [R, C / 2] with the even column in the low half, scale [R] -> float32 [R, C]."""
    signed = torch.tensor([*range(8), *range(-8, 0)], dtype=torch.float32, device=weight.device)
    return looked_up(weight.view(torch.uint8), signed) * scale.to(torch.float32).reshape(-1, 1)
