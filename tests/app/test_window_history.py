"""The history panel at work: steps taken out, thumbnails that come, and damage that is told."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import QApplication, QMessageBox
from shiboken6 import isValid

from app.panels.history_rows import RowView
from app.run import Root
from app.store.jobs import Job
from app.store.project import Project
from model.requests import TextToImage
from tests.studio import Studio


def branches(studio: Studio, root: Root) -> list[str]:
    """a - b - c, and d from a, which is current."""
    made = [studio.make("a poster"), studio.make("green"), studio.make("larger")]
    root.window.history.made_current.emit(made[0])
    return [*made, studio.make("red")]


def rows(root: Root) -> int:
    return root.window.history.model.rowCount()


def mark(root: Root, node_id: str) -> None:
    history = root.window.history
    history.view.setCurrentIndex(history.model.index_of(node_id))


def question(studio: Studio) -> QMessageBox:
    found: list[QMessageBox] = []

    def is_there() -> bool:
        box = QApplication.activeModalWidget()
        found.extend([box] if isinstance(box, QMessageBox) else [])
        return bool(found)

    studio.wait(is_there)
    return found[0]


def answer(studio: Studio, role: QMessageBox.ButtonRole) -> str:
    """Answers the question; what it asked."""
    box = question(studio)
    text = box.text()
    button = next(button for button in box.buttons() if box.buttonRole(button) is role)
    studio.qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    return text


def test_a_branch_is_removed_after_one_question(studio: Studio) -> None:
    root = studio.open()
    _, b, _, d = branches(studio, root)
    assert rows(root) == 4
    mark(root, b)
    assert root.window.is_peeking
    studio.qtbot.keyClick(root.window.history.view, Qt.Key.Key_Delete)
    assert answer(studio, QMessageBox.ButtonRole.RejectRole).startswith("Remove 2 steps")
    assert rows(root) == 4
    mark(root, b)
    studio.trigger("node_prune")
    answer(studio, QMessageBox.ButtonRole.AcceptRole)
    assert rows(root) == 2
    document = root.workspace.document
    assert (document.undo_name, document.state.current_node) == ("Remove 2 steps", d)
    assert not root.window.is_peeking
    studio.trigger("undo")
    assert rows(root) == 4
    studio.trigger("redo")
    assert rows(root) == 2
    studio.written()
    studio.close()
    root = studio.open()
    assert rows(root) == 2
    assert len(root.workspace.tree.nodes) == 2


def test_delete_in_the_history_leaves_the_layer(studio: Studio) -> None:
    root = studio.open()
    branches(studio, root)
    layers = root.workspace.document.state.layers
    root.window.activateWindow()
    studio.qtbot.waitUntil(root.window.isActiveWindow)
    root.window.history.view.setFocus()
    studio.qtbot.keyClick(root.window.history.view, Qt.Key.Key_Delete)  # the current step
    assert root.workspace.document.state.layers == layers
    assert "stays" in root.window.area.banner.title.text()
    assert rows(root) == 4


def test_pins_and_running_jobs_hold_their_branch(studio: Studio) -> None:
    root = studio.open()
    a, b, c, d = branches(studio, root)
    root.window.history.pinned.emit(c, True)
    root.window.history.pruned.emit(b)
    assert "is pinned" in root.window.area.banner.title.text()
    root.window.history.pruned.emit(a)
    assert "stays" in root.window.area.banner.title.text()
    assert rows(root) == 4
    assert d in root.workspace.tree.nodes


def test_a_pin_leaves_the_marked_row(studio: Studio) -> None:
    root = studio.open()
    a, b, *_ = branches(studio, root)
    mark(root, b)
    for node_id in (b, a):
        root.window.history.pinned.emit(node_id, True)
        assert root.window.is_peeking
        assert root.window.history.selected is root.workspace.tree.node(b)


def test_what_a_picture_is_being_made_from_stays(studio: Studio) -> None:
    root = studio.open()
    a, b, *_ = branches(studio, root)
    root.window.history.made_current.emit(b)
    root.workspace.jobs.add(_job_from(root, b))
    root.window.history.made_current.emit(a)
    jobs = (root.workspace.jobs.current, *root.workspace.jobs.waiting)
    assert any(job is not None and job.parent == b for job in jobs)
    root.window.history.pruned.emit(b)
    assert "being made" in root.window.area.banner.title.text()
    studio.wait(lambda: not root.workspace.jobs.is_busy)


def _job_from(root: Root, parent: str) -> Job:
    model = root.workspace.generation.model
    assert model is not None
    return Job(request=TextToImage(prompt="x"), model=model.path, parent=parent)


def picture_of(root: Root, node_id: str) -> QPixmap | None:
    model = root.window.history.model
    row: RowView = model.data(model.index_of(node_id), Qt.ItemDataRole.UserRole)  # type: ignore[assignment]
    return row.picture


def test_thumbnails_come_when_rows_are_seen(studio: Studio) -> None:
    root = studio.open()
    made = branches(studio, root)
    studio.wait(lambda: all(picture_of(root, node_id) for node_id in made))
    studio.written()
    studio.close()
    again = studio.open()
    studio.wait(lambda: all(picture_of(again, node_id) for node_id in made))


def test_a_thumbnail_that_comes_too_late_reaches_nobody(studio: Studio) -> None:
    root = studio.open()
    node_id = studio.make("a poster")
    window = root.window
    root.deeds.history.looking.make_thumbnail(node_id)
    studio.close()
    QCoreApplication.sendPostedEvents(window, QEvent.Type.DeferredDelete)
    assert not isValid(window)
    QCoreApplication.processEvents()  # where an exception would fail the test


def test_damage_is_told_and_the_rest_works(studio: Studio) -> None:
    root = studio.open()
    a, b, *_ = branches(studio, root)
    studio.written()
    assert root.workspace.project is not None
    path = root.workspace.project.path
    studio.close()
    _spoil(path, b)
    root = studio.open(path=path)
    assert root.workspace.is_writable
    studio.wait(lambda: picture_of(root, b) is not None and picture_of(root, a) is not None)
    assert picture_of(root, b).isNull()  # type: ignore[union-attr]
    assert not picture_of(root, a).isNull()  # type: ignore[union-attr]
    state = root.workspace.document.state
    for signal in ("shown", "made_current", "exported"):
        root.window.area.banner.dismiss()
        getattr(root.window.history, signal).emit(b)
        studio.wait(lambda: not root.window.area.banner.isHidden())
        assert "is damaged" in root.window.area.banner.title.text()
    assert root.workspace.document.state == state
    root.window.history.made_current.emit(a)
    studio.wait(lambda: root.workspace.document.state.current_node == a)
    studio.make("blue")
    studio.written()
    studio.close()
    again = Project.open(path)
    assert not again.read_only
    assert len(again.nodes) == 5
    again.close()


def _spoil(path: Path, node_id: str) -> None:
    """Change the stored bytes of a node's image, as a bad disk does."""
    opened = Project.open(path)
    address = next(n for n in opened.nodes if n.id == node_id).content.picture  # type: ignore[attr-defined]
    opened.close()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "UPDATE blobs SET data = x'00' WHERE sha256 = ?", (bytes.fromhex(address),)
        )
        connection.commit()


def test_steps_can_still_be_seen_after_save_as(studio: Studio, tmp_path: Path) -> None:
    root = studio.open()
    _, b, *_ = branches(studio, root)
    before = root.workspace.tree.picture_at(b)
    root.workspace.save_as(tmp_path / "new.ink")
    studio.wait(lambda: not root.workspace.is_untitled)
    assert root.workspace.tree.picture_at(b) == before
    root.window.history.shown.emit(b)
    assert "damaged" not in root.window.area.banner.title.text()
