"""Which kernel multiplies packed weights on a device: each proves itself once, or is dropped."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from model.proving import Seconds, least_seconds, say, why_not
from model.quantize.kernels import IntMm, Kernel, KitchenInt8, KitchenW4A8, ScaledMm, plain
from model.quantize.packed import Packed

ROWS = 1024
"""Of the activations of a test."""

Key = tuple[str, str, tuple[int, ...], torch.dtype]


class Kernels:
    """Multiplies by the first kernel that has proved itself for such weights, else plainly.

    `seconds(run, device)` times; `notice` is told of every kernel that is dropped.
    """

    def __init__(
        self,
        candidates: Sequence[Kernel] = (KitchenInt8(), KitchenW4A8(), IntMm(), ScaledMm()),
        *,
        seconds: Seconds = least_seconds,
        notice: Callable[[str], None] = say,
    ) -> None:
        self._candidates = tuple(candidates)
        self._seconds = seconds
        self._notice = notice
        self._chosen: dict[Key, Kernel | None] = {}
        self._dropped: set[tuple[str, str]] = set()

    def __call__(self, x: Tensor, packed: Packed, bias: Tensor | None) -> Tensor:
        """x [N, I] on the device of the packed parts -> [N, O] of its type."""
        kernel = self._kernel(x, packed)
        if kernel is None or not kernel.takes(x, packed):
            return plain(x, packed, bias)
        return kernel(x, packed, bias)

    def _kernel(self, x: Tensor, packed: Packed) -> Kernel | None:
        # A kernel that is good for one shape may be wrong or slow for another.
        key = (str(x.device), packed.scheme, packed.shape, x.dtype)
        if key not in self._chosen:
            serving = [each for each in self._candidates if each.serves(packed, x.device)]
            proved = (each for each in serving if self._is_proved(each, packed, x))
            self._chosen[key] = next(proved, None)
        return self._chosen[key]

    def _is_proved(self, kernel: Kernel, packed: Packed, like: Tensor) -> bool:
        random = torch.Generator().manual_seed(0)  # the run's own chance is not touched
        x = torch.randn(ROWS, packed.shape[1], generator=random).to(like)
        if not kernel.takes(x, packed):
            return False
        why = why_not(
            lambda: kernel(x, packed, None),
            lambda: plain(x, packed, None),
            tolerance=kernel.tolerance,
            device=x.device,
            seconds=self._seconds,
        )
        return why is None or self._drop(kernel, packed, why)

    def _drop(self, kernel: Kernel, packed: Packed, why: str) -> bool:
        """Said once a kernel and scheme, not once a shape."""
        if (kernel.name, packed.scheme) not in self._dropped:
            self._dropped.add((kernel.name, packed.scheme))
            self._notice(
                f"{kernel.name} {why} on this computer for {packed.scheme} weights; "
                "they are made into 16-bit numbers instead"
            )
        return False
