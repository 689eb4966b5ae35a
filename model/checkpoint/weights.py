"""Weights into a network built on the meta device: strictly, or one error that lists all.

The one place where packed weights become numbers of the run's type: no network multiplies packed
ones yet.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn

from model.checkpoint.keys import Dialect, Shape
from model.checkpoint.safetensors_files import DTYPES, shard_paths
from model.checkpoint.sources import open_file, open_place
from model.checkpoint.stored import Source, StoredWeight, Value
from model.errors import CheckpointError
from model.quantize.packed import Packed

WEIGHT_DTYPES = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
_NO_NUMBERS = {name for name, dtype in DTYPES.items() if not dtype.is_floating_point}
"""Types that may stand in a file unpacked, and are none of a network."""
LISTED = 8
"""Tensors an error names before it only counts."""


def load_weights(
    module: nn.Module,
    place: Path,
    stem: str,
    dialect: Dialect,
    *,
    dtype: torch.dtype,
    device: torch.device | str,
) -> dict[str, str]:
    """Fill `module` from one file, or the safetensors files of a folder, called `stem`; the hash of
    each file by its name.

    Nothing is read before every header agrees with the network.
    """
    with open_place(place, stem) as source:
        return fill(module, source, dialect, place, dtype=dtype, device=device)


def fill(
    module: nn.Module,
    source: Source,
    dialect: Dialect,
    where: Path,
    *,
    dtype: torch.dtype,
    device: torch.device | str,
) -> dict[str, str]:
    """Fill `module` from open files; the hash of each by its name."""
    check_weights(dialect, source.weights, where)
    for published, value in source.read():
        for name, tensor in _numbers(published, value, dialect, dtype, device):
            parent, _, leaf = name.rpartition(".")
            setattr(module.get_submodule(parent), leaf, nn.Parameter(tensor, requires_grad=False))
    return source.hashes()


def holds_tensor(place: Path, stem: str, name: str) -> bool:
    """Whether file or folder name such a tensor; of them only index or header is read."""
    if place.is_dir():
        paths, weight_map = shard_paths(place, stem)
        if weight_map is not None:
            return name in weight_map
        place = paths[0]
    with open_file(place) as source:
        return any(weight.name == name for weight in source.weights)


def read_tensor(
    place: Path,
    stem: str,
    name: str,
    shape: Shape,
    *,
    dtype: torch.dtype,
    device: torch.device | str,
) -> Tensor:
    """One tensor of a file, or of the safetensors files of a folder, under its published name.

    Raises CheckpointError when it is not there, or of another shape or type than expected.
    """
    with open_place(place, stem) as source:
        value = source.read_one(name)
    is_number = isinstance(value, Packed) or value.dtype in WEIGHT_DTYPES
    if tuple(value.shape) != shape or not is_number:
        kind = value.scheme if isinstance(value, Packed) else _type_name(value.dtype)
        raise CheckpointError(
            f"{place}: {name} is {list(value.shape)} of {kind}; its config describes {list(shape)}"
        )
    if isinstance(value, Packed):
        value = value.dequantise(device)
    return value.to(device=device, dtype=dtype)


def check_weights(dialect: Dialect, weights: tuple[StoredWeight, ...], where: Path) -> None:
    """Names, shapes and types agree with the network, or one CheckpointError lists the rest."""
    expected = {**dialect.shapes, **dialect.dropped}
    allowed = {**expected, **dialect.optional}
    found: dict[str, Shape] = {}
    problems: list[str] = []
    for weight in weights:
        if weight.scheme in _NO_NUMBERS:
            problems.append(f"of type {_type_name(DTYPES[weight.scheme])}: {weight.name}")
        for name, shape in _parts(dialect, weight):
            if name in found:
                problems.append(f"twice: {name}")
            found[name] = shape
    problems += [f"missing: {name}" for name in expected if name not in found]
    problems += [f"not of this network: {name}" for name in found if name not in allowed]
    problems += [
        f"shape {list(shape)} instead of {list(allowed[name])}: {name}"
        for name, shape in found.items()
        if name in allowed and not _fits(dialect, shape, allowed[name])
    ]
    if problems:
        raise CheckpointError(_listing(problems, where))


def _parts(dialect: Dialect, weight: StoredWeight) -> Iterator[tuple[str, Shape]]:
    """Our names of what a stored tensor holds: one, or several that share its rows."""
    names, (rows, *rest) = dialect.names(weight.name), weight.shape or (1,)
    if len(names) == 1 or rows % len(names):
        yield names[0], weight.shape
        return
    for name in names:
        yield name, (rows // len(names), *rest)


def _fits(dialect: Dialect, shape: Shape, expected: Shape) -> bool:
    if not dialect.is_loose:
        return shape == expected
    return [side for side in shape if side != 1] == [side for side in expected if side != 1]


def _numbers(
    published: str,
    value: Value,
    dialect: Dialect,
    dtype: torch.dtype,
    device: torch.device | str,
) -> Iterator[tuple[str, Tensor]]:
    """Our names and tensors, of the run's type, of what a file holds under one name."""
    names = [name for name in dialect.names(published) if name in dialect.shapes]
    if not names:
        return
    tensor = value.dequantise(device) if isinstance(value, Packed) else value
    for name, part in zip(names, tensor.chunk(len(names)), strict=True):
        if dialect.is_loose:
            part = part.reshape(dialect.shapes[name])
        yield name, dialect.fold(name, part).to(device=device, dtype=dtype).contiguous()


def _type_name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _listing(problems: list[str], where: Path) -> str:
    shown = "; ".join(problems[:LISTED])
    more = f"; and {len(problems) - LISTED} more" if len(problems) > LISTED else ""
    return (
        f"{where}: {len(problems)} tensor(s) do not fit the network that its config describes "
        f"({shown}{more}); the files belong to another model or are damaged"
    )
