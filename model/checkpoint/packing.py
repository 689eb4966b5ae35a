"""Which weights of a network stay packed when it is loaded, and the linears that hold them.

Those of the blocks alone: they are more than 99 % of a transformer's numbers, while embedders,
norms and the final layer decide what the blocks work on and take next to nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import torch
from torch import Tensor, nn

from model.checkpoint.keys import Dialect
from model.checkpoint.stored import Source, Value
from model.errors import ModelError
from model.quantize.choice import Kernels
from model.quantize.linear import QuantLinear
from model.quantize.packed import Packed
from model.quantize.schemes import SCHEMES, Scheme

BLOCKS = ("transformer_blocks.", "language_model.layers.", "visual.blocks.")
"""Of the transformer and the text encoder."""
_FEW_BITS = 16
"""A weight of so many bits or more is made into numbers: nothing is saved by keeping it."""

Forms = Mapping[str, Packed]
"""Packed weights without their values, by our names."""


@dataclass(frozen=True, kw_only=True)
class Packing:
    """What a file holds packed stays as it is, or with a `scheme` all is packed by that. `device`
    is where it will work."""

    scheme: Scheme | None = None
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    kernels: Kernels = field(default_factory=Kernels)

    def packed(self, value: Value) -> Packed | None:
        """The weight as its linear keeps it: where `value` is, or where it is packed now. None if
        it is made into numbers."""
        if self._is_for_scheme(value):
            assert self.scheme is not None
            # Not on Metal, which has no float8.
            place = torch.device("cpu") if self.device.type == "mps" else self.device
            value = self.scheme.pack(numbers_of(value, place).to(place))
        elif not _is_small(value):
            return None
        assert isinstance(value, Packed)
        return value.ready_for(self.device)

    def form(self, value: Value) -> Packed | None:
        """What `packed` makes of a weight without values."""
        if self._is_for_scheme(value):
            assert self.scheme is not None
            value = _form(self.scheme, tuple(value.shape))
        elif not _is_small(value):
            return None
        assert isinstance(value, Packed)
        return value.ready_for(self.device)

    def forms(self, network: nn.Module, source: Source, dialect: Dialect) -> dict[str, Packed]:
        """Of open files, the weights that stay packed in a network that is on the meta device."""
        linears, found = weights_of_linears(network), {}
        for weight in source.weights:
            names = dialect.names(weight.name)
            if linears.isdisjoint(names):
                continue
            for name, value in zip(names, cut(source.form(weight.name), len(names)), strict=True):
                if (form := self.form(value)) is not None:
                    found[name] = form
        return found

    def dress(self, network: nn.Module, forms: Forms) -> None:
        """Put linears of packed weights in the place of plain ones."""
        for name, form in forms.items():
            module = name.rpartition(".")[0]
            network.set_submodule(module, self._holding(form, network, name))

    def _holding(self, packed: Packed, network: nn.Module, name: str) -> QuantLinear:
        linear = network.get_submodule(name.rpartition(".")[0])
        assert isinstance(linear, nn.Linear)
        return QuantLinear(packed, linear.bias, self.kernels).train(linear.training)

    def _is_for_scheme(self, value: Value) -> bool:
        """Whether it is packed by the scheme, and is not yet."""
        if self.scheme is None or not self.scheme.fits(value.shape[1]):
            return False
        is_packed = isinstance(value, Packed)
        return not is_packed or value.scheme != kind(self.scheme, tuple(value.shape))


def scheme_of(name: str | None) -> Scheme | None:
    """ModelError for a name that there is not."""
    if name is None:
        return None
    if name not in SCHEMES:
        raise ModelError(f"quantization {name!r} is not one of {', '.join(SCHEMES)}")
    return SCHEMES[name]


def is_of_block(module: str) -> bool:
    """By its name."""
    return module.startswith(BLOCKS)


def kind(scheme: Scheme, shape: tuple[int, ...]) -> str:
    """What our readers call a weight of this shape that `scheme` has packed."""
    return _form(scheme, shape).scheme


def forms_by(network: nn.Module, scheme: Scheme) -> dict[str, Packed]:
    """Of a network on the meta device whose blocks' linears are packed by `scheme`."""
    packing = Packing(scheme=scheme)
    weights = weights_of_linears(network)
    found = {name: packing.form(network.get_parameter(name)) for name in weights}
    return {name: form for name, form in found.items() if form is not None}


def numbers_of(value: Value, device: torch.device | str) -> Tensor:
    """On `device` where it is packed: there it is unpacked."""
    return value.dequantise(device) if isinstance(value, Packed) else value


def cut(value: Value, count: int, device: torch.device | str = "meta") -> tuple[Value, ...]:
    """Equal shares of the rows; of a packed weight that cannot be cut its numbers, computed on
    `device`."""
    if count == 1:
        return (value,)
    found = value.split(count) if isinstance(value, Packed) else None
    return numbers_of(value, device).chunk(count) if found is None else found


def weights_of_linears(network: nn.Module) -> set[str]:
    """Names of those of the blocks."""
    modules = network.named_modules()
    return {f"{n}.weight" for n, m in modules if isinstance(m, nn.Linear) and is_of_block(n)}


def _is_small(value: Value) -> bool:
    return isinstance(value, Packed) and 8 * value.num_bytes < _FEW_BITS * math.prod(value.shape)


@lru_cache(maxsize=64)
def _form(scheme: Scheme, shape: tuple[int, ...]) -> Packed:
    return scheme.pack(torch.empty(shape, device="meta"))
