"""Writes the project off the window's thread, one thing after another, and tells when it is safe.

Knows neither documents nor widgets: it runs what it is given and brings the outcome back.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal

from app.store.errors import StoreError

Done = Callable[[Any], object]
Refused = Callable[[StoreError], object]


class Writer(QObject):
    """`idle` when everything given so far has been written or refused."""

    idle = Signal()
    _ended = Signal(object, object, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="project-writer")
        self._open = 0
        self._ended.connect(self._deliver, Qt.ConnectionType.QueuedConnection)

    @property
    def is_idle(self) -> bool:
        return self._open == 0

    def submit(self, work: Callable[[], Any], done: Done, refused: Refused) -> None:
        """Run `work` after everything submitted before; then `done` or `refused` in this thread."""
        self._open += 1
        future = self._thread.submit(work)
        future.add_done_callback(lambda ended: self._ended.emit(ended, done, refused))

    def wait(self) -> None:
        """Until everything submitted so far has happened: for the end of a project."""
        self._thread.submit(lambda: None).result()

    def shutdown(self) -> None:
        self._thread.shutdown(wait=True)

    def _deliver(self, future: Future[Any], done: Done, refused: Refused) -> None:
        self._open -= 1
        error = future.exception()
        if isinstance(error, StoreError):
            refused(error)
        elif error is not None:
            raise error
        else:
            done(future.result())
        if self._open == 0:
            self.idle.emit()
