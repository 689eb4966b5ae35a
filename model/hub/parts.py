"""One file on its way: its bytes under a name that nobody loads, and a log that proves them.

`NAME.part` holds what has arrived, `NAME.part.log` the hash of it at every `CHECK_BYTES`. After a
kill the bytes are hashed again, and what the log proves is gone on from; so neither has to reach
the disk in any order. `NAME` itself exists only once the whole of it has the hash that it must; the
log beside it says which.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from model.errors import HubError
from model.hub.endpoints import Hash, Listed
from model.system import sync_folder

VERSION = 1
AT_ONCE = 4
"""So many files arrive at the same time."""
BLOCK_BYTES = 2**20
CHECK_BYTES = 16 * 2**20 // AT_ONCE - BLOCK_BYTES
"""A kill costs 16 MiB at most: of each file what came since the last mark, and a block more."""
MAX_LOG_BYTES = 2**24
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
PART, LOG = ".part", ".part.log"

put: Callable[[int, bytes | memoryview], int] = os.write
"""Writes bytes, some of them at least; tests make it fail."""


class Part:
    """Unless it `is_proved`, use it as a context: `resume`, `add` all that comes, `finish`."""

    def __init__(self, target: Path, listed: Listed) -> None:
        self.target, self.listed = target, listed
        self.at = 0
        self.tag = ""
        self._path = target.with_name(target.name + PART)
        self._log = target.with_name(target.name + LOG)
        self._hash: Hash = listed.hash()
        self._checked = 0
        self._handle = -1

    def __enter__(self) -> Part:
        try:
            self.target.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
            self._handle = os.open(self._path, flags, 0o644)
        except OSError as error:
            raise write_error(self.target, error) from None
        return self

    def __exit__(self, *_: object) -> None:
        """What has arrived stays, and is known at the next start."""
        if self._handle >= 0:
            with contextlib.suppress(OSError, HubError):
                if self.at > self._checked:
                    self._note()
            os.close(self._handle)
            self._handle = -1

    def is_proved(self) -> bool:
        """The file has its name, and got it for what is listed now."""
        try:
            is_here = self.target.stat().st_size == self.listed.size
        except OSError:
            return False
        return is_here and self._is_own(self._lines())

    def resume(self, on_read: Callable[[int], None] = lambda count: None) -> None:
        """Go on from the last byte that the log proves. `on_read` is told of bytes hashed again."""
        marks = self._marks()
        good, at, tag = self._prove(marks, on_read)
        self._hash, self.at, self._checked, self.tag = good, at, at, tag
        kept = [mark for mark in marks if mark["at"] <= at]
        try:
            os.ftruncate(self._handle, at)
            os.lseek(self._handle, at, os.SEEK_SET)
            self._write_log(kept)
        except OSError as error:
            raise write_error(self.target, error) from None

    def restart(self) -> None:
        """Nothing of what has arrived counts."""
        self._hash, self.at, self._checked, self.tag = self.listed.hash(), 0, 0, ""
        try:
            os.ftruncate(self._handle, 0)
            os.lseek(self._handle, 0, os.SEEK_SET)
            self._write_log([])
        except OSError as error:
            raise write_error(self.target, error) from None

    def add(self, data: bytes) -> None:
        """The next bytes. HubError where the disk does not take them; those before are kept."""
        rest = memoryview(data)
        try:
            while rest:
                count = put(self._handle, rest)
                self._hash.update(rest[:count])
                self.at += count
                rest = rest[count:]
            if self.at - self._checked >= CHECK_BYTES:
                self._note()
        except OSError as error:
            raise write_error(self.target, error) from None

    def finish(self) -> bool:
        """Give the file its name, if it is what it must be; else nothing of it counts."""
        if self.at != self.listed.size or not self.listed.is_proved_by(self._hash):
            self.restart()
            return False
        try:
            os.fsync(self._handle)
            os.close(self._handle)
            self._handle = -1
            os.replace(self._path, self.target)
            sync_folder(self.target.parent)
        except OSError as error:
            raise write_error(self.target, error) from None
        return True

    # --- the log ---

    def _note(self) -> None:
        mark = {"at": self.at, "hash": self._hash.hexdigest(), "tag": self.tag}
        with self._log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(mark) + "\n")
        self._checked = self.at

    def _head(self) -> dict[str, Any]:
        return {"version": VERSION, "size": self.listed.size, "digest": self.listed.digest}

    def _write_log(self, marks: list[dict[str, Any]]) -> None:
        fresh = self._log.with_name(self._log.name + ".new")
        lines = "".join(json.dumps(line) + "\n" for line in (self._head(), *marks))
        fresh.write_text(lines, encoding="utf-8")
        os.replace(fresh, self._log)

    def _marks(self) -> list[dict[str, Any]]:
        """What the log says, as far as it makes sense and is of this very file."""
        lines = self._lines()
        if not self._is_own(lines):
            return []
        marks: list[dict[str, Any]] = []
        for line in lines[1:]:
            mark = _mark(line)
            if mark is None or mark["at"] <= (marks[-1]["at"] if marks else 0):
                break
            marks.append(mark)
        return marks

    def _lines(self) -> list[str]:
        try:
            with self._log.open("rb") as file:
                return file.read(MAX_LOG_BYTES).decode("utf-8", "replace").splitlines()
        except OSError:
            return []

    def _is_own(self, lines: list[str]) -> bool:
        try:
            return bool(lines) and json.loads(lines[0]) == self._head()
        except (ValueError, RecursionError):
            return False

    def _prove(
        self, marks: list[dict[str, Any]], on_read: Callable[[int], None]
    ) -> tuple[Hash, int, str]:
        """The hash up to the last mark that the bytes fulfil, that mark's place, and its tag."""
        hash, at, tag = self.listed.hash(), 0, ""
        try:
            with open(self._handle, "rb", buffering=0, closefd=False) as file:
                file.seek(0)
                for mark in marks:
                    tried = hash.copy()
                    if not _hash_until(file, tried, at, mark["at"], on_read):
                        break
                    if tried.hexdigest() != mark["hash"]:
                        break
                    hash, at, tag = tried, mark["at"], mark["tag"]
        except OSError as error:
            raise HubError(f"{self._path} cannot be read: {error.strerror}") from None
        return hash, at, tag


def _hash_until(
    file: BinaryIO, hash: Hash, at: int, end: int, on_read: Callable[[int], None]
) -> bool:
    """Hash the file from `at` to `end`; False where it is shorter."""
    while at < end:
        data = file.read(min(BLOCK_BYTES, end - at))
        if not data:
            return False
        hash.update(data)
        at += len(data)
        on_read(len(data))
    return True


def _mark(line: str) -> dict[str, Any] | None:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    kinds = {"at": int, "hash": str, "tag": str}
    if not isinstance(value, dict) or value.keys() != kinds.keys():
        return None
    return value if all(type(value[name]) is kind for name, kind in kinds.items()) else None


def write_error(path: Path, error: OSError) -> HubError:
    """The operating system's refusal to write, in words."""
    if error.errno in NO_ROOM:
        return HubError(
            f"the disk of {path.parent} is full; what has arrived is kept: make room, then go on"
        )
    return HubError(
        f"{path} cannot be written ({error.strerror}); what has arrived is kept. Choose another "
        "folder, or allow writing there"
    )
