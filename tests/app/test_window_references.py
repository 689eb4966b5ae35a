"""Several pictures beside the page: the strip, its order, and what is asked with them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QFileDialog

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
        root.deeds.files.as_reference(image.scaled(width, 4))
    model = strip.list.model()
    assert model.moveRow(strip.list.rootIndex(), 0, strip.list.rootIndex(), 2)
    assert widths(root) == [6, 3]
    make.switch(False)
    assert names(root) == ["Picture 1", "Picture 2"]


def test_more_than_the_model_takes_is_told_and_nothing_is_lost(root: Root, studio: Studio) -> None:
    for width in (3, 6, 9):
        root.deeds.files.as_reference(QImage(width, 4, QImage.Format.Format_RGB32))
    root.window.prompt.prompt.setPlainText("all of them")
    studio.trigger("generate")
    assert "4 pictures are too many: this model takes 3" in root.window.area.banner.title.text()
    assert len(root.workspace.generation.references) == 3


def test_a_layer_becomes_a_picture_of_the_prompt(root: Root, studio: Studio) -> None:
    root.workspace.document.activate(root.workspace.document.state.picture)
    studio.trigger("layer_reference")
    assert len(root.workspace.generation.references) == 1
    page = root.workspace.document.state.page
    assert widths(root) == [page.width]
