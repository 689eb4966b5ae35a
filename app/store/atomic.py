"""The one writer of every file but the project: a name always holds the old bytes or the new.

Temporary file in the same folder, write, fsync, read again, rename, fsync of the folder.
It knows nothing of what the bytes mean.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from app.i18n import translate
from app.store.errors import DiskFull, WriteFailed
from app.store.lock import hold_file

PREFIX = ".inkstone-"
SUFFIX = ".tmp"
RENAME_PATIENCE_S = 2.5  # virus scanners on Windows hold a new file for about a second
WINDOWS_BUSY = (5, 32, 33)  # access denied, sharing violation, lock violation
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def write_file(path: Path, data: bytes) -> None:
    """Make `data` the content of `path`; when this returns, a power cut leaves the new content.

    Raises WriteFailed (DiskFull when there is no room); the old content is then as it was.
    """
    target = Path(os.path.realpath(path))  # a link stays a link
    try:
        remove_leftovers(target.parent)
        with replacing(target) as (temporary, handle):
            _write(handle, data)
            _copy_mode(target, temporary)
    except OSError as error:
        raise write_error(path, error) from error


def write_error(path: Path, error: OSError) -> WriteFailed:
    """The operating system's refusal to write `path`, in our words."""
    if error.errno in NO_ROOM:
        text = translate(
            "Store",
            "{name} was not written: the disk is full. What was there before is unchanged. "
            "Free some space or choose another place, then try again.",
        )
        return DiskFull(text.format(name=path.name))
    text = translate(
        "Store",
        "{name} was not written: {reason}. What was there before is unchanged. "
        "Choose another place, or allow writing to {folder}.",
    )
    reason = error.strerror or str(error)
    return WriteFailed(text.format(name=path.name, reason=reason, folder=path.parent))


def remove_leftovers(folder: Path) -> None:
    """Delete temporary files in `folder` whose writer is gone; those being written are kept."""
    names: list[str] = []
    with contextlib.suppress(OSError):  # a folder may allow writing and forbid listing
        names = [n for n in os.listdir(folder) if n.startswith(PREFIX) and n.endswith(SUFFIX)]
    for name in names:
        with contextlib.suppress(OSError), open(folder / name, "rb") as file:
            if hold_file(file.fileno()):
                os.unlink(folder / name)


def sync_folder(folder: Path) -> None:
    """Make renames in `folder` durable. Windows has no such call and needs none."""
    if sys.platform == "win32":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def rename(source: Path, target: Path) -> None:
    """Give `source` the name `target`, replacing it; with patience for scanners on Windows."""
    deadline = time.monotonic() + RENAME_PATIENCE_S
    while True:
        try:
            os.replace(source, target)
            return
        except OSError as error:
            busy = getattr(error, "winerror", None) in WINDOWS_BUSY
            if not busy or time.monotonic() > deadline:
                raise
        time.sleep(0.05)


@contextlib.contextmanager
def replacing(target: Path) -> Iterator[tuple[Path, int]]:
    """A new file beside `target` (its path and handle) that gets its name if all goes well."""
    temporary = target.parent / f"{PREFIX}{secrets.token_hex(8)}{SUFFIX}"
    early = sys.platform != "win32"  # which renames no open file
    try:
        with _locked_file(temporary) as handle:
            yield temporary, handle
            os.fsync(handle)
            if early:
                rename(temporary, target)
        if not early:
            rename(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    sync_folder(target.parent)


@contextlib.contextmanager
def _locked_file(path: Path) -> Iterator[int]:
    """A new file, locked while it is open: by that others know that it is no leftover."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    handle = os.open(path, flags, 0o666)
    try:
        hold_file(handle)
        yield handle
    finally:
        os.close(handle)


def _write(handle: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(handle, rest) :]
    os.lseek(handle, 0, os.SEEK_SET)
    with open(handle, "rb", closefd=False) as file:
        if file.read() != data:
            raise OSError(errno.EIO, "the disk gave back other bytes than were written")


def _copy_mode(source: Path, target: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.chmod(target, os.stat(source).st_mode & 0o777)
