"""Drives the gestures of tools: starts a generator, sends it the pointer, ends or breaks it off.

Also what a tool may ask of the canvas. Knows no events.
"""

from __future__ import annotations

from PySide6.QtCore import QObject, QRectF, Signal

from app.canvas.surface import CanvasSurface
from app.canvas.tools.brush import LARGEST_PX, SMALLEST_PX
from app.canvas.tools.tool import Draft, Gesture, Pointer
from app.document.commands import Command
from app.document.document import Document
from app.document.errors import DocumentError
from app.document.state import DocumentState


class CanvasStage(QObject):
    """The canvas as tools see it. `brush_size_changed` carries page pixels."""

    brush_size_changed = Signal(int)
    text_requested = Signal(QRectF)

    def __init__(self, surface: CanvasSurface) -> None:
        super().__init__(surface)
        self._surface = surface
        self._brush_size = 64
        self.last_done: DocumentState | None = None

    @property
    def document(self) -> Document:
        document = self._surface.document
        assert document is not None, "tools need a document"
        return document

    @property
    def state(self) -> DocumentState:
        return self.document.state

    @property
    def brush_size(self) -> int:
        return self._brush_size

    @brush_size.setter
    def brush_size(self, size_px: int) -> None:
        size_px = min(max(size_px, SMALLEST_PX), LARGEST_PX)
        if size_px != self._brush_size:
            self._brush_size = size_px
            self.brush_size_changed.emit(size_px)

    def do(self, command: Command) -> None:
        before = self.state
        self.document.do(command)
        if self.state is not before:
            self.last_done = self.state

    def activate(self, layer_id: str) -> None:
        if self.state.active != layer_id:
            self.document.activate(layer_id)

    def pan(self, dx: float, dy: float) -> None:
        self._surface.pan_by(dx, dy)

    def show_draft(self, draft: Draft | None) -> None:
        self._surface.show_draft(draft)

    def ask_text(self, box: QRectF) -> None:
        self.text_requested.emit(box)


class Gestures(QObject):
    """At most one gesture at a time. `refused` says in words why a change could not be made."""

    refused = Signal(str)

    def __init__(self, stage: CanvasStage) -> None:
        super().__init__(stage)
        self._stage = stage
        self._running: Gesture | None = None

    @property
    def is_running(self) -> bool:
        return self._running is not None

    def start(self, gesture: Gesture) -> None:
        assert self._running is None, "one gesture at a time"
        self._stage.last_done = None
        self._running = gesture
        self._advance(None)

    def move(self, pointer: Pointer) -> None:
        """The release is a move too: the last."""
        self._advance(pointer)
        if pointer.is_release:
            self._close()

    def cancel(self) -> None:
        """Breaks the gesture off and takes back what it did, unless something came after it."""
        if self._running is None:
            return
        self._close()
        done = self._stage.last_done
        if done is not None and self._stage.state is done:
            self._stage.document.undo()

    def _advance(self, pointer: Pointer | None) -> None:
        if self._running is None:
            return
        try:
            if pointer is None:
                next(self._running)
            else:
                self._running.send(pointer)
        except StopIteration:
            self._running = None
        except DocumentError as error:
            self._running = None
            self.refused.emit(str(error))

    def _close(self) -> None:
        if self._running is not None:
            self._running.close()
            self._running = None
