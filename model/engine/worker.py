"""The loop inside the engine: takes requests one at a time and ends each with exactly one reply.

Knows models through a `ModelLibrary` only. Torch is imported when the first request needs it, so
that the greeting is immediate.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from model.engine import memory
from model.engine.estimate import Measurements, StepClock
from model.engine.inbox import Inbox
from model.engine.library import ModelLibrary, RunnableModel
from model.engine.protocol import (
    PROTOCOL_VERSION,
    TO_ENGINE,
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
    Outlook,
    Plan,
    Planned,
    Progress,
    ProtocolError,
    Question,
    Quit,
    Run,
    Stop,
    Stopped,
    Trace,
    Traced,
    Words,
    Write,
    Written,
)
from model.engine.transport import MAX_BODY_BYTES, MAX_HEADER_BYTES, encode, read_messages
from model.requests import MAX_SIDE_PX, Picture, Request, RequestError

HEARTBEAT_S = 1.0
PROGRESS_EVERY_S = 0.05
WORDS_EVERY_S = 0.05
PREVIEW_EVERY_S = 0.25
PREVIEW_SIDE_PX = 256

EXIT_PROTOCOL = 3
EXIT_DEVICE = 4


Form = tuple[Path, str]
"""A model, and the scheme by which it is packed while it is loaded."""


class DeviceLost(Exception):
    """The accelerator is in a state that only the end of the process clears."""


class Outbox:
    """Frames to the window, whole ones, from any thread. A closed pipe means that nobody is left
    to work for, so the process ends."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def send(self, message: Any) -> None:
        self.write(encode(message))

    def write(self, pieces: list[bytes]) -> None:
        with self._lock:
            try:
                for piece in pieces:
                    self._stream.write(piece)
                self._stream.flush()
            except OSError:
                os._exit(0)


class ProgressReport:
    """`on_step` of a run: tells the window at most so often, with small previews."""

    def __init__(self, id: int, send: Callable[[Any], None]) -> None:
        self.clock = StepClock()
        self._id = id
        self._send = send
        self._sent_at = self._preview_at = float("-inf")

    def __call__(self, step: int, total: int, preview: Picture | None) -> None:
        now = time.monotonic()
        self.clock.tick(step, now)
        if now - self._sent_at < PROGRESS_EVERY_S and step < total:
            return
        self._sent_at = now
        if now - self._preview_at < PREVIEW_EVERY_S:
            preview = None
        if preview is not None:
            self._preview_at, preview = now, shrink(preview, PREVIEW_SIDE_PX)
        seconds_left = self.clock.seconds_left(step, total)
        self._send(
            Progress(
                id=self._id, step=step, total=total, seconds_left=seconds_left, preview=preview
            )
        )


class WordsReport:
    """`on_text` of a writing: tells the window at most so often; the whole comes with the reply."""

    def __init__(self, id: int, send: Callable[[Any], None]) -> None:
        self._id = id
        self._send = send
        self._sent_at = float("-inf")

    def __call__(self, text: str) -> None:
        now = time.monotonic()
        if now - self._sent_at >= WORDS_EVERY_S:
            self._sent_at = now
            self._send(Words(id=self._id, text=text))


