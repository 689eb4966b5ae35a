"""The rectangle selection: a drag draws one, or moves the selection it began in.

Shift adds, Alt takes away, both together intersect; Shift pressed during the drag makes a square.
"""

from __future__ import annotations

from PySide6.QtCore import QPoint, QPointF, QRect

from app.canvas.tools.tool import Draft, Gesture, Key, Pointer, Stage
from app.document.commands import SetSelection
from app.document.layers import new_id
from app.document.selection import (
    MODEL_THRESHOLD,
    Combine,
    Selection,
    combined,
    rectangle,
)
from app.document.tiles import PixelKind, Tiles
from app.i18n import translate


def drag(stage: Stage, press: Pointer) -> Gesture:
    how = combine_for(press.keys)
    if how is Combine.replace and _is_selected(stage.state.selection, press.page):
        return _move(stage, press)
    return _draw(stage, press, how)


def nudge(stage: Stage, dx: int, dy: int, gesture: str) -> None:
    """Moves the selection, not the pixels in it."""
    selection = stage.state.selection
    if selection is not None:
        stage.do(SetSelection(selection=shifted(selection, dx, dy), gesture=gesture))


def combine_for(keys: Key) -> Combine:
    """
    >>> combine_for(Key.ShiftModifier | Key.AltModifier)
    <Combine.intersect: 'intersect'>
    """
    adds, takes = bool(keys & Key.ShiftModifier), bool(keys & Key.AltModifier)
    if adds and takes:
        return Combine.intersect
    if adds:
        return Combine.add
    return Combine.subtract if takes else Combine.replace


def rect_between(start: QPointF, end: QPointF, *, is_square: bool = False) -> QRect:
    """Whole pixels: an edge goes to the border between pixels that is nearest.

    >>> rect_between(QPointF(10.6, 4.2), QPointF(2.4, 9.9))
    PySide6.QtCore.QRect(2, 4, 9, 6)
    """
    x, y = round(start.x()), round(start.y())
    dx, dy = round(end.x()) - x, round(end.y()) - y
    if is_square:
        side = max(abs(dx), abs(dy))
        dx, dy = side if dx >= 0 else -side, side if dy >= 0 else -side
    return QRect(min(x, x + dx), min(y, y + dy), abs(dx), abs(dy))


def shifted(selection: Selection, dx: int, dy: int) -> Selection:
    bounds = selection.bounds
    at = bounds.topLeft() + QPoint(dx, dy)
    return Selection(Tiles.from_image(selection.image(bounds), at, PixelKind.grey))


def _draw(stage: Stage, press: Pointer, how: Combine) -> Gesture:
    before, page = stage.state.selection, stage.state.page.rect
    rect, is_released = QRect(), False
    may_square = not press.holds(Key.ShiftModifier)
    try:
        while not is_released:
            pointer = yield
            may_square |= not pointer.holds(Key.ShiftModifier)
            is_square = may_square and pointer.holds(Key.ShiftModifier)
            rect = rect_between(press.page, pointer.page, is_square=is_square) & page
            stage.show_draft(Draft(rect=rect, text=_size_text(rect)))
            is_released = pointer.is_release
    finally:
        stage.show_draft(None)
    if not rect.isEmpty():
        stage.do(SetSelection(selection=combined(before, rectangle(rect), how)))
    elif how is Combine.replace:
        stage.do(SetSelection(selection=None))


def _move(stage: Stage, press: Pointer) -> Gesture:
    before, gesture = stage.state.selection, new_id()
    is_released = False
    while not is_released and before is not None:
        pointer = yield
        way = (pointer.page - press.page).toPoint()
        moved = shifted(before, way.x(), way.y())
        stage.do(SetSelection(selection=moved, gesture=gesture))
        is_released = pointer.is_release


def _is_selected(selection: Selection | None, point: QPointF) -> bool:
    if selection is None:
        return False
    here = QRect(int(point.x() // 1), int(point.y() // 1), 1, 1)
    return selection.image(here).pixelColor(0, 0).value() >= MODEL_THRESHOLD


def _size_text(rect: QRect) -> str:
    text = translate("Canvas", "{width} × {height} px")
    return text.format(width=rect.width(), height=rect.height())
