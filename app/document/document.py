"""The document: one frozen state, changed by commands through one door, with undo and redo.

What undo keeps is limited by memory, not by count. Knows nothing of windows and files.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from dataclasses import dataclass
from typing import Any, Protocol

from PySide6.QtCore import QObject, Signal

from app.document.changes import Change, change_between, held_bytes
from app.document.layers import find_layer
from app.document.state import DocumentState

__all__ = ["Change", "Command", "Document", "DocumentState"]

UNDO_BYTES = 1 << 30


class Command(Protocol):
    """One change. `gesture` is shared by the commands of one drag or stroke: they merge."""

    def name(self) -> str:
        """For the menu, translated: "Undo ‹name›"."""
        ...

    def apply(self, state: DocumentState) -> DocumentState:
        """The state after it; the same state if it changes nothing. Raises DocumentError."""
        ...

    def merge(self, previous: Any) -> Command | None:
        """The one command that stands for both in the undo stack, or None to keep them apart."""
        ...


@dataclass(frozen=True, kw_only=True)
class _Step:
    command: Command
    before: DocumentState
    after: DocumentState
    memory_bytes: int


class Document(QObject):
    """`changed` carries a `Change`, after every do, undo, redo, activate and reset."""

    changed = Signal(object)

    def __init__(
        self,
        state: DocumentState,
        *,
        undo_bytes: int = UNDO_BYTES,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._state = state
        self._undo_bytes = undo_bytes
        self._undo: deque[_Step] = deque()
        self._redo: list[_Step] = []
        self._may_merge = False

    @property
    def state(self) -> DocumentState:
        return self._state

    def snapshot(self) -> DocumentState:
        """The state as it is now. It never changes, and costs nothing to keep."""
        return self._state

    def do(self, command: Command) -> None:
        """Apply the command as one step of undo, or as part of the step before if they merge."""
        before, after = self._state, command.apply(self._state)
        if after == before:
            return
        last = self._undo[-1] if self._undo and self._may_merge else None
        merged = command.merge(last.command) if last is not None else None
        if last is not None and merged is not None:
            self._undo.pop()
            command, before = merged, last.before
        if after != before:  # a drag may end where it began
            size = held_bytes(before, after)
            self._undo.append(_Step(command=command, before=before, after=after, memory_bytes=size))
        self._redo.clear()
        self._may_merge = True
        self._forget_oldest()
        self._become(after)

    def undo(self) -> None:
        if not self._undo:
            return
        step = self._undo.pop()
        self._redo.append(step)
        self._may_merge = False
        self._become(step.before)

    def redo(self) -> None:
        if not self._redo:
            return
        step = self._redo.pop()
        self._undo.append(step)
        self._may_merge = False
        self._become(step.after)

    def activate(self, layer_id: str | None, *, on_mask: bool = False) -> None:
        """Choose the layer that tools work on, or its mask for the brush. It is no step of undo.

        Raises UnknownLayer.
        """
        if layer_id is not None:
            find_layer(self._state.layers, layer_id)
        painted = layer_id if on_mask else None
        self._become(dataclasses.replace(self._state, active=layer_id, painted_mask=painted))

    def reset(self, state: DocumentState) -> None:
        """Begin anew with another state, as after opening a file: nothing to undo."""
        self._undo.clear()
        self._redo.clear()
        self._may_merge = False
        self._become(state)

    @property
    def can_undo(self) -> bool:
        return bool(self._undo)

    @property
    def can_redo(self) -> bool:
        return bool(self._redo)

    @property
    def undo_name(self) -> str:
        """The name of what undo would take back; empty if there is nothing."""
        return self._undo[-1].command.name() if self._undo else ""

    @property
    def redo_name(self) -> str:
        return self._redo[-1].command.name() if self._redo else ""

    @property
    def undo_steps(self) -> int:
        return len(self._undo)

    def _forget_oldest(self) -> None:
        """The newest step stays, whatever its size: what was just done can be taken back."""
        held = sum(step.memory_bytes for step in self._undo)
        while held > self._undo_bytes and len(self._undo) > 1:
            held -= self._undo.popleft().memory_bytes

    def _become(self, state: DocumentState) -> None:
        before, self._state = self._state, state
        self.changed.emit(change_between(before, state))
