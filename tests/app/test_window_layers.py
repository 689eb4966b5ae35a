"""The layers panel under the mouse: masks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QModelIndex, QPoint, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.canvas.tooled import mask_text
from app.document.layers import Layer
from app.panels.layer_rows import Part, _eye, _lock, _mask_spot, _picture_spot
from app.run import Root
from tests.studio import Studio

LEFT = Qt.MouseButton.LeftButton
PLAIN, SHIFT, CTRL = (
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.ControlModifier,
)
SPOTS = {
    Part.eye: _eye,
    Part.lock: _lock,
    Part.picture: _picture_spot,
    Part.mask: _mask_spot,
}


@pytest.fixture
def studio(tmp_path: Path, qtbot: QtBot, qapp: QApplication) -> Iterator[Studio]:
    found = Studio(tmp_path, qtbot, qapp)
    yield found
    found.close()


@pytest.fixture
def root(studio: Studio) -> Root:
    """A picture, and above it an empty layer, which is active."""
    found = studio.open()
    studio.make("a poster")
    studio.trigger("layer_new")
    return found


def click(studio: Studio, row: int, part: Part | None, keys: Qt.KeyboardModifier = PLAIN) -> None:
    """On a part of a row, counted from the top; None is its name."""
    assert studio.root is not None
    view = studio.root.window.layers.view
    box = view.visualRect(view.model().index(row, 0, QModelIndex()))
    at = QPoint(box.right() - 40, box.center().y()) if part is None else SPOTS[part](box).center()
    studio.qtbot.mouseClick(view.viewport(), LEFT, keys, at)


def active(root: Root) -> Layer:
    layer = root.workspace.document.state.active_layer
    assert layer is not None
    return layer


def test_thumbnails_choose_what_the_brush_paints(studio: Studio, root: Root) -> None:
    document = root.workspace.document
    studio.trigger("mask_add")
    assert document.state.masked_layer is active(root)
    assert mask_text(document.state) == "Painting mask of “Layer”"
    click(studio, 0, Part.picture)
    assert document.state.masked_layer is None
    assert mask_text(document.state) == ""
    click(studio, 0, Part.mask)
    assert document.state.masked_layer is active(root)
    assert root.window.actions_table["mask_paint"].isChecked()
    click(studio, 1, None)
    assert document.state.masked_layer is None
    click(studio, 0, Part.mask)
    assert document.state.masked_layer is active(root)
    studio.trigger("mask_paint")
    assert document.state.masked_layer is None


def test_shift_click_turns_a_mask_off_and_on(studio: Studio, root: Root) -> None:
    studio.trigger("mask_add")
    steps = root.workspace.document.undo_steps
    for enabled in (False, True):
        click(studio, 0, Part.mask, SHIFT)
        mask = active(root).mask
        assert mask is not None
        assert mask.enabled is enabled
    assert root.workspace.document.undo_steps == steps + 2


def test_a_stroke_on_the_canvas_hides_part_of_the_layer(studio: Studio, root: Root) -> None:
    document, canvas, qtbot = root.workspace.document, root.window.canvas, studio.qtbot
    studio.trigger("mask_add")
    studio.trigger("tool_brush")
    studio.trigger("brush_swap")
    assert canvas.tool == "erase"
    middle = canvas.rect().center()
    qtbot.mousePress(canvas, LEFT, pos=middle)
    qtbot.mouseMove(canvas, middle + QPoint(20, 0))
    qtbot.mouseRelease(canvas, LEFT, pos=middle + QPoint(20, 0))
    assert document.undo_name == "Paint mask"
    assert document.state.selection is None
    mask = active(root).mask
    assert mask is not None
    at = root.window.page_middle().toPoint()
    assert mask.tiles.image(document.state.page.rect).pixelColor(at).value() == 0
    studio.trigger("brush_swap")
    assert canvas.tool == "brush"


def test_mask_actions_follow_the_layer(studio: Studio, root: Root) -> None:
    actions = root.window.actions_table
    names = ("mask_add", "mask_reveal", "mask_paint", "mask_toggle", "mask_apply", "mask_remove")

    def enabled() -> set[str]:
        return {name for name in names if actions[name].isEnabled()}

    assert enabled() == {"mask_add"}
    studio.trigger("select_all")
    assert enabled() == {"mask_add", "mask_reveal"}
    studio.trigger("mask_reveal")
    assert enabled() == {"mask_paint", "mask_toggle", "mask_apply", "mask_remove"}
    studio.trigger("mask_toggle")
    assert "mask_apply" not in enabled()
    studio.trigger("mask_toggle")
    studio.trigger("mask_apply")
    assert active(root).mask is None
    assert root.workspace.document.undo_name == "Apply mask"
    assert enabled() == {"mask_add", "mask_reveal"}
