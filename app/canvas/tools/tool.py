"""What a tool is, what reaches it of the pointer, and what it may ask of the canvas.

A gesture is a generator: it is called with the press, yields, is sent every move, and ends with
the release. All its state is local; a gesture that is broken off is closed, and what it did undone.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Protocol

from PySide6.QtCore import QPointF, QRect, QRectF, Qt

from app.document.commands import Command
from app.document.state import DocumentState

Key = Qt.KeyboardModifier


@dataclass(frozen=True, kw_only=True)
class Pointer:
    """The pointer at one moment: `page` in page pixels, `screen` in logical ones."""

    page: QPointF
    screen: QPointF
    keys: Key = Key.NoModifier
    is_release: bool = False

    def holds(self, key: Key) -> bool:
        return bool(self.keys & key)


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A rectangle being drawn, shown while the gesture lasts, with its size in words."""

    rect: QRect
    text: str = ""


class Stage(Protocol):
    """The canvas, as far as tools may use it."""

    @property
    def brush_size(self) -> int: ...

    @brush_size.setter
    def brush_size(self, size_px: int) -> None: ...

    @property
    def state(self) -> DocumentState: ...

    def do(self, command: Command) -> None:
        """Through the document's one door; a refusal is told to the user, and nothing changes."""
        ...

    def activate(self, layer_id: str) -> None: ...

    def pan(self, dx: float, dy: float) -> None:
        """By logical pixels of the screen."""
        ...

    def show_draft(self, draft: Draft | None) -> None: ...

    def ask_text(self, box: QRectF) -> None:
        """A text is wanted here; an empty size says that it was a click."""
        ...


Gesture = Generator[None, Pointer, None]


@dataclass(frozen=True, kw_only=True)
class Tool:
    """One row of the tool bar. `title` is the English source; `icon` a name of the icon set."""

    name: str
    title: str
    icon: str
    shortcut: str
    cursor: Qt.CursorShape
    press: Callable[[Stage, Pointer], Gesture]
    nudge: Callable[[Stage, int, int, str], None] | None = None
    has_brush: bool = False
    shows_layer: bool = False
