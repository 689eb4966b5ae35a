"""The rotation of a weight's columns, in groups, that spreads outliers before rounding.

H is the Kronecker power of a symmetric 4 x 4 Hadamard matrix, divided by its norm. It is symmetric
and orthogonal, so that rotating twice changes nothing.
"""

from __future__ import annotations

import torch
from torch import Tensor

_FOUR = ((1, 1, 1, -1), (1, 1, -1, 1), (1, -1, 1, 1), (-1, 1, 1, 1))


def is_group(size: int, columns: int) -> bool:
    """A power of four that divides the columns.

    >>> is_group(256, 3072), is_group(128, 3072), is_group(256, 640)
    (True, False, False)
    """
    is_power = size >= 4 and size & (size - 1) == 0 and size.bit_length() % 2 == 1
    return is_power and columns % size == 0


def rotate(weight: Tensor, group: int) -> Tensor:
    """float32 [R, C] -> the same, each group of columns multiplied by H."""
    rows, columns = weight.shape
    grouped = weight.reshape(rows, columns // group, group)
    return (grouped @ _matrix(group, weight.device).T).reshape(rows, columns)


def _matrix(size: int, device: torch.device) -> Tensor:
    four = torch.tensor(_FOUR, dtype=torch.float32, device=device)
    found = four
    while found.shape[0] < size:
        found = torch.kron(found, four)
    return found / size**0.5
