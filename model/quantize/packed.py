"""A weight as a file stores it in few bits, beside what turns it into numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Packed:
    """`parts` are the stored tensors, in the order in which `unpack` takes them; it returns
    float32. `shape` is that of the weight."""

    scheme: str
    shape: tuple[int, ...]
    parts: tuple[Tensor, ...]
    unpack: Callable[..., Tensor]

    def dequantise(self, device: torch.device | str) -> Tensor:
        """The weight in float32, computed on `device`."""
        device = torch.device(device)
        return self.unpack(*(_moved(part, device) for part in self.parts)).reshape(self.shape)


def _moved(part: Tensor, device: torch.device) -> Tensor:
    is_float8 = part.is_floating_point() and part.itemsize == 1
    if device.type == "mps" and is_float8:  # Metal knows no such type
        part = part.float()
    return part.to(device)
