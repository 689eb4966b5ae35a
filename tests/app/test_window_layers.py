"""The layers panel under the mouse: masks, several marked rows, groups."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QModelIndex, QPoint, Qt

from app.canvas.tooled import mask_text
from app.document.blend import Blend
from app.document.commands import AddLayer, SetLayer
from app.document.layers import GroupLayer, Layer, Layers, PixelLayer
from app.panels.layer_rows import Part, _eye, _lock, _mask_spot, _picture_spot
from app.run import Root
from tests.studio import Studio

LEFT = Qt.MouseButton.LeftButton
PLAIN, SHIFT, CTRL, ALT = (
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.AltModifier,
)
SPOTS = {
    Part.eye: _eye,
    Part.lock: _lock,
    Part.picture: _picture_spot,
    Part.mask: _mask_spot,
}


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
    index = view.model().index(row, 0, QModelIndex())
    view.scrollTo(index)
    box = view.visualRect(index)
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


# --- several rows ---


def stack(root: Root) -> list[str]:
    """Names in the order of the panel, a group's layers in brackets behind it."""

    def named(layers: Layers) -> list[str]:
        found = []
        for layer in reversed(layers):
            inside = f"({' '.join(named(layer.children))})" if isinstance(layer, GroupLayer) else ""
            found.append(f"{layer.name}{inside}")
        return found

    return named(root.workspace.document.state.layers)


@pytest.fixture
def four(studio: Studio, root: Root) -> Root:
    """Three, two, one and the picture, from the top; nothing but the top one is marked."""
    document = root.workspace.document
    document.do(SetLayer(layer_id=active(root).id, new_name="one"))
    for name in ("two", "three"):
        document.do(AddLayer(layer=PixelLayer(name=name)))
    assert stack(root) == ["three", "two", "one", "Picture"]
    return root


def marked(root: Root) -> list[str]:
    return [layer.name for layer in root.window.layers.selected_layers]


def mark_two(studio: Studio) -> None:
    """One and two."""
    click(studio, 1, None)
    click(studio, 2, None, SHIFT)


def test_shift_and_ctrl_mark_several(studio: Studio, four: Root) -> None:
    click(studio, 0, None)
    click(studio, 2, None, SHIFT)
    assert marked(four) == ["one", "two", "three"]
    click(studio, 1, None, CTRL)
    assert marked(four) == ["one", "three"]
    assert active(four).name in ("one", "three")
    click(studio, 3, None, CTRL)
    assert marked(four) == ["Picture", "one", "three"]
    assert active(four).name == "Picture"
    click(studio, 1, None)
    assert marked(four) == ["two"]


def test_marked_layers_are_grouped_and_ungrouped(studio: Studio, four: Root) -> None:
    click(studio, 2, None)
    click(studio, 0, None, CTRL)
    assert not four.window.actions_table["layer_ungroup"].isEnabled()
    studio.trigger("layer_group")
    assert stack(four) == ["Group(three one)", "two", "Picture"]
    assert marked(four) == ["Group"]
    studio.trigger("layer_ungroup")
    assert stack(four) == ["three", "one", "two", "Picture"]
    assert marked(four) == ["one", "three"]
    assert four.window.status.work.text() == ""
    studio.trigger("undo")
    assert stack(four) == ["Group(three one)", "two", "Picture"]
    four.workspace.document.do(SetLayer(layer_id=active(four).id, opacity=0.5))
    studio.trigger("layer_ungroup")
    assert "opacity" in four.window.status.work.text()


def test_marked_layers_are_hidden_moved_and_deleted(studio: Studio, four: Root) -> None:
    document = four.workspace.document
    steps = document.undo_steps
    mark_two(studio)
    studio.trigger("layer_show")
    assert [layer.visible for layer in document.state.layers] == [True, False, False, True]
    click(studio, 1, Part.eye)
    assert [layer.visible for layer in document.state.layers] == [True] * 4
    assert marked(four) == ["one", "two"]
    studio.trigger("layer_up")
    assert stack(four) == ["two", "one", "three", "Picture"]
    assert marked(four) == ["one", "two"]
    studio.trigger("layer_delete")
    assert stack(four) == ["three", "Picture"]
    assert document.undo_steps == steps + 4
    studio.trigger("undo")
    assert stack(four) == ["two", "one", "three", "Picture"]


def test_one_lock_locks_all_marked(studio: Studio, four: Root) -> None:
    document = four.workspace.document
    mark_two(studio)
    click(studio, 1, Part.lock)
    assert [layer.locked for layer in document.state.layers] == [False, True, True, False]
    assert document.undo_name == "Lock layer (2)"
    assert marked(four) == ["one", "two"]
    click(studio, 0, Part.lock)
    assert [layer.locked for layer in document.state.layers] == [False, True, True, True]
    assert marked(four) == ["one", "two"], "one that is not marked is locked alone"
    studio.trigger("layer_lock")
    assert [layer.locked for layer in document.state.layers] == [False, False, False, True]
    click(studio, 0, None, CTRL)
    assert not four.window.layers.opacity.isEnabled(), "one of the marked is locked"
    click(studio, 2, None)
    assert four.window.layers.opacity.isEnabled()


