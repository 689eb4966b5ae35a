"""A layer's own mask: painted on by the brush, turned off and on, applied, kept, exported."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from PySide6.QtCore import QPoint, QPointF, QRect
from PySide6.QtGui import QGuiApplication

from app.canvas.tools import brush
from app.canvas.tools.tool import Key, Pointer
from app.document.commands import AddLayer, SetMask
from app.document.composite import render
from app.document.document import Document
from app.document.errors import DocumentError, LayerLocked
from app.document.layers import GroupLayer, LayerMask, PixelLayer, TextLayer
from app.document.masking import ApplyMask, EnableMask, can_apply_mask
from app.document.state import DocumentState
from app.files.psd import psd_bytes
from app.store.project import Project
from tests.app.documents import plain
from tests.documents import PAGE, mask_of, masks, pixel, pixel_layers, three

SHOWN = mask_of(QRect(-100, -100, 500, 500))


class Stage:
    """The part of the canvas that a stroke needs."""

    def __init__(self, state: DocumentState) -> None:
        self.document = Document(state)
        self.brush_size = 10
        self.do = self.document.do

    @property
    def state(self) -> DocumentState:
        return self.document.state


def masked(**look: object) -> DocumentState:
    """Two layers; the upper one has a mask, shows all of itself, and its mask is painted."""
    layers = (pixel("below"), pixel("top", mask=SHOWN, **look))
    return DocumentState(page=PAGE, layers=layers, active="top", painted_mask="top")


def stroke(stage: Stage, press: object, *points: tuple[int, int], keys: Key) -> None:
    found = [Pointer(page=QPointF(*at), screen=QPointF(), keys=keys) for at in points]
    gesture = press(stage, found[0])  # type: ignore[operator]
    next(gesture)
    for pointer in found[1:]:
        gesture.send(pointer)
    with pytest.raises(StopIteration):
        gesture.send(dataclasses.replace(found[-1], is_release=True))


def grey_at(state: DocumentState, x: int, y: int) -> int:
    """Of the upper layer's mask, at a point of the page."""
    layer = state.layers[1]
    assert layer.mask is not None
    at = QPoint(x - layer.x, y - layer.y)
    return layer.mask.tiles.image(QRect(at, at)).pixelColor(0, 0).value()


@pytest.mark.parametrize(
    ("press", "keys", "start", "end"),
    [
        (brush.erase, Key.NoModifier, 255, 0),
        (brush.paint, Key.AltModifier, 255, 0),
        (brush.paint, Key.NoModifier, 0, 255),
        (brush.erase, Key.AltModifier, 0, 255),
    ],
)
def test_a_stroke_paints_the_chosen_mask(
    qapp: QGuiApplication, press: object, keys: Key, start: int, end: int
) -> None:
    state = masked(x=7, y=-3)
    before = dataclasses.replace(
        state.layers[1], mask=mask_of(QRect(-100, -100, 500, 500), value=start)
    )
    state = dataclasses.replace(state, layers=(state.layers[0], before))
    stage = Stage(state)
    stroke(stage, press, (10, 10), (30, 10), (50, 10), keys=keys)
    found = stage.state
    assert [grey_at(found, x, 10) for x in (10, 30, 50)] == [end] * 3
    assert grey_at(found, 30, 25) == start
    assert found.selection is None
    assert found.layers[0] is state.layers[0]
    assert (stage.document.undo_steps, stage.document.undo_name) == (1, "Paint mask")
    stage.document.undo()
    assert stage.state == state


def test_without_a_chosen_mask_the_brush_paints_the_selection(qapp: QGuiApplication) -> None:
    state = dataclasses.replace(masked(), painted_mask=None)
    stage = Stage(state)
    stroke(stage, brush.paint, (10, 10), (20, 10), keys=Key.NoModifier)
    assert stage.state.selection is not None
    assert stage.state.layers is state.layers


def test_a_mask_is_painted_only_while_its_layer_is_active(qapp: QGuiApplication) -> None:
    document = Document(masked())
    assert document.state.masked_layer is document.state.layers[1]
    document.do(AddLayer(layer=PixelLayer(id="new")))
    assert document.state.masked_layer is None
    document.undo()
    assert document.state.masked_layer is not None
    document.activate("top")
    assert document.state.masked_layer is None
    document.activate("top", on_mask=True)
    document.do(SetMask(layer_id="top", mask=None))
    assert document.state.masked_layer is None
    document.activate("below", on_mask=True)
    assert document.state.masked_layer is None


