"""Four-bit codes into a book of 16 values, made for multiplying as int8: each group of columns has
a scale that takes the values to whole numbers, each row one that takes these to the weight. The
columns are rotated."""

from __future__ import annotations

import torch
from torch import Tensor

from model.quantize import fp8
from model.quantize.bits import runs
from model.quantize.hadamard import rotate


def dequantise(
    weight: Tensor, groups: Tensor, rows: Tensor, book: Tensor, *, rotation: int
) -> Tensor:
    """int8 [R, C / 2] with the even column in the low half; scales of groups, float8 [R, G], and
    of rows, [R]; book [16] -> float32 [R, C]."""
    codes = runs(weight.view(torch.uint8), 4)
    num_rows, columns = codes.shape
    values = book.to(torch.float32)[codes.long()].reshape(num_rows, groups.shape[1], -1)
    whole = (values * fp8.dequantise(groups).unsqueeze(-1)).round().clamp(-127, 127)
    numbers = whole.reshape(num_rows, columns) * rows.to(torch.float32).reshape(-1, 1)
    return rotate(numbers, rotation)
