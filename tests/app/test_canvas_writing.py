"""Live text is written where it stands: the caret lies on it, and an edit is one step of undo."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QGuiApplication, QInputMethodEvent, QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QGraphicsTextItem
from pytestqt.qtbot import QtBot

from app.canvas.text_editor import TextEditor
from app.canvas.view import CanvasView
from app.document.commands import EditText, RemoveLayer, SetLayer
from app.document.geometry import Page
from app.document.layers import Align, TextLayer, find_layer
from app.document.state import DocumentState
from app.document.text import text_box
from app.theme import THEMES, Theme
from tests.app.canvases import doc, screen, shown_canvas
from tests.studio import Studio

LEFT = Qt.MouseButton.LeftButton
PLAIN = Qt.KeyboardModifier.NoModifier


def some_text(**changes: object) -> TextLayer:
    values: dict = {"id": "t", "text": "Autumn", "size_px": 40, "x": 60, "y": 50} | changes
    return TextLayer(**values)


@pytest.fixture
def view(qtbot: QtBot) -> CanvasView:
    page = Page(width=400, height=300)
    return shown_canvas(qtbot, DocumentState(page=page, layers=(some_text(),), active="t"))


def words(view: CanvasView, layer_id: str = "t") -> str:
    layer = find_layer(doc(view).state.layers, layer_id)
    assert isinstance(layer, TextLayer)
    return layer.text


def editor(view: CanvasView) -> TextEditor:
    found = [each for each in view.findChildren(TextEditor) if each.isVisible()]
    assert len(found) == 1
    return found[0]


def double_click(view: CanvasView, x: float, y: float) -> None:
    QTest.mouseClick(view, LEFT, PLAIN, screen(view, x, y))
    QTest.mouseDClick(view, LEFT, PLAIN, screen(view, x, y))


def test_a_double_click_with_the_move_tool_goes_into_the_words(view: CanvasView) -> None:
    double_click(view, 62, 70)
    QTest.keyClicks(editor(view), "In ")
    assert words(view) == "In Autumn", "the caret is where the click was"


def test_a_double_click_beside_every_text_writes_nothing(view: CanvasView) -> None:
    double_click(view, 350, 280)
    assert view.written is None


def test_letters_spaces_and_arrows_are_typed_and_do_nothing_else(view: CanvasView) -> None:
    view.edit_text("t")
    QTest.keyClicks(editor(view), "bvt mh")
    for _ in range(9):
        QTest.keyClick(editor(view), Qt.Key.Key_Right)
    QTest.keyClick(editor(view), Qt.Key.Key_Return)
    QTest.keyClicks(editor(view), "q")
    assert words(view) == "bvt mh\nq"
    assert view.tool == "move"
    layer = find_layer(doc(view).state.layers, "t")
    assert (layer.x, layer.y) == (60, 50), "no arrow has moved the layer"


def test_an_edit_is_one_step_of_undo_and_esc_keeps_it(view: CanvasView) -> None:
    view.edit_text("t")
    QTest.keyClicks(editor(view), "Spring sale")
    QTest.keyClick(editor(view), Qt.Key.Key_Escape)
    assert view.written is None
    assert view.hasFocus()
    assert words(view) == "Spring sale"
    assert (doc(view).undo_steps, doc(view).undo_name) == (1, "Edit text")
    doc(view).undo()
    assert words(view) == "Autumn"


def test_an_input_method_composes_on_the_canvas(view: CanvasView) -> None:
    view.edit_text("t")
    assert editor(view).testAttribute(Qt.WidgetAttribute.WA_InputMethodEnabled)
    QApplication.sendEvent(editor(view), QInputMethodEvent("qiu", []))
    assert words(view) == "qiu"
    done = QInputMethodEvent("", [])
    done.setCommitString("秋")
    QApplication.sendEvent(editor(view), done)
    QTest.keyClicks(editor(view), "!")
    assert words(view) == "秋!"
    assert doc(view).undo_steps == 1


@pytest.mark.parametrize("zoom", [0.3, 1.0, 3.7])
@pytest.mark.parametrize("align", list(Align))
def test_the_caret_lies_on_the_text(view: CanvasView, zoom: float, align: Align) -> None:
    doc(view).do(EditText(layer_id="t", text="Two\nlines of it", align=align))
    view.zoom_to(zoom)
    view.edit_text("t")
    for way in (QPoint(0, 0), QPoint(17, -9)):
        view.pan_by(way.x(), way.y())
        found = editor(view)
        item = found.scene().items()[0]
        assert isinstance(item, QGraphicsTextItem)
        box = text_box(some_text(text="Two\nlines of it", align=align))
        assert item.document().size().toSize() == box.size()
        for corner in (QPointF(0, 0), QPointF(box.width(), box.height())):
            shown = QPointF(found.pos()) + found.viewportTransform().map(item.mapToScene(corner))
            wanted = view.viewport.to_screen(corner + QPointF(60, 50))
            assert (shown - wanted).manhattanLength() < 1e-6


def test_nothing_is_drawn_twice(view: CanvasView) -> None:
    view.set_tool("text")
    before = view.grab(view.rect()).toImage()
    view.edit_text("t", QPointF(60, 50))
    item = editor(view).scene().items()[0]
    assert isinstance(item, QGraphicsTextItem)
    item.clearFocus()  # without its caret
    spot = screen(view, 75, 75)
    area = view.rect().adjusted(0, 0, 0, 0)
    after = view.grab(area).toImage()
    rows = range(spot.y() - 5, spot.y() + 5)
    same = [before.pixel(x, y) == after.pixel(x, y) for y in rows for x in range(80, 220)]
    assert all(same)


def test_a_click_outside_keeps_the_words_and_begins_nothing(view: CanvasView, qtbot: QtBot) -> None:
    view.set_tool("text")
    view.edit_text("t")
    QTest.keyClicks(editor(view), "New")
    with qtbot.assertNotEmitted(view.text_requested):
        QTest.mouseClick(view, LEFT, PLAIN, screen(view, 350, 280))
    assert view.written is None
    assert words(view) == "New"


def test_another_tool_ends_it(view: CanvasView) -> None:
    view.edit_text("t")
    view.set_tool("brush")
    assert view.written is None


def test_an_empty_new_text_has_never_been_there(view: CanvasView) -> None:
    before = doc(view).state
    view.add_text(some_text(id="n", text=""))
    QTest.keyClicks(editor(view), "ab")
    for _ in range(2):
        QTest.keyClick(editor(view), Qt.Key.Key_Backspace)
    QTest.keyClick(editor(view), Qt.Key.Key_Escape)
    assert doc(view).state == before
    assert not doc(view).can_undo


def test_a_new_text_with_its_words_is_one_step(view: CanvasView) -> None:
    before = doc(view).state
    view.add_text(some_text(id="n", text=""))
    QTest.keyClicks(editor(view), "Sale")
    QTest.keyClick(editor(view), Qt.Key.Key_Escape)
    assert words(view, "n") == "Sale"
    assert (doc(view).undo_steps, doc(view).undo_name) == (1, "Add text")
    doc(view).undo()
    assert doc(view).state.layers == before.layers
    doc(view).redo()
    assert words(view, "n") == "Sale"


def test_it_follows_changes_from_elsewhere(view: CanvasView) -> None:
    view.edit_text("t")
    doc(view).do(EditText(layer_id="t", text="From the panel", size_px=20))
    assert editor(view).text == "From the panel"
    QTest.keyClicks(editor(view), "!")
    assert words(view) == "From the panel!"
    doc(view).undo()
    doc(view).undo()
    assert editor(view).text == "Autumn"
    doc(view).do(RemoveLayer(layer_id="t"))
    assert view.written is None


def test_a_locked_text_says_so(view: CanvasView, qtbot: QtBot) -> None:
    doc(view).do(SetLayer(layer_id="t", locked=True))
    with qtbot.waitSignal(view.refused):
        view.edit_text("t")
    assert view.written is None


def test_what_is_composed_is_underlined_in_the_text_s_colour(view: CanvasView) -> None:
    doc(view).do(EditText(layer_id="t", color="#ff0000", text="x", size_px=80))
    view.edit_text("t")
    QTest.keyClick(editor(view), Qt.Key.Key_Backspace)
    QApplication.sendEvent(editor(view), QInputMethodEvent("__", []))
    item = editor(view).scene().items()[0]
    assert isinstance(item, QGraphicsTextItem)
    formats = item.document().firstBlock().layout().formats()
    assert [each.format.underlineColor().name() for each in formats] == ["#ff0000"]


@pytest.fixture
def theme(qapp: QApplication) -> Iterator[Theme]:
    palette, sheet, style = qapp.palette(), qapp.styleSheet(), qapp.style().objectName()
    font = qapp.font()
    yield Theme(qapp)
    qapp.setStyleSheet(sheet)
    qapp.setStyle(style)
    qapp.setPalette(palette)
    qapp.setFont(font)


@pytest.mark.parametrize("names", [("dark", "light"), ("light", "dark")])
def test_a_new_theme_reaches_the_selection(
    view: CanvasView, theme: Theme, names: tuple[str, str]
) -> None:
    theme.use(names[0])
    view.edit_text("t")
    corner = screen(view, 62, 54)  # above the letters
    for name in names:
        theme.use(name)
        QApplication.processEvents()
        assert view.grab().toImage().pixelColor(corner) == QColor(THEMES[name].accent)


def test_what_is_pasted_is_plain(view: CanvasView) -> None:
    QGuiApplication.clipboard().setText("one\ntwo")
    view.edit_text("t")
    QTest.keyClick(editor(view), Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    assert words(view) == "one\ntwo"


@pytest.mark.parametrize(
    ("key", "keys", "is_taken"),
    [
        (Qt.Key.Key_B, PLAIN, True),
        (Qt.Key.Key_Space, PLAIN, True),
        (Qt.Key.Key_Escape, PLAIN, True),
        (Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier, True),
        (Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier, False),
        (Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier, False),
        (Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier, False),
    ],
)
def test_which_keys_are_the_editors_and_which_the_windows(
    view: CanvasView, key: Qt.Key, keys: Qt.KeyboardModifier, is_taken: bool
) -> None:
    view.edit_text("t")
    letter = chr(key.value).lower() if key.value < 128 and not keys.value else ""
    event = QKeyEvent(QEvent.Type.ShortcutOverride, key.value, keys, letter)
    event.ignore()
    QApplication.sendEvent(editor(view), event)
    assert event.isAccepted() is is_taken


# --- in the window ---


def test_the_text_tool_and_the_panel_write_in_one_layer(studio: Studio) -> None:
    window = studio.open(wait=False).window
    document = window.workspace.document
    studio.trigger("tool_text")
    QTest.mouseClick(window.canvas, LEFT, PLAIN, window.canvas.rect().center())
    QTest.keyClicks(editor(window.canvas), "bBv\\ ")
    layer = document.state.active_layer
    assert isinstance(layer, TextLayer)
    assert layer.text == "bBv\\ "
    assert window.canvas.tool == "text"
    assert window.text.words.toPlainText() == "bBv\\ "
    window.text.words.setPlainText("Poster")
    assert editor(window.canvas).text == "Poster"
    QTest.keyClick(editor(window.canvas), Qt.Key.Key_Escape)
    at = window.canvas.viewport.to_screen(QPointF(layer.x + 20, layer.y + 20)).toPoint()
    QTest.mouseClick(window.canvas, LEFT, PLAIN, at)
    assert window.canvas.written is not None
    assert window.canvas.written.id == layer.id
