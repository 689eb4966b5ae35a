"""Opening and reading weight files of any format, with our errors."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO

from model.errors import CheckpointError

SAMPLE_BYTES = 64 * 2**10
_ALONE_BYTES = 64 * 2**10
"""Hashed sooner than a thread is told of them."""


def open_file(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise CheckpointError(f"{path} is missing; download the model again") from None
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        raise CheckpointError(f"{path} cannot be read: {error}") from error


def fill(file: BinaryIO, view: memoryview, path: Path, name: str) -> None:
    """The next bytes of the file into `view`; `name` is what they are, for the error."""
    done = 0
    while done < len(view):
        try:
            count = file.readinto(view[done:])  # type: ignore[attr-defined]
        except OSError as error:
            raise CheckpointError(f"{path}: reading {name}: {error}") from error
        if not count:
            raise CheckpointError(f"{path} became shorter while it was read")
        done += count


class Hash(AbstractContextManager["Hash"]):
    """SHA-256 of a file that is read from its beginning, in a thread beside what is done with the
    bytes. They must not change before the next call."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="hash")
        self._running: Future[None] | None = None

    def update(self, data: bytes | memoryview) -> None:
        self._wait()
        if len(data) < _ALONE_BYTES:
            self._digest.update(data)
        else:
            self._running = self._thread.submit(self._digest.update, data)

    def hexdigest(self) -> str:
        self._wait()
        return self._digest.hexdigest()

    def _wait(self) -> None:
        if self._running is not None:
            self._running.result()

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown()


def samples(file: BinaryIO, header_bytes: int, path: Path) -> Iterator[bytes]:
    """The header, and the data's first, middle and last bytes: enough to know the file by."""
    try:
        size = os.fstat(file.fileno()).st_size - header_bytes
        file.seek(0)
        yield file.read(header_bytes)
        for place in (0, size // 2, max(0, size - SAMPLE_BYTES)):
            file.seek(header_bytes + place)
            yield file.read(SAMPLE_BYTES)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error}") from error
