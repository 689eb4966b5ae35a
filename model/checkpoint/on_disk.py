"""Tensors of a network that stay in their files and are read while it runs, by our names."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from pathlib import Path

import torch
from torch import Tensor

from model.checkpoint.keys import Dialect
from model.checkpoint.packing import Packing, cut, numbers_of
from model.checkpoint.safetensors_files import Room
from model.checkpoint.sources import SUFFIXES, open_place
from model.checkpoint.stored import Source, Value
from model.checkpoint.weights import check_weights
from model.errors import CheckpointError
from model.quantize.packed import Packed


class OnDisk:
    """Files of one network, opened by a reading and open until `close`.

    Construct it before the network's other tensors are loaded: files that have changed since are
    refused with a CheckpointError. May be read from any thread, one at a time.
    """

    def __init__(
        self,
        place: Path,
        stem: str,
        dialect: Dialect,
        tower: Path | None = None,
        packing: Packing | None = None,
    ) -> None:
        self._place, self._stem, self._tower = place, stem, tower
        self._dialect, self._packing = dialect, packing or Packing()
        self._stamps = self._stamps_now()
        self._stack = ExitStack()
        self._source: Source | None = None
        self._published: dict[str, tuple[str, int, int]] = {}
        self._lock = threading.Lock()
        self._room = Room()
        self._fused: tuple[str, Value] | None = None
        """What was read last of those that several share, who want it one soon after the other."""

    def names(self) -> tuple[str, ...]:
        """Ours of all tensors, in the order of the files."""
        with self._lock:
            self._opened()
            return tuple(self._published)

    def read(self, name: str, device: torch.device | str = "cpu") -> Tensor:
        """On the CPU, of the stored type; of a packed weight the numbers, in float32, computed on
        `device`. It lasts until the next one is read."""
        tensor = numbers_of(self._share(name, device), device)
        if self._dialect.is_loose:
            tensor = tensor.reshape(self._dialect.shapes[name])
        return self._dialect.fold(name, tensor)

    def read_packed(self, name: str) -> Packed:
        """Of a weight that the packing keeps packed, in memory as `Packing.packed` has it. It lasts
        until the next one is read."""
        packed = self._packing.packed(self._share(name, "cpu"))
        assert packed is not None, name
        return packed

    def _share(self, name: str, device: torch.device | str) -> Value:
        with self._lock:
            source = self._opened()
            published, index, count = self._published[name]
            if count == 1:
                return source.read_one(published, self._room)
            if self._fused is None or self._fused[0] != published:
                self._fused = published, source.read_one(published)
            return cut(self._fused[1], count, device)[index]

    def close(self) -> None:
        with self._lock:
            self._source = self._fused = None
            self._room = Room()
            self._stack.close()

    def _opened(self) -> Source:
        if self._source is None:
            if self._stamps_now() != self._stamps:
                raise CheckpointError(
                    f"{self._place} was changed while it was in use; load it again"
                )
            place = open_place(self._place, self._stem, self._tower)
            self._source = self._stack.enter_context(place)
            if not self._published:
                self._learn(self._source)
        return self._source

    def _learn(self, source: Source) -> None:
        """Once: the files stay the same."""
        check_weights(self._dialect, source.weights, self._place)
        for weight in source.weights:
            names = self._dialect.names(weight.name)
            for index, name in enumerate(names):
                self._published[name] = (weight.name, index, len(names))

    def _stamps_now(self) -> dict[str, tuple[int, int, int]]:
        """What tells of each weight file whether it is still the same."""
        try:
            paths = sorted(self._place.iterdir()) if self._place.is_dir() else [self._place]
            paths = [path for path in paths if path.suffix.lower() in SUFFIXES]
            if self._tower is not None:
                paths.append(self._tower)
            stats = {str(path): path.stat() for path in paths}
        except OSError as error:
            raise CheckpointError(f"{self._place} cannot be read: {error}") from error
        return {name: (s.st_ino, s.st_size, s.st_mtime_ns) for name, s in stats.items()}
