"""Tensors of a network that stay in their files and are read while it runs, by our names."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from pathlib import Path

from torch import Tensor

from model.checkpoint.keys import Dialect
from model.checkpoint.safetensors_files import Room
from model.checkpoint.sources import SUFFIXES, open_place
from model.checkpoint.stored import Source
from model.errors import CheckpointError
from model.quantize.packed import Packed

Stamps = dict[str, tuple[int, int, int]]


def stamps(place: Path, tower: Path | None = None) -> Stamps:
    """What tells of each weight file whether it is still the same."""
    paths = sorted(place.iterdir()) if place.is_dir() else [place]
    paths = [path for path in paths if path.suffix.lower() in SUFFIXES]
    stats = {str(path): path.stat() for path in (*paths, *([tower] if tower else []))}
    return {name: (s.st_ino, s.st_size, s.st_mtime_ns) for name, s in stats.items()}


class OnDisk:
    """Files of one network, opened by a reading and open until `close`.

    Construct it before the network's other tensors are loaded: files that have changed since are
    refused with a CheckpointError. May be read from any thread, one at a time.
    """

    def __init__(self, place: Path, stem: str, dialect: Dialect, tower: Path | None = None) -> None:
        self._place, self._stem, self._tower = place, stem, tower
        self._dialect = dialect
        self._stamps = stamps(place, tower)
        self._stack = ExitStack()
        self._source: Source | None = None
        self._published: dict[str, tuple[str, int, int]] = {}
        self._lock = threading.Lock()
        self._room = Room()

    def read(self, name: str) -> Tensor:
        """On the CPU, of the stored type; of a packed weight the numbers, in float32. It lasts
        until the next one is read."""
        with self._lock:
            source = self._source or self._open()
            published, index, count = self._published[name]
            value = source.read_one(published, self._room)
        tensor = value.dequantise("cpu") if isinstance(value, Packed) else value
        tensor = tensor.chunk(count)[index]
        if self._dialect.is_loose:
            tensor = tensor.reshape(self._dialect.shapes[name])
        return self._dialect.fold(name, tensor)

    def close(self) -> None:
        with self._lock:
            self._source = None
            self._room = Room()
            self._stack.close()

    def _open(self) -> Source:
        if stamps(self._place, self._tower) != self._stamps:
            raise CheckpointError(f"{self._place} was changed while it was in use; load it again")
        source = self._stack.enter_context(open_place(self._place, self._stem, self._tower))
        for weight in source.weights:
            names = self._dialect.names(weight.name)
            for index, name in enumerate(names):
                self._published[name] = (weight.name, index, len(names))
        self._source = source
        return source
