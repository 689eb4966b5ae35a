"""The canvas as a widget: keys, mouse and wheel end in the right commands, and previews in none."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, QRect, QRectF, Qt, QUrl
from PySide6.QtGui import QColor, QDragEnterEvent, QDropEvent, QImage, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.canvas.palette import DARK, LIGHT
from app.canvas.surface import MaskLook
from app.canvas.view import CanvasView
from app.document.commands import OffsetLayer, SetLayer, SetPage, SetSelection
from app.document.document import Document
from app.document.geometry import Page
from app.document.layers import PixelLayer
from app.document.selection import rectangle
from app.document.state import DocumentState
from app.document.tiles import Tiles
from model.requests import Picture
from tests.app.canvases import doc, screen, shown_canvas

LEFT, MIDDLE = Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton
PLAIN, SHIFT = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier
CTRL = Qt.KeyboardModifier.ControlModifier


def red_spot() -> DocumentState:
    red = Tiles.empty().filled(QRect(0, 0, 200, 100), QColor("red"))
    layer = PixelLayer(id="red", tiles=red, x=50, y=60)
    return DocumentState(page=Page(width=400, height=300), layers=(layer,), active="red")


@pytest.fixture
def view(qtbot: QtBot) -> CanvasView:
    return shown_canvas(qtbot, red_spot())


def drag(
    view: CanvasView,
    *way: tuple[float, float],
    keys: Qt.KeyboardModifier = PLAIN,
    button: Qt.MouseButton = LEFT,
) -> None:
    points = [screen(view, *point) for point in way]
    QTest.mousePress(view, button, keys, points[0])
    for point in points[1:]:
        QTest.mouseMove(view, point)
    QTest.mouseRelease(view, button, keys, points[-1])


def color_at(view: CanvasView, x: float, y: float) -> QColor:
    return view.grab().toImage().pixelColor(screen(view, x, y))


def wheel(view: CanvasView, at: QPoint, notches: int, keys: Qt.KeyboardModifier = PLAIN) -> None:
    event = QWheelEvent(
        QPointF(at),
        view.mapToGlobal(QPointF(at)),
        QPoint(),
        QPoint(0, 120 * notches),
        Qt.MouseButton.NoButton,
        keys,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(view, event)


@pytest.mark.parametrize(
    ("key", "tool"),
    [
        (Qt.Key.Key_H, "hand"),
        (Qt.Key.Key_M, "rectangle"),
        (Qt.Key.Key_B, "brush"),
        (Qt.Key.Key_E, "erase"),
        (Qt.Key.Key_T, "text"),
    ],
)
def test_a_letter_takes_its_tool(view: CanvasView, qtbot: QtBot, key: Qt.Key, tool: str) -> None:
    with qtbot.waitSignal(view.tool_changed) as signal:
        QTest.keyClick(view, key)
    assert signal.args == [tool]
    assert view.tool == tool
    QTest.keyClick(view, Qt.Key.Key_V)
    assert view.tool == "move"


def test_keys_that_are_the_windows_own_pass_through(view: CanvasView) -> None:
    view.has_own_keys = False
    QTest.keyClick(view, Qt.Key.Key_B)
    assert view.tool == "move"


@pytest.mark.parametrize(
    ("key", "zoom"),
    [(Qt.Key.Key_1, 1.0), (Qt.Key.Key_2, 2.0), (Qt.Key.Key_3, 4.0), (Qt.Key.Key_4, 8.0)],
)
def test_ctrl_and_a_digit_zoom(view: CanvasView, key: Qt.Key, zoom: float) -> None:
    view.zoom_to(0.3)
    QTest.keyClick(view, key, CTRL)
    assert view.viewport.zoom == zoom
    QTest.keyClick(view, Qt.Key.Key_0, CTRL)
    assert view.viewport.zoom == view.viewport.fit_zoom


def test_the_wheel_zooms_at_the_cursor(view: CanvasView, qtbot: QtBot) -> None:
    at = screen(view, 120, 80)
    with qtbot.waitSignal(view.zoom_changed) as signal:
        wheel(view, at, 2)
    assert signal.args == [2.0]
    under = view.viewport.to_page(QPointF(at))
    assert (under - QPointF(120, 80)).manhattanLength() <= 1


def test_ctrl_and_the_wheel_change_the_brush(view: CanvasView) -> None:
    view.set_tool("brush")
    view.brush_size = 40
    wheel(view, QPoint(200, 200), 1, CTRL)
    assert (view.brush_size, view.viewport.zoom) == (44, 1.0)


def test_brackets_change_the_brush(view: CanvasView, qtbot: QtBot) -> None:
    view.brush_size = 40
    with qtbot.waitSignal(view.brush_size_changed):
        QTest.keyClick(view, Qt.Key.Key_BracketRight)
    assert view.brush_size == 44
    QTest.keyClick(view, Qt.Key.Key_BracketLeft)
    assert view.brush_size == 40


def test_the_middle_button_and_space_pan_whatever_the_tool(view: CanvasView) -> None:
    before = view.viewport.origin
    drag(view, (100, 100), (140, 90), button=MIDDLE)
    assert view.viewport.origin - before == QPoint(40, -10)
    QTest.keyPress(view, Qt.Key.Key_Space)
    assert view.cursor().shape() == Qt.CursorShape.OpenHandCursor
    drag(view, (100, 100), (60, 110))
    QTest.keyRelease(view, Qt.Key.Key_Space)
    assert view.viewport.origin == before
    assert not doc(view).can_undo
    assert view.cursor().shape() == Qt.CursorShape.ArrowCursor


def test_the_mouse_selects_exactly_what_it_drew(view: CanvasView) -> None:
    view.set_tool("rectangle")
    drag(view, (30, 40), (90, 70), (110, 140))
    selection = doc(view).state.selection
    assert selection is not None
    assert selection.bounds == QRect(30, 40, 80, 100)


def test_escape_breaks_a_stroke_off_and_takes_it_back(view: CanvasView) -> None:
    view.set_tool("brush")
    QTest.mousePress(view, LEFT, PLAIN, screen(view, 100, 100))
    QTest.mouseMove(view, screen(view, 200, 100))
    assert doc(view).state.selection is not None
    QTest.keyClick(view, Qt.Key.Key_Escape)
    assert doc(view).state.selection is None
    QTest.mouseMove(view, screen(view, 250, 100))
    QTest.mouseRelease(view, LEFT, PLAIN, screen(view, 250, 100))
    assert doc(view).state.selection is None
    assert not doc(view).can_undo


def test_breaking_off_spares_what_came_after_the_stroke(view: CanvasView) -> None:
    view.set_tool("brush")
    QTest.mousePress(view, LEFT, PLAIN, screen(view, 100, 100))
    doc(view).do(OffsetLayer(layer_id="red", dx=5, dy=5))
    view.cancel_gesture()
    assert doc(view).state.layers[0].x == 55


def test_moving_a_locked_layer_is_refused_in_words(view: CanvasView, qtbot: QtBot) -> None:
    doc(view).do(SetLayer(layer_id="red", locked=True))
    with qtbot.waitSignal(view.refused) as signal:
        drag(view, (100, 100), (140, 140), (150, 150))
    assert signal.args is not None
    assert len(signal.args[0]) > 10
    assert doc(view).state.layers[0].x == 50
    with qtbot.waitSignal(view.refused):
        QTest.keyClick(view, Qt.Key.Key_Left)


@pytest.mark.parametrize(
    ("key", "keys", "place"),
    [
        (Qt.Key.Key_Left, PLAIN, (49, 60)),
        (Qt.Key.Key_Down, PLAIN, (50, 61)),
        (Qt.Key.Key_Right, SHIFT, (60, 60)),
        (Qt.Key.Key_Up, SHIFT, (50, 50)),
    ],
)
def test_arrows_nudge_the_layer(
    view: CanvasView, key: Qt.Key, keys: Qt.KeyboardModifier, place: tuple[int, int]
) -> None:
    QTest.keyClick(view, key, keys)
    layer = doc(view).state.layers[0]
    assert (layer.x, layer.y) == place
    doc(view).undo()
    assert doc(view).state.layers[0].x == 50


def test_arrows_pan_with_the_hand(view: CanvasView) -> None:
    view.set_tool("hand")
    before = view.viewport.origin
    QTest.keyClick(view, Qt.Key.Key_Right)
    assert view.viewport.origin.x() < before.x()


def test_a_preview_is_seen_and_is_no_part_of_the_document(view: CanvasView) -> None:
    state = doc(view).state
    green = Picture(width=2, height=2, mode="RGB", data=bytes((0, 255, 0)) * 4)
    view.set_preview(green, 3, 20, "Making")
    assert color_at(view, 200, 150) == QColor(0, 255, 0)
    assert doc(view).state is state
    view.set_preview(None, 4, 20)
    assert color_at(view, 200, 150) == QColor(0, 255, 0)
    view.set_preview(None)
    assert color_at(view, 200, 150) == QColor("red")
    assert not doc(view).can_undo


def test_a_preview_keeps_to_the_busy_rect(view: CanvasView) -> None:
    blue = QImage(4, 4, QImage.Format.Format_RGB32)
    blue.fill(QColor("blue"))
    view.set_busy_rect(QRect(200, 150, 100, 100))
    view.set_preview(blue, 1, 2)
    assert color_at(view, 250, 220) == QColor("blue")
    assert color_at(view, 100, 100) == QColor("red")


def test_a_preview_fades_unless_motion_is_reduced(view: CanvasView, qtbot: QtBot) -> None:
    blue = QImage(4, 4, QImage.Format.Format_RGB32)
    blue.fill(QColor("blue"))
    view.set_reduced_motion(False)
    view.set_preview(blue, 1, 2)
    view.set_preview(None)
    assert color_at(view, 100, 120) == QColor("blue")
    qtbot.waitUntil(lambda: color_at(view, 100, 120) == QColor("red"), timeout=3000)


def test_before_is_shown_while_it_is_asked_for(view: CanvasView) -> None:
    blue = QImage(400, 300, QImage.Format.Format_RGB32)
    blue.fill(QColor("blue"))
    now = view.grab().toImage()
    view.show_before(blue)
    assert color_at(view, 200, 150) == QColor("blue")
    view.show_before(None)
    assert view.grab().toImage() == now


def shows_what_a_full_repaint_shows(view: CanvasView) -> bool:
    QTest.qWait(50)
    screen_now = view.screen().grabWindow(view.winId()).toImage()
    full = view.grab().toImage()
    return screen_now.convertToFormat(full.format()) == full


def test_a_partial_repaint_equals_a_full_one(view: CanvasView) -> None:
    view._rough.setInterval(60_000)  # not between the two pictures
    view.zoom_to(0.7)
    view.set_tool("brush")
    QTest.qWait(200)
    drag(view, (60, 60), (200, 120), (310, 250))
    doc(view).do(OffsetLayer(layer_id="red", dx=31, dy=17))
    assert shows_what_a_full_repaint_shows(view)
    view._settle_pixels()
    assert shows_what_a_full_repaint_shows(view)


@pytest.mark.parametrize("zoom", [0.5, 0.7])
def test_a_moved_layer_leaves_no_trace_of_its_outline(view: CanvasView, zoom: float) -> None:
    view._rough.setInterval(60_000)
    view.zoom_to(zoom)
    QTest.mouseMove(view, screen(view, 100, 100))
    QTest.qWait(200)
    with_outline = view.grab().toImage()
    QApplication.sendEvent(view, QEvent(QEvent.Type.Leave))
    view.clearFocus()
    assert view.grab().toImage() != with_outline
    QTest.mouseMove(view, screen(view, 101, 100))
    for dx, dy in ((280, 190), (-110, 23)):  # off the page, where no pixels change
        doc(view).do(OffsetLayer(layer_id="red", dx=dx, dy=dy))
        assert shows_what_a_full_repaint_shows(view)


def test_an_empty_page_says_what_to_do_until_there_is_something(view: CanvasView) -> None:
    view.set_document(Document(DocumentState(page=Page(width=400, height=300))))
    with_hint = view.grab().toImage()
    doc(view).do(SetPage(page=Page(width=400, height=300, background="#000000")))
    on_black = view.grab().toImage()
    middle = view.rect().adjusted(100, 100, -100, -100)
    assert _has_other_than(with_hint.copy(middle), QColor("white"))
    assert _has_other_than(on_black.copy(middle), QColor("black"))
    view.set_document(Document(red_spot()))
    assert color_at(view, 10, 10) == QColor("white")


def _has_other_than(image: QImage, color: QColor) -> bool:
    plain = QImage(image)
    plain.fill(color)
    return image != plain


def test_ants_march_only_while_there_is_something_to_march_round(view: CanvasView) -> None:
    view.set_reduced_motion(False)
    assert not view._ants.isActive()
    doc(view).do(SetSelection(selection=rectangle(QRect(10, 10, 50, 50))))
    assert view._ants.isActive()
    view.set_reduced_motion(True)
    assert not view._ants.isActive()


def test_the_tint_can_be_seen_with_any_tool(view: CanvasView) -> None:
    doc(view).do(SetSelection(selection=rectangle(QRect(300, 200, 80, 80))))
    assert color_at(view, 340, 240) == QColor("white")
    QTest.keyClick(view, Qt.Key.Key_Q)
    assert view.mask_look is MaskLook.tint
    assert color_at(view, 340, 240) != QColor("white")


def test_the_brush_always_shows_the_tint(view: CanvasView) -> None:
    doc(view).do(SetSelection(selection=rectangle(QRect(300, 200, 80, 80))))
    view.set_tool("brush")
    assert color_at(view, 340, 240) != QColor("white")


def test_a_dropped_file_is_told_with_its_place(view: CanvasView, qtbot: QtBot) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile("/somewhere/a.png"), QUrl.fromLocalFile("/somewhere/b.txt")])
    copy = Qt.DropAction.CopyAction
    at = QPointF(screen(view, 100, 50))
    QApplication.sendEvent(view, QDragEnterEvent(at.toPoint(), copy, mime, LEFT, PLAIN))
    with qtbot.waitSignal(view.picture_dropped) as signal:
        QApplication.sendEvent(view, QDropEvent(at, copy, mime, LEFT, PLAIN))
    assert signal.args is not None
    assert signal.args[0] == [Path("/somewhere/a.png")]
    assert (signal.args[1] - QPointF(100, 50)).manhattanLength() <= 1


def test_the_place_is_remembered(view: CanvasView) -> None:
    view.zoom_to(2.0, QPointF(10, 20))
    place, origin = view.place(), view.viewport.origin
    view.zoom_fit()
    assert view.place() == {}
    view.restore_place(place)
    assert (view.viewport.zoom, view.viewport.origin) == (2.0, origin)
    view.restore_place({"zoom": float("nan")})
    assert view.viewport.zoom == view.viewport.fit_zoom


def test_a_page_that_was_fitted_stays_fitted(view: CanvasView) -> None:
    view.zoom_fit()
    view.resize(700, 300)
    assert view.viewport.zoom == view.viewport.fit_zoom
    doc(view).do(SetPage(page=Page(width=100, height=900)))
    assert view.viewport.page.height() == 900
    assert view.viewport.zoom == view.viewport.fit_zoom


def test_it_says_where_the_cursor_is_and_that_it_left(view: CanvasView, qtbot: QtBot) -> None:
    with qtbot.waitSignal(view.cursor_moved) as signal:
        QTest.mouseMove(view, screen(view, 30, 40))
    assert signal.args is not None
    assert (signal.args[0] - QPointF(30, 40)).manhattanLength() <= 1
    with qtbot.waitSignal(view.cursor_left):
        QApplication.sendEvent(view, QEvent(QEvent.Type.Leave))


def test_a_text_is_asked_for(view: CanvasView, qtbot: QtBot) -> None:
    view.set_tool("text")
    with qtbot.waitSignal(view.text_requested) as signal:
        drag(view, (300, 200), (300, 200))
    assert signal.args == [QRectF(300, 200, 0, 0)]


def test_a_screen_reader_hears_page_zoom_and_tool(view: CanvasView) -> None:
    view.set_tool("brush")
    assert view.accessibleName() == "Canvas"
    assert view.accessibleDescription() == "Page of 400 × 300 px at 100 %. Tool: Mask brush."


def test_without_a_document_it_stands_still(view: CanvasView) -> None:
    view.set_document(None)
    drag(view, (0, 0), (50, 50))
    QTest.keyClick(view, Qt.Key.Key_Left)
    wheel(view, QPoint(50, 50), 1)
    assert view.grab().toImage().pixelColor(250, 200) == QColor(LIGHT.surround)
    assert view.accessibleDescription() == "No page is open."


def test_colours_can_be_exchanged(view: CanvasView) -> None:
    view.set_colors(DARK)
    assert view.grab().toImage().pixelColor(2, 2) == QColor(DARK.surround)
