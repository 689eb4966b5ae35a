"""Weights that stay in their files until they are wanted, while the rest of a network is loaded."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable
from contextlib import closing
from pathlib import Path

import torch
from torch import nn

from model.checkpoint.keys import Dialect
from model.checkpoint.on_disk import OnDisk
from model.checkpoint.packing import Packing
from model.quantize.linear import is_packed, parts_of, put_parts


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
        packing: Packing | None = None,
    ) -> None:
        self._network = network
        self._dialect, self._names = dialect, frozenset(names)
        self._dtype, self.device = dtype, device
        self._files = OnDisk(place, stem, dialect, tower, packing)

    @property
    def rest(self) -> Dialect:
        """How the other tensors are published: these must be in the files, and are not kept."""
        return self._dialect.without(self._names)

    @property
    def names(self) -> frozenset[str]:
        return self._names

    def modules(self) -> Generator[str, None, None]:
        """Names of the modules in the order of the files; each has its weights until the next one
        is asked for, so that never two have."""
        with closing(self._files):
            for module_name, leaves in self._grouped().items():
                module = self._network.get_submodule(module_name)
                empty = {leaf: parts_of(module, leaf) for leaf in leaves}
                try:
                    self._fill(module_name, leaves)
                    yield module_name
                finally:
                    for leaf, parts in empty.items():
                        put_parts(module, leaf, parts)

    def load(self) -> None:
        """All of them, to stay."""
        with closing(self._files):
            for module_name, leaves in self._grouped().items():
                self._fill(module_name, leaves)

    def _grouped(self) -> dict[str, list[str]]:
        """The parameters of each module."""
        found: dict[str, list[str]] = {}
        for name in self._files.names():
            if name in self._names:
                module, _, leaf = name.rpartition(".")
                found.setdefault(module, []).append(leaf)
        return found

    def _fill(self, module_name: str, leaves: Iterable[str]) -> None:
        module = self._network.get_submodule(module_name)
        for leaf in leaves:
            name = f"{module_name}.{leaf}"
            # Copies: what was read lasts until the next reading alone.
            if is_packed(module, leaf):
                stored = self._files.read_packed(name).parts
                parts = tuple(part.to(self.device, copy=True) for part in stored)
            else:
                numbers = self._files.read(name, self.device)
                parts = (numbers.to(self.device, self._dtype, copy=True).contiguous(),)
            put_parts(module, leaf, parts)
