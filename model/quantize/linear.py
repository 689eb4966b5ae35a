"""A linear layer whose weight stays packed: it is made into numbers at every call, or multiplied as
it is where the device has a proved way.

Knows no file. Its bias is a parameter as that of any linear; LoRAs work beside it (`model.lora`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from model.quantize.choice import Kernels
from model.quantize.packed import Packed


class QuantLinear(nn.Module):
    """[..., I] -> [..., O], as `nn.Linear`. The parts of the weight are buffers `part0`, `part1` …,
    which move with the module and are never cast."""

    bias: nn.Parameter | None

    def __init__(self, packed: Packed, bias: nn.Parameter | None, kernels: Kernels) -> None:
        """`packed` [O, I] on its device, `bias` [O] there too. ValueError for another shape."""
        super().__init__()
        if len(packed.shape) != 2:
            raise ValueError(f"a weight of shape {list(packed.shape)} is none of a linear")
        self.out_features, self.in_features = packed.shape
        self._kernels = kernels
        self._empty = replace(packed, parts=())
        self._count = len(packed.parts)
        for index, part in enumerate(packed.parts):
            self.register_buffer(f"part{index}", part)
        self.register_parameter("bias", bias)

    @property
    def packed(self) -> Packed:
        parts = tuple(self.get_buffer(f"part{index}") for index in range(self._count))
        return replace(self._empty, parts=parts)

    def put(self, parts: Iterable[Tensor]) -> None:
        """Other parts of the same forms in the place of those there are."""
        for index, part in enumerate(parts):
            self._buffers[f"part{index}"] = part

    def forward(self, x: Tensor) -> Tensor:
        rows = x.reshape(-1, self.in_features)
        return self._kernels(rows, self.packed, self.bias).reshape(*x.shape[:-1], self.out_features)

    def extra_repr(self) -> str:
        shape = f"in_features={self.in_features}, out_features={self.out_features}"
        return f"{shape}, {self._empty.scheme}"

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Any:
        """A cast of the network would spoil codes and scales; a move is followed."""
        kept = dict(self._buffers)
        super()._apply(fn, recurse)
        for name, part in kept.items():
            moved = self._buffers[name]
            if part is not None and moved is not None and moved.dtype != part.dtype:
                self._buffers[name] = part.to(moved.device)
        return self


def is_packed(module: nn.Module, leaf: str) -> bool:
    """Whether the weight of this name is packed in its module."""
    return leaf == "weight" and isinstance(module, QuantLinear)


def parts_of(module: nn.Module, leaf: str) -> tuple[Tensor, ...]:
    """What holds a weight: the parts of a packed one, or the parameter itself."""
    if leaf == "weight" and isinstance(module, QuantLinear):
        return module.packed.parts
    return (module.get_parameter(leaf),)


def put_parts(module: nn.Module, leaf: str, parts: Iterable[Tensor]) -> None:
    """What `parts_of` returns then; a parameter is put as it is."""
    if leaf == "weight" and isinstance(module, QuantLinear):
        module.put(parts)
        return
    (tensor,) = parts
    is_parameter = isinstance(tensor, nn.Parameter)
    parameter = tensor if is_parameter else nn.Parameter(tensor, requires_grad=False)
    module._parameters[leaf] = parameter
