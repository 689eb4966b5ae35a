"""bitsandbytes' four-bit normal floats: codes into a book of 16 values, a scale a block of weights;
the scales themselves may be eight-bit codes with scales and an offset of their own."""

from __future__ import annotations

import torch
from torch import Tensor


def dequantise(weight: Tensor, scales: Tensor, book: Tensor, *, block: int, count: int) -> Tensor:
    """uint8 [N, 1], the first of two codes in the high half, and float32 scales, one a `block` ->
    the first `count` weights, float32, flat."""
    packed = weight.reshape(-1)
    codes = torch.stack((packed >> 4, packed & 15), dim=1).flatten()[:count]
    return _scaled(book[codes.int()], scales, block)


def dequantise_nested(
    weight: Tensor,
    scales: Tensor,
    book: Tensor,
    outer_scales: Tensor,
    outer_book: Tensor,
    *,
    block: int,
    count: int,
    outer_block: int,
    offset: float,
) -> Tensor:
    """As `dequantise`, with uint8 scales: codes into `outer_book` [256], scaled by blocks, plus
    `offset`."""
    plain = _scaled(outer_book[scales.long()], outer_scales, outer_block) + offset
    return dequantise(weight, plain, book, block=block, count=count)


def _scaled(values: Tensor, scales: Tensor, block: int) -> Tensor:
    return values * scales.repeat_interleave(block)[: values.numel()]