def test_opacity_is_for_all_marked(studio: Studio, four: Root) -> None:
    document, panel = four.workspace.document, four.window.layers
    document.do(SetLayer(layer_id=active(four).id, opacity=0.4))
    click(studio, 2, None)
    assert (panel.percent.text(), panel.opacity.value()) == ("100 %", 100)
    click(studio, 0, None, SHIFT)
    assert panel.percent.text() == "—"
    assert "differ" in panel.percent.toolTip()
    steps = document.undo_steps
    panel.opacity.sliderPressed.emit()
    for percent in (90, 70, 60):
        panel.opacity.setValue(percent)
    panel.opacity.sliderReleased.emit()
    assert [layer.opacity for layer in document.state.layers] == [1.0, 0.6, 0.6, 0.6]
    assert (document.undo_steps, document.undo_name) == (steps + 1, "Layer opacity (3)")
    assert panel.percent.text() == "60 %"
    assert "differ" not in panel.percent.toolTip()
    studio.trigger("undo")
    assert panel.percent.text() == "—"
    assert marked(four) == ["one", "two", "three"]


@pytest.mark.parametrize(
    ("keys", "expected"), [("40", 0.4), ("100", 1.0), ("0", 0.0), ("", None), ("-1", None)]
)
def test_a_mixed_opacity_is_typed_over(
    studio: Studio, four: Root, keys: str, expected: float | None
) -> None:
    """The active layer's own value counts as well as any other."""
    document, panel = four.workspace.document, four.window.layers
    document.do(SetLayer(layer_id=active(four).id, opacity=0.4))
    click(studio, 0, None)
    click(studio, 1, None, CTRL)
    before = document.state.layers
    panel.percent.selectAll()
    studio.qtbot.keyClick(panel.percent, Qt.Key.Key_Delete)
    studio.qtbot.keyClicks(panel.percent, keys)
    studio.qtbot.keyClick(panel.percent, Qt.Key.Key_Return)
    found = [layer.opacity for layer in document.state.layers[2:]]
    assert found == ([expected] * 2 if expected is not None else [1.0, 0.4])
    if expected is None:
        assert document.state.layers == before
        assert panel.percent.text() == "—"


def test_a_step_from_a_mixed_opacity_begins_at_the_active_layers(
    studio: Studio, four: Root
) -> None:
    document, panel = four.workspace.document, four.window.layers
    document.do(SetLayer(layer_id=active(four).id, opacity=0.4))
    click(studio, 1, None)
    click(studio, 0, None, CTRL)
    assert active(four).opacity == 0.4
    studio.qtbot.keyClick(panel.percent, Qt.Key.Key_Down)
    assert [layer.opacity for layer in document.state.layers[2:]] == [0.39, 0.39]


def test_the_blend_mode_is_for_all_marked(studio: Studio, four: Root) -> None:
    document, panel = four.workspace.document, four.window.layers
    document.do(SetLayer(layer_id=active(four).id, blend=Blend.multiply))
    mark_two(studio)
    assert panel.blend.currentData() is Blend.normal
    click(studio, 0, None, CTRL)
    assert (panel.blend.currentIndex(), panel.blend.placeholderText()) == (-1, "Mixed")
    panel.blend.setCurrentIndex(list(Blend).index(Blend.screen))
    panel.blend.activated.emit(panel.blend.currentIndex())
    assert [layer.blend for layer in document.state.layers[1:]] == [Blend.screen] * 3
    assert document.undo_name == "Blend mode (3)"
    studio.trigger("undo")
    assert panel.blend.currentIndex() == -1


def test_copies_of_marked_layers_are_marked(studio: Studio, four: Root) -> None:
    steps = four.workspace.document.undo_steps
    mark_two(studio)
    studio.trigger("layer_duplicate")
    assert stack(four) == ["three", "two copy", "one copy", "two", "one", "Picture"]
    assert marked(four) == ["one copy", "two copy"]
    assert four.workspace.document.undo_steps == steps + 1
    assert four.window.actions_table["undo"].text().endswith("Duplicate layer (2)")
    studio.trigger("undo")
    assert stack(four) == ["three", "two", "one", "Picture"]


def test_marked_rows_are_dropped_together(studio: Studio, four: Root) -> None:
    model = four.window.layers.model
    data = model.mimeData([model.index(0, 0), model.index(2, 0)])
    steps = four.workspace.document.undo_steps
    model.dropMimeData(data, Qt.DropAction.MoveAction, 4, 0, QModelIndex())
    assert stack(four) == ["two", "Picture", "three", "one"]
    assert four.workspace.document.undo_steps == steps + 1


def test_another_active_layer_is_marked_alone(studio: Studio, four: Root) -> None:
    click(studio, 0, None)
    click(studio, 2, None, SHIFT)
    four.workspace.document.activate(four.workspace.document.state.layers[0].id)
    assert marked(four) == ["Picture"]
