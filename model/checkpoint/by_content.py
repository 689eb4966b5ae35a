"""Files on this computer, found by their hash: what a request names by content, never by path.

A file is hashed when it is first asked about, and again when its size or time has changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path

from model.checkpoint.identity import combined
from model.errors import CheckpointError

Stamp = tuple[tuple[int, int], ...]


class FilesByContent:
    """Places that `paths` lists anew each time, and those added one by one. `parts` are the files
    that decide what a place is; the hash of a single one is its own, that of several is combined.
    """

    def __init__(
        self,
        paths: Callable[[], Iterable[Path]],
        parts: Callable[[Path], list[Path]] = lambda path: [path],
    ) -> None:
        self._paths, self._parts = paths, parts
        self._added: dict[Path, None] = {}
        self._hashes: dict[Path, tuple[Stamp, str]] = {}

    def add(self, path: Path) -> str:
        """The hash of a place, which is found from now on. CheckpointError if it is unreadable."""
        sha256 = self.sha256(path)
        self.know(path)
        return sha256

    def know(self, path: Path) -> None:
        """The place is looked at from now on, whatever it holds then."""
        self._added[path] = None

    def listed(self) -> tuple[Path, ...]:
        """Every place that is looked at."""
        return tuple(dict.fromkeys((*self._added, *self._paths())))

    def find(self, name: str, sha256: str) -> Path | None:
        """A place with this content, those of this name tried first."""
        for path in sorted(self.listed(), key=lambda path: path.stem != name):
            try:
                if self.sha256(path) == sha256:
                    return path
            except CheckpointError:
                continue  # gone, or not ours to read
        return None

    def sha256(self, path: Path) -> str:
        files = self._parts(path)
        try:
            stamp = tuple((s.st_size, s.st_mtime_ns) for s in map(Path.stat, files))
            known = self._hashes.get(path)
            if known is None or known[0] != stamp:
                known = self._hashes[path] = (stamp, _hash(files))
        except OSError as error:
            raise CheckpointError(f"{path} cannot be read: {error}") from error
        return known[1]


def _hash(files: list[Path]) -> str:
    hashes = {}
    for path in files:
        with path.open("rb") as file:
            hashes[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return next(iter(hashes.values())) if len(hashes) == 1 else combined(hashes)
