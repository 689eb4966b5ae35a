"""A layer's mask alone on the canvas: what shows, what may be done meanwhile, and what ends it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from app.canvas.view import CanvasView
from app.document.commands import AddLayer, OffsetLayer, SetLayer, SetMask, SetPage
from app.document.document import Document
from app.document.geometry import Page
from app.document.layers import PixelLayer, TextLayer
from app.document.masking import EnableMask
from app.document.state import DocumentState
from app.document.tiles import Tiles
from app.panels.layer_rows import Part
from app.run import Root
from tests.app.canvases import doc, screen, shown_canvas
from tests.app.test_window_layers import ALT, click
from tests.documents import mask_of
from tests.studio import Studio

LEFT = Qt.MouseButton.LeftButton
PAGE = Page(width=400, height=300)


def masked() -> DocumentState:
    """A red layer, a third of which shows by half, over a blue one."""
    red, blue = (Tiles.empty().filled(PAGE.rect, QColor(name)) for name in ("red", "blue"))
    mask = mask_of(QRect(0, 0, 200, 200), 128)
    top = PixelLayer(id="top", name="Cup", tiles=red, mask=mask)
    layers = (PixelLayer(id="below", tiles=blue), top)
    return DocumentState(page=PAGE, layers=layers, active="top", painted_mask="top")


@pytest.fixture
def view(qtbot: QtBot) -> CanvasView:
    return shown_canvas(qtbot, masked())


def color_at(view: CanvasView, x: float, y: float) -> str:
    return view.grab().toImage().pixelColor(screen(view, x, y)).name()


def test_white_reveals_and_black_hides(view: CanvasView) -> None:
    page = [color_at(view, x, 100) for x in (100, 300)]
    view.show_mask_alone(True)
    assert [color_at(view, x, 100) for x in (100, 300)] == ["#808080", "#000000"]
    doc(view).do(EnableMask(layer_id="top", enabled=False))
    doc(view).do(SetLayer(layer_id="top", visible=False))
    assert color_at(view, 100, 100) == "#808080", "whether it is on and seen or not"
    doc(view).undo()
    doc(view).undo()
    view.show_mask_alone(False)
    assert [color_at(view, x, 100) for x in (100, 300)] == page


def test_it_is_painted_and_moved_as_it_shows(view: CanvasView) -> None:
    view.show_mask_alone(True)
    assert color_at(view, 300, 250) == "#000000"
    view.set_tool("brush")
    QTest.mouseClick(view, LEFT, Qt.KeyboardModifier.NoModifier, screen(view, 300, 250))
    assert view.is_mask_alone
    assert color_at(view, 300, 250) == "#ffffff"
    doc(view).do(OffsetLayer(layer_id="top", dx=50, dy=0))
    assert [color_at(view, x, 100) for x in (25, 225)] == ["#000000", "#808080"]
    view.show_mask_alone(False)
    assert color_at(view, 350, 250) == "#ff0000", "what was painted meanwhile is on the page"


def test_the_move_tool_takes_hold_of_nothing_unseen(view: CanvasView) -> None:
    doc(view).do(AddLayer(layer=TextLayer(id="t", text="Autumn", size_px=90)))
    doc(view).activate("top", on_mask=True)
    view.show_mask_alone(True)
    at = screen(view, 40, 60)  # on the words
    QTest.mouseClick(view, LEFT, Qt.KeyboardModifier.NoModifier, at)
    QTest.mouseDClick(view, LEFT, Qt.KeyboardModifier.NoModifier, at)
    assert view.written is None
    assert view.is_mask_alone
    assert doc(view).state.active == "top"


def test_a_mask_without_a_pixel_is_black(view: CanvasView) -> None:
    doc(view).do(SetMask(layer_id="top", mask=mask_of(QRect())))
    view.show_mask_alone(True)
    assert color_at(view, 100, 100) == "#000000"


def take_away_mask(document: Document) -> None:
    document.do(SetMask(layer_id="top", mask=None))


def take_step(document: Document) -> None:
    document.reset(dataclasses.replace(document.state, picture="below", current_node="a"))


@pytest.mark.parametrize(
    "change",
    [
        take_away_mask,
        take_step,
        lambda document: document.activate("below"),
        lambda document: document.activate("top"),
        lambda document: document.do(AddLayer(layer=TextLayer(text="x"))),
        lambda document: document.do(SetPage(page=Page(width=300, height=300))),
    ],
)
def test_what_shows_the_page_again(
    view: CanvasView, qtbot: QtBot, change: Callable[[Document], None]
) -> None:
    view.show_mask_alone(True)
    assert view.is_mask_alone
    with qtbot.waitSignal(view.mask_alone_changed):
        change(doc(view))
    assert not view.is_mask_alone
    assert color_at(view, 250, 250) in ("#0000ff", "#ff0000")


def test_another_document_begins_with_its_page(view: CanvasView) -> None:
    view.show_mask_alone(True)
    view.set_document(None)
    assert not view.is_mask_alone
    view.show_mask_alone(True)
    assert not view.is_mask_alone
    view.set_document(Document(masked()))
    assert color_at(view, 350, 250) == "#0000ff"


def test_without_a_painted_mask_there_is_nothing_to_see_alone(view: CanvasView) -> None:
    doc(view).activate("below")
    view.show_mask_alone(True)
    assert not view.is_mask_alone


def test_writing_shows_the_words(view: CanvasView) -> None:
    text = TextLayer(id="t", text="Autumn", mask=mask_of(QRect(0, 0, 90, 90)))
    doc(view).do(AddLayer(layer=text))
    doc(view).activate("t", on_mask=True)
    view.show_mask_alone(True)
    view.edit_text("t")
    assert not view.is_mask_alone


# --- in the window ---


@pytest.fixture
def root(studio: Studio) -> Root:
    """A picture, and above it a layer with a mask."""
    found = studio.open()
    studio.make("a poster")
    studio.trigger("layer_new")
    studio.trigger("mask_add")
    return found


def test_alt_click_shows_the_mask_alone_and_the_page_again(studio: Studio, root: Root) -> None:
    canvas, action = root.window.canvas, root.window.actions_table["mask_alone"]
    root.workspace.document.activate(root.workspace.document.state.active)
    click(studio, 0, Part.mask, ALT)
    assert canvas.is_mask_alone
    assert action.isChecked()
    assert root.workspace.document.state.masked_layer is not None
    assert "Only the mask of “Layer” is shown" in canvas.accessibleDescription()
    root.languages.use("zh_CN")
    studio.wait(lambda: "仅显示“Layer”的蒙版" in canvas.accessibleDescription())
    click(studio, 0, Part.mask, ALT)
    assert not canvas.is_mask_alone
    assert not action.isChecked()
    assert root.workspace.document.state.masked_layer is not None, "it is still painted"
    studio.trigger("mask_alone")
    assert canvas.is_mask_alone
    click(studio, 0, Part.picture)
    assert not canvas.is_mask_alone


def test_esc_shows_the_page_and_stops_no_work(studio: Studio, root: Root) -> None:
    canvas, actions = root.window.canvas, root.window.actions_table
    assert not actions["cancel"].isEnabled()
    studio.trigger("mask_alone")
    studio.trigger("cancel")
    assert not canvas.is_mask_alone
    assert not actions["cancel"].isEnabled()
    studio.trigger("mask_alone")
    root.window.prompt.prompt.setPlainText("green")
    actions["generate"].trigger()
    assert root.window.making.is_busy
    studio.trigger("cancel")
    assert root.window.making.is_busy
    assert not canvas.is_mask_alone
    studio.wait(lambda: len(root.workspace.tree.nodes) == 2)


def test_a_new_picture_is_seen(studio: Studio, root: Root) -> None:
    studio.trigger("mask_alone")
    studio.make("green")
    assert not root.window.canvas.is_mask_alone
