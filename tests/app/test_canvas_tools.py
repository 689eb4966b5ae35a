"""Gestures on a bare stage: which commands and selections come of which pointer, as tables."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, QRect, QRectF
from PySide6.QtGui import QColor

from app.canvas.tools import brush, hand, move, rectangle, text
from app.canvas.tools.table import tools
from app.canvas.tools.tool import Draft, Gesture, Key, Pointer
from app.document.commands import Command
from app.document.document import Document
from app.document.geometry import Page
from app.document.layers import GroupLayer, PixelLayer, TextLayer
from app.document.selection import Combine, Selection, brushed, combined
from app.document.selection import rectangle as selected
from app.document.state import DocumentState
from app.document.tiles import Tiles

PAGE = Page(width=300, height=200)
PLAIN, SHIFT, ALT, CTRL = (
    Key.NoModifier,
    Key.ShiftModifier,
    Key.AltModifier,
    Key.ControlModifier,
)


class FakeStage:
    """What a tool may use, and a record of what it did."""

    def __init__(self, state: DocumentState) -> None:
        self.document = Document(state)
        self.brush_size = 20
        self.pans: list[tuple[float, float]] = []
        self.drafts: list[Draft | None] = []
        self.boxes: list[QRectF] = []

    @property
    def state(self) -> DocumentState:
        return self.document.state

    def do(self, command: Command) -> None:
        self.document.do(command)

    def activate(self, layer_id: str) -> None:
        self.document.activate(layer_id)

    def pan(self, dx: float, dy: float) -> None:
        self.pans.append((dx, dy))

    def show_draft(self, draft: Draft | None) -> None:
        self.drafts.append(draft)

    def ask_text(self, box: QRectF) -> None:
        self.boxes.append(box)


def at(x: float, y: float, keys: Key = PLAIN, *, is_release: bool = False) -> Pointer:
    point = QPointF(x, y)
    return Pointer(page=point, screen=point * 2, keys=keys, is_release=is_release)


def play(gesture: Gesture, *pointers: Pointer) -> None:
    """All moves; the last is the release, at which the gesture must end."""
    next(gesture)
    for pointer in pointers[:-1]:
        gesture.send(pointer)
    last = pointers[-1]
    with pytest.raises(StopIteration):
        gesture.send(at(last.page.x(), last.page.y(), last.keys, is_release=True))


def stage_with(selection: Selection | None = None, **rest: object) -> FakeStage:
    return FakeStage(DocumentState(page=PAGE, selection=selection, **rest))  # type: ignore[arg-type]


def grey(selection: Selection | None) -> np.ndarray:
    if selection is None:
        return np.zeros((PAGE.height, PAGE.width), np.uint8)
    image = selection.image(PAGE.rect)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(PAGE.height, image.bytesPerLine())
    return rows[:, : PAGE.width].copy()


@pytest.mark.parametrize(
    ("start", "end", "keys", "expected"),
    [
        ((10, 20), (60, 50), PLAIN, QRect(10, 20, 50, 30)),
        ((60, 50), (10, 20), PLAIN, QRect(10, 20, 50, 30)),
        ((9.6, 20.4), (60.4, 49.6), PLAIN, QRect(10, 20, 50, 30)),
        ((250, 150), (400, 400), PLAIN, QRect(250, 150, 50, 50)),
        ((-30, -30), (10, 10), PLAIN, QRect(0, 0, 10, 10)),
        ((10, 20), (60, 50), SHIFT, QRect(10, 20, 50, 50)),
        ((100, 100), (90, 60), SHIFT, QRect(60, 60, 40, 40)),
    ],
)
def test_a_drag_selects_whole_pixels_of_the_page(
    start: tuple[float, float], end: tuple[float, float], keys: Key, expected: QRect
) -> None:
    stage = stage_with()
    play(rectangle.drag(stage, at(*start)), at(*end, keys))
    assert (grey(stage.state.selection) == grey(selected(expected))).all()
    assert stage.document.undo_steps == 1
    assert stage.drafts[-1] is None
    assert stage.drafts[-2] is not None
    assert stage.drafts[-2].rect == expected


@pytest.mark.parametrize(
    ("keys", "how"),
    [
        (SHIFT, Combine.add),
        (ALT, Combine.subtract),
        (SHIFT | ALT, Combine.intersect),
    ],
)
def test_keys_at_the_press_say_how_selections_meet(keys: Key, how: Combine) -> None:
    old, new = selected(QRect(20, 20, 100, 100)), QRect(60, 60, 120, 30)
    stage = stage_with(old)
    # Shift stays down all the way: it adds, and does not make a square as well.
    play(rectangle.drag(stage, at(60, 60, keys)), at(100, 70, keys), at(180, 90, keys))
    expected = combined(old, selected(new), how)
    assert (grey(stage.state.selection) == grey(expected)).all()


def test_a_click_beside_the_selection_deselects() -> None:
    stage = stage_with(selected(QRect(0, 0, 20, 20)))
    play(rectangle.drag(stage, at(100, 100)), at(100, 100))
    assert stage.state.selection is None
    assert stage.document.undo_name


def test_a_click_that_would_add_nothing_changes_nothing() -> None:
    stage = stage_with(selected(QRect(0, 0, 20, 20)))
    play(rectangle.drag(stage, at(100, 100, SHIFT)), at(100, 100, SHIFT))
    assert not stage.document.can_undo


def test_a_drag_inside_moves_the_selection_in_one_step() -> None:
    stage = stage_with(selected(QRect(20, 20, 40, 40)))
    play(rectangle.drag(stage, at(30, 30)), at(35, 30), at(50, 25), at(130, 40))
    assert (grey(stage.state.selection) == grey(selected(QRect(120, 30, 40, 40)))).all()
    assert stage.document.undo_steps == 1


def test_arrows_move_the_selection() -> None:
    stage = stage_with(selected(QRect(20, 20, 40, 40)))
    rectangle.nudge(stage, 10, 0, "a")
    rectangle.nudge(stage, 0, -1, "a")
    assert (grey(stage.state.selection) == grey(selected(QRect(30, 19, 40, 40)))).all()
    assert stage.document.undo_steps == 1


@pytest.mark.parametrize(
    ("tool", "keys", "adds"),
    [
        (brush.paint, PLAIN, True),
        (brush.paint, ALT, False),
        (brush.erase, PLAIN, False),
        (brush.erase, ALT, True),
    ],
)
def test_a_stroke_is_one_step_and_equals_the_brush_along_its_points(
    tool: object, keys: Key, adds: bool
) -> None:
    old = selected(QRect(0, 0, 150, 200))
    stage = stage_with(old)
    way = [(100, 50), (160, 60), (200, 150)]
    play(tool(stage, at(*way[0], keys)), *(at(*point, keys) for point in way[1:]))  # type: ignore[operator]
    expected = old
    for piece in ([way[0]], way[:2], way[1:]):
        expected = brushed(expected, [QPointF(*point) for point in piece], 20, add=adds)
    assert (grey(stage.state.selection) == grey(expected)).all()
    assert stage.document.undo_steps == 1
    stage.document.undo()
    assert stage.state.selection == old


def test_a_dot_paints_and_two_strokes_are_two_steps() -> None:
    stage = stage_with()
    for x in (50, 150):
        play(brush.paint(stage, at(x, 100)), at(x, 100))
    values = grey(stage.state.selection)
    assert values[100, 50] == values[100, 150] == 255
    assert values[100, 100] == 0
    assert stage.document.undo_steps == 2


def test_erasing_where_nothing_is_selected_is_no_step() -> None:
    stage = stage_with()
    play(brush.erase(stage, at(50, 50)), at(80, 80))
    assert not stage.document.can_undo


@pytest.mark.parametrize(
    ("to", "size"), [((60, 50), 40), ((45, 50), 10), ((0, 50), 1), ((5000, 50), 2000)]
)
def test_shift_and_a_drag_resize_the_brush(to: tuple[int, int], size: int) -> None:
    stage = stage_with()
    play(brush.paint(stage, at(50, 50, SHIFT)), at(*to, SHIFT))
    assert stage.brush_size == size
    assert not stage.document.can_undo


@pytest.mark.parametrize("size", [1, 2, 5, 10, 64, 333, 2000])
def test_brush_sizes_step_up_and_down_within_limits(size: int) -> None:
    assert 1 <= brush.stepped(size, -1) <= size <= brush.stepped(size, 1) <= 2000
    assert brush.stepped(size, 1) > size or size == 2000
    assert brush.stepped(size, 1000) == 2000
    assert brush.stepped(size, -1000) == 1


def layered(**rest: object) -> FakeStage:
    red = Tiles.empty().filled(QRect(0, 0, 100, 100), QColor("red"))
    layers = (
        PixelLayer(id="low", tiles=red, x=0, y=0),
        GroupLayer(id="group", children=(PixelLayer(id="in", tiles=red, x=50, y=50),)),
        PixelLayer(id="locked", tiles=red, x=150, y=50, locked=True),
        PixelLayer(id="hidden", tiles=red, x=0, y=0, visible=False),
    )
    return stage_with(layers=layers, **rest)


@pytest.mark.parametrize(
    ("active", "point", "keys", "expected"),
    [
        (None, (10, 10), PLAIN, "low"),
        (None, (75, 75), PLAIN, "in"),
        ("low", (75, 75), PLAIN, "in"),
        ("low", (75, 75), CTRL, "low"),
        ("group", (75, 75), PLAIN, "group"),
        ("group", (10, 10), PLAIN, "low"),
        (None, (160, 180), PLAIN, None),
        ("low", (290, 190), PLAIN, "low"),
        (None, (240, 140), PLAIN, None),
    ],
)
def test_what_a_press_takes_hold_of(
    active: str | None, point: tuple[int, int], keys: Key, expected: str | None
) -> None:
    assert move.target(layered(active=active).state, at(*point, keys)) == expected


@pytest.mark.parametrize(
    ("keys", "place"), [(PLAIN, (33, -8)), (SHIFT, (33, 0))], ids=["free", "straight"]
)
def test_a_drag_moves_the_layer_in_one_step(keys: Key, place: tuple[int, int]) -> None:
    stage = layered()
    gesture = move.drag(stage, at(10, 10))
    play(gesture, at(12, 11, keys), at(30, 30, keys), at(43, 2, keys))
    layer = stage.state.layers[0]
    assert (layer.x, layer.y) == place
    assert stage.state.active == "low"
    assert stage.document.undo_steps == 1


def test_a_press_without_a_way_selects_and_moves_nothing() -> None:
    stage = layered()
    play(move.drag(stage, at(10, 10)), at(10.3, 10.2))
    assert stage.state.active == "low"
    assert not stage.document.can_undo


def test_the_hand_pans_by_what_the_pointer_moved() -> None:
    stage = stage_with()
    play(hand.drag(stage, at(0, 0)), at(5, 1), at(5, 1), at(2, 9))
    assert stage.pans == [(10, 2), (0, 0), (-6, 16)]


def test_a_text_is_asked_for_where_one_clicks_or_in_the_box_one_draws() -> None:
    stage = stage_with()
    play(text.drag(stage, at(30, 40)), at(32, 41))
    play(text.drag(stage, at(130, 140)), at(30, 40))
    assert stage.boxes == [QRectF(30, 40, 0, 0), QRectF(30, 40, 100, 100)]


def test_a_click_on_a_text_chooses_its_layer(qapp: object) -> None:
    layer = TextLayer(id="t", text="Autumn", size_px=40, x=20, y=20)
    stage = stage_with(layers=(layer,))
    play(text.drag(stage, at(30, 40)), at(30, 40))
    assert stage.state.active == "t"


def test_the_table_of_tools_is_complete() -> None:
    table = tools()
    assert [tool.name for tool in table.values()] == list(table)
    shortcuts = {name: tool.shortcut for name, tool in table.items()}
    assert shortcuts == {
        "move": "V",
        "rectangle": "M",
        "brush": "B",
        "erase": "E",
        "text": "T",
        "hand": "H",
    }


def test_straightening_keeps_the_longer_way() -> None:
    assert move.straightened(QPoint(3, -7)) == QPoint(0, -7)
    assert move.straightened(QPoint(-7, 3)) == QPoint(-7, 0)
