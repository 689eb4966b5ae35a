"""Writing off the window's thread: soon, in order, loud when it fails, and again once it works."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from app.document.state import DocumentState
from app.store import schema, writer
from app.store.errors import DiskFull, StoreError, WriteFailed
from app.store.project import Project
from app.store.writer import ProjectWriter
from tests.app.documents import node, plain, simple_state


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Project]:
    found = Project.create(tmp_path / "a.ink", simple_state(0))
    yield found
    found.close()


def _first(answer: Any) -> Any:
    assert answer.args is not None
    return answer.args[0]


def _reopened(opened: Project) -> Any:
    """The state on the disk, as another program would find it."""
    other = Project.open(opened.path)
    state = plain(other.state)
    other.close()
    return state


def test_the_newest_state_is_written_soon_and_once(qtbot: QtBot, opened: Project) -> None:
    saver = ProjectWriter(opened, delay_s=0.05)
    states = [simple_state(seed) for seed in range(1, 6)]
    with qtbot.waitSignal(saver.written, timeout=2000) as signal:
        for state in states:
            saver.autosave(state, "stroke")
        assert saver.is_dirty
    assert signal.args == [states[-1]]
    qtbot.waitUntil(lambda: not saver.is_dirty)
    assert [version.name for version in opened.versions()] == ["stroke", ""]
    assert _reopened(opened) == plain(states[-1])
    assert saver.close()


def test_changes_without_a_pause_are_still_written_within_two_seconds(
    qtbot: QtBot, opened: Project
) -> None:
    saver = ProjectWriter(opened)
    written: list[DocumentState] = []
    saver.written.connect(written.append)

    def change_and_look() -> bool:
        saver.autosave(simple_state(1), "stroke")
        return bool(written)

    qtbot.waitUntil(change_and_look, timeout=2000)
    assert saver.close()


def test_a_result_is_stored_before_it_is_shown_and_in_this_thread(
    qtbot: QtBot, opened: Project
) -> None:
    saver, made = ProjectWriter(opened), node()
    shown: list[Any] = []

    def show(_: object) -> None:
        other = Project.open(opened.path)
        shown.append((threading.current_thread(), other.nodes[0].id))
        other.close()

    saver.add_node(made, show)
    assert shown == []
    qtbot.waitUntil(lambda: bool(shown))
    assert shown == [(threading.main_thread(), made.id)]
    assert saver.close()


def test_save_is_newer_than_the_autosave_that_waits(qtbot: QtBot, opened: Project) -> None:
    saver = ProjectWriter(opened, delay_s=0.2)
    saver.autosave(simple_state(1), "stroke")
    with qtbot.waitCallback() as saved:
        saver.save(simple_state(2), "Save", saved)
    assert saver.close()
    assert [(v.name, v.saved) for v in opened.versions()] == [("Save", True), ("", False)]


def test_close_writes_what_waits(qtbot: QtBot, opened: Project) -> None:
    saver = ProjectWriter(opened, delay_s=60)
    saver.autosave(simple_state(1), "stroke")
    assert saver.close()
    assert _reopened(opened) == plain(simple_state(1))


@contextlib.contextmanager
def _full(opened: Project) -> Iterator[None]:
    """The database may not grow by a page: SQLite's own way to say that the disk is full."""
    connection = opened._connection
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count={pages}")
    yield
    connection.execute("PRAGMA max_page_count=1000000000")


def test_a_full_disk_keeps_the_old_content_and_ends(opened: Project) -> None:
    with _full(opened):
        for attempt in (
            lambda: opened.write(simple_state(1)),
            lambda: opened.save(simple_state(1)),
            lambda: opened.add_node(node(seed=1)),
        ):
            with pytest.raises(DiskFull, match="disk is full"):
                attempt()
        assert plain(opened.state) == plain(simple_state(0))
        assert _reopened(opened) == plain(simple_state(0))
    opened.write(simple_state(1))
    opened.add_node(node(seed=1))
    assert _reopened(opened) == plain(simple_state(1))


