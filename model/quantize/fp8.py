"""Eight-bit floating point: a plain cast, or with a scale a tensor or a row."""

from __future__ import annotations

import torch
from torch import Tensor


def dequantise(weight: Tensor, scale: Tensor | None = None) -> Tensor:
    """float8 [R, C] or any shape, scale [], [1], [R] or [R, 1] -> float32."""
    numbers = weight.to(torch.float32)
    return numbers if scale is None else numbers * as_rows(scale)


def as_rows(scale: Tensor) -> Tensor:
    """One scale for all, or a column of one a row; float32."""
    return scale.float().reshape((-1, 1) if scale.numel() > 1 else ())
