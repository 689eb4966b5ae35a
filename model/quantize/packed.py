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
        return self.unpack(*(part.to(device) for part in self.parts)).reshape(self.shape)
