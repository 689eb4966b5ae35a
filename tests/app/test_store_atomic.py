"""Writing a file: old or new at every instant, whatever fails."""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from app.store import atomic
from app.store.errors import DiskFull, WriteFailed

OLD = b"old content"
NEW = b"new content" * 1000
CALLS = ("open", "write", "fsync", "lseek", "chmod", "replace")


def _fail_from(
    monkeypatch: pytest.MonkeyPatch, name: str, error: OSError, nth: int, forever: bool
) -> Callable[[], int]:
    """The nth call of os.`name` in the writer fails, and the later ones too where `forever`."""
    real = getattr(os, name)
    count = 0

    def failing(*args: object, **options: object) -> object:
        nonlocal count
        count += 1
        if count == nth or (forever and count > nth):
            raise error
        return real(*args, **options)

    monkeypatch.setattr(atomic.os, name, failing)
    return lambda: count


def _files(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()}


def test_writes_and_replaces(tmp_path: Path) -> None:
    target = tmp_path / "海报.png"
    atomic.write_file(target, OLD)
    assert target.read_bytes() == OLD
    atomic.write_file(target, NEW)
    assert target.read_bytes() == NEW
    assert _files(tmp_path) == {"海报.png"}


@pytest.mark.parametrize("forever", [False, True])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EACCES, errno.EROFS])
@pytest.mark.parametrize("name", CALLS)
def test_an_error_at_any_call_leaves_old_or_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, code: int, forever: bool
) -> None:
    target = tmp_path / "a.bin"
    points = 0
    for nth in range(1, 10):
        target.write_bytes(OLD)
        with monkeypatch.context() as patch:
            calls = _fail_from(patch, name, OSError(code, os.strerror(code)), nth, forever)
            expected = DiskFull if code == errno.ENOSPC else WriteFailed
            with contextlib.suppress(expected):
                atomic.write_file(target, NEW)
            failed = calls() >= nth
        assert target.read_bytes() in ((OLD, NEW) if failed else (NEW,))
        points += failed
        assert _files(tmp_path) == {"a.bin"}
        atomic.write_file(target, NEW)  # works again once the fault ends
        assert target.read_bytes() == NEW
        if not failed:
            break
    assert points > 0


def test_a_short_write_is_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    monkeypatch.setattr(atomic.os, "write", lambda handle, data: real(handle, bytes(data[:7])))
    atomic.write_file(tmp_path / "a", NEW)
    assert (tmp_path / "a").read_bytes() == NEW


def test_bytes_changed_by_the_disk_are_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "a"
    target.write_bytes(OLD)
    real = os.write
    monkeypatch.setattr(
        atomic.os, "write", lambda handle, data: real(handle, b"x" + bytes(data[1:]))
    )
    with pytest.raises(WriteFailed, match="other bytes"):
        atomic.write_file(target, NEW)
    assert target.read_bytes() == OLD


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(WriteFailed, match="gone"):
        atomic.write_file(tmp_path / "gone" / "a.png", NEW)


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights on Windows")
def test_a_link_stays_a_link_and_rights_stay(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.write_bytes(OLD)
    real.chmod(0o640)
    link = tmp_path / "link"
    link.symlink_to(real)
    atomic.write_file(link, NEW)
    assert link.is_symlink()
    assert real.read_bytes() == NEW
    assert real.stat().st_mode & 0o777 == 0o640


def test_long_names(tmp_path: Path) -> None:
    target = tmp_path / ("n" * 251 + ".png")
    atomic.write_file(target, NEW)
    assert target.read_bytes() == NEW


KILLED = """
import os, sys
from pathlib import Path
from app.store import atomic
name, nth = sys.argv[2], int(sys.argv[3])
real, count = getattr(os, name), 0
def dying(*args, **options):
    global count
    count += 1
    if count == nth:
        os.kill(os.getpid(), 9)
    return real(*args, **options)
setattr(os, name, dying)
atomic.write_file(Path(sys.argv[1]), b"new content" * 1000)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is POSIX")
@pytest.mark.parametrize(
    ("name", "nth"), [("write", 1), ("fsync", 1), ("replace", 1), ("fsync", 2)]
)
def test_a_kill_leaves_old_or_new_and_the_next_write_cleans_up(
    tmp_path: Path, name: str, nth: int
) -> None:
    target = tmp_path / "a"
    target.write_bytes(OLD)
    command = [sys.executable, "-c", KILLED, str(target), name, str(nth)]
    done = subprocess.run(command, cwd=Path(atomic.__file__).parents[2], check=False)
    assert done.returncode == -9
    assert target.read_bytes() == (NEW if (name, nth) == ("fsync", 2) else OLD)
    atomic.write_file(tmp_path / "b", NEW)
    assert _files(tmp_path) == {"a", "b"}
