"""Writes a project off the window's thread: the newest state soon after it changed.

Whatever is asked is answered once, in the thread of this object: `done` when a power cut would
leave it, `failed` with a StoreError when it was not written. It knows nothing of what is written.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal

from app.document.history import Node
from app.document.state import DocumentState
from app.i18n import translate
from app.store.errors import StoreError, WriteFailed
from app.store.project import Project

DELAY_S = 0.3  # strokes that follow each other closely are written once
RETRY_S = 5.0

Action = Callable[[Project], Any]
Done = Callable[[Any], object]
Failed = Callable[[StoreError], object]


@dataclass(frozen=True, kw_only=True)
class _Draft:
    """The newest state that is not on disk, and when it is to be written."""

    state: DocumentState
    name: str
    due: float


@dataclass(frozen=True, kw_only=True)
class _Task:
    """`draft`: what has to be written some time if the action fails."""

    action: Action
    done: Done | None
    failed: Failed | None
    draft: _Draft | None = None


class ProjectWriter(QObject):
    """`written` carries the state that is now on disk, `failed` the error of an autosave.

    A failed autosave is tried again by itself and with each new change; the document stays dirty.
    """

    written = Signal(object)
    failed = Signal(object)
    _answered = Signal(object)

    def __init__(
        self, project: Project, *, delay_s: float = DELAY_S, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._project = project
        self._delay_s = delay_s
        self._wake = threading.Condition()
        self._tasks: deque[_Task] = deque()
        self._draft: _Draft | None = None
        self._busy = False
        self._closing = False
        self._is_failing = False
        self._answered.connect(self._answer, Qt.ConnectionType.QueuedConnection)
        self._thread = threading.Thread(target=self._work, name="project writer", daemon=True)
        self._thread.start()

    @property
    def is_dirty(self) -> bool:
        """Whether anything is not on disk yet."""
        with self._wake:
            return self._draft is not None or bool(self._tasks) or self._busy

    def autosave(self, state: DocumentState, name: str = "") -> None:
        """Write `state` soon. Of several that wait, only the newest is written."""
        with self._wake:
            due = time.monotonic() + self._delay_s
            if self._draft is not None:
                due = min(due, self._draft.due)
            self._draft = _Draft(state=state, name=name, due=due)
            self._wake.notify_all()

    def run(self, action: Action, done: Done | None = None, failed: Failed | None = None) -> None:
        """Call `action` with the project, in turn. `done` gets what it returns."""
        with self._wake:
            self._tasks.append(_Task(action=action, done=done, failed=failed))
            self._wake.notify_all()

    def save(
        self,
        state: DocumentState,
        name: str = "",
        done: Done | None = None,
        failed: Failed | None = None,
    ) -> None:
        """The designer's own Save."""
        with self._wake:
            self._draft = None  # it is older, and must not be written after this
            self._tasks.append(
                _Task(
                    action=lambda project: project.save(state, name),
                    done=done,
                    failed=failed,
                    draft=_Draft(state=state, name=name, due=0.0),
                )
            )
            self._wake.notify_all()

    def add_node(self, node: Node, done: Done, failed: Failed | None = None) -> None:
        """Store a result. It is shown in `done`, not before."""
        self.run(lambda project: project.add_node(node), done, failed)

    def flush(self, timeout_s: float | None = None) -> bool:
        """Write everything now and wait for it; False if it failed or took too long."""
        with self._wake:
            if self._draft is not None:
                self._draft = _Draft(state=self._draft.state, name=self._draft.name, due=0.0)
            self._is_failing = False
            self._wake.notify_all()
            self._wake.wait_for(lambda: self._is_idle or self._is_failing, timeout_s)
            return self._is_idle

    def close(self) -> bool:
        """Write everything and end the thread; False if the newest state could not be written.

        The project stays open, so that it can be saved elsewhere.
        """
        flushed = self.flush()
        with self._wake:
            self._closing = True
            self._wake.notify_all()
        self._thread.join()
        return flushed

    @property
    def _is_idle(self) -> bool:
        return self._draft is None and not self._tasks and not self._busy

    def _work(self) -> None:
        while True:
            with self._wake:
                self._wait()
                if self._closing:
                    return
                task = self._tasks.popleft() if self._tasks else None
                draft = self._draft
                self._busy = True
            if task is not None:
                self._run(task)
            elif draft is not None:
                self._write(draft)
            with self._wake:
                self._busy = False
                self._wake.notify_all()

    def _wait(self) -> None:
        while not self._closing and not self._tasks:
            left = None if self._draft is None else self._draft.due - time.monotonic()
            if left is not None and left <= 0:
                return
            self._wake.wait(left)

    def _run(self, task: _Task) -> None:
        try:
            found = task.action(self._project)
        except Exception as error:
            if task.draft is not None:
                self._postpone(task.draft)
            self._report(task.failed or self.failed.emit, _as_ours(error))
        else:
            self._report(task.done, found)

    def _write(self, draft: _Draft) -> None:
        try:
            self._project.write(draft.state, draft.name)
        except Exception as error:
            if self._postpone(draft):
                self._report(self.failed.emit, _as_ours(error))
            return
        with self._wake:
            if self._draft is draft or _is_same(self._draft, draft):
                self._draft = None
            self._is_failing = False
        self._report(self.written.emit, draft.state)

    def _postpone(self, draft: _Draft) -> bool:
        """Try again later, with what is newest then. Whether this is the first failure in a row."""
        with self._wake:
            first = not self._is_failing
            self._is_failing = True
            newest = self._draft if self._draft is not None else draft
            due = time.monotonic() + RETRY_S
            self._draft = _Draft(state=newest.state, name=newest.name, due=due)
            return first

    def _report(self, receiver: Callable[[Any], object] | None, value: Any) -> None:
        if receiver is not None:
            self._answered.emit((receiver, value))

    def _answer(self, answer: tuple[Callable[[Any], object], Any]) -> None:
        receiver, value = answer
        receiver(value)


def _is_same(one: _Draft | None, other: _Draft) -> bool:
    """Only its time was changed meanwhile."""
    return one is not None and one.state is other.state and one.name == other.name


def _as_ours(error: Exception) -> StoreError:
    if isinstance(error, StoreError):
        return error
    logging.getLogger(__name__).error("writing a project", exc_info=error)
    text = translate("Store", "The project was not written: {reason}. Use Save As to keep it.")
    return WriteFailed(text.format(reason=f"{type(error).__name__}: {error}"))
