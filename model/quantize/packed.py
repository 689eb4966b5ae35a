"""A weight as a file stores it in few bits, beside what turns it into numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from model.quantize.hadamard import rotate


@dataclass(frozen=True, kw_only=True)
class Packed:
    """`parts` are the stored tensors, in the order in which `unpack` takes them; it returns
    float32. `shape` is that of the weight. Of the parts the first `by_row` hold something a row,
    unless it is one number for all; of a weight that cannot be cut that is 0. `rotation` is the
    group of columns that are rotated together: what `unpack` returns still is."""

    scheme: str
    shape: tuple[int, ...]
    parts: tuple[Tensor, ...]
    unpack: Callable[..., Tensor]
    by_row: int = 0
    rotation: int | None = None

    @property
    def num_bytes(self) -> int:
        return sum(part.nbytes for part in self.parts)

    def dequantise(self, device: torch.device | str) -> Tensor:
        """The weight in float32, computed on `device`."""
        numbers = self.to(device).unpacked()
        return numbers if self.rotation is None else rotate(numbers, self.rotation)

    def unpacked(self) -> Tensor:
        """In float32 where the parts are, the columns rotated if they are stored so."""
        return self.unpack(*self.parts).reshape(self.shape)

    def to(self, device: torch.device | str) -> Packed:
        """With its parts there."""
        ready = self.ready_for(torch.device(device))
        return replace(ready, parts=tuple(part.to(device) for part in ready.parts))

    def ready_for(self, device: torch.device) -> Packed:
        """Where it is, with parts that the device can hold. Metal has no float8 (torch 2.13): those
        are bytes then, looked up when they are unpacked."""
        return self.without_float8() if device.type == "mps" else self

    def without_float8(self) -> Packed:
        """The same weight with bytes in the place of float8."""
        dtypes = tuple(part.dtype if _is_float8(part) else None for part in self.parts)
        if not any(dtypes):
            return self
        pairs = zip(self.parts, dtypes, strict=True)
        parts = tuple(part.view(torch.uint8) if dtype else part for part, dtype in pairs)
        unpack = partial(_from_bytes, unpack=self.unpack, dtypes=dtypes)
        return replace(self, parts=parts, unpack=unpack)

    def split(self, count: int) -> tuple[Packed, ...] | None:
        """Equal shares of its rows; None where the parts cannot be cut there."""
        rows = self.shape[0]
        if not self.by_row or rows % count:
            return None
        shares = [
            part.reshape(rows, -1).chunk(count)
            if index < self.by_row and part.numel() > 1
            else (part,) * count
            for index, part in enumerate(self.parts)
        ]
        shape = (rows // count, *self.shape[1:])
        return tuple(replace(self, shape=shape, parts=parts) for parts in zip(*shares, strict=True))


def _is_float8(part: Tensor) -> bool:
    return part.is_floating_point() and part.itemsize == 1


def _from_bytes(
    *parts: Tensor, unpack: Callable[..., Tensor], dtypes: tuple[torch.dtype | None, ...]
) -> Tensor:
    """Unpack parts of which some are bytes that stand for numbers of another type."""
    pairs = zip(parts, dtypes, strict=True)
    return unpack(*(part if dtype is None else _looked_up(part, dtype) for part, dtype in pairs))


def _looked_up(codes: Tensor, dtype: torch.dtype) -> Tensor:
    """uint8 of any shape -> the float32 numbers that they stand for as `dtype`."""
    numbers = torch.arange(256, dtype=torch.uint8).view(dtype).to(torch.float32)
    return numbers.to(codes.device)[codes.int()]
