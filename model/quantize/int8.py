"""Eight-bit whole numbers with a scale a row, of a weight whose columns may be rotated.

ComfyUI's `int8_tensorwise`, with or without `convrot`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from model.quantize.fp8 import as_rows
from model.quantize.hadamard import largest_group, rotate
from model.quantize.packed import Packed

_LEAST = 1e-30
"""Of a scale, so that a row of zeros divides by none."""


def dequantise(weight: Tensor, scale: Tensor) -> Tensor:
    """int8 [R, C], scale [], [1], [R] or [R, 1] -> float32 [R, C]."""
    return weight.to(torch.float32) * as_rows(scale)


def quantise(numbers: Tensor) -> tuple[Tensor, Tensor]:
    """[R, C], weights or activations -> int8 [R, C] and float32 [R, 1], the largest of a row by
    127."""
    numbers = numbers.to(torch.float32)
    scale = (numbers.abs().amax(dim=1, keepdim=True) / 127).clamp(min=_LEAST)
    return (numbers / scale).round().clamp(-127, 127).to(torch.int8), scale


def pack(weight: Tensor) -> Packed:
    """[R, C] in any type -> the same in 8 bits, rotated by the largest group that there is."""
    numbers, group = weight.to(torch.float32), largest_group(weight.shape[1])
    return Packed(
        scheme=scheme(group),
        shape=tuple(weight.shape),
        parts=quantise(numbers if group is None else rotate(numbers, group)),
        unpack=dequantise,
        by_row=2,
        rotation=group,
    )


def scheme(group: int | None) -> str:
    return "scaled I8" if group is None else "rotated I8"


def word(group: int | None) -> dict[str, Any]:
    """What ComfyUI's files say beside such a weight."""
    if group is None:
        return {"format": "int8_tensorwise"}
    return {"format": "int8_tensorwise", "convrot": True, "convrot_groupsize": group}