class Worker:
    def __init__(self, library: ModelLibrary, outbox: Outbox) -> None:
        self._library = library
        self._outbox = outbox
        self._inbox = Inbox()
        self._measurements = Measurements()
        self._loaded: tuple[Form, RunnableModel] | None = None

    def serve(self, source: BinaryIO) -> None:
        """Returns after Quit. Ends the process when the window is gone or breaks the protocol."""
        self._outbox.send(Hello(version=PROTOCOL_VERSION, pid=os.getpid()))
        for loop in (lambda: self._read(source), self._beat):
            threading.Thread(target=loop, daemon=True).start()
        while question := self._inbox.take():
            self._answer(question)

    # --- other threads ---

    def _read(self, source: BinaryIO) -> None:
        last_id = 0
        try:
            for message in read_messages(source, TO_ENGINE):
                if isinstance(message, Quit):
                    self._inbox.close()
                elif isinstance(message, Stop):
                    if self._inbox.stop(message.id):
                        self._outbox.send(Stopped(id=message.id))
                elif message.id <= last_id:
                    raise ProtocolError(f"request id {message.id} after {last_id}")
                else:
                    last_id = message.id
                    self._inbox.put(message)
        except ProtocolError as error:
            print(f"engine: {error}", file=sys.stderr, flush=True)
            os._exit(EXIT_PROTOCOL)
        os._exit(0)  # the window is gone; nothing here is worth keeping

    def _beat(self) -> None:
        while True:
            time.sleep(HEARTBEAT_S)
            self._outbox.send(Heartbeat(memory_bytes=memory.resident_bytes()))

    # --- requests ---

    def _answer(self, question: Question) -> None:
        from model.errors import Stopped as StoppedEarly

        try:
            self._outbox.send(self._reply(question))
        except StoppedEarly:
            self._outbox.send(Stopped(id=question.id))
        except Exception as error:
            kind, message = explain(error)
            self._outbox.send(Failed(id=question.id, kind=kind, message=message))
            if is_device_lost(error):
                raise DeviceLost from error

    def _reply(self, question: Question) -> Ending:
        match question:
            case Describe(id=id):
                return Described(
                    id=id,
                    models=self._library.describe(),
                    devices=self._library.devices(),
                    adapters=self._library.adapters(),
                    attentions=self._library.attentions(),
                    room=self._library.room(),
                )
            case Load():
                return self._load(question)
            case Plan():
                return self._plan(question)
            case Run():
                return self._run(question)
            case Write():
                return self._write(question)
            case Identify(id=id):
                return Identified(id=id, adapter=self._library.identify(question))
            case Trace(id=id, picture=picture):
                return Traced(id=id, picture=self._library.trace(picture))

    def _load(self, question: Load) -> Loaded:
        start = time.monotonic()
        model, _ = self._model(question)
        return Loaded(
            id=question.id,
            model=model.describe(),
            seconds=time.monotonic() - start,
            memory_bytes=memory.resident_bytes(),
        )

    def _plan(self, question: Plan) -> Planned:
        """What was measured of such a request counts before what is counted."""
        form, request = self._form(question), question.request
        if self._loaded is None or self._loaded[0] != form:
            return Planned(id=question.id, outlook=Outlook())
        model = self._loaded[1]
        outlook = model.outlook(request)
        seconds = self._measurements.seconds(str(form), model.describe(), request)
        if seconds is not None:
            outlook = replace(outlook, seconds=seconds)
        return Planned(id=question.id, outlook=outlook)

    def _run(self, question: Run) -> Finished:
        self._library.know(question.files)
        model, form = self._model(question)
        check_reply_fits(question.request, model.describe().sizes)
        report = ProgressReport(question.id, self._outbox.send)
        result = model.run(question.request, report, self._inbox.should_stop)
        if report.clock.step_seconds is not None:
            self._measurements.learn(str(form), result, report.clock.step_seconds)
        return Finished(id=question.id, result=result)

    def _write(self, question: Write) -> Written:
        model, _ = self._model(question)
        report = WordsReport(question.id, self._outbox.send)
        text = model.write(question.request, report, self._inbox.should_stop)
        return Written(id=question.id, text=text)

    def _model(self, question: Load | Run | Write) -> tuple[RunnableModel, Form]:
        """The last model is kept; another one takes its place only after it is let go."""
        form = self._form(question)
        if self._loaded is None or self._loaded[0] != form:
            self._loaded = None
            path, scheme = form
            self._loaded = (form, self._library.load(path, question.accepted, scheme or None))
        return self._loaded[1], form

    def _form(self, question: Load | Plan | Run | Write) -> Form:
        return self._library.find(question.model), question.quantization


def check_reply_fits(request: Request, sizes: tuple[tuple[int, int], ...]) -> None:
    """Refuse before the work what could not be sent after it."""
    pixels = max([w * h for w, h in sizes] or [MAX_SIDE_PX**2])
    if request.width and request.height:
        pixels = request.width * request.height
    body_bytes = request.count * pixels * 4 + sum(len(p.data) for p in request.pictures)
    texts = f"{request.prompt}{request.negative}{[use.name for use in request.loras]}"
    text_bytes = 512 + 128 * len(request.loras) + len(texts.encode("utf-8", "replace")) * 2
    if body_bytes > MAX_BODY_BYTES or text_bytes * request.count > MAX_HEADER_BYTES:
        raise RequestError(
            f"count: {request.count} pictures of this size are too much for one request; "
            "ask for fewer at once"
        )


def explain(error: Exception) -> tuple[Failure, str]:
    """What the window shows. The traceback goes to the log, where it was not to be expected."""
    from model.errors import CheckpointError, ModelError, OutOfMemory

    kinds: list[tuple[type[Exception], Failure]] = [
        (RequestError, Failure.request),
        (CheckpointError, Failure.checkpoint),
        (OutOfMemory, Failure.out_of_memory),
        (ModelError, Failure.model),
    ]
    for cls, kind in kinds:
        if isinstance(error, cls):
            return kind, str(error)
    traceback.print_exception(error)
    if isinstance(error, MemoryError):
        return Failure.out_of_memory, "not enough memory; use a smaller size, or close programs"
    return Failure.internal, (
        f"the engine met a fault of its own ({type(error).__name__}); "
        "the details are in its log, and nothing else was lost"
    )


def is_device_lost(error: Exception) -> bool:
    """A CUDA error other than "out of memory" spoils every later call of this process."""
    return type(error).__name__ == "AcceleratorError"


def shrink(picture: Picture, side_px: int) -> Picture:
    """Every n-th pixel: a preview is a hint, not a picture."""
    import numpy as np

    factor = -(-max(picture.width, picture.height) // side_px)
    if factor <= 1:
        return picture
    pixels = np.frombuffer(picture.data, np.uint8).reshape(picture.height, picture.width, -1)
    small = pixels[::factor, ::factor]
    return Picture(
        width=small.shape[1], height=small.shape[0], mode=picture.mode, data=small.tobytes()
    )