def test_a_full_disk_is_told_once_and_written_when_there_is_room(
    qtbot: QtBot, opened: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "RETRY_S", 0.05)
    saver = ProjectWriter(opened, delay_s=0.0)
    errors: list[StoreError] = []
    saver.failed.connect(errors.append)
    with _full(opened):
        with qtbot.waitSignal(saver.failed, timeout=2000):
            saver.autosave(simple_state(1), "stroke")
        qtbot.wait(300)
        assert saver.is_dirty
        assert not saver.flush(1.0)
    with qtbot.waitSignal(saver.written, timeout=2000) as signal:
        saver.autosave(simple_state(2), "stroke")
    assert plain(_first(signal)) in (plain(simple_state(1)), plain(simple_state(2)))
    assert saver.close()
    assert all(isinstance(error, DiskFull) for error in errors)
    assert 1 <= len(errors) <= 2  # at first, and again when a flush was asked for
    assert _reopened(opened) == plain(simple_state(2))


def test_a_failed_save_is_answered_and_stays_dirty(qtbot: QtBot, opened: Project) -> None:
    saver = ProjectWriter(opened)
    with _full(opened), qtbot.waitCallback() as failed:
        saver.save(simple_state(1), "Save", None, failed)
    assert isinstance(_first(failed), DiskFull)
    assert saver.is_dirty
    assert saver.close()
    assert _reopened(opened) == plain(simple_state(1))


def test_our_own_mistake_is_an_answer_too(qtbot: QtBot, opened: Project) -> None:
    saver = ProjectWriter(opened)
    with qtbot.waitCallback() as failed:
        saver.run(lambda _: 1 // 0, None, failed)
    assert isinstance(_first(failed), WriteFailed)
    assert "ZeroDivisionError" in str(_first(failed))
    assert saver.close()


class _FailingConnection:
    """A connection whose nth statement that writes fails."""

    def __init__(self, real: sqlite3.Connection, nth: int, code: int) -> None:
        self._real = real
        self._left = nth
        self._code = code

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
        if not statement.startswith(("SELECT", "ROLLBACK", "PRAGMA")):
            self._left -= 1
            if self._left == 0:
                error = sqlite3.OperationalError("injected")
                error.sqlite_errorcode = self._code
                raise error
        return self._real.execute(statement, *values)


@pytest.mark.parametrize(
    "code", [sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY]
)
def test_an_error_at_every_write_leaves_the_old_state(opened: Project, code: int) -> None:
    real = opened._connection
    points = nth = 0
    for nth in range(1, 40):
        before = plain(opened.state), len(opened.nodes)
        opened._use(_FailingConnection(real, nth, code))  # pyright: ignore
        try:
            opened.write(simple_state(nth), "x")
            opened.add_node(node(seed=nth))
            failed = False
        except WriteFailed:
            failed = True
        opened._use(real)
        found = Project.open(opened.path)
        if failed:
            points += 1
            assert plain(found.state) in (before[0], plain(simple_state(nth)))
            assert plain(found.state) == plain(opened.state)
            assert len(found.nodes) == before[1]
        found.close()
        if not failed:
            break
    assert points >= 8
    assert nth < 39


@pytest.mark.skipif(sys.platform != "linux", reason="a small disk by mount")
def test_a_really_full_disk(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        opened = Project.create(disk / "a.ink", simple_state(0))
        known = [plain(simple_state(0))]

        def write_without_end() -> None:
            for seed in range(1, 100):
                opened.write(simple_state(seed))
                known.append(plain(simple_state(seed)))

        with pytest.raises(DiskFull, match="disk is full"):
            write_without_end()
        assert len(known) >= 3
        assert _reopened(opened) == known[-1] == plain(opened.state)
        with pytest.raises(DiskFull):
            opened.save_as(disk / "b.ink")
        copy = opened.save_as(tmp_path / "elsewhere.ink")
        assert plain(copy.state) == known[-1]
        copy.close()
        subprocess.run(["mount", "-o", "remount,size=30m", str(disk)], check=True)
        opened.write(simple_state(500))
        opened.close()
        assert [entry.name for entry in disk.iterdir()] == ["a.ink"]
        again = Project.open(disk / "a.ink")
        assert plain(again.state) == plain(simple_state(500))
        again.close()
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_errors_of_sqlite_in_our_words(tmp_path: Path) -> None:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR
    found = schema.store_error(tmp_path / "海报.ink", error)
    assert isinstance(found, WriteFailed)
    assert "海报.ink" in str(found)
    assert "Save As" in str(found)
