"""Small whole numbers out of the bytes that hold several of them."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def planes(packed: Tensor, bits: int) -> Tensor:
    """uint8 [..., N] -> [..., 8 / bits, N]: first the lowest bits of all bytes, last the highest.

    >>> planes(torch.tensor([0x21, 0x43], dtype=torch.uint8), 4).tolist()
    [[1, 3], [2, 4]]
    """
    return (packed.unsqueeze(-2) >> _shifts(packed, bits).unsqueeze(-1)) & (2**bits - 1)


def runs(packed: Tensor, bits: int) -> Tensor:
    """uint8 [..., N] -> [..., 8 N / bits]: byte by byte, the lowest bits first.

    >>> runs(torch.tensor([0x21, 0x43], dtype=torch.uint8), 4).tolist()
    [1, 2, 3, 4]
    """
    return ((packed.unsqueeze(-1) >> _shifts(packed, bits)) & (2**bits - 1)).flatten(-2)


def looked_up(packed: Tensor, book: Tensor) -> Tensor:
    """uint8 [..., N] of two four-bit codes each, the lower first, and the book [16] of what they
    stand for -> [..., 2 N] of its type. One look-up a byte takes a quarter of the time of two.

    >>> looked_up(torch.tensor([0x21, 0x43], dtype=torch.uint8), torch.arange(16.0) / 2).tolist()
    [0.5, 1.0, 1.5, 2.0]
    """
    both = torch.stack([book.repeat(16), book.repeat_interleave(16)], dim=1)
    return F.embedding(packed.int(), both).flatten(-2)


def pairs(codes: Tensor) -> Tensor:
    """Four-bit codes [..., N] of any type of whole number -> uint8 [..., N / 2], as `runs` takes
    them apart. Of negative ones the two's complement is stored.

    >>> pairs(torch.tensor([1, 2, 3, -1])).tolist()
    [33, 243]
    """
    low, high = codes[..., 0::2], codes[..., 1::2]
    return ((low & 15) | ((high & 15) << 4)).to(torch.uint8)


def _shifts(packed: Tensor, bits: int) -> Tensor:
    return torch.arange(0, 8, bits, dtype=torch.uint8, device=packed.device)
