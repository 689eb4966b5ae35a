"""The hand: the page follows the pointer."""

from __future__ import annotations

from app.canvas.tools.tool import Gesture, Pointer, Stage


def drag(stage: Stage, press: Pointer) -> Gesture:
    last, is_released = press, False
    while not is_released:
        pointer = yield
        moved = pointer.screen - last.screen
        stage.pan(moved.x(), moved.y())
        last, is_released = pointer, pointer.is_release
