"""Splitting the picture into layers, in the window: menu, dialog, group, history, file and PSD."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from psd_tools import PSDImage
from PySide6.QtCore import QPoint

from app.dialogs.split import SplitDialog
from app.document.commands import AddLayer
from app.document.composite import render
from app.document.layers import GroupLayer, PixelLayer, TextLayer, find_layer
from app.document.tiles import Tiles
from app.run import Root
from app.store.errors import WriteFailed
from app.store.project import Project
from model.requests import Decompose
from tests.documents import array, noise
from tests.fakes import DESCRIPTION, LAYERED, do
from tests.studio import Studio, accept


def open_with_layered(studio: Studio, *starts: dict) -> Root:
    root = studio.open(*starts)
    root.workspace.generation.models = (DESCRIPTION, LAYERED)
    return root


def fill(dialog: SplitDialog) -> None:
    dialog.count.setValue(3)
    dialog.resolution._group.button(1).click()
    dialog.prompt.setPlainText("a poster")


def split(studio: Studio) -> str:
    """From the menu; the id of the new step."""
    assert studio.root is not None
    workspace = studio.root.workspace
    before = workspace.document.state.current_node
    asked = accept(SplitDialog, fill)
    studio.trigger("split")
    assert asked
    studio.wait(lambda: workspace.document.state.current_node != before)
    found = workspace.document.state.current_node
    assert found is not None
    return found


def messages(root: Root) -> str:
    banner = root.window.area.banner
    return f"{banner.title.text()} {banner.text.text()}" if banner.isVisible() else ""


def test_a_picture_becomes_layers_and_a_psd(studio: Studio, tmp_path: Path) -> None:
    root = open_with_layered(studio)
    document = root.workspace.document
    first = studio.make("a poster")
    before = document.state
    step = split(studio)
    (group,) = document.state.layers
    assert isinstance(group, GroupLayer)
    names = [layer.name for layer in group.children]
    assert names == ["Layer 1", "Layer 2", "Layer 3", "Correction"]
    shown = render(document.state)
    assert np.array_equal(array(shown), array(render(before)))

    node = root.workspace.tree.node(step)
    assert (node.name, node.parent, len(node.layers)) == ("Split into 3 layers", first, 3)
    assert isinstance(node.request, Decompose)
    request = node.request
    assert (request.layers, request.resolution, request.prompt) == (3, 1024, "a poster")
    assert "Correction layer:" in root.window.status.outside.text()
    assert root.workspace.generation.model == DESCRIPTION, "the panel's model stays"

    path = tmp_path / "layers.psd"
    root.deeds.files.export_to(path)
    studio.wait(path.exists)
    opened = PSDImage.open(path)
    found = next(layer for layer in opened if layer.is_group())
    assert [layer.name for layer in found] == names  # type: ignore[attr-defined]
    flat = np.asarray(opened.composite(ignore_preview=True).convert("RGB"))  # type: ignore[union-attr]
    assert np.abs(flat.astype(int) - array(shown)[..., :3]).max() <= 2

    studio.trigger("undo")
    assert document.state == before
    assert step in root.workspace.tree.nodes, "what was made stays in the history"


def test_the_layers_are_in_the_file_before_they_are_seen(studio: Studio) -> None:
    root = open_with_layered(studio)
    studio.make("a poster")
    project = root.workspace.project
    assert project is not None
    stored: list[list[int]] = []
    root.workspace.document.changed.connect(
        lambda change: stored.append([len(node.layers) for node in project.nodes])
    )
    split(studio)
    assert stored[-1] == [0, 3]


def test_a_split_that_cannot_be_stored_is_not_shown(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = open_with_layered(studio)
    studio.make("a poster")
    before = root.workspace.document.state

    def refuse(self: Project, node: object) -> None:
        raise WriteFailed("the disk is full")

    monkeypatch.setattr(Project, "add_node", refuse)
    accept(SplitDialog, fill)
    studio.trigger("split")
    studio.wait(lambda: "the disk is full" in messages(root))
    assert root.workspace.document.state == before


def test_the_layers_of_a_step_come_back_from_the_file(studio: Studio) -> None:
    root = open_with_layered(studio)
    first = studio.make("a poster")
    step = split(studio)
    root.window.history.made_current.emit(first)
    document = root.workspace.document
    assert isinstance(document.state.layers[0], PixelLayer)
    studio.written()
    project = root.workspace.project
    assert project is not None
    studio.close()
    root = studio.open(path=project.path)
    document = root.workspace.document
    root.window.history.made_current.emit(step)
    studio.wait(lambda: document.state.current_node == step)
    (group,) = document.state.layers
    assert isinstance(group, GroupLayer)
    assert [layer.name for layer in group.children][-1] == "Correction"
    assert document.undo_name == "Go to step in history"


def test_live_text_lies_hidden_below_the_layers(studio: Studio) -> None:
    root = open_with_layered(studio)
    studio.make("a poster")
    document = root.workspace.document
    document.do(AddLayer(layer=TextLayer(id="t", text="OPEN", size_px=20)))
    before = render(document.state)
    split(studio)
    assert np.array_equal(array(render(document.state)), array(before))
    assert not find_layer(document.state.layers, "t").visible
    assert isinstance(document.state.layers[-1], GroupLayer)


def test_before_a_split_is_what_was_split(studio: Studio) -> None:
    """Of an opened picture, too, which no step of the history comes before."""
    root = open_with_layered(studio)
    image = noise(64, 64, 2, opaque=True)
    document = root.workspace.document
    document.do(AddLayer(layer=PixelLayer(tiles=Tiles.from_image(image, QPoint(0, 0)))))
    split(studio)
    group = document.state.layers[-1]
    assert isinstance(group, GroupLayer)
    root.window.layers.wish.emit(_hidden(group.children[-1].id))
    shown: list[object] = []
    root.window.canvas.show_before = lambda page, text="": shown.append(page)  # type: ignore[method-assign]
    root.window.compare_held.emit(True)
    studio.wait(lambda: bool(shown))
    area = image.rect()
    assert shown[-1].copy(area) == image  # type: ignore[attr-defined]


def _hidden(layer_id: str):
    from app.document.commands import SetLayer

    return SetLayer(layer_id=layer_id, visible=False)


def test_its_settings_are_used_again_in_the_dialog(studio: Studio) -> None:
    root = open_with_layered(studio)
    studio.make("a poster")
    step = split(studio)
    seen: list[dict] = []
    accept(SplitDialog, lambda dialog: (seen.append(dialog.values), dialog.reject()))
    root.window.history.settings_wanted.emit(step)
    assert seen == [{"layers": 3, "resolution": 1024, "prompt": "a poster"}]
    assert root.workspace.generation.prompt == ""


def test_a_poor_split_is_told_with_what_to_do(studio: Studio) -> None:
    root = open_with_layered(studio)
    studio.make("a poster")
    split(studio)
    assert "a poor split" in messages(root)
    assert "100 %" in messages(root)


def test_without_a_layered_model_it_is_said_what_is_needed(studio: Studio) -> None:
    root = studio.open()
    assert not root.window.actions_table["split"].isEnabled()
    assert "no picture" in root.window.actions_table["split"].toolTip()
    studio.make("a poster")
    studio.trigger("split")
    assert "needs a Layered model" in messages(root)
    assert "Get Qwen-Image-Layered" in messages(root)
    root.window.area.banner._deeds.itemAt(0).widget().click()  # type: ignore[union-attr]
    dialog = root.deeds.models.dialog
    assert dialog is not None
    studio.wait(lambda: "Qwen-Image-Layered" in dialog.rows)
    studio.wait(lambda: dialog.rows["Qwen-Image-Layered"].get_button.hasFocus())


def test_a_layered_model_makes_no_pictures_and_says_so(studio: Studio) -> None:
    root = open_with_layered(studio)
    studio.make("a poster")
    root.workspace.generation.choose(LAYERED)
    studio.trigger("generate")
    assert "splits pictures into layers" in messages(root)
    assert not root.workspace.jobs.is_busy


def test_a_model_without_an_eye_needs_a_description(qtbot) -> None:
    import dataclasses

    blind = dataclasses.replace(LAYERED, tasks=("layers",))
    dialog = SplitDialog((blind, LAYERED))
    qtbot.addWidget(dialog)
    dialog.accept()
    assert dialog.result() == 0
    assert "few words" in dialog.problem.text()
    dialog.model.setCurrentIndex(1)
    dialog.accept()
    assert dialog.result() == 1


def test_a_failed_split_leaves_the_page(studio: Studio) -> None:
    script = {"run": [do("reply")]}
    failing = {"run": [do("fail", kind="out_of_memory", message="too little memory")]}
    root = open_with_layered(studio, script)
    studio.make("a poster")
    before = root.workspace.document.state
    studio.written()
    project = root.workspace.project
    assert project is not None
    studio.close()
    root = studio.open(failing, path=project.path)
    root.workspace.generation.models = (DESCRIPTION, LAYERED)
    accept(SplitDialog, fill)
    studio.trigger("split")
    studio.wait(lambda: "oo little memory" in messages(root))
    assert render(root.workspace.document.state) == render(before)
