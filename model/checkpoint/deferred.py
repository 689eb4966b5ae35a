"""Weights that stay in their files until they are wanted, while the rest of a network is loaded."""

from __future__ import annotations

from collections.abc import Collection, Generator
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from model.checkpoint.keys import Dialect
from model.checkpoint.sources import SUFFIXES, open_place
from model.checkpoint.stored import Source
from model.checkpoint.weights import check_weights
from model.errors import CheckpointError
from model.quantize.packed import Packed


class Deferred:
    """The tensors `names` of a network, which was built on the meta device and loads the others by
    the dialect `rest`. The files must not change before these are read: CheckpointError.

    Construct it before the others are read, so that a change in between is seen.
    """

    def __init__(
        self,
        network: nn.Module,
        place: Path,
        stem: str,
        dialect: Dialect,
        names: Collection[str],
        *,
        dtype: torch.dtype,
        device: torch.device,
        tower: Path | None = None,
    ) -> None:
        self._network = network
        self._place, self._stem, self._tower = place, stem, tower
        self._dialect, self._names = dialect, frozenset(names)
        self._dtype, self.device = dtype, device
        self._stamps = self._stamps_now()

    @property
    def rest(self) -> Dialect:
        """How the other tensors are published: these must be in the files, and are not kept."""
        shapes = self._dialect.shapes
        return replace(
            self._dialect,
            shapes={name: shape for name, shape in shapes.items() if name not in self._names},
            dropped={**self._dialect.dropped, **{name: shapes[name] for name in self._names}},
        )

    @property
    def num_elements(self) -> int:
        return sum(torch.Size(self._dialect.shapes[name]).numel() for name in self._names)

    def modules(self) -> Generator[str, None, None]:
        """Names of the modules in the order of the files; each has its weights until the next one
        is asked for, so that never two have."""
        with open_place(self._place, self._stem, self._tower) as source:
            for module_name, names in self._grouped(source).items():
                module = self._network.get_submodule(module_name)
                empty = {leaf: getattr(module, leaf) for leaf in names}
                try:
                    self._fill(source, module, names)
                    yield module_name
                finally:
                    for leaf, parameter in empty.items():
                        setattr(module, leaf, parameter)

    def load(self) -> None:
        """All of them, to stay."""
        with open_place(self._place, self._stem, self._tower) as source:
            for module_name, names in self._grouped(source).items():
                self._fill(source, self._network.get_submodule(module_name), names)

    def _grouped(self, source: Source) -> dict[str, dict[str, tuple[str, str]]]:
        """Of each module: parameter -> published name and ours."""
        if self._stamps_now() != self._stamps:
            raise CheckpointError(f"{self._place} was changed while it was in use; load it again")
        check_weights(self._dialect, source.weights, self._place)
        found: dict[str, dict[str, tuple[str, str]]] = {}
        for weight in source.weights:
            (name, *others) = self._dialect.names(weight.name)
            if not others and name in self._names:
                module, _, leaf = name.rpartition(".")
                found.setdefault(module, {})[leaf] = (weight.name, name)
        return found

    def _fill(self, source: Source, module: nn.Module, names: dict[str, tuple[str, str]]) -> None:
        for leaf, (published, ours) in names.items():
            tensor = self._read(source, published, ours)
            setattr(module, leaf, nn.Parameter(tensor, requires_grad=False))

    def _read(self, source: Source, published: str, ours: str) -> Tensor:
        value = source.read_one(published)
        tensor = value.dequantise(self.device) if isinstance(value, Packed) else value
        folded = self._dialect.fold(ours, tensor)
        return folded.to(device=self.device, dtype=self._dtype).contiguous()

    def _stamps_now(self) -> dict[str, tuple[int, int, int]]:
        """What tells that a file is still the same one, by its path."""
        try:
            inside = sorted(self._place.iterdir()) if self._place.is_dir() else [self._place]
            paths = [path for path in inside if path.suffix.lower() in SUFFIXES]
            if self._tower is not None:
                paths.append(self._tower)
            stats = {str(path): path.stat() for path in paths}
        except OSError as error:
            raise CheckpointError(f"{self._place} cannot be read: {error}") from error
        return {name: (s.st_ino, s.st_size, s.st_mtime_ns) for name, s in stats.items()}
