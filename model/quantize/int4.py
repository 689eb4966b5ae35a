"""Signed four-bit numbers with a scale a row, of a weight whose columns are rotated."""

from __future__ import annotations

import torch
from torch import Tensor

from model.quantize.bits import runs


def dequantise(weight: Tensor, scale: Tensor) -> Tensor:
    """int8 [R, C / 2] with the even column in the low half, scale [R] -> float32 [R, C]."""
    codes = runs(weight.view(torch.uint8), 4).to(torch.int8)
    signed = torch.where(codes > 7, codes - 16, codes)  # two's complement
    return signed.to(torch.float32) * scale.to(torch.float32).reshape(-1, 1)
