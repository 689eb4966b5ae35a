"""LoRA at run time: side branches beside linears, never merged into their weights.

A branch reads what its linear reads and adds to what it returns. The linear itself is not touched:
it may be quantised, and without the branch its output is what it was, bit for bit. Knows nothing
of files.

Shapes: N leading dimensions of any number, I and O the widths of a linear, R the rank.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.requests import LoraUse
from model.vae import Poll, no_poll

MAX_KEPT_BYTES = 2**30


@dataclass(frozen=True, kw_only=True, eq=False)
class Delta:
    """What is added to a weight [O, I]: `scale * kron(left, chain[0] @ chain[1] @ …)`.

    LoRA is a chain of B [O, R] and A [R, I] without `left`. LoKr (LyCORIS, arXiv 2309.14859) has a
    small `left` [a, b] and a chain from I / b to O / a. ValueError where shapes do not meet.
    """

    chain: tuple[Tensor, ...]
    left: Tensor | None = None
    scale: float = 1.0

    def __post_init__(self) -> None:
        for tensor in self._tensors:
            if tensor.ndim != 2 or not tensor.numel():
                raise ValueError(f"shape {list(tensor.shape)} is no matrix")
        for before, after in pairwise(self.chain):
            if before.shape[1] != after.shape[0]:
                raise ValueError(
                    f"its halves {list(before.shape)} and {list(after.shape)} differ in rank"
                )

    @property
    def shape(self) -> tuple[int, int]:
        """[O, I] of the weight it belongs to."""
        left = (1, 1) if self.left is None else self.left.shape
        return left[0] * self.chain[0].shape[0], left[1] * self.chain[-1].shape[1]

    @property
    def num_bytes(self) -> int:
        return sum(tensor.nbytes for tensor in self._tensors)

    def to(self, device: torch.device, dtype: torch.dtype) -> Delta:
        return replace(
            self,
            chain=tuple(tensor.to(device, dtype) for tensor in self.chain),
            left=None if self.left is None else self.left.to(device, dtype),
        )

    def __call__(self, x: Tensor) -> Tensor:
        """[N, I] -> [N, O], before the scale. The product with the whole weight is never made."""
        if self.left is None:
            return self._through_chain(x)
        # kron(left, right) x is left @ X @ right^T, where X is x as a matrix [b, I / b].
        parts = self._through_chain(x.unflatten(-1, (self.left.shape[1], -1)))
        return (self.left @ parts).flatten(-2)

    def _through_chain(self, x: Tensor) -> Tensor:
        for matrix in reversed(self.chain):
            x = F.linear(x, matrix)
        return x

    @property
    def _tensors(self) -> tuple[Tensor, ...]:
        return self.chain if self.left is None else (self.left, *self.chain)


Deltas = Mapping[str, Delta]
"""Deltas by the name of their linear."""


def linears(network: nn.Module) -> dict[str, tuple[int, int]]:
    """[O, I] of every linear of a network, and of whatever stands in the place of one."""
    found: dict[str, tuple[int, int]] = {}
    for name, module in network.named_modules():
        rows, columns = (getattr(module, f"{side}_features", None) for side in ("out", "in"))
        if isinstance(rows, int) and isinstance(columns, int):
            found[name] = (rows, columns)
    return found


class Adapter:
    """A LoRA at work in a network, from its construction to `remove`. Several add up.

    `weight` may be changed at any time; zero gives the plain output. ValueError when a delta fits
    no linear of the network.
    """

    def __init__(self, network: nn.Module, deltas: Deltas, weight: float = 1.0) -> None:
        shapes = linears(network)
        for name, delta in deltas.items():
            if shapes.get(name) != delta.shape:
                raise ValueError(f"{name}: {delta.shape} beside a linear of {shapes.get(name)}")
        self.weight = weight
        self._hooks = [
            network.get_submodule(name).register_forward_hook(Beside(self, delta))
            for name, delta in deltas.items()
        ]

    def remove(self) -> None:
        for hook in self._hooks:
            hook.remove()

    def __enter__(self) -> Adapter:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()


@dataclass(frozen=True, eq=False)
class Beside:
    """The hook by which an adapter adds its delta to what a linear gives."""

    adapter: Adapter
    delta: Delta

    @property
    def strength(self) -> float:
        return self.adapter.weight * self.delta.scale

    def __call__(self, _: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor | None:
        if not self.strength:
            return None
        return torch.add(output, self.delta(inputs[0]), alpha=self.strength)


def at_work_on(linear: nn.Module) -> tuple[tuple[Delta, float], ...]:
    """The deltas that are added beside a linear now, in their order, and with what strength."""
    hooks = [hook for hook in linear._forward_hooks.values() if isinstance(hook, Beside)]
    return tuple((hook.delta, hook.strength) for hook in hooks if hook.strength)


class Loras:
    """The LoRAs of a network's runs. Those used last are kept, so that the next run reads none."""

    def __init__(
        self,
        network: nn.Module,
        read: Callable[[LoraUse], Deltas],
        kept_bytes: int = MAX_KEPT_BYTES,
    ) -> None:
        self._network = network
        self._read = read
        self._kept_bytes = kept_bytes
        self._kept: OrderedDict[str, Deltas] = OrderedDict()

    @contextmanager
    def at_work(self, uses: Sequence[LoraUse], poll: Poll = no_poll) -> Iterator[None]:
        """Inside, the network has exactly these LoRAs; afterwards none of them."""
        with ExitStack() as stack:
            for use in uses:
                poll()
                stack.enter_context(Adapter(self._network, self._deltas(use), use.weight))
            yield

    def _deltas(self, use: LoraUse) -> Deltas:
        found = self._kept.pop(use.sha256, None)
        deltas = self._read(use) if found is None else found
        self._kept[use.sha256] = deltas
        while len(self._kept) > 1 and self._total_bytes() > self._kept_bytes:
            self._kept.popitem(last=False)
        return deltas

    def _total_bytes(self) -> int:
        return sum(delta.num_bytes for deltas in self._kept.values() for delta in deltas.values())
