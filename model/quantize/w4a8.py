"""Four-bit codes into a book of 16 values, made for multiplying as int8: each group of columns has
a scale that takes the values to whole numbers, each row one that takes these to the weight. The
columns are rotated."""

from __future__ import annotations

import torch
from torch import Tensor

from model.quantize.bits import runs
from model.quantize.hadamard import rotate


def dequantise(
    weight: Tensor, groups: Tensor, rows: Tensor, book: Tensor | None = None, *, rotation: int
) -> Tensor:
    """int8 [R, C / 2] with the even column in the low half; scales of groups, [R, G] in any type,
    and of rows, [R]; book [16], by default -8 to 7 -> float32 [R, C]."""
    codes = runs(weight.view(torch.uint8), 4)
    num_rows, columns = codes.shape
    values = codes.float() - 8 if book is None else book.float()[codes.long()]
    scales = groups.float().reshape(num_rows, -1, 1)
    whole = (values.reshape(*scales.shape[:2], -1) * scales).round().clamp(-127, 127)
    return rotate(whole.reshape(num_rows, columns) * rows.float().reshape(-1, 1), rotation)
