"""What the operating system is asked, and has different words for: memory, and the disk."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

RETURNED_BYTES = 2**20
_M_MMAP_THRESHOLD = -3  # mallopt(3)


def give_memory_back() -> None:
    """From now on what is freed in large pieces goes back to the system at once. glibc keeps it
    else, in pieces that fit nothing: a third more than is in use was seen."""
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
        if mallopt is not None:
            mallopt(_M_MMAP_THRESHOLD, RETURNED_BYTES)


def windows_memory() -> tuple[int, int]:
    """Bytes of main memory, in all and free; zeros on other systems, and where it is not told.
    Untried."""
    if sys.platform != "win32":
        return 0, 0

    class Status(ctypes.Structure):
        _fields_ = (
            ("length", ctypes.c_uint32),
            ("load", ctypes.c_uint32),
            *((name, ctypes.c_uint64) for name in ("total", "free", "a", "b", "c", "d", "e")),
        )

    status = Status(length=ctypes.sizeof(Status))
    if not ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)):
        return 0, 0
    return status.total, status.free


def sync_folder(folder: Path) -> None:
    """Make renames in it durable. Windows has no such call and needs none. Raises OSError."""
    if sys.platform == "win32":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def amount(count: int) -> str:
    """
    >>> amount(7_940_000_000), amount(600_000_000)
    ('7.9 GB', '600 MB')
    """
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
