"""The engine as the window knows it: requests in, signals out, and nothing ever waits.

The engine is a child process that may crash, hang or talk nonsense at any time. Whatever it does,
every request ends in exactly one of its reply, Failed or Stopped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from enum import StrEnum, auto
from pathlib import Path
from typing import Any

from PySide6.QtCore import QCoreApplication, QObject, QTimer, Signal

from app.engine.child import Deadlines, EngineChild
from app.engine.command import engine_command
from app.engine.supervision import STRIKES, Supervision
from app.i18n import translate
from model.engine.protocol import (
    AdapterKind,
    Describe,
    Described,
    Ending,
    Failed,
    Failure,
    Finished,
    Heartbeat,
    Hello,
    Identified,
    Identify,
    Load,
    Loaded,
    Plan,
    Planned,
    Progress,
    ProtocolError,
    Question,
    Run,
    Stop,
    Stopped,
    Trace,
    Traced,
    Words,
    Write,
    Written,
)
from model.requests import Picture, Request, Writing


class EngineState(StrEnum):
    off = auto()  # not running, and not needed
    starting = auto()
    ready = auto()
    busy = auto()  # loading a model, running a request, or writing
    lost = auto()  # ended unasked; the next request starts another


class EngineClient(QObject):
    """Starts the engine at the first request, and again after it was lost. Each signal carries the
    message itself; `memory` carries the engine's bytes, once a second."""

    ready = Signal()
    described = Signal(object)
    loaded = Signal(object)
    planned = Signal(object)
    progress = Signal(object)
    finished = Signal(object)
    words = Signal(object)
    written = Signal(object)
    identified = Signal(object)
    traced = Signal(object)
    failed = Signal(object)
    stopped = Signal(object)
    state_changed = Signal(object)
    memory = Signal(object)

    def __init__(
        self,
        command: Sequence[str] | None = None,
        *,
        log: Path | None = None,
        deadlines: Deadlines | None = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.state = EngineState.off
        self.accepted: tuple[str, ...] = ()  # licences, sent along with every Load and Run
        self.schemes: Mapping[str, str] = {}  # by which models are packed, sent along as well
        self._command = list(command) if command is not None else engine_command()
        self._log = log
        self._deadlines = deadlines or Deadlines()
        self._supervision = Supervision()
        self._child: EngineChild | None = None
        self._waiting: list[Question] = []  # asked before the engine greeted
        self._stopping: set[int] = set()
        self._next_id = 1
        self._launch_timer = self._timer(self._launch)
        self._stop_timer = self._timer(self._stop_unheeded)
        if (application := QCoreApplication.instance()) is not None:
            application.aboutToQuit.connect(self.shutdown)

    # --- verbs ---

    def start(self) -> None:
        """Start the engine, unless it runs or is about to. Returns at once."""
        if self._child is not None or self._launch_timer.isActive():
            return
        self._set_state(EngineState.starting)
        self._launch_timer.start(int(self._supervision.pause_s(time.monotonic()) * 1000))

    def describe(self) -> int:
        return self._ask(Describe(id=self._take_id()))

    def load(self, model: str) -> int:
        return self._ask(Load(id=self._take_id(), **self._form(model), accepted=self.accepted))

    def plan(self, model: str, request: Request) -> int:
        return self._ask(Plan(id=self._take_id(), **self._form(model), request=request))

    def run(self, model: str, request: Request, files: Iterable[str] = ()) -> int:
        """`files` are places where LoRAs and ControlNets may lie that the request names."""
        run = Run(
            id=self._take_id(),
            **self._form(model),
            request=request,
            accepted=self.accepted,
            files=tuple(files),
        )
        return self._ask(run)

    def _form(self, model: str) -> dict[str, str]:
        return {"model": model, "quantization": self.schemes.get(model, "")}

    def identify(self, kind: AdapterKind, model: str, **names: str) -> int:
        """`names`: path, name and sha256, as far as they are known."""
        return self._ask(Identify(id=self._take_id(), kind=kind, model=model, **names))

    def trace(self, picture: Picture) -> int:
        return self._ask(Trace(id=self._take_id(), picture=picture))

    def write(self, model: str, request: Writing) -> int:
        write = Write(
            id=self._take_id(), **self._form(model), request=request, accepted=self.accepted
        )
        return self._ask(write)

    def stop(self, id: int) -> None:
        """Ask for an early end. Its Stopped, or the reply that crossed it, follows as a signal."""
        waiting = next((question for question in self._waiting if question.id == id), None)
        if waiting is not None:
            self._waiting.remove(waiting)
            self._emit_later(Stopped(id=id))
        elif self._child is not None and id in self._child.conversation.open:
            self._stopping.add(id)
            self._child.send(Stop(id=id))
            self._stop_timer.start(self._deadlines.stop_ms)

    def set_command(self, command: Sequence[str]) -> None:
        """Other options (device, model folders): an engine with the old ones is ended, its open
        requests as Stopped; the next request starts one with the new ones."""
        if list(command) == self._command:
            return
        self._command = list(command)
        self._supervision = Supervision()
        if self._child is not None:
            self._drop(lambda question: Stopped(id=question.id), EngineState.off)

    def shutdown(self) -> None:
        """End the engine: asked, then closed, then killed, in two seconds at most. Open requests
        end as Stopped. Meant for the end of the program: this one call does wait."""
        self._launch_timer.stop()
        child, open_questions = self._detach()
        if child is not None:
            child.quit_and_wait()
        for question in open_questions:
            self._emit(Stopped(id=question.id))
        self._set_state(EngineState.off)

    # --- requests ---

    def _take_id(self) -> int:
        self._next_id += 1
        return self._next_id - 1

    def _ask(self, question: Question) -> int:
        if self._supervision.is_struck_out(_work_of(question)):
            self._emit_later(_struck_out(question))
        elif self._child is not None and self._child.conversation.is_greeted:
            self._deliver(self._child, question)
        else:
            self._waiting.append(question)
            self.start()
        return question.id

    def _deliver(self, child: EngineChild, question: Question) -> None:
        try:
            child.ask(question)
        except ProtocolError as error:
            text = translate("Engine", "The pictures are too large to be sent to the engine (%s).")
            message = text.replace("%s", str(error))
            self._emit_later(Failed(id=question.id, kind=Failure.request, message=message))
        self._update_state()

    def _emit_later(self, ending: Ending) -> None:
        """Not before the caller has the id in hand."""
        QTimer.singleShot(0, self, lambda: self._emit(ending))

    def _emit(self, message: Ending | Progress | Words) -> None:
        signals = {
            Identified: self.identified,
            Traced: self.traced,
            Described: self.described,
            Loaded: self.loaded,
            Planned: self.planned,
            Progress: self.progress,
            Finished: self.finished,
            Words: self.words,
            Written: self.written,
            Failed: self.failed,
            Stopped: self.stopped,
        }
        signals[type(message)].emit(message)

    # --- the child ---

    def _launch(self) -> None:
        child = EngineChild(self._command, self._log, self._deadlines, self)
        child.received.connect(self._received)
        child.lost.connect(self._lost)
        self._child = child
        child.start()

    def _received(self, message: Any) -> None:
        assert self._child is not None
        match message:
            case Hello():
                self._greeted(self._child)
            case Heartbeat(memory_bytes=memory_bytes):
                self.memory.emit(memory_bytes)
            case Progress() | Words():
                self._emit(message)
            case _:
                self._ended(message)

    def _greeted(self, child: EngineChild) -> None:
        waiting, self._waiting = self._waiting, []
        for question in waiting:
            self._deliver(child, question)
        self._update_state()
        self.ready.emit()

    def _ended(self, ending: Ending) -> None:
        self._stopping.discard(ending.id)
        if not self._stopping:
            self._stop_timer.stop()
        if isinstance(ending, (Finished, Written)):
            self._supervision.succeeded()
        self._update_state()
        self._emit(ending)

    def _lost(self, reason: str) -> None:
        """What was stopped is stopped; everything else failed, and says that it may be retried."""
        assert self._child is not None
        current = next(iter(self._child.conversation.open.values()), None)
        work = None if current is None else _work_of(current)
        self._supervision.lost(time.monotonic(), work)
        stopping = set(self._stopping)

        def ending(question: Question) -> Ending:
            return Stopped(id=question.id) if question.id in stopping else _failed(question, reason)

        self._drop(ending, EngineState.lost)

    def _stop_unheeded(self) -> None:
        self._lost(translate("Engine", "The engine did not heed the stop and was ended."))

    def _drop(self, ending: Callable[[Question], Ending], state: EngineState) -> None:
        child, open_questions = self._detach()
        if child is not None:
            child.kill()
        self._set_state(state)
        for question in open_questions:
            self._emit(ending(question))

    def _detach(self) -> tuple[EngineChild | None, list[Question]]:
        child, self._child = self._child, None
        open_questions = [] if child is None else list(child.conversation.open.values())
        open_questions += self._waiting
        self._waiting = []
        self._stopping.clear()
        self._stop_timer.stop()
        return child, open_questions

    # --- state ---

    def _update_state(self) -> None:
        if self._child is None or not self._child.conversation.is_greeted:
            return
        open_questions = self._child.conversation.open.values()
        is_busy = any(isinstance(question, (Load, Run, Write)) for question in open_questions)
        self._set_state(EngineState.busy if is_busy else EngineState.ready)

    def _set_state(self, state: EngineState) -> None:
        if state != self.state:
            self.state = state
            self.state_changed.emit(state)

    def _timer(self, due: Callable[[], None]) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.timeout.connect(due)
        return timer


def _work_of(question: Question) -> Hashable | None:
    """What two tries of the same job have in common; questions that do no work have nothing."""
    match question:
        case Run() | Write():
            return question.model, question.quantization, question.request
        case Load(model=model, quantization=quantization):
            return model, quantization
    return None


def _failed(question: Question, reason: str) -> Failed:
    kept = translate("Engine", "Your document is untouched; a new engine starts when you retry.")
    return Failed(id=question.id, kind=Failure.engine_lost, message=f"{reason} {kept}")


def _struck_out(question: Question) -> Failed:
    text = translate(
        "Engine",
        "This very request has ended the engine %s times, so it is not tried again. "
        "Change it (a smaller size, another model), or restart Inkstone.",
    )
    message = text.replace("%s", str(STRIKES))
    return Failed(id=question.id, kind=Failure.engine_lost, message=message)
