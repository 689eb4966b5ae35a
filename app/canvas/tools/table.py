"""The tools in the order of the tool bar: names, icons, keys, and what a press does."""

from __future__ import annotations

from PySide6.QtCore import Qt

from app.canvas.tools import brush, hand, move, rectangle, text
from app.canvas.tools.tool import Tool
from app.i18n import mark


def tools() -> dict[str, Tool]:
    """By name. Titles are translated where they are shown."""
    cross, blank = Qt.CursorShape.CrossCursor, Qt.CursorShape.BlankCursor
    rows = (
        Tool(
            name="move",
            title=mark("Canvas", "Move"),
            icon="arrows-out-cardinal",
            shortcut="V",
            cursor=Qt.CursorShape.ArrowCursor,
            press=move.drag,
            nudge=move.nudge,
            shows_layer=True,
        ),
        Tool(
            name="rectangle",
            title=mark("Canvas", "Rectangle selection"),
            icon="selection",
            shortcut="M",
            cursor=cross,
            press=rectangle.drag,
            nudge=rectangle.nudge,
        ),
        Tool(
            name="brush",
            title=mark("Canvas", "Mask brush"),
            icon="paint-brush",
            shortcut="B",
            cursor=blank,
            press=brush.paint,
            has_brush=True,
        ),
        Tool(
            name="erase",
            title=mark("Canvas", "Mask eraser"),
            icon="eraser",
            shortcut="E",
            cursor=blank,
            press=brush.erase,
            has_brush=True,
        ),
        Tool(
            name="text",
            title=mark("Canvas", "Text"),
            icon="text-t",
            shortcut="T",
            cursor=Qt.CursorShape.IBeamCursor,
            press=text.drag,
            shows_layer=True,
        ),
        Tool(
            name="hand",
            title=mark("Canvas", "Hand"),
            icon="hand",
            shortcut="H",
            cursor=Qt.CursorShape.OpenHandCursor,
            press=hand.drag,
        ),
    )
    return {tool.name: tool for tool in rows}
