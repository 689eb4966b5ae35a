"""Weights into a network built on the meta device: strictly, or one error that lists all."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import torch
from torch import Tensor, nn

from model.checkpoint.keys import Dialect, Shape
from model.checkpoint.safetensors_files import TensorFile, check_index, shard_paths
from model.errors import CheckpointError

WEIGHT_DTYPES = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
LISTED = 8
"""Tensors an error names before it only counts."""


def load_weights(
    module: nn.Module,
    folder: Path,
    stem: str,
    dialect: Dialect,
    *,
    dtype: torch.dtype,
    device: torch.device | str,
) -> dict[str, str]:
    """Fill `module` from the safetensors files of `folder`; the hash of each file by its name.

    Nothing is read before every header agrees with the network.
    """
    paths, weight_map = shard_paths(folder, stem)
    with ExitStack() as stack:
        files = [stack.enter_context(TensorFile.open(path)) for path in paths]
        if weight_map is not None:
            check_index(weight_map, files, folder)
        check_tensors(dialect, files, folder)
        for file in files:
            _read_into(module, file, dialect, dtype, device)
    return {file.path.name: file.sha256 or "" for file in files}


def holds_tensor(folder: Path, stem: str, name: str) -> bool:
    """Whether the files of `folder` name such a tensor; of them only index or header is read."""
    paths, weight_map = shard_paths(folder, stem)
    if weight_map is not None:
        return name in weight_map
    with TensorFile.open(paths[0]) as file:
        return any(entry.name == name for entry in file.entries)


def read_tensor(
    folder: Path,
    stem: str,
    name: str,
    shape: Shape,
    *,
    dtype: torch.dtype,
    device: torch.device | str,
) -> Tensor:
    """One tensor of the safetensors files of `folder`, under its published name.

    Raises CheckpointError when it is not there, or of another shape or type than expected.
    """
    paths, weight_map = shard_paths(folder, stem)
    path = paths[0] if weight_map is None else folder / weight_map.get(name, paths[0].name)
    with TensorFile.open(path) as file:
        value = file.read(name)
    if tuple(value.shape) != shape or value.dtype not in WEIGHT_DTYPES:
        raise CheckpointError(
            f"{path}: {name} is {list(value.shape)} of {_type_name(value.dtype)}; "
            f"its config describes {list(shape)}"
        )
    return value.to(device=device, dtype=dtype)


def check_tensors(dialect: Dialect, files: Sequence[TensorFile], folder: Path) -> None:
    """Names, shapes and types agree with the network, or one CheckpointError lists the rest."""
    expected = {**dialect.shapes, **dialect.dropped}
    allowed = {**expected, **dialect.optional}
    entries = [(dialect.ours(entry.name), entry) for file in files for entry in file.entries]
    found: dict[str, Shape] = {}
    problems: list[str] = []
    for name, entry in entries:
        if name in found:
            problems.append(f"twice: {name}")
        found[name] = entry.shape
        if entry.dtype not in WEIGHT_DTYPES:
            problems.append(f"of type {_type_name(entry.dtype)}: {name}")
    problems += [f"missing: {name}" for name in expected if name not in found]
    problems += [f"not of this network: {name}" for name in found if name not in allowed]
    problems += [
        f"shape {list(shape)} instead of {list(allowed[name])}: {name}"
        for name, shape in found.items()
        if name in allowed and allowed[name] != shape
    ]
    if problems:
        raise CheckpointError(_listing(problems, folder))


def _read_into(
    module: nn.Module,
    file: TensorFile,
    dialect: Dialect,
    dtype: torch.dtype,
    device: torch.device | str,
) -> None:
    for published, tensor in file.tensors():
        name = dialect.ours(published)
        if name not in dialect.shapes:
            continue
        value = dialect.fold(name, tensor).to(device=device, dtype=dtype).contiguous()
        parent, _, leaf = name.rpartition(".")
        setattr(module.get_submodule(parent), leaf, nn.Parameter(value, requires_grad=False))


def _type_name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _listing(problems: list[str], folder: Path) -> str:
    shown = "; ".join(problems[:LISTED])
    more = f"; and {len(problems) - LISTED} more" if len(problems) > LISTED else ""
    return (
        f"{folder}: {len(problems)} tensor(s) do not fit the network that its config describes "
        f"({shown}{more}); the files belong to another model or are damaged"
    )
