"""The queue: requests stored before they are acknowledged, run one after another by the engine.

Knows project rows and the engine's client; what a result becomes is the workspace's affair.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal

from app.engine.client import EngineClient
from app.store.errors import StoreError
from app.store.jobs import Job, JobStatus
from model.engine.protocol import Failed, Finished, Progress, Stopped
from model.requests import Result


class JobStore:
    """How the queue reaches the project file; whoever owns the file gives the three deeds."""

    def __init__(
        self,
        add: Callable[[Job, Callable[[], None], Callable[[StoreError], None]], None],
        set_status: Callable[[Job, JobStatus, str], None],
    ) -> None:
        self.add = add
        self.set_status = set_status


class JobQueue(QObject):
    """Every job ends in exactly one of `finished`, `failed` and `cancelled`."""

    changed = Signal()
    progress = Signal(object, object)  # Job, Progress
    finished = Signal(object, object)  # Job, Result
    failed = Signal(object, str)  # Job, why
    cancelled = Signal(object)

    def __init__(self, client: EngineClient, store: JobStore, parent: QObject) -> None:
        super().__init__(parent)
        self._client = client
        self._store = store
        self._waiting: list[Job] = []
        self._running: tuple[int, Job] | None = None
        client.progress.connect(self._on_progress)
        client.finished.connect(self._on_finished)
        client.failed.connect(self._on_failed)
        client.stopped.connect(self._on_stopped)

    @property
    def current(self) -> Job | None:
        return self._running[1] if self._running is not None else None

    @property
    def is_busy(self) -> bool:
        return self._running is not None or bool(self._waiting)

    @property
    def waiting(self) -> tuple[Job, ...]:
        return tuple(self._waiting)

    def add(self, job: Job) -> None:
        """Queue a job: it starts once it is on disk and nothing else runs."""
        self._waiting.append(job)
        self.changed.emit()
        self._store.add(job, self._start_next, lambda error: self._refused(job, str(error)))

    def cancel(self) -> None:
        """Stop the running job; the waiting ones are taken back too."""
        for job in self._waiting:
            self._store.set_status(job, JobStatus.cancelled, "")
            self.cancelled.emit(job)
        self._waiting.clear()
        if self._running is not None:
            self._client.stop(self._running[0])
        self.changed.emit()

    def abandon(self) -> None:
        """Let go of everything without a word: the project closes, and its file remembers."""
        if self._running is not None:
            self._client.stop(self._running[0])
        self._running = None
        self._waiting.clear()
        self.changed.emit()

    def _start_next(self) -> None:
        if self._running is not None or not self._waiting:
            return
        job = self._waiting.pop(0)
        self._store.set_status(job, JobStatus.running, "")
        files = job.details.get("files", ())
        self._running = (self._client.run(job.model, job.request, files), job)
        self.changed.emit()

    def _refused(self, job: Job, message: str) -> None:
        if job in self._waiting:
            self._waiting.remove(job)
        self.changed.emit()
        self.failed.emit(job, message)

    def _take(self, id: int) -> Job | None:
        """The running job, if this message is about it; from now on nothing runs."""
        if self._running is None or self._running[0] != id:
            return None
        job = self._running[1]
        self._running = None
        return job

    def _on_progress(self, message: Progress) -> None:
        if self._running is not None and self._running[0] == message.id:
            self.progress.emit(self._running[1], message)

    def _on_finished(self, message: Finished) -> None:
        self._end(message.id, lambda job: self._deliver(job, message.result))

    def _deliver(self, job: Job, result: Result) -> None:
        self.finished.emit(job, result)

    def _on_failed(self, message: Failed) -> None:
        def tell(job: Job) -> None:
            self._store.set_status(job, JobStatus.failed, message.message)
            self.failed.emit(job, message.message)

        self._end(message.id, tell)

    def _on_stopped(self, message: Stopped) -> None:
        def tell(job: Job) -> None:
            self._store.set_status(job, JobStatus.cancelled, "")
            self.cancelled.emit(job)

        self._end(message.id, tell)

    def _end(self, id: int, tell: Callable[[Job], object]) -> None:
        job = self._take(id)
        if job is not None:
            tell(job)
            self.changed.emit()
            self._start_next()
