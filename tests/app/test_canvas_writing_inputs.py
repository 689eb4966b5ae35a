"""The worst that can be written on the canvas, and what may happen while it is written."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, Qt
from PySide6.QtGui import QGuiApplication, QInputMethodEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.canvas.text_editor import TextEditor
from app.canvas.view import CanvasView
from app.document.commands import AddLayer, EditText, GroupLayers, SetLayer
from app.document.geometry import Page
from app.document.layers import GroupLayer, TextLayer, find_layer
from app.document.state import DocumentState
from app.document.text import MAX_CHARACTERS
from app.run import Root
from app.store.project import Project
from tests.app.canvases import doc, shown_canvas
from tests.studio import Studio

CTRL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
FAMILY = "👨\u200d👩\u200d👧\u200d👦"


@pytest.fixture
def view(qtbot: QtBot) -> CanvasView:
    text = TextLayer(id="t", text="Autumn", size_px=40, x=60, y=50)
    page = Page(width=400, height=300)
    return shown_canvas(qtbot, DocumentState(page=page, layers=(text,), active="t"))


def words(view: CanvasView, layer_id: str = "t") -> str:
    layer = find_layer(doc(view).state.layers, layer_id)
    assert isinstance(layer, TextLayer)
    return layer.text


def editor(view: CanvasView) -> TextEditor:
    return next(each for each in view.findChildren(TextEditor) if each.isVisible())


def paste(view: CanvasView, text: str) -> None:
    QGuiApplication.clipboard().setText(text)
    QTest.keyClick(editor(view), Qt.Key.Key_V, CTRL)


def compose(view: CanvasView, text: str) -> None:
    QApplication.sendEvent(editor(view), QInputMethodEvent(text, []))


@pytest.mark.parametrize(
    ("pasted", "expected"),
    [
        ("one\r\ntwo\rthree", "one\ntwo\nthree"),
        ("soft\vline\fpage\x85next", "soft\nline\npage\nnext"),
        ("line\u2028paragraph\u2029end", "line\nparagraph\nend"),
        ("a\x00b\x07c\x1b[1md\x7f", "abc[1md"),
        ("picture\ufffchere", "picturehere"),
        ("100\u00a0€", "100\u00a0€"),
        ("a\tb", "a\tb"),
        (FAMILY, FAMILY),
        ("שלום abc مرحبا", "שלום abc مرحبا"),
        ("e\u0301\u0302\u0303" * 9, "e\u0301\u0302\u0303" * 9),
    ],
)
def test_what_is_pasted_are_letters(view: CanvasView, pasted: str, expected: str) -> None:
    view.edit_text("t")
    paste(view, pasted)
    assert words(view) == expected == editor(view).text
    QTest.keyClick(editor(view), Qt.Key.Key_Escape)
    view.edit_text("t")
    editor(view).to_end()
    QTest.keyClicks(editor(view), "!")
    assert words(view) == expected + "!", "what was there stays"
    doc(view).undo()
    doc(view).undo()
    assert words(view) == "Autumn"


@pytest.mark.parametrize("with_text", [True, False])
def test_markup_is_pasted_as_its_words(view: CanvasView, with_text: bool) -> None:
    data = QMimeData()
    data.setHtml("<p><b>Big</b> &amp; <i>red</i></p><p>two</p>")
    if with_text:
        data.setText("Big & red")
    QGuiApplication.clipboard().setMimeData(data)
    view.edit_text("t")
    QTest.keyClick(editor(view), Qt.Key.Key_Insert, SHIFT)
    assert words(view) == ("Big & red" if with_text else "Big & red\ntwo")


def test_what_is_copied_can_be_read_elsewhere(view: CanvasView) -> None:
    """With its format it would be as transparent there as it is in the editor."""
    view.edit_text("t")
    QTest.keyClick(editor(view), Qt.Key.Key_C, CTRL)
    data = QGuiApplication.clipboard().mimeData()
    assert (data.text(), data.hasHtml()) == ("Autumn", False)
    assert words(view) == "Autumn"
    QTest.keyClick(editor(view), Qt.Key.Key_X, CTRL)
    assert words(view) == ""
    QTest.keyClick(editor(view), Qt.Key.Key_C, CTRL)
    assert QGuiApplication.clipboard().text() == "Autumn", "nothing is marked: nothing is copied"


def test_too_much_is_refused_in_words(view: CanvasView, qtbot: QtBot) -> None:
    view.edit_text("t")
    with qtbot.waitSignal(view.refused) as told:
        paste(view, "word " * 20_000)
    assert str(MAX_CHARACTERS) in told.args[0]
    assert words(view) == "Autumn" == editor(view).text
    paste(view, "word " * (MAX_CHARACTERS // 5))
    assert len(words(view)) == MAX_CHARACTERS
    with qtbot.waitSignal(view.refused):
        QTest.keyClicks(editor(view), "x")
    assert len(words(view)) == MAX_CHARACTERS == len(editor(view).text)
    QTest.keyClick(editor(view), Qt.Key.Key_Backspace)
    assert len(words(view)) == MAX_CHARACTERS - 1


def test_a_longer_text_of_an_older_file_can_be_shortened(view: CanvasView) -> None:
    doc(view).do(AddLayer(layer=TextLayer(id="long", text="x" * (MAX_CHARACTERS + 5))))
    view.edit_text("long")
    editor(view).to_end()
    QTest.keyClick(editor(view), Qt.Key.Key_Backspace)
    assert len(words(view, "long")) == MAX_CHARACTERS + 4


def test_what_is_composed_stands_at_the_caret(view: CanvasView) -> None:
    """Behind an emoji, which is one letter to us and two to Qt."""
    view.edit_text("t")
    QTest.keyClick(editor(view), Qt.Key.Key_Delete)
    paste(view, "😀秋天")
    QTest.keyClick(editor(view), Qt.Key.Key_Left)
    compose(view, "de")
    assert words(view) == "😀秋de天"
    done = QInputMethodEvent("", [])
    done.setCommitString("的")
    QApplication.sendEvent(editor(view), done)
    assert words(view) == "😀秋的天"


def leave_by_tool(view: CanvasView) -> None:
    view.set_tool("brush")


def leave_by_key(view: CanvasView) -> None:
    QTest.keyClick(editor(view), Qt.Key.Key_Escape)


@pytest.mark.parametrize("leave", [leave_by_tool, leave_by_key, CanvasView.leave_text])
def test_what_is_composed_is_not_lost(view: CanvasView, leave) -> None:
    view.edit_text("t")
    compose(view, "qiu")
    leave(view)
    assert view.written is None
    assert words(view) == "qiu"
    assert doc(view).undo_steps == 1


def test_a_layer_that_is_locked_meanwhile_says_so(view: CanvasView, qtbot: QtBot) -> None:
    view.edit_text("t")
    doc(view).do(SetLayer(layer_id="t", locked=True))
    with qtbot.waitSignal(view.refused):
        QTest.keyClicks(editor(view), "x")
    assert view.written is None
    assert words(view) == "Autumn"


def test_a_new_text_that_is_locked_stays(view: CanvasView) -> None:
    view.add_text(TextLayer(id="n"))
    doc(view).do(SetLayer(layer_id="n", locked=True))
    leave_by_key(view)
    assert view.written is None
    assert words(view, "n") == ""


@pytest.mark.parametrize("text", ["", " \n "])
def test_nothing_is_left_of_a_text_without_words(view: CanvasView, text: str) -> None:
    before = doc(view).state
    view.add_text(TextLayer(id="n"))
    QGuiApplication.clipboard().setText(text)
    QTest.keyClick(editor(view), Qt.Key.Key_V, CTRL)
    leave_by_key(view)
    assert doc(view).state == before
    assert not doc(view).can_undo


def test_grouping_ends_it(view: CanvasView) -> None:
    view.edit_text("t")
    QTest.keyClicks(editor(view), "New")
    doc(view).do(GroupLayers(layer_ids=("t",), group=GroupLayer(id="g")))
    assert view.written is None
    assert words(view) == "New"


# --- in the window ---


@pytest.fixture
def root(studio: Studio) -> Root:
    """An empty new text is written in."""
    found = studio.open()
    found.window.canvas.add_text(TextLayer(id="n"))
    return found


def texts(root: Root) -> list[str]:
    layers = root.workspace.document.state.layers
    return [layer.text for layer in layers if isinstance(layer, TextLayer)]


def test_undo_works_on_the_whole_text(studio: Studio, root: Root) -> None:
    canvas = root.window.canvas
    QTest.keyClicks(editor(canvas), "Sale")
    QTest.keyClick(editor(canvas), Qt.Key.Key_Z, CTRL)
    assert texts(root) == []
    assert canvas.written is None
    studio.trigger("redo")
    assert texts(root) == ["Sale"]
    canvas.edit_text("n")
    QTest.keyClicks(editor(canvas), "Spring")
    QTest.keyClick(editor(canvas), Qt.Key.Key_Z, CTRL)
    assert texts(root) == ["Sale"] == [editor(canvas).text]
    QTest.keyClick(editor(canvas), Qt.Key.Key_Escape)
    studio.trigger("undo")
    assert texts(root) == []


def test_the_layer_may_be_deleted_meanwhile(studio: Studio, root: Root) -> None:
    QTest.keyClicks(editor(root.window.canvas), "Sale")
    studio.trigger("layer_delete")
    assert root.window.canvas.written is None
    assert texts(root) == []


@pytest.mark.parametrize(("typed", "kept"), [("", []), ("Sale", ["Sale"])])
def test_another_project_or_the_end_leaves_what_was_written(
    studio: Studio, root: Root, typed: str, kept: list[str], tmp_path: Path
) -> None:
    root.window.prompt.prompt.setPlainText("keeps the draft")
    QTest.keyClicks(editor(root.window.canvas), typed)
    assert root.workspace.project is not None
    path = root.workspace.project.path
    assert root.workspace.new(Page(width=64, height=64))
    assert root.window.canvas.written is None
    assert texts(root) == []
    root.workspace.open(path)
    assert texts(root) == kept
    root.window.canvas.add_text(TextLayer(id="m"))
    QTest.keyClicks(editor(root.window.canvas), typed)
    studio.close()
    opened = Project.open(path)
    assert [layer.text for layer in opened.state.layers] == kept * 2  # type: ignore[attr-defined]
    opened.close()


def test_the_panel_refuses_too_much_as_well(root: Root) -> None:
    QTest.keyClicks(editor(root.window.canvas), "Sale")
    root.window.text.words.setPlainText("x" * (MAX_CHARACTERS + 1))
    assert str(MAX_CHARACTERS) in root.window.area.banner.title.text()
    assert texts(root) == ["Sale"] == [root.window.text.words.text]
    root.window.workspace.document.do(EditText(layer_id="n", text="100\u00a0€"))
    root.window.text.words.moveCursor(root.window.text.words.textCursor().MoveOperation.End)
    root.window.text.words.insertPlainText("!")
    assert texts(root) == ["100\u00a0€!"]
