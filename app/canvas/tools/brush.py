"""The mask brush and its eraser: they paint what may change. Shift and a drag change the size."""

from __future__ import annotations

from app.canvas.tools.tool import Gesture, Key, Pointer, Stage
from app.document.commands import SetSelection
from app.document.layers import new_id
from app.document.selection import brushed

SMALLEST_PX, LARGEST_PX = 1, 2000


def paint(stage: Stage, press: Pointer) -> Gesture:
    """Adds to what may change; with Alt, takes away."""
    return _resize(stage, press) if press.holds(Key.ShiftModifier) else _stroke(stage, press, True)


def erase(stage: Stage, press: Pointer) -> Gesture:
    """Takes away from what may change; with Alt, adds."""
    return _resize(stage, press) if press.holds(Key.ShiftModifier) else _stroke(stage, press, False)


def stepped(size_px: int, steps: int) -> int:
    """The next size up or down: about a tenth, and never less than a pixel.

    >>> stepped(1, 1), stepped(40, 1), stepped(44, -1), stepped(1, -1)
    (2, 44, 40, 1)
    """
    for _ in range(abs(steps)):
        up = max(size_px + 1, round(size_px * 1.1))
        down = min(size_px - 1, round(size_px / 1.1))
        size_px = up if steps > 0 else down
    return min(max(size_px, SMALLEST_PX), LARGEST_PX)


def _stroke(stage: Stage, press: Pointer, adds: bool) -> Gesture:
    adds ^= press.holds(Key.AltModifier)
    gesture, last, is_released = new_id(), press.page, False
    points = [press.page]
    while True:
        selection = brushed(stage.state.selection, points, stage.brush_size, add=adds)
        stage.do(SetSelection(selection=selection, gesture=gesture))
        if is_released:
            return
        pointer = yield
        points, is_released = [last, pointer.page], pointer.is_release
        last = pointer.page


def _resize(stage: Stage, press: Pointer) -> Gesture:
    start = stage.brush_size
    is_released = False
    while not is_released:
        pointer = yield
        # Twice the way: the ring's edge follows a pointer that moves outwards at 100 %.
        grown = start + 2 * round(pointer.page.x() - press.page.x())
        stage.brush_size = min(max(grown, SMALLEST_PX), LARGEST_PX)
        is_released = pointer.is_release
