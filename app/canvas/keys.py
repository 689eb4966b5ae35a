"""The keys of the canvas as a table from key to deed. Knows the view's verbs and no key events."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QKeyCombination, Qt

from app.canvas.surface import CanvasSurface
from app.canvas.tools.tool import Tool

Deed = Callable[[], object]

NUDGE_FAR = 10
ARROWS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}


def zoom_keys(surface: CanvasSurface) -> dict[QKeyCombination, Deed]:
    """Ctrl+0 fits, Ctrl+1 to 4 are 100, 200, 400 and 800 %, Ctrl with plus and minus step."""
    deeds: dict[Qt.Key, Deed] = {
        Qt.Key.Key_0: surface.zoom_fit,
        Qt.Key.Key_1: lambda: surface.zoom_to(1.0),
        Qt.Key.Key_2: lambda: surface.zoom_to(2.0),
        Qt.Key.Key_3: lambda: surface.zoom_to(4.0),
        Qt.Key.Key_4: lambda: surface.zoom_to(8.0),
        Qt.Key.Key_Plus: lambda: surface.zoom_by(1),
        Qt.Key.Key_Equal: lambda: surface.zoom_by(1),
        Qt.Key.Key_Minus: lambda: surface.zoom_by(-1),
    }
    control = Qt.KeyboardModifier.ControlModifier
    return {QKeyCombination(control, key): deed for key, deed in deeds.items()}


def tool_keys(tools: dict[str, Tool], take: Callable[[str], None]) -> dict[QKeyCombination, Deed]:
    """Each tool's letter takes it in hand."""

    def taking(name: str) -> Deed:
        return lambda: take(name)

    return {QKeyCombination(Qt.Key[f"Key_{t.shortcut}"]): taking(t.name) for t in tools.values()}


def arrow(key: int, modifiers: Qt.KeyboardModifier) -> tuple[int, int] | None:
    """The way of an arrow key: a pixel, ten with Shift; None for other keys.

    >>> arrow(Qt.Key.Key_Up, Qt.KeyboardModifier.ShiftModifier)
    (0, -10)
    """
    plain = modifiers & ~Qt.KeyboardModifier.KeypadModifier
    shift = Qt.KeyboardModifier.ShiftModifier
    if key not in ARROWS or plain not in (Qt.KeyboardModifier.NoModifier, shift):
        return None
    far = NUDGE_FAR if plain == shift else 1
    dx, dy = ARROWS[Qt.Key(key)]
    return dx * far, dy * far
