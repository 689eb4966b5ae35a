"""The mask brush and its eraser: they paint what may change, or, where a layer's mask was chosen,
what shows of that layer. Shift and a drag change the size.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF

from app.canvas.tools.tool import Gesture, Key, Pointer, Stage
from app.document.commands import Command, SetSelection
from app.document.layers import new_id
from app.document.masking import PaintMask, brushed_mask
from app.document.selection import brushed

SMALLEST_PX, LARGEST_PX = 1, 2000


def paint(stage: Stage, press: Pointer) -> Gesture:
    """Adds to what may change, or shows; with Alt, takes away, or hides."""
    return _resize(stage, press) if press.holds(Key.ShiftModifier) else _stroke(stage, press, True)


def erase(stage: Stage, press: Pointer) -> Gesture:
    """Takes away from what may change, or hides; with Alt, adds, or shows."""
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
        stage.do(_dab(stage, points, adds, gesture))
        if is_released:
            return
        pointer = yield
        points, is_released = [last, pointer.page], pointer.is_release
        last = pointer.page


def _dab(stage: Stage, points: Sequence[QPointF], adds: bool, gesture: str) -> Command:
    state, size = stage.state, stage.brush_size
    layer = state.masked_layer
    if layer is not None:
        mask = brushed_mask(layer, points, size, reveal=adds)
        return PaintMask(layer_id=layer.id, mask=mask, gesture=gesture)
    selection = brushed(state.selection, points, size, add=adds)
    return SetSelection(selection=selection, gesture=gesture)


def _resize(stage: Stage, press: Pointer) -> Gesture:
    start = stage.brush_size
    is_released = False
    while not is_released:
        pointer = yield
        # Twice the way: the ring's edge follows a pointer that moves outwards at 100 %.
        grown = start + 2 * round(pointer.page.x() - press.page.x())
        stage.brush_size = min(max(grown, SMALLEST_PX), LARGEST_PX)
        is_released = pointer.is_release
