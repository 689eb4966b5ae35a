"""Presets in the window: fields, words, the answer that is a map, and what is made of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from PySide6.QtCore import QPointF
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtWidgets import QLineEdit, QPushButton

from app.dialogs.map import MapDialog, Use
from app.dialogs.preset import CHOICES, FIELDS, TITLES, PresetDialog
from app.document.composite import render
from app.document.layers import PixelLayer
from app.document.maps import MAX_GROW_PX
from app.document.state import DocumentState
from app.presets import MAP, PRESETS, gives_map
from app.run import Root
from app.widgets.parts import Combo
from model.requests import Edit
from tests.studio import Studio


@pytest.fixture
def root(studio: Studio) -> Root:
    found = studio.open()
    studio.make("a first picture")
    return found


def in_dialog(kind: type, deed: Callable[[Any], object], monkeypatch: pytest.MonkeyPatch) -> None:
    """The next dialog of that kind is not shown: `deed` works in it and its button is pressed."""

    def exec_(dialog: Any) -> int:
        deed(dialog)
        return dialog.result()

    monkeypatch.setattr(kind, "exec", exec_)


def test_everything_in_the_table_has_a_name() -> None:
    assert set(TITLES) == set(PRESETS)
    names = {field.name for preset in PRESETS.values() for field in preset.fields}
    assert set(FIELDS) == names
    choices = {c for p in PRESETS.values() for f in p.fields for c in f.choices or ()}
    assert set(CHOICES) == choices


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_preset_can_be_filled_in(qtbot, language: str) -> None:
    dialog = PresetDialog(language)
    qtbot.addWidget(dialog)
    for row, preset in enumerate(PRESETS.values()):
        dialog.list.setCurrentRow(row)
        lines = [w for w in dialog.fields.values() if isinstance(w, QLineEdit)]
        assert dialog.make.isEnabled() == (not lines)
        for k, line in enumerate(lines):
            line.setText(f"thing {k}")
        assert dialog.make.isEnabled()
        text = dialog.text.toPlainText()
        assert text == dialog.instruction
        assert all(f"thing {k}" in text for k in range(len(lines)))
        assert gives_map(text) == (preset.gives == MAP)


def test_choices_and_numbers_are_said_in_the_language(qtbot) -> None:
    dialog = PresetDialog("zh")
    qtbot.addWidget(dialog)
    dialog.list.setCurrentRow(list(PRESETS).index("view"))
    direction = dialog.fields["direction"]
    assert isinstance(direction, Combo)
    direction.setCurrentIndex(direction.findData("up"))
    assert "向上转动45度" in dialog.instruction


def test_an_instruction_goes_into_the_prompt(
    root: Root, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(dialog: PresetDialog) -> None:
        dialog.list.setCurrentRow(list(PRESETS).index("remove"))
        line = dialog.fields["object"]
        assert isinstance(line, QLineEdit)
        line.setText("the sign")
        dialog.put.click()

    in_dialog(PresetDialog, fill, monkeypatch)
    nodes = len(root.workspace.tree.nodes)
    studio.trigger("preset")
    assert root.workspace.generation.is_change
    assert "Remove the sign" in root.window.prompt.prompt.toPlainText()
    assert len(root.workspace.tree.nodes) == nodes


def map_made(root: Root, studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    def choose(dialog: PresetDialog) -> None:
        dialog.list.setCurrentRow(list(PRESETS).index("depth"))
        dialog.make.click()

    in_dialog(PresetDialog, choose, monkeypatch)
    workspace = root.workspace
    before = len(workspace.tree.nodes)
    studio.trigger("preset")
    studio.wait(lambda: len(workspace.tree.nodes) > before and not workspace.jobs.is_busy)
    node = list(workspace.tree.nodes.values())[-1]
    assert isinstance(node.request, Edit)


def test_the_only_layer_chooses_by_its_own_light_and_stays(
    root: Root, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = root.workspace.document
    document.activate(document.state.picture)

    def accept(dialog: MapDialog) -> None:
        assert not dialog.clears.isChecked()
        dialog.is_hard.setChecked(False)
        dialog.accept()

    in_dialog(MapDialog, accept, monkeypatch)
    layers = document.state.layers
    studio.trigger("layer_as_map")
    assert document.state.selection is not None
    assert document.state.layers == layers


@pytest.mark.parametrize("use", list(Use))
def test_an_answer_becomes_what_is_asked_and_its_picture_comes_back(
    root: Root, studio: Studio, monkeypatch: pytest.MonkeyPatch, use: Use
) -> None:
    document = root.workspace.document
    picture = document.state.current_node
    map_made(root, studio, monkeypatch)
    seen = document.state

    def accept(dialog: MapDialog) -> None:
        dialog.use.setCurrentIndex(dialog.use.findData(use))
        dialog.is_hard.setChecked(False)
        assert dialog.clears.isChecked()
        assert "Bring back" in dialog.clears.text()
        dialog.accept()

    in_dialog(MapDialog, accept, monkeypatch)
    banner = root.window.area.banner
    assert "map" in banner.title.text()
    next(b for b in banner.findChildren(QPushButton) if "mask" in b.text()).click()
    state = document.state
    assert state.current_node == picture
    layer = state.picture_layer
    assert layer is not None
    assert (state.selection is not None) == (use is Use.selection)
    assert (layer.mask is not None) == (use is Use.mask)
    assert len(state.layers) == len(seen.layers) + (use is Use.layer)
    assert document.undo_name == "Use map"
    document.undo()
    assert document.state.layers == seen.layers
    assert document.state.current_node == seen.current_node


def test_any_layer_can_be_a_map_and_is_hidden_then(
    root: Root, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = root.workspace.document
    studio.trigger("layer_duplicate")
    top = document.state.active_layer
    assert top is not None

    def accept(dialog: MapDialog) -> None:
        assert dialog.clears.isChecked()
        assert dialog.clears.text() == "Hide the map"
        dialog.use.setCurrentIndex(dialog.use.findData(Use.mask))
        dialog.is_hard.setChecked(False)
        dialog.inverts.setChecked(True)
        dialog.accept()

    in_dialog(MapDialog, accept, monkeypatch)
    studio.trigger("layer_as_map")
    below, above = document.state.layers
    assert isinstance(below, PixelLayer)
    assert below.mask is not None
    assert not above.visible
    assert document.undo_name == "Use map"
    document.undo()
    assert document.state.layers[0].mask is None
    assert document.state.layers[1].visible


def test_the_canvas_shows_what_would_come_of_it(
    root: Root, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    canvas, document = root.window.canvas, root.workspace.document
    shown: list[tuple[QImage | None, str]] = []
    monkeypatch.setattr(canvas, "show_before", lambda image, text="": shown.append((image, text)))
    page = document.state.page.rect.size()
    half = QImage(page, QImage.Format.Format_ARGB32_Premultiplied)
    half.fill(QColor("white"))
    with QPainter(half) as painter:
        painter.fillRect(page.width() // 2, 0, page.width(), page.height(), QColor("black"))
    root.deeds.layers.add_picture(half, "half", QPointF(page.width() / 2, page.height() / 2))
    before = document.state

    def cancel(dialog: MapDialog) -> None:
        image, text = shown[-1]
        assert text == "Preview: Selection"
        assert image is not None
        seen = render(_without_top(before))
        assert image.pixelColor(1, 1) == seen.pixelColor(1, 1), "chosen: the page as it is"
        right = page.width() - 2
        assert image.pixelColor(right, 1).value() < seen.pixelColor(right, 1).value()
        dialog.inverts.setChecked(True)
        image, _ = shown[-1]
        assert image is not None
        assert image.pixelColor(right, 1) == seen.pixelColor(right, 1)
        dialog.use.setCurrentIndex(dialog.use.findData(Use.layer))
        image, text = shown[-1]
        assert text == "Preview: New layer"
        assert image is not None
        assert [image.pixelColor(x, 1).value() for x in (1, right)] == [0, 255]
        dialog.slider.setValue(7)
        assert dialog.reading.threshold == 7
        dialog.reject()

    in_dialog(MapDialog, cancel, monkeypatch)
    studio.trigger("layer_as_map")
    assert shown[-1][0] is None
    assert document.state is before


def _without_top(state: DocumentState) -> DocumentState:
    return dataclasses.replace(state, layers=state.layers[:-1])


def test_a_map_that_is_empty_in_the_large_changes_nothing(
    root: Root, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    def accept(dialog: MapDialog) -> None:
        dialog.threshold.setValue(255)
        dialog.grow.setValue(-MAX_GROW_PX)
        dialog.accept()

    in_dialog(MapDialog, accept, monkeypatch)
    before = root.workspace.document.state
    root.workspace.document.activate(before.picture)
    before = root.workspace.document.state
    studio.trigger("layer_as_map")
    assert root.workspace.document.state is before
    assert "Nothing is chosen" in root.window.area.banner.title.text()


def test_nothing_white_cannot_be_used(qtbot) -> None:
    image = QImage(20, 20, QImage.Format.Format_ARGB32)
    image.fill(QColor("black"))
    dialog = MapDialog(image, [], has_source=False)
    qtbot.addWidget(dialog)
    accept = dialog.buttons.button(dialog.buttons.StandardButton.Ok)
    assert not accept.isEnabled()
    assert dialog.summary.text() == "Nothing is chosen: lower the threshold, or invert."
    assert dialog.use.findData(Use.mask) < 0
    dialog.inverts.setChecked(True)
    assert accept.isEnabled()
