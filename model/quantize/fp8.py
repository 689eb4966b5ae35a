"""Eight-bit floating point: a plain cast, or with a scale a tensor or a row."""

from __future__ import annotations

import torch
from torch import Tensor


def dequantise(weight: Tensor, scale: Tensor | None = None) -> Tensor:
    """float8 [R, C] or any shape, scale [], [1], [R] or [R, 1] -> float32."""
    numbers = _cast(weight)
    return numbers if scale is None else numbers * as_rows(scale)


def as_rows(scale: Tensor) -> Tensor:
    """One scale for all, or a column of one a row; float32."""
    return scale.to(torch.float32).reshape(-1, 1) if scale.numel() > 1 else scale.float().reshape(())


def _cast(weight: Tensor) -> Tensor:
    if weight.device.type != "mps":
        return weight.to(torch.float32)
    return by_table(weight)  # Metal knows no float8


def by_table(weight: Tensor) -> Tensor:
    """The cast as a look-up among the 256 values that there are."""
    codes = torch.arange(256, dtype=torch.uint8).view(weight.dtype)
    values = codes.to(torch.float32).to(weight.device)
    return values[weight.view(torch.uint8).long()]
