"""Eight-bit floating point: a plain cast, or with a scale a tensor or a row.

ComfyUI's `float8_e4m3fn`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from model.quantize.packed import Packed

E4M3 = torch.float8_e4m3fn
LARGEST = torch.finfo(E4M3).max
SCHEME = "scaled F8_E4M3"
_LEAST = 1e-30
"""Of a scale, so that zeros divide by none."""


def dequantise(weight: Tensor, scale: Tensor | None = None) -> Tensor:
    """float8 [R, C] or any shape, scale [], [1], [R] or [R, 1] -> float32."""
    numbers = weight.to(torch.float32)
    return numbers if scale is None else numbers * as_rows(scale)


def as_rows(scale: Tensor) -> Tensor:
    """One scale for all, or a column of one a row; float32."""
    return scale.float().reshape((-1, 1) if scale.numel() > 1 else ())


def quantise(numbers: Tensor, over: tuple[int, ...] | None = None) -> tuple[Tensor, Tensor]:
    """Any shape, weights or activations -> float8_e4m3fn of that shape, and the float32 scale, the
    largest number by 448: one, or one for all that lie along the dimensions `over`, which stay."""
    numbers = numbers.to(torch.float32)
    largest = numbers.abs().amax() if over is None else numbers.abs().amax(over, keepdim=True)
    scale = (largest / LARGEST).clamp(min=_LEAST)
    return (numbers * (1 / scale)).clamp(-LARGEST, LARGEST).to(E4M3), scale


def pack(weight: Tensor) -> Packed:
    """[R, C] in any type -> the same in 8 bits."""
    return Packed(
        scheme=SCHEME,
        shape=tuple(weight.shape),
        parts=quantise(weight),
        unpack=dequantise,
        by_row=2,
    )


def word(group: int | None) -> dict[str, Any]:
    """What ComfyUI's files say beside such a weight; it is never rotated."""
    assert group is None
    return {"format": "float8_e4m3fn"}