def test_a_first_mask_is_painted_and_another_is_not(qapp: QGuiApplication) -> None:
    state = dataclasses.replace(three(), active="a")
    first = SetMask(layer_id="a", mask=SHOWN).apply(state)
    assert first.painted_mask == "a"
    chosen = dataclasses.replace(first, painted_mask=None)
    assert SetMask(layer_id="a", mask=mask_of(QRect(0, 0, 9, 9))).apply(chosen).painted_mask is None


def test_a_locked_layer_s_mask_is_refused(qapp: QGuiApplication) -> None:
    stage = Stage(masked(locked=True))
    with pytest.raises(LayerLocked, match="top"):
        stroke(stage, brush.paint, (10, 10), keys=Key.NoModifier)
    for command in (EnableMask(layer_id="top", enabled=False), ApplyMask(layer_id="top")):
        with pytest.raises(LayerLocked):
            command.apply(stage.state)


def test_off_shows_everything_and_on_is_as_before(qapp: QGuiApplication) -> None:
    document = Document(masked())
    document.do(SetMask(layer_id="top", mask=mask_of(QRect(0, 0, 10, 10))))
    before = document.state
    bare = SetMask(layer_id="top", mask=None).apply(before)
    document.do(EnableMask(layer_id="top", enabled=False))
    assert document.undo_name == "Turn mask off"
    assert render(document.state) == render(bare)
    document.do(EnableMask(layer_id="top", enabled=True))
    assert document.undo_name == "Turn mask on"
    assert document.state == before


@settings(max_examples=60, deadline=None)
@given(layer=pixel_layers(), mask=masks.filter(lambda mask: mask is not None))
def test_an_applied_mask_looks_the_same(
    qapp: QGuiApplication, layer: PixelLayer, mask: LayerMask
) -> None:
    layer = dataclasses.replace(layer, mask=dataclasses.replace(mask, enabled=True))
    assert can_apply_mask(layer)
    state = DocumentState(page=PAGE, layers=(pixel("below"), layer))
    found = ApplyMask(layer_id=layer.id).apply(state)
    assert found.layers[1].mask is None
    assert render(found) == render(state)


def test_pixels_that_the_mask_leaves_whole_are_shared(qapp: QGuiApplication) -> None:
    state = masked()
    found = ApplyMask(layer_id="top").apply(state).layers[1]
    assert isinstance(found, PixelLayer)
    assert found.tiles == state.layers[1].tiles  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "layer",
    [
        TextLayer(id="x", text="A", mask=SHOWN),
        GroupLayer(id="x", mask=SHOWN),
        pixel("x"),
        pixel("x", mask=dataclasses.replace(SHOWN, enabled=False)),
    ],
)
def test_what_has_nothing_to_apply_is_refused(
    qapp: QGuiApplication, layer: PixelLayer | TextLayer | GroupLayer
) -> None:
    assert not can_apply_mask(layer)
    with pytest.raises(DocumentError, match="pixel layer"):
        ApplyMask(layer_id="x").apply(DocumentState(page=PAGE, layers=(layer,)))


def test_masks_come_back_and_the_painted_one_is_still_chosen(
    qapp: QGuiApplication, tmp_path: Path
) -> None:
    stage = Stage(masked())
    stroke(stage, brush.erase, (10, 10), (30, 10), keys=Key.NoModifier)
    stage.do(EnableMask(layer_id="top", enabled=False))
    with_project = Project.create(tmp_path / "a.ink", stage.state)
    with_project.close()
    again = Project.open(tmp_path / "a.ink")
    assert plain(again.state) == plain(stage.state)
    assert again.state.masked_layer is not None
    again.close()


def test_a_mask_that_is_off_is_exported_so(qapp: QGuiApplication) -> None:
    from psd_tools import PSDImage

    stage = Stage(masked())
    stroke(stage, brush.erase, (10, 10), (30, 10), keys=Key.NoModifier)
    stage.do(EnableMask(layer_id="top", enabled=False))
    layer = list(PSDImage.open(io.BytesIO(psd_bytes(stage.state))))[-1]
    assert layer.name == "top"
    assert layer.has_mask()
    assert layer.mask.disabled
    pixels = layer.mask.topil()
    assert pixels is not None
    assert pixels.getpixel((20 - layer.mask.left, 10 - layer.mask.top)) == 0
    assert pixels.getpixel((20 - layer.mask.left, 30 - layer.mask.top)) == 255
