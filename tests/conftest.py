"""What every test can rely on: no screen, no network, few threads, a home of its own, and that it
is told when it leaves something behind. Qt's warnings fail tests too (`pyproject.toml`)."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["HF_HUB_OFFLINE"] = os.environ["TRANSFORMERS_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

import pytest

SETTLE_S = 2.0


@pytest.fixture(scope="session", autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads or writes the settings, drafts and models of the person who runs it."""
    before = os.environ.get("INKSTONE_HOME")
    os.environ["INKSTONE_HOME"] = str(tmp_path_factory.mktemp("home"))
    yield
    del os.environ["INKSTONE_HOME"]
    if before is not None:
        os.environ["INKSTONE_HOME"] = before


@pytest.fixture(autouse=True)
def _nothing_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test fails when a thread, a child process or an open window outlives it. What a fixture of
    wider scope made beforehand may stay."""
    uses_qt = "qapp" in request.fixturenames
    threads, children = set(_threads()), set(_children())
    windows = set(_windows()) if uses_qt else set()
    yield
    if uses_qt:
        _delete_what_qt_put_off()
        left = [repr(window) for window in _windows() if window not in windows]
        assert not left, f"windows left open: {', '.join(left)}"
    until = time.monotonic() + SETTLE_S
    while time.monotonic() < until and (set(_threads()) | set(_children())) - threads - children:
        time.sleep(0.01)
    left = [thread.name for thread in _threads() if thread not in threads]
    assert not left, f"threads left running: {', '.join(left)}"
    left = [_command(pid) for pid in _children() if pid not in children]
    assert not left, f"processes left running: {', '.join(left)}"


def _threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if not thread.daemon]


def _children() -> list[int]:
    """Living child processes, where the system lists them (Linux)."""
    pids: list[int] = []
    for listing in Path("/proc/self/task").glob("*/children"):
        with suppress(OSError):  # the thread has ended meanwhile
            pids += map(int, listing.read_text().split())
    return [pid for pid in pids if (command := _command(pid)) and "_tracker" not in command]


def _command(pid: int) -> str:
    """Empty for a process that has ended."""
    try:
        line = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return ""
    return line.replace(b"\0", b" ").decode(errors="replace").strip()


def _windows() -> list[object]:
    from PySide6.QtWidgets import QApplication

    return [widget for widget in QApplication.topLevelWidgets() if widget.isVisible()]


def _delete_what_qt_put_off() -> None:
    from PySide6.QtCore import QCoreApplication, QEvent

    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    QCoreApplication.processEvents()
