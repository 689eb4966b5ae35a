"""Weights into a network built on the meta device: strictly, or one error that lists all.

The one place where packed weights become numbers of the run's type, unless a `Packing` keeps them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn

from model.checkpoint.keys import Dialect, Shape
from model.checkpoint.packing import Forms, Packing, cut, numbers_of
from model.checkpoint.safetensors_files import DTYPES, shard_paths
from model.checkpoint.sources import open_place
from model.checkpoint.stored import Source, StoredWeight, Value
from model.errors import CheckpointError
from model.quantize.linear import is_packed, put_parts
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
    tower: Path | None = None,
    packing: Packing | None = None,
) -> dict[str, str]:
    """Fill `module` from one file, or the safetensors files of a folder, called `stem`; the hash of
    each file by its name. `tower` is the file that a text encoder in GGUF has beside it. With a
    `packing` linears give way to ones whose weights are packed, without values where the dialect
    drops them.

    Nothing is read before every header agrees with the network.
    """
    with open_place(place, stem, tower) as source:
        return fill(module, source, dialect, place, dtype=dtype, device=device, packing=packing)


def fill(
    module: nn.Module,
    source: Source,
    dialect: Dialect,
    where: Path,
    *,
    dtype: torch.dtype,
    device: torch.device | str,
    packing: Packing | None = None,
) -> dict[str, str]:
    """Fill `module` from open files; the hash of each by its name."""
    check_weights(dialect, source.weights, where)
    if packing is not None:
        packing.dress(module, packing.forms(module, source, dialect))
    for published, value in source.read():
        for name, share in _shares(published, value, dialect, device):
            parent, _, leaf = name.rpartition(".")
            owner = module.get_submodule(parent)
            if is_packed(owner, leaf):
                assert packing is not None
                packed = packing.packed(share)
                assert packed is not None
                put_parts(owner, leaf, packed.to(device).parts)
                continue
            tensor = _folded(name, share, dialect, device).to(device=device, dtype=dtype)
            put_parts(owner, leaf, (tensor.contiguous(),))
    return source.hashes()


def packed_at(
    packing: Packing,
    module: nn.Module,
    place: Path,
    stem: str,
    dialect: Dialect,
    tower: Path | None = None,
) -> Forms:
    """What stays packed of `module`, which is on the meta device; only headers are read."""
    with open_place(place, stem, tower) as source:
        check_weights(dialect, source.weights, place)
        return packing.forms(module, source, dialect)


def holds_tensor(place: Path, stem: str, name: str) -> bool:
    """Whether file or folder name such a tensor; of them only index or header is read."""
    if place.is_dir():
        paths, weight_map = shard_paths(place, stem)
        if weight_map is not None:
            return name in weight_map
        place = paths[0]
    with open_place(place, stem) as source:
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
    return numbers_of(value, device).to(device=device, dtype=dtype)


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


def _shares(
    published: str, value: Value, dialect: Dialect, device: torch.device | str
) -> Iterator[tuple[str, Value]]:
    """Our names of what a file holds under one, each with its share of the rows; packed weights
    stay packed where they can be cut."""
    names = dialect.names(published)
    if dialect.shapes.keys().isdisjoint(names):
        return
    shares = zip(names, cut(value, len(names), device), strict=True)
    yield from ((name, share) for name, share in shares if name in dialect.shapes)


def _folded(name: str, value: Value, dialect: Dialect, device: torch.device | str) -> Tensor:
    """As our network has it."""
    tensor = numbers_of(value, device)
    if dialect.is_loose:
        tensor = tensor.reshape(dialect.shapes[name])
    return dialect.fold(name, tensor)


def _type_name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _listing(problems: list[str], where: Path) -> str:
    shown = "; ".join(problems[:LISTED])
    more = f"; and {len(problems) - LISTED} more" if len(problems) > LISTED else ""
    return (
        f"{where}: {len(problems)} tensor(s) do not fit the network that its config describes "
        f"({shown}{more}); the files belong to another model or are damaged"
    )
