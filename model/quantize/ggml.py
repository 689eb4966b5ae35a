"""The block formats of GGUF files: a tensor is a row of blocks of 32 or 256 numbers, each with its
scales.

Each function takes blocks, uint8 [B, bytes of a block], and returns float32 [B, their numbers].
`d` is a block's scale, `m` its minimum, `q` its whole numbers, of which a high bit or two may be
stored apart.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from model.quantize.bits import planes, runs

LARGE = 256
_IQ4 = (-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113)


@dataclass(frozen=True, kw_only=True)
class BlockType:
    """So many numbers in so many bytes."""

    name: str
    numbers: int
    num_bytes: int
    unpack: Callable[[Tensor], Tensor]


def dequantise(data: Tensor, kind: BlockType) -> Tensor:
    """uint8 bytes, flat -> float32, flat."""
    return kind.unpack(data.reshape(-1, kind.num_bytes)).reshape(-1)


def _q4_0(blocks: Tensor) -> Tensor:
    d, q = blocks.split((2, 16), dim=1)
    return _half(d) * (_halves(q) - 8)


def _q4_1(blocks: Tensor) -> Tensor:
    d, m, q = blocks.split((2, 2, 16), dim=1)
    return _half(d) * _halves(q) + _half(m)


def _q5_0(blocks: Tensor) -> Tensor:
    d, high, low = blocks.split((2, 4, 16), dim=1)
    return _half(d) * (_halves(low) + 16.0 * runs(high, 1) - 16)


def _q5_1(blocks: Tensor) -> Tensor:
    d, m, high, low = blocks.split((2, 2, 4, 16), dim=1)
    return _half(d) * (_halves(low) + 16.0 * runs(high, 1)) + _half(m)


def _q8_0(blocks: Tensor) -> Tensor:
    d, q = blocks.split((2, 32), dim=1)
    return _half(d) * q.contiguous().view(torch.int8).float()


def _q2_k(blocks: Tensor) -> Tensor:
    scales, q, d, m = blocks.split((16, 64, 2, 2), dim=1)
    d, m = _half(d) * (scales & 15).float(), _half(m) * (scales >> 4).float()
    q = planes(q.reshape(-1, 2, 32), 2).reshape(-1, 16, 16).float()
    return (d.unsqueeze(-1) * q - m.unsqueeze(-1)).reshape(-1, LARGE)


def _q3_k(blocks: Tensor) -> Tensor:
    high, low, scales, d = blocks.split((32, 64, 12, 2), dim=1)
    low_scales, high_scales = scales.split((8, 4), dim=1)
    s = planes(low_scales, 4).reshape(-1, 16) | planes(high_scales, 2).reshape(-1, 16) << 4
    d = _half(d) * (s.float() - 32)
    q = planes(low.reshape(-1, 2, 32), 2).reshape(-1, 16, 16).float()
    q += 4.0 * planes(high, 1).reshape(-1, 16, 16) - 4
    return (d.unsqueeze(-1) * q).reshape(-1, LARGE)


def _q4_k(blocks: Tensor) -> Tensor:
    d, m, scales, q = blocks.split((2, 2, 12, 128), dim=1)
    return _with_minima(d, m, scales, planes(q.reshape(-1, 4, 32), 4).reshape(-1, 8, 32).float())


def _q5_k(blocks: Tensor) -> Tensor:
    d, m, scales, high, low = blocks.split((2, 2, 12, 32, 128), dim=1)
    q = planes(low.reshape(-1, 4, 32), 4).reshape(-1, 8, 32) + 16.0 * planes(high, 1)
    return _with_minima(d, m, scales, q)


def _q6_k(blocks: Tensor) -> Tensor:
    low, high, scales, d = blocks.split((128, 64, 16, 2), dim=1)
    d = _half(d) * scales.contiguous().view(torch.int8).float()
    q = planes(low.reshape(-1, 2, 64), 4).reshape(-1, 16, 16) - 32.0
    q += 16.0 * planes(high.reshape(-1, 2, 32), 2).reshape(-1, 16, 16)
    return (d.unsqueeze(-1) * q).reshape(-1, LARGE)


def _iq4_nl(blocks: Tensor) -> Tensor:
    d, q = blocks.split((2, 16), dim=1)
    return _half(d) * _iq4_values(planes(q, 4).reshape(-1, 32))


def _iq4_xs(blocks: Tensor) -> Tensor:
    d, high_scales, low_scales, q = blocks.split((2, 2, 4, 128), dim=1)
    d = _half(d) * ((runs(low_scales, 4) | runs(high_scales, 2) << 4).float() - 32)
    q = planes(q.reshape(-1, 8, 16), 4).reshape(-1, 8, 32)
    return (d.unsqueeze(-1) * _iq4_values(q)).reshape(-1, LARGE)


def _as(dtype: torch.dtype) -> Callable[[Tensor], Tensor]:
    return lambda blocks: blocks.view(dtype).float()


def _with_minima(d: Tensor, m: Tensor, scales: Tensor, q: Tensor) -> Tensor:
    """Eight groups of 32 with a scale and a minimum each, in six bits: of the first four they stand
    in bytes 0 to 3 and 4 to 7; of the last four the low half in 8 to 11, the rest on top of 0 to 7.
    """
    first, second, low = scales.split((4, 4, 4), dim=1)
    s = torch.cat((first & 63, (low & 15) | (first >> 6) << 4), dim=1)
    t = torch.cat((second & 63, (low >> 4) | (second >> 6) << 4), dim=1)
    d, m = _half(d) * s.float(), _half(m) * t.float()
    return (d.unsqueeze(-1) * q - m.unsqueeze(-1)).reshape(-1, LARGE)


def _half(scale: Tensor) -> Tensor:
    """float16 as bytes [B, 2] -> float32 [B, 1]."""
    return scale.contiguous().view(torch.float16).float()


def _halves(q: Tensor) -> Tensor:
    """Bytes [B, 16] -> [B, 32]: the low halves of all, then the high ones; float32."""
    return planes(q, 4).reshape(-1, 32).float()


def _iq4_values(codes: Tensor) -> Tensor:
    return torch.tensor(_IQ4, dtype=torch.float32, device=codes.device)[codes.int()]


def _block(
    name: str, numbers: int, num_bytes: int, unpack: Callable[[Tensor], Tensor]
) -> BlockType:
    return BlockType(name=name, numbers=numbers, num_bytes=num_bytes, unpack=unpack)


TYPES = {
    0: _block("F32", 1, 4, _as(torch.float32)),
    1: _block("F16", 1, 2, _as(torch.float16)),
    2: _block("Q4_0", 32, 18, _q4_0),
    3: _block("Q4_1", 32, 20, _q4_1),
    6: _block("Q5_0", 32, 22, _q5_0),
    7: _block("Q5_1", 32, 24, _q5_1),
    8: _block("Q8_0", 32, 34, _q8_0),
    10: _block("Q2_K", LARGE, 84, _q2_k),
    11: _block("Q3_K", LARGE, 110, _q3_k),
    12: _block("Q4_K", LARGE, 144, _q4_k),
    13: _block("Q5_K", LARGE, 176, _q5_k),
    14: _block("Q6_K", LARGE, 210, _q6_k),
    20: _block("IQ4_NL", 32, 18, _iq4_nl),
    23: _block("IQ4_XS", LARGE, 136, _iq4_xs),
    30: _block("BF16", 1, 2, _as(torch.bfloat16)),
}
"""By the number that a file gives them."""
