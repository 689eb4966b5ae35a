"""Eight-bit whole numbers with a scale a row, of a weight whose columns may be rotated."""

from __future__ import annotations

import torch
from torch import Tensor

from model.quantize.fp8 import as_rows
from model.quantize.hadamard import rotate


def dequantise(weight: Tensor, scale: Tensor, *, group: int | None = None) -> Tensor:
    """int8 [R, C], scale [], [1], [R] or [R, 1] -> float32 [R, C]. `group` is that of the rotation,
    which is undone."""
    numbers = weight.to(torch.float32) * as_rows(scale)
    return numbers if group is None else rotate(numbers, group)
