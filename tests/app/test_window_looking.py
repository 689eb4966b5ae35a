"""Older steps on the canvas: read off the window's thread, shown when they are there, and safe to
leave meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QCoreApplication, QEvent

from app.document.commands import AddLayer
from app.document.geometry import Page
from app.document.layers import TextLayer
from app.run import Root
from app.store import blobs as stored_blobs
from tests.studio import Studio


class Gate:
    """Every image that is decoded waits here until the gate is open."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._is_open = threading.Event()
        self._is_open.set()
        self.threads: list[threading.Thread] = []
        self._decode = stored_blobs.decode
        monkeypatch.setattr(stored_blobs, "decode", self._wait_and_decode)

    def _wait_and_decode(self, data: bytes, width: int, height: int, depth: int) -> bytes:
        self.threads.append(threading.current_thread())
        assert self._is_open.wait(20)
        return self._decode(data, width, height, depth)

    def shut(self) -> None:
        self._is_open.clear()

    def open(self) -> None:
        self._is_open.set()

    def open_soon(self) -> None:
        timer = threading.Timer(0.3, self.open)
        timer.daemon = True
        timer.start()


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    found = Gate(monkeypatch)
    yield found
    found.open()


@pytest.fixture
def root(studio: Studio, gate: Gate) -> Root:
    """Three steps in the file, the last on the page; their thumbnails are there, no more."""
    studio.open()
    for prompt in ("a poster", "green", "larger"):
        studio.make(prompt)
    studio.written()
    studio.close()
    found = studio.open()
    history = found.window.history.model
    for node_id in found.workspace.tree.nodes:
        history.refresh()
        studio.wait(lambda node_id=node_id: history.thumbnail(node_id) is not None)
    studio.written()
    forget(found)
    return found


def forget(root: Root) -> None:
    """No step's pixels are at hand, and the gate is shut behind them."""
    for node in root.workspace.tree.nodes.values():
        node.content.pixels._kept.clear()  # type: ignore[attr-defined]


def steps(root: Root) -> list[str]:
    return list(root.workspace.tree.nodes)


def label(root: Root) -> str:
    """What the canvas says that it shows; empty for the page."""
    canvas = root.window.canvas
    assert canvas._sheet is not None
    return (canvas._before_text or "Before") if canvas._sheet.is_before else ""


def test_a_step_is_read_off_the_windows_thread(studio: Studio, root: Root, gate: Gate) -> None:
    first = steps(root)[0]
    name = root.workspace.tree.node(first).name
    gate.shut()
    gate.threads.clear()
    root.window.history.shown.emit(first)
    assert label(root) == f"Reading step “{name}”…"
    assert root.window.status.work.text() == label(root)
    gate.open()
    studio.wait(lambda: label(root) == f"Step: {name}")
    assert "double click" in root.window.status.work.text()
    assert gate.threads
    assert threading.main_thread() not in gate.threads


def test_without_a_thumbnail_the_page_stays_until_it_is_read(
    studio: Studio, root: Root, gate: Gate
) -> None:
    first = steps(root)[0]
    root.window.history.model._thumbnails.clear()
    gate.shut()
    root.window.history.shown.emit(first)
    assert label(root) == ""
    assert root.window.status.work.text().startswith("Reading")
    gate.open()
    studio.wait(lambda: label(root).startswith("Step: "))


def test_of_two_steps_the_last_is_shown(studio: Studio, root: Root, gate: Gate) -> None:
    first, second, _ = steps(root)
    seen: list[str] = []
    show = root.window.canvas.show_before
    root.window.canvas.show_before = lambda image, text="": (  # type: ignore[method-assign]
        seen.append(text),
        show(image, text),
    )
    gate.shut()
    for node_id in (first, second):
        root.window.history.shown.emit(node_id)
    gate.open()
    name = root.workspace.tree.node(second).name
    studio.wait(lambda: label(root) == f"Step: {name}")
    assert [text for text in seen if text.startswith("Step: ")] == [f"Step: {name}"]


def test_a_key_that_is_let_go_shows_nothing_afterwards(
    studio: Studio, root: Root, gate: Gate
) -> None:
    gate.shut()
    root.window.compare_held.emit(True)
    assert label(root).startswith("Reading")
    root.window.compare_held.emit(False)
    assert label(root) == ""
    gate.open()
    studio.written()
    studio.qtbot.wait(20)
    assert label(root) == ""
    root.window.compare_held.emit(True)
    studio.wait(lambda: label(root) == "Before")


def test_what_was_before_is_there_at_once(studio: Studio, root: Root, gate: Gate) -> None:
    """It is read in advance: when a project is opened, and when another step is made current."""
    first, second, third = steps(root)
    tree = root.workspace.tree
    root.workspace.opened.emit()
    studio.wait(lambda: tree.is_at_hand(second))
    root.window.compare_held.emit(True)
    assert label(root) == "Before"
    root.window.compare_held.emit(False)
    root.window.history.made_current.emit(second)
    studio.wait(lambda: root.workspace.document.state.current_node == second)
    studio.wait(lambda: tree.is_at_hand(first))
    assert not tree.is_at_hand(third), "nobody needs it"


def test_a_double_click_is_not_forgotten(studio: Studio, root: Root, gate: Gate) -> None:
    """Though the page is changed while the step is read."""
    first, document = steps(root)[0], root.workspace.document
    gate.shut()
    root.window.history.made_current.emit(first)
    document.do(AddLayer(layer=TextLayer(text="x")))
    assert document.state.current_node != first
    gate.open()
    studio.wait(lambda: document.state.current_node == first)
    assert label(root) == ""
    assert len(document.state.layers) == 2


def test_the_window_may_be_closed_meanwhile(studio: Studio, root: Root, gate: Gate) -> None:
    window = root.window
    gate.shut()
    window.history.shown.emit(steps(root)[0])
    gate.open_soon()
    studio.close()
    QCoreApplication.sendPostedEvents(window, QEvent.Type.DeferredDelete)
    QCoreApplication.processEvents()  # where an exception would fail the test


def test_another_project_may_be_opened_meanwhile(studio: Studio, root: Root, gate: Gate) -> None:
    gate.shut()
    root.window.history.made_current.emit(steps(root)[0])
    gate.open_soon()
    assert root.workspace.new(Page(width=64, height=64))
    studio.qtbot.wait(20)
    assert root.workspace.document.state.current_node is None
    assert label(root) == ""
