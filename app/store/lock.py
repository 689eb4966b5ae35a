"""One writer for each project: a lock of the system on a small file beside it, with its owner.

The lock falls with its process, however that ends. It knows nothing of what it guards.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
from pathlib import Path

SUFFIX = "-lock"


def hold_file(handle: int) -> bool:
    """Lock an open file until it is closed; False where another process holds it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            # Far behind the content, which its locks would forbid to read, and not on SQLite's own.
            os.lseek(handle, 0x7FFF0000, os.SEEK_SET)
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
            os.lseek(handle, 0, os.SEEK_SET)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


class ProjectLock:
    """Held by the one writer of a project. Use `take`."""

    def __init__(self, path: Path, handle: int) -> None:
        self._path = path
        self._handle = handle

    @classmethod
    def take(cls, project: Path) -> ProjectLock | None:
        """The lock, or None where another program has it. OSError where no file can be made."""
        path = lock_path(project)
        while True:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
            if not hold_file(handle):
                os.close(handle)
                return None
            if _is_same(path, handle):
                break
            os.close(handle)  # its last owner deleted it between our opening and our locking
        lock = cls(path, handle)
        lock._sign()
        return lock

    def close(self) -> None:
        """Give the lock back and remove its file."""
        if self._handle < 0:
            return
        if sys.platform != "win32":  # while locked, so that nobody locks a file without a name
            with contextlib.suppress(OSError):
                os.unlink(self._path)
        os.close(self._handle)
        self._handle = -1
        if sys.platform == "win32":
            with contextlib.suppress(OSError):
                os.unlink(self._path)

    def _sign(self) -> None:
        owner = {"pid": os.getpid(), "host": socket.gethostname()}
        with contextlib.suppress(OSError):  # the record is a courtesy; the lock is what counts
            os.truncate(self._handle, 0)
            os.write(self._handle, json.dumps(owner).encode())


def lock_path(project: Path) -> Path:
    """Where the lock of a project lies."""
    return project.with_name(project.name + SUFFIX)


def owner_of(project: Path) -> str:
    """Who has the project open, in words: host and process. Empty where that is not known."""
    try:
        with open(lock_path(project), "rb") as file:
            owner = json.loads(file.read(4096))
        return f"{owner['host']}, {owner['pid']:d}"
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _is_same(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(handle))
    except FileNotFoundError:
        return False
