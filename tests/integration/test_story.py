"""The first poster, all the way: the real window, the real engine, the model of the checkout.

Prompt, poster, two changes, back to the first picture, a branch, save, close, open: the same; then
a PSD and a PNG that other readers understand.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication

from app.document.composite import render
from app.document.layers import walk
from app.files.raster import read_recipe
from tests.studio import REAL_PATIENCE_MS, Studio

PROMPT = 'A poster that says "OPEN" in white letters on a dark blue page'


@pytest.fixture
def studio(tmp_path: Path, qtbot, qapp: QApplication) -> Iterator[Studio]:
    found = Studio(tmp_path, qtbot, qapp)
    yield found
    found.close()


def picture(studio: Studio) -> QImage:
    assert studio.root is not None
    return render(studio.root.workspace.document.state)


def type_and_start(studio: Studio, text: str) -> str:
    """As a user does: keys into the prompt, Ctrl+Enter, and wait for the picture."""
    assert studio.root is not None
    workspace, edit = studio.root.workspace, studio.root.window.prompt.prompt
    before = len(workspace.tree.nodes)
    edit.setFocus()
    edit.selectAll()
    studio.qtbot.keyClicks(edit, text)
    studio.qtbot.keyClick(edit, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    studio.wait(lambda: len(workspace.tree.nodes) > before, REAL_PATIENCE_MS)
    studio.wait(lambda: not workspace.jobs.is_busy, REAL_PATIENCE_MS)
    return list(workspace.tree.nodes)[-1]


def test_first_poster(studio: Studio, tmp_path: Path) -> None:
    root = studio.open(real=True)
    window, workspace = root.window, root.workspace
    assert workspace.generation.model is not None
    assert window.prompt.notice.text().startswith("Starter model")

    previews: list[object] = []
    root.making.progress.connect(lambda p: p and p.preview and previews.append(p.preview))
    first = type_and_start(studio, PROMPT)
    assert previews, "a form is seen before the poster"
    assert picture(studio) == workspace.tree.picture_at(first)
    assert not window.area.banner.isVisible()

    second = type_and_start(studio, "Make the page dark green")
    third = type_and_start(studio, 'Change the headline to "SALE"')
    window.history.view.setCurrentIndex(window.history.model.index_of(first))
    window.history.view.activated.emit(window.history.model.index_of(first))
    assert workspace.document.state.current_node == first
    branch = type_and_start(studio, "Add a red circle")
    parents = {node.id: node.parent for node in workspace.tree.nodes.values()}
    assert parents == {first: None, second: first, third: second, branch: first}
    assert {row.lane for row in window.history.model._rows} == {0, 1}

    workspace.save_as(tmp_path / "First poster.ink")
    studio.wait(lambda: not workspace.is_untitled)
    studio.written()
    shown, state = picture(studio), workspace.document.state
    pictures = {node: workspace.tree.picture_at(node) for node in workspace.tree.nodes}
    recipes = {node.id: node.recipe for node in workspace.tree.nodes.values()}
    studio.close()

    root = studio.open(real=True)
    workspace = root.workspace
    assert workspace.title == "First poster"
    assert picture(studio) == shown
    again = workspace.document.state
    assert [layer.id for layer in walk(again.layers)] == [layer.id for layer in walk(state.layers)]
    assert (again.page, again.current_node) == (state.page, branch)
    assert {node: workspace.tree.picture_at(node) for node in workspace.tree.nodes} == pictures
    assert {node.id: node.recipe for node in workspace.tree.nodes.values()} == recipes
    assert workspace.generation.prompt == "Add a red circle"

    check_exports(studio, tmp_path, recipes[branch])


def check_exports(studio: Studio, folder: Path, recipe: object) -> None:
    from psd_tools import PSDImage

    assert studio.root is not None
    psd, png = folder / "poster.psd", folder / "poster.png"
    for path in (psd, png):
        studio.root.deeds.files.export_to(path)
        studio.wait(path.exists)
    studio.written()
    shown = picture(studio)
    assert QImage(str(png)).convertToFormat(shown.format()) == shown
    assert read_recipe(png) == recipe
    with psd.open("rb") as file:
        layers = PSDImage.open(file)
    assert layers.size == (shown.width(), shown.height())
    assert "Picture" in [layer.name for layer in layers]
    flat = layers.composite(ignore_preview=True)
    assert flat is not None
    colour = shown.pixelColor(5, 7)
    pixel = flat.convert("RGB").getpixel((5, 7))
    assert isinstance(pixel, tuple)
    for ours, theirs in zip((colour.red(), colour.green(), colour.blue()), pixel, strict=True):
        assert abs(ours - theirs) <= 2
