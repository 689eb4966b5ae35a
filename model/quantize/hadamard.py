"""The rotation of a weight's columns, in groups, that spreads outliers before rounding.

H is the Kronecker power of a symmetric 4 x 4 Hadamard matrix, divided by its norm. It is symmetric
and orthogonal, so that rotating twice changes nothing, and a rotated weight times rotated columns
of activations is the plain product. (ConvRot, as ComfyUI and comfy-kitchen store it)
"""

from __future__ import annotations

import torch
from torch import Tensor

GROUPS = (256, 64, 16, 4)
"""Sizes that weights are rotated by here, the best first."""

_FOUR = ((1, 1, 1, -1), (1, 1, -1, 1), (1, -1, 1, 1), (-1, 1, 1, 1))


def is_group(size: int, columns: int) -> bool:
    """A power of four that divides the columns.

    >>> is_group(256, 3072), is_group(128, 3072), is_group(256, 640)
    (True, False, False)
    """
    is_power = size >= 4 and size & (size - 1) == 0 and size.bit_length() % 2 == 1
    return is_power and columns % size == 0


def largest_group(columns: int) -> int | None:
    """The largest of `GROUPS` that divides the columns; None for a weight that is not rotated.

    >>> largest_group(3072), largest_group(192), largest_group(6)
    (256, 64, None)
    """
    return next((size for size in GROUPS if is_group(size, columns)), None)


def rotate(numbers: Tensor, group: int) -> Tensor:
    """[R, C] -> the same, each group of columns multiplied by H, in the numbers' own type."""
    rows, columns = numbers.shape
    grouped = numbers.reshape(rows, columns // group, group)
    matrix = _matrix(group, numbers.device).to(numbers.dtype)
    return (grouped @ matrix.T).reshape(rows, columns)


def _matrix(size: int, device: torch.device) -> Tensor:
    four = torch.tensor(_FOUR, dtype=torch.float32, device=device)
    found = four
    while found.shape[0] < size:
        found = torch.kron(found, four)
    return found / size**0.5
