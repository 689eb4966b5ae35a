"""Several pictures beside the page: the strip, its order, and what is asked with them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QColor, QDragEnterEvent, QDropEvent, QImage
from PySide6.QtWidgets import QApplication, QFileDialog, QWidget

from app.run import Root
from model.requests import Edit
from tests.studio import Studio


@pytest.fixture
def root(studio: Studio) -> Root:
    """A window over a model that takes three pictures, with a page to change."""
    found = studio.open()
    make = found.workspace.generation
    assert make.model is not None
    several = dataclasses.replace(make.model, max_references=3)
    make.models = (several,)
    make.choose(several)
    studio.make("a room")
    return found


def picture_file(folder: Path, name: str, color: str, width: int) -> str:
    image = QImage(width, 8, QImage.Format.Format_RGB32)
    image.fill(QColor(color))
    path = folder / f"{name}.png"
    image.save(str(path))
    return str(path)


def names(root: Root) -> list[str]:
    strip = root.window.prompt.references.list
    return [strip.item(k).text() for k in range(strip.count())]


def widths(root: Root) -> list[int]:
    return [picture.width for picture in root.workspace.generation.references]


def test_pictures_are_added_ordered_removed_and_sent(
    root: Root, studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window, make = root.window, root.workspace.generation
    files = [picture_file(tmp_path, f"p{w}", "orange", w) for w in (5, 9)]
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_: (files, ""))
    assert not window.prompt.references.isVisible()
    window.prompt.add.click()
    strip = window.prompt.references
    assert strip.isVisible()
    assert names(root) == ["Picture 2", "Picture 3"]
    assert widths(root) == [5, 9]
    strip.list.setCurrentRow(0)
    studio.qtbot.keyClick(strip.list, Qt.Key.Key_Right, Qt.KeyboardModifier.ControlModifier)
    assert widths(root) == [9, 5]
    assert strip.list.currentRow() == 1
    window.prompt.prompt.setPlainText("Hang Picture 2 and Picture 3 on the wall")
    studio.trigger("generate")
    workspace = root.workspace
    studio.wait(lambda: len(workspace.tree.nodes) == 2 and not workspace.jobs.is_busy)
    node = list(workspace.tree.nodes.values())[-1]
    request = node.request
    assert isinstance(request, Edit)
    assert [image.width for image in request.images[1:]] == [9, 5]
    assert request.width is not None
    studio.qtbot.keyClick(strip.list, Qt.Key.Key_Delete)
    assert widths(root) == [9]
    strip.remove.click()
    assert not strip.isVisible()
    root.deeds.history.use_settings(node.id)
    assert make.is_change
    assert widths(root) == [9, 5]


def test_a_drag_in_the_strip_is_another_order(root: Root) -> None:
    make, strip = root.workspace.generation, root.window.prompt.references
    image = QImage(4, 4, QImage.Format.Format_RGB32)
    for width in (3, 6):
        root.deeds.references.add([image.scaled(width, 4)])
    model = strip.list.model()
    assert model.moveRow(strip.list.rootIndex(), 0, strip.list.rootIndex(), 2)
    assert widths(root) == [6, 3]
    make.switch(False)
    assert names(root) == ["Picture 1", "Picture 2"]


def test_more_than_the_model_takes_is_told_and_nothing_is_lost(root: Root, studio: Studio) -> None:
    for width in (3, 6, 9):
        root.deeds.references.add([QImage(width, 4, QImage.Format.Format_RGB32)])
    root.window.prompt.prompt.setPlainText("all of them")
    studio.trigger("generate")
    told = "4 pictures with the page are too many: this model takes 3. Remove some."
    assert told in root.window.area.banner.title.text()
    assert root.window.prompt.references.problem.text() == told
    assert len(root.workspace.generation.references) == 3


def test_one_that_takes_one_keeps_them_all_and_says_so(root: Root, studio: Studio) -> None:
    make = root.workspace.generation
    assert make.model is not None
    single = dataclasses.replace(make.model, max_references=1)
    make.models = (single,)
    make.choose(single)
    for width in (3, 6):
        root.deeds.references.add([QImage(width, 4, QImage.Format.Format_RGB32)])
    assert not make.is_change
    assert widths(root) == [3, 6]
    problem = root.window.prompt.references.problem
    assert problem.text() == "2 pictures are too many: this model takes 1. Remove some."
    root.window.prompt.references.remove.click()
    assert not problem.isVisible()
    make.model = dataclasses.replace(single, tasks=("text_to_image",))
    assert "looks at no other pictures" in problem.text()


def dropped_on(widget: QWidget, mime: QMimeData) -> None:
    """Enters and drops as the window system does."""
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    copy = Qt.DropAction.CopyAction
    enter = QDragEnterEvent(QPoint(4, 4), copy, mime, buttons, keys)
    QApplication.sendEvent(widget, enter)
    assert enter.isAccepted()
    QApplication.sendEvent(widget, QDropEvent(QPointF(4, 4), copy, mime, buttons, keys))


def test_pictures_are_dropped_and_pasted_into_the_panel(root: Root, tmp_path: Path) -> None:
    prompt = root.window.prompt
    files = QMimeData()
    paths = [picture_file(tmp_path, f"d{w}", "red", w) for w in (5, 7)]
    files.setUrls([QUrl.fromLocalFile(path) for path in paths])
    dropped_on(prompt, files)
    assert widths(root) == [5, 7]
    dropped_on(prompt.prompt.viewport(), files)
    assert widths(root) == [5, 7, 5, 7]
    assert prompt.prompt.toPlainText() == ""
    QApplication.clipboard().setImage(QImage(9, 4, QImage.Format.Format_RGB32))
    prompt.prompt.paste()
    assert widths(root)[4:] == [9]
    both = QMimeData()
    both.setText("words")
    both.setImageData(QImage(9, 4, QImage.Format.Format_RGB32))
    prompt.prompt.insertFromMimeData(both)
    assert prompt.prompt.toPlainText() == "words"
    assert len(widths(root)) == 5


def test_a_file_that_is_no_picture_is_told_and_the_others_come(root: Root, tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no")
    root.deeds.references.add([broken, Path(picture_file(tmp_path, "ok", "red", 6))])
    assert widths(root) == [6]
    assert "broken.png" in root.window.area.banner.title.text()


def test_a_step_of_the_history_becomes_a_picture(root: Root, studio: Studio) -> None:
    (first,) = root.workspace.tree.nodes.values()
    studio.make("another")
    assert root.workspace.document.state.current_node != first.id
    root.window.history.reference_wanted.emit(first.id)
    studio.wait(lambda: len(widths(root)) == 1)
    (found,) = root.workspace.generation.references
    assert (found.width, found.height) == (first.size.width(), first.size.height())
    root.window.history.select(first.id)
    root.window.follow_situation()
    studio.trigger("node_reference")
    studio.wait(lambda: len(widths(root)) == 2)
    assert root.workspace.generation.references == (found, found)


def test_pictures_are_kept_with_their_project(root: Root, studio: Studio, tmp_path: Path) -> None:
    workspace = root.workspace
    here, other = tmp_path / "here.ink", tmp_path / "other.ink"
    workspace.save_as(here)
    studio.wait(lambda: not workspace.is_untitled)
    root.deeds.references.add([QImage(w, 4, QImage.Format.Format_RGB32) for w in (3, 6)])
    kept = workspace.generation.references
    workspace.save_as(other)
    studio.wait(lambda: workspace.title == "other")
    root.window.prompt.references.remove.click()
    assert widths(root) == [6]
    assert workspace.open(here)
    assert workspace.generation.references == kept
    assert names(root) == ["Picture 2", "Picture 3"]
    assert workspace.open(other)
    assert widths(root) == [6]
    workspace.new(workspace.document.state.page)
    assert widths(root) == []
    assert not root.window.prompt.references.isVisible()


def test_a_layer_becomes_a_picture_of_the_prompt(root: Root, studio: Studio) -> None:
    root.workspace.document.activate(root.workspace.document.state.picture)
    studio.trigger("layer_reference")
    assert len(root.workspace.generation.references) == 1
    page = root.workspace.document.state.page
    assert widths(root) == [page.width]
