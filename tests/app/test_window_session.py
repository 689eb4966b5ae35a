"""The window at work over a scripted engine: making, editing, failing, closing and coming back."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QPointF, QRect, Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from app.document.commands import SetSelection
from app.document.composite import render
from app.document.layers import GroupLayer, PixelLayer, TextLayer
from app.document.selection import rectangle
from app.state.results import Outcome
from app.store.jobs import JobStatus
from app.store.project import Project
from tests.fakes import do
from tests.studio import Studio

SLOW = {"run": [do("progress", step=1), do("wait", ms=60_000), do("reply")]}


def picture(studio: Studio) -> QImage:
    assert studio.root is not None
    return render(studio.root.workspace.document.state)


def test_first_minute(studio: Studio) -> None:
    root = studio.open()
    assert root.window.area.welcome.isVisible()
    assert not root.window.history.view.isVisible()
    assert not root.workspace.generation.is_change
    node = studio.make('A poster that says "OPEN"')
    state = root.workspace.document.state
    assert state.current_node == node
    assert state.page.rect.size() == root.workspace.tree.node(node).size
    assert not root.window.area.welcome.isVisible()
    assert root.workspace.generation.is_change, "the prompt is an instruction now"
    assert root.workspace.generation.prompt == ""


def test_result_is_on_disk_before_it_is_shown(studio: Studio) -> None:
    root = studio.open()
    stored_when_shown: list[bool] = []

    def look() -> None:
        state, project = root.workspace.document.state, root.workspace.project
        if state.current_node is not None and project is not None:
            stored_when_shown.append(state.current_node in {n.id for n in project.nodes})

    root.workspace.document.changed.connect(look)
    studio.make("a poster")
    assert stored_when_shown
    assert all(stored_when_shown)


def test_edits_chain_and_branch(studio: Studio) -> None:
    root = studio.open()
    first = studio.make("a poster")
    second = studio.make("green")
    third = studio.make("yellow")
    root.window.history.made_current.emit(first)
    fourth = studio.make("red")
    parents = [root.workspace.tree.node(n).parent for n in (first, second, third, fourth)]
    assert parents == [None, first, second, first]
    assert picture(studio) == root.workspace.tree.picture_at(fourth)


def test_node_made_current_is_undoable(studio: Studio) -> None:
    root = studio.open()
    first = studio.make("a poster")
    second = studio.make("green")
    root.window.history.made_current.emit(first)
    assert picture(studio) == root.workspace.tree.picture_at(first)
    studio.trigger("undo")
    assert root.workspace.document.state.current_node == second
    assert picture(studio) == root.workspace.tree.picture_at(second)


def test_masked_edit_leaves_every_other_pixel(studio: Studio) -> None:
    root = studio.open()
    studio.make("a poster")
    before = picture(studio)
    area = QRect(5, 9, 20, 12)
    root.window.do(SetSelection(selection=rectangle(area)))
    node = studio.make("a glass of tea")
    after = picture(studio)
    assert root.workspace.tree.node(node).region == area
    for x in range(after.width()):
        for y in range(after.height()):
            is_same = after.pixel(x, y) == before.pixel(x, y)
            assert is_same is not area.contains(x, y)
    assert root.window.status.outside.text() == "0 px changed outside"


def test_variants_are_all_kept_and_the_first_is_shown(studio: Studio) -> None:
    root = studio.open()
    root.workspace.generation.count = 3
    studio.make("a poster")
    nodes = list(root.workspace.tree.nodes)
    assert len(nodes) == 3
    assert root.workspace.document.state.current_node == nodes[0]


def test_cancel_leaves_everything(studio: Studio) -> None:
    root = studio.open(SLOW)
    state = root.workspace.document.state
    root.workspace.generation.prompt = "a poster"
    studio.trigger("generate")
    studio.wait(lambda: root.window.prompt.bar.progress.value() == 1)
    assert root.window.prompt.bar.button.text() == "Cancel"
    studio.trigger("cancel")
    studio.wait(lambda: not root.workspace.jobs.is_busy)
    assert root.workspace.document.state.layers == state.layers
    assert root.window.prompt.bar.button.text() == "Generate"
    studio.written()
    assert root.workspace.project is not None
    assert [job.status for job in root.workspace.project.jobs()] == [JobStatus.cancelled]


def test_lost_engine_is_a_message_and_can_be_tried_again(studio: Studio) -> None:
    root = studio.open({"run": [do("progress", step=1), do("kill")]}, {})
    state = root.workspace.document.state
    root.workspace.generation.prompt = "a poster"
    studio.trigger("generate")
    studio.wait(root.window.area.banner.isVisible)
    assert "unchanged" in root.window.area.banner.title.text()
    assert root.workspace.document.state.layers == state.layers
    assert root.workspace.project is not None
    studio.written()
    assert [job.status for job in root.workspace.project.jobs()] == [JobStatus.failed]
    deed = root.window.area.banner._deeds.itemAt(0).widget()
    deed.click()
    studio.wait(lambda: len(root.workspace.tree.nodes) == 1)
    assert root.workspace.document.state.current_node is not None


def test_refused_request_is_told_in_the_models_words(studio: Studio) -> None:
    failing = {"run": [do("fail", kind="out_of_memory", message="needs 40 GB; choose a smaller")]}
    root = studio.open(failing)
    root.workspace.generation.prompt = "a poster"
    studio.trigger("generate")
    studio.wait(root.window.area.banner.isVisible)
    assert "40 GB" in root.window.area.banner.text.text()


def test_empty_prompt_is_told_and_nothing_starts(studio: Studio) -> None:
    root = studio.open()
    studio.trigger("generate")
    assert root.window.area.banner.isVisible()
    assert not root.workspace.jobs.is_busy


def test_wish_before_the_engine_is_there_is_kept(studio: Studio) -> None:
    root = studio.open({"describe": [do("wait", ms=300), do("reply")]}, wait=False)
    assert root.workspace.generation.model is None
    root.workspace.generation.prompt = "a poster"
    studio.trigger("generate")
    assert root.window.prompt.bar.button.text() == "Cancel"
    studio.wait(lambda: len(root.workspace.tree.nodes) == 1)


def test_wish_before_the_engine_is_there_can_be_cancelled(studio: Studio) -> None:
    root = studio.open({"describe": [do("wait", ms=300), do("reply")]}, wait=False)
    root.workspace.generation.prompt = "a poster"
    studio.trigger("generate")
    studio.trigger("cancel")
    assert root.window.prompt.bar.button.text() == "Generate"
    studio.wait(lambda: root.workspace.generation.model is not None)
    assert not root.workspace.jobs.is_busy


def test_engine_that_cannot_describe_is_told(studio: Studio) -> None:
    failing = {"describe": [do("fail", kind="internal", message="no list today")]}
    root = studio.open(failing, {}, wait=False)
    studio.wait(root.window.area.banner.isVisible)
    assert root.window.area.banner.text.text() == "no list today"


def test_seed_is_new_each_time_unless_it_is_locked(studio: Studio) -> None:
    root = studio.open()
    make = root.workspace.generation
    seeds = []
    for is_locked in (False, False, True, True):
        make.is_seed_locked = is_locked
        node = studio.make("a poster")
        seeds.append(root.workspace.tree.node(node).recipe["request"]["seed"])
    assert seeds[0] != seeds[1]
    assert seeds[1] == seeds[2] == seeds[3]


def test_reopening_gives_the_same_screen(studio: Studio) -> None:
    root = studio.open()
    studio.make("a poster")
    studio.make("green")
    studio.trigger("layer_text")
    root.window.text.words.setPlainText("开业")
    root.workspace.generation.prompt = "not sent yet"
    root.workspace.generation.steps = 3
    root.window.canvas.zoom_to(3.0)
    place = root.window.canvas.place()
    shown, state = picture(studio), root.workspace.document.state
    studio.close()
    root = studio.open()
    again = root.workspace.document.state
    assert [layer.id for layer in again.layers] == [layer.id for layer in state.layers]
    assert again.layers[1] == state.layers[1]
    assert (again.current_node, again.active) == (state.current_node, state.active)
    assert picture(studio) == shown
    assert root.workspace.generation.prompt == "not sent yet"
    assert root.workspace.generation.steps == 3
    assert root.workspace.generation.prompts == ["a poster", "green"]
    assert root.window.canvas.place() == pytest.approx(place, abs=0.51)


def test_typed_prompt_is_not_lost_with_an_empty_page(studio: Studio) -> None:
    root = studio.open()
    root.window.prompt.prompt.setPlainText("half a thought")
    studio.close()
    root = studio.open()
    assert root.window.prompt.prompt.toPlainText() == "half a thought"


def test_empty_draft_goes_and_a_used_one_stays(studio: Studio) -> None:
    studio.open()
    studio.close()
    assert list(studio.paths.drafts.iterdir()) == []
    studio.open()
    studio.make("a poster")
    studio.close()
    assert [p.suffix for p in studio.paths.drafts.iterdir()] == [".ink"]


def test_save_as_moves_the_draft(studio: Studio, tmp_path: Path) -> None:
    root = studio.open()
    studio.make("a poster")
    assert root.workspace.is_untitled
    root.workspace.save_as(tmp_path / "Sommer fest")
    studio.wait(lambda: not root.workspace.is_untitled)
    path = tmp_path / "Sommer fest.ink"
    assert root.workspace.project is not None
    assert root.workspace.project.path == path
    assert list(studio.paths.drafts.iterdir()) == []
    assert "Sommer fest" in root.window.windowTitle()
    studio.make("green")
    studio.close()
    project = Project.open(path)
    assert len(project.nodes) == 2
    project.close()
    assert root.settings.recent == (str(path),)


def test_interrupted_job_is_offered_again(studio: Studio) -> None:
    root = studio.open(SLOW)
    root.workspace.generation.prompt = "a poster"
    studio.trigger("generate")
    studio.wait(lambda: root.window.prompt.bar.progress.value() == 1)
    studio.written()
    studio.close()
    root = studio.open()
    assert root.window.area.banner.isVisible()
    assert "1 job had not finished" in root.window.area.banner.title.text()
    root.window.area.banner._deeds.itemAt(0).widget().click()
    studio.wait(lambda: len(root.workspace.tree.nodes) == 1)
    assert next(iter(root.workspace.tree.nodes.values())).name == "a poster"


def test_project_that_cannot_be_read_leaves_the_open_one(studio: Studio, tmp_path: Path) -> None:
    root = studio.open()
    studio.make("a poster")
    state = root.workspace.document.state
    bad = tmp_path / "bad.ink"
    bad.write_bytes(b"not a project" * 100)
    assert not root.workspace.open(bad)
    assert root.workspace.document.state == state
    assert "bad.ink" in root.window.area.banner.title.text()


def test_project_open_twice_is_read_only(studio: Studio, tmp_path: Path) -> None:
    root = studio.open()
    studio.make("a poster")
    root.workspace.save_as(tmp_path / "a.ink")
    studio.wait(lambda: not root.workspace.is_untitled)
    studio.close()
    other = Project.open(tmp_path / "a.ink")
    root = studio.open()
    assert not root.workspace.is_writable
    assert root.window.area.banner.isVisible()
    assert "read only" in root.window.windowTitle()
    root.workspace.generation.prompt = "green"
    studio.trigger("generate")
    assert not root.workspace.jobs.is_busy
    other.close()


# --- layers, text, pictures ---


def test_layers_from_the_menu(studio: Studio) -> None:
    root = studio.open()
    studio.make("a poster")
    document = root.workspace.document
    studio.trigger("layer_new")
    studio.trigger("layer_duplicate")
    studio.trigger("mask_add")
    assert document.state.active_layer is not None
    assert document.state.active_layer.mask is not None
    studio.trigger("mask_toggle")
    assert document.state.active_layer.mask is not None
    assert not document.state.active_layer.mask.enabled
    studio.trigger("mask_remove")
    studio.trigger("layer_group")
    assert isinstance(document.state.active_layer, GroupLayer)
    assert root.window.layers.model.rowCount() == 3
    studio.trigger("layer_down")
    assert document.state.layers[1] == document.state.active_layer
    studio.trigger("layer_delete")
    assert len(document.state.layers) == 2
    for _ in range(document.undo_steps):
        studio.trigger("undo")
    assert document.state.layers == ()


def test_opacity_drag_is_one_step_of_undo(studio: Studio) -> None:
    root = studio.open()
    studio.make("a poster")
    panel, document = root.window.layers, root.workspace.document
    document.activate(document.state.layers[0].id)
    steps = document.undo_steps
    panel.opacity.sliderPressed.emit()
    for value in (80, 60, 40):
        panel.opacity.setValue(value)
    panel.opacity.sliderReleased.emit()
    assert document.state.layers[0].opacity == 0.4
    assert document.undo_steps == steps + 1
    assert document.undo_name == "Layer opacity"


def test_eye_and_lock_of_a_row(studio: Studio, qtbot) -> None:
    from PySide6.QtCore import Qt

    root = studio.open()
    studio.make("a poster")
    panel, document = root.window.layers, root.workspace.document
    qtbot.waitExposed(root.window)
    box = panel.view.visualRect(panel.model.index(0, 0))
    for x in (box.left() + 10, box.right() - 10):
        at = QPointF(x, box.center().y()).toPoint()
        qtbot.mouseClick(panel.view.viewport(), Qt.MouseButton.LeftButton, pos=at)
    layer = document.state.layers[0]
    assert (layer.visible, layer.locked) == (False, True)


def test_layer_is_dropped_into_a_group(studio: Studio) -> None:
    from PySide6.QtCore import QModelIndex, Qt

    root = studio.open()
    studio.make("a poster")
    studio.trigger("layer_new")
    studio.trigger("layer_group")
    model, document = root.window.layers.model, root.workspace.document
    below = model.index(1, 0)
    data = model.mimeData([below])
    model.dropMimeData(data, Qt.DropAction.MoveAction, -1, -1, model.index(0, 0))
    (group,) = document.state.layers
    assert isinstance(group, GroupLayer)
    assert [layer.name for layer in group.children] == ["Layer", "Picture"]
    inside = model.index(0, 0, model.index(0, 0))
    data = model.mimeData([inside])
    model.dropMimeData(data, Qt.DropAction.MoveAction, 0, 0, QModelIndex())
    assert [layer.name for layer in document.state.layers] == ["Group", "Picture"]


def test_headline_is_typed_as_one_step(studio: Studio) -> None:
    root = studio.open()
    studio.make("a poster")
    studio.trigger("layer_text")
    document = root.workspace.document
    steps = document.undo_steps
    assert root.window.text.isVisible()
    for text in ("O", "OP", "OPEN"):
        root.window.text.words.setPlainText(text)
    root.window.text.size_px.setValue(20)
    layer = document.state.active_layer
    assert isinstance(layer, TextLayer)
    assert (layer.text, layer.size_px) == ("OPEN", 20)
    assert document.undo_steps == steps + 2
    document.activate(document.state.layers[0].id)
    assert not root.window.text.isVisible()


def test_picture_is_dropped_as_layer_reference_or_project(studio: Studio, tmp_path: Path) -> None:
    root = studio.open()
    studio.make("a poster")
    files = root.deeds.files
    image = QImage(12, 8, QImage.Format.Format_RGB32)
    image.fill(QColor("orange"))
    files._as_layers([image], QPointF(20, 20))
    layer = root.workspace.document.state.active_layer
    assert isinstance(layer, PixelLayer)
    assert layer.tiles.bounds().size() == image.size()
    root.deeds.references.add([image])
    assert len(root.workspace.generation.references) == 1
    assert not root.workspace.generation.is_change
    path = tmp_path / "photo.png"
    image.save(str(path))
    files.open_path(path)
    state = root.workspace.document.state
    assert (state.page.width, state.page.height) == (12, 8)
    assert state.layers[0].name == "photo"
    (tmp_path / "no.png").write_bytes(b"nothing")
    files.open_path(tmp_path / "no.png")
    assert "no.png" in root.window.area.banner.title.text()


def test_copy_takes_what_is_seen_in_the_selection(studio: Studio) -> None:
    root = studio.open()
    studio.make("a poster")
    root.window.do(SetSelection(selection=rectangle(QRect(2, 3, 10, 5))))
    studio.trigger("copy")
    assert QApplication.clipboard().image().size() == QRect(0, 0, 10, 5).size()


# --- looking ---


def test_click_on_a_node_only_shows_it(studio: Studio) -> None:
    root = studio.open()
    first, second = studio.make("a poster"), studio.make("green")
    state = root.workspace.document.state
    root.window.history.view.setCurrentIndex(root.window.history.model.index_of(first))
    assert root.window.is_peeking
    assert root.workspace.document.state == state
    studio.trigger("cancel")
    assert not root.window.is_peeking
    assert root.workspace.document.state.current_node == second


def test_before_is_shown_while_the_key_is_held(studio: Studio, qtbot) -> None:
    from PySide6.QtCore import Qt

    root = studio.open()
    first = studio.make("a poster")
    studio.make("green")
    shown: list[QImage | None] = []
    root.window.canvas.show_before = shown.append  # type: ignore[method-assign]
    root.window.activateWindow()
    qtbot.waitUntil(root.window.isActiveWindow)
    root.window.canvas.setFocus()
    qtbot.keyPress(root.window.canvas, Qt.Key.Key_Backslash)
    qtbot.keyRelease(root.window.canvas, Qt.Key.Key_Backslash)
    assert shown == [root.workspace.tree.picture_at(first), None]


def test_nodes_are_named_and_pinned_for_good(studio: Studio) -> None:
    root = studio.open()
    node = studio.make("a poster")
    history = root.window.history
    history.model.setData(history.model.index_of(node), "The one")
    history.pinned.emit(node, True)
    studio.close()
    root = studio.open()
    kept = root.workspace.tree.node(node)
    assert (kept.name, kept.pinned) == ("The one", True)


def test_language_and_theme_change_at_once(studio: Studio) -> None:
    root = studio.open()
    window = root.window
    root.settings.language = "zh_CN"
    QApplication.processEvents()
    assert window.prompt.bar.button.text() == "生成"
    assert window.actions_table["save"].text() == "保存(&S)"
    assert window.history.title.text() == "历史"
    root.settings.language = "en"
    QApplication.processEvents()
    assert window.prompt.bar.button.text() == "Generate"
    root.settings.theme = "light"
    light = window.grab().toImage().pixelColor(3, 3)
    root.settings.theme = "dark"
    assert window.grab().toImage().pixelColor(3, 3).lightness() < light.lightness()


def test_undo_is_named(studio: Studio) -> None:
    root = studio.open()
    studio.make("a poster")
    studio.trigger("layer_new")
    assert root.window.actions_table["undo"].text() == "&Undo: Add layer"


def test_export_writes_both_kinds(studio: Studio, tmp_path: Path) -> None:
    root = studio.open()
    studio.make("a poster")
    for name in ("a.png", "a.psd"):
        root.deeds.files.export_to(tmp_path / name)
    studio.wait(lambda: (tmp_path / "a.psd").exists())
    assert QImage(str(tmp_path / "a.png")).convertToFormat(picture(studio).format()) == picture(
        studio
    )
    missing = tmp_path / "no folder" / "a.png"
    root.deeds.files.export_to(missing)
    studio.wait(lambda: "was not exported" in root.window.area.banner.title.text())


@pytest.mark.parametrize(
    ("name", "key", "zoom"),
    [
        ("zoom_actual", "Ctrl+1", 1.0),
        ("zoom_double", "Ctrl+2", 2.0),
        ("zoom_fourfold", "Ctrl+3", 4.0),
        ("zoom_eightfold", "Ctrl+4", 8.0),
    ],
)
def test_fixed_zooms_have_keys(studio: Studio, name: str, key: str, zoom: float) -> None:
    root = studio.open(wait=False)
    assert root.window.actions_table[name].shortcut().toString() == key
    studio.trigger(name)
    assert root.window.canvas.viewport.zoom == zoom


def test_undo_in_the_prompt_is_of_its_words_and_then_of_the_document(studio: Studio) -> None:
    root = studio.open()
    studio.make("a poster")
    document, field = root.workspace.document, root.window.prompt.prompt
    made = document.state
    root.window.show()
    root.window.activateWindow()
    field.setFocus()
    QTest.keyClicks(field, "abc")
    assert field.text == "abc"
    QTest.keyClick(field, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert (field.text, document.state) == ("", made)
    QTest.keyClick(field, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    studio.wait(lambda: document.state != made)
    assert not document.state.layers


def test_a_picture_made_in_a_slower_way_says_so(studio: Studio) -> None:
    root = studio.open()
    studio.make("a poster")
    assert not root.window.area.banner.isVisible()
    root.making.placed.emit(Outcome(seconds=1.0, is_slower=True))
    banner = root.window.area.banner
    assert banner.isVisible()
    assert "Memory ran out" in banner.title.text()
