"""Which weights of a network stay packed when it is loaded, and the linears that hold them.

Those of the transformer's blocks alone: they are more than 99 % of the numbers, while embedders,
norms and the final layer decide what the blocks work on and take next to nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from model.checkpoint.safetensors_files import DTYPES
from model.checkpoint.sources import open_place
from model.checkpoint.stored import StoredWeight, Value
from model.checkpoint.variants import weight_files
from model.errors import ModelError
from model.quantize.choice import Kernels
from model.quantize.linear import QuantLinear
from model.quantize.packed import Packed
from model.quantize.schemes import SCHEMES, Scheme

BLOCKS = "transformer_blocks."
_FEW_BITS = 16
"""A weight of so many bits or more is made into numbers: nothing is saved by keeping it."""


@dataclass(frozen=True, kw_only=True)
class Packing:
    """What a file holds packed stays as it is, or with a `scheme` all is packed by that."""

    scheme: Scheme | None = None
    kernels: Kernels = field(default_factory=Kernels)

    def linear(
        self, network: nn.Module, name: str, value: Value, device: torch.device | str
    ) -> QuantLinear | None:
        """What takes the place of the linear whose weight is `name`, on `device`; None where the
        weight is no block's linear, or gains nothing by being packed. The bias is the linear's."""
        module, _, leaf = name.rpartition(".")
        linear = network.get_submodule(module)
        if leaf != "weight" or not isinstance(linear, nn.Linear) or not is_of_block(module):
            return None
        packed = self._packed(value, torch.device(device))
        if packed is None:
            return None
        return QuantLinear(packed, linear.bias, self.kernels).train(linear.training)

    def _packed(self, value: Value, device: torch.device) -> Packed | None:
        if self.scheme is not None and self.scheme.fits(value.shape[1]):
            if isinstance(value, Packed) and value.scheme == kind(self.scheme, value.shape):
                return value.to(device)
            # Not on Metal, which has no float8.
            place = torch.device("cpu") if device.type == "mps" else device
            numbers = value.dequantise(place) if isinstance(value, Packed) else value.to(place)
            return self.scheme.pack(numbers).to(device)
        if isinstance(value, Packed) and 8 * value.num_bytes < _FEW_BITS * math.prod(value.shape):
            return value.to(device)
        return None


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
    return scheme.pack(torch.empty(shape, device="meta")).scheme


def packed_bytes(network: nn.Module, scheme: Scheme, dtype: torch.dtype) -> int:
    """What a network on the meta device will take, its blocks' linears packed by `scheme`."""
    total = sum(tensor.numel() for tensor in network.state_dict().values()) * dtype.itemsize
    for name, module in network.named_modules():
        if not isinstance(module, nn.Linear) or not is_of_block(name):
            continue
        if scheme.fits(module.in_features):
            saved_bits = 8 * dtype.itemsize - scheme.bits
            total -= math.floor(module.in_features * module.out_features * saved_bits / 8)
    return total


def stored_bytes(weights: Iterable[StoredWeight], paths: Iterable[Path], dtype: torch.dtype) -> int:
    """What weights take that stay packed where the files hold them so, the others in `dtype`."""
    total = sum(path.stat().st_size for path in paths)
    for weight in weights:
        stored = DTYPES.get(weight.scheme)
        if stored is not None and stored.itemsize > 1:
            total += math.prod(weight.shape) * (dtype.itemsize - stored.itemsize)
    return total


def numbers_of(value: Value, device: torch.device | str) -> Tensor:
    """On `device` where it is packed: there it is unpacked."""
    return value.dequantise(device) if isinstance(value, Packed) else value


def bytes_in_memory(
    network: nn.Module, place: Path, stem: str, scheme: Scheme | None, dtype: torch.dtype
) -> int | None:
    """What a network on the meta device will take if any of it stays packed; None if nothing
    does."""
    if scheme is not None:
        return packed_bytes(network, scheme, dtype)
    with open_place(place, stem) as source:
        if all(DTYPES.get(weight.scheme, torch.uint8).itemsize > 1 for weight in source.weights):
            return None
        paths = weight_files(place, stem) if place.is_dir() else [place]
        return stored_bytes(source.weights, paths, dtype)
