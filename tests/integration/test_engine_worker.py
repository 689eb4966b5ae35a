"""The worker as a real child on real pipes, over a model that sleeps instead of computing."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from model.engine.protocol import (
    FROM_ENGINE,
    Conversation,
    Describe,
    Described,
    Failed,
    Failure,
    Finished,
    Heartbeat,
    Hello,
    Load,
    Loaded,
    Outlook,
    Plan,
    Planned,
    Progress,
    Quit,
    Run,
    Stop,
    Stopped,
    Words,
    Write,
    Written,
)
from model.engine.transport import MAGIC, MAX_BODY_BYTES, PREFIX, encode, read_messages
from model.engine.worker import EXIT_PROTOCOL
from model.requests import Caption, Edit, Picture, Polish, TextToImage
from tests.fakes import (
    DESCRIPTION,
    IDENTITY,
    LICENCE,
    OUTLOOK,
    result_of,
    text_of,
    worker_command,
)

REQUEST = TextToImage(prompt="a poster", seed=5)


class Engine:
    """The window's side of the pipes, in blocking calls."""

    def __init__(self, command: list[str]) -> None:
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert self.process.stdin
        assert self.process.stdout
        self._stdin = self.process.stdin
        self._messages = read_messages(self.process.stdout, FROM_ENGINE)  # type: ignore[arg-type]
        self._order = Conversation()
        self.seen: list[Any] = []

    def say(self, *messages: Any) -> None:
        for message in messages:
            if not isinstance(message, (Stop, Quit)):
                self._order.asked(message)
            self.write(b"".join(encode(message)))

    def write(self, data: bytes) -> None:
        self._stdin.write(data)
        self._stdin.flush()

    def until(self, kind: type, **fields: Any) -> Any:
        """The next message of this kind; whatever comes before it must be in order, too."""
        for message in self._messages:
            self._order.received(message)
            self.seen.append(message)
            found = {name: getattr(message, name, None) for name in fields}
            if isinstance(message, kind) and found == fields:
                return message
        raise AssertionError(f"the engine ended: {self.end()}")

    def end(self) -> tuple[int, str]:
        """Exit status and log, once it has ended by itself."""
        assert self.process.stderr
        status = self.process.wait(timeout=10)
        return status, self.process.stderr.read().decode()

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(timeout=10)
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert pipe
            try:
                pipe.close()
            except BrokenPipeError:
                continue


StartEngine = Callable[..., Engine]


@pytest.fixture
def start() -> Iterator[StartEngine]:
    engines: list[Engine] = []

    def start(**options: int) -> Engine:
        engines.append(Engine(worker_command(**options)))
        engines[-1].until(Hello)
        return engines[-1]

    yield start
    for engine in engines:
        engine.close()


def test_every_verb_is_answered(start: StartEngine) -> None:
    engine = start()
    engine.say(Describe(id=1), Load(id=2, model=""), Plan(id=3, model="", request=REQUEST))
    described = engine.until(Described)
    assert described.models[0] == DESCRIPTION
    assert described.models[1].problem
    assert described.devices == ("cpu",)
    loaded = engine.until(Loaded)
    assert loaded.model == DESCRIPTION
    assert loaded.memory_bytes > 10**6
    assert engine.until(Planned) == Planned(id=3, outlook=OUTLOOK)
    engine.say(Run(id=4, model="", request=REQUEST))
    result = engine.until(Finished).result
    assert (result.pictures, result.model) == (result_of(REQUEST).pictures, IDENTITY)
    engine.say(Quit())
    assert engine.end() == (0, "")


def test_seconds_are_foretold_from_a_measured_run_where_there_was_one(start: StartEngine) -> None:
    engine = start(blocks=1, block_ms=40)
    engine.say(Run(id=1, model="", request=REQUEST), Plan(id=2, model="", request=REQUEST))
    engine.until(Finished)
    planned = engine.until(Planned).outlook
    assert 4 * 0.04 <= planned.seconds < 10  # how much more depends on the machine
    assert planned.peak_bytes == OUTLOOK.peak_bytes
    longer = TextToImage(prompt="x", steps=40)
    engine.say(Plan(id=3, model="", request=longer), Plan(id=4, model="noisy", request=longer))
    assert engine.until(Planned, id=3).outlook.seconds > 5 * planned.seconds
    assert engine.until(Planned, id=4).outlook == Outlook(), "not of a model that is not loaded"


def test_progress_tells_the_time_left_and_shows_small_previews_now_and_then(
    start: StartEngine,
) -> None:
    engine = start(blocks=1, block_ms=20)
    engine.say(Run(id=1, model="", request=TextToImage(prompt="x", steps=50)))
    engine.until(Finished)
    progress = [message for message in engine.seen if isinstance(message, Progress)]
    assert progress[0].seconds_left is None  # nothing was measured yet
    assert progress[-1].step == 50
    assert progress[-1].seconds_left == 0.0
    assert 2 <= len(progress) <= 30  # one in 50 ms at the most
    middle = next(message for message in progress if message.step >= 25)
    assert middle.seconds_left is not None
    assert 0.2 < middle.seconds_left < 3.0
    previews = [message.preview for message in progress if message.preview is not None]
    assert 1 <= len(previews) <= 12
    assert {(p.width, p.height) for p in previews} == {(256, 128)}  # of 512x256


def test_a_stop_takes_effect_within_a_block(start: StartEngine) -> None:
    engine = start(blocks=100, block_ms=50)  # five seconds a step
    engine.say(Run(id=1, model="", request=REQUEST))
    time.sleep(0.3)
    asked = time.monotonic()
    engine.say(Stop(id=1))
    engine.until(Stopped, id=1)
    assert time.monotonic() - asked < 1.0
    engine.say(Describe(id=2))
    engine.until(Described)


def test_a_waiting_request_stops_at_once_and_late_stops_are_passed_over(
    start: StartEngine,
) -> None:
    engine = start(blocks=20, block_ms=50)
    engine.say(*(Run(id=k, model="", request=REQUEST) for k in (1, 2, 3)))
    engine.say(Stop(id=2))
    engine.until(Stopped, id=2)
    assert not any(isinstance(message, Finished) for message in engine.seen)
    engine.say(Stop(id=1), Stop(id=3), Stop(id=2), Stop(id=77))
    ended = {engine.until(Stopped).id, engine.until(Stopped).id}
    assert ended == {1, 3}


@pytest.mark.parametrize(
    ("model", "request_", "kind", "words"),
    [
        ("damaged", REQUEST, Failure.checkpoint, "download it again"),
        ("large", REQUEST, Failure.out_of_memory, "choose a smaller model"),
        ("", TextToImage(prompt="raise"), Failure.internal, "a fault of its own (RuntimeError)"),
        (
            "",
            TextToImage(prompt="x", width=8192, height=8192, count=9),
            Failure.request,
            "ask for fewer at once",
        ),
    ],
    ids=["damaged", "large", "raise", "too much"],
)
def test_a_failure_is_a_sentence_and_the_engine_goes_on(
    start: StartEngine, model: str, request_: TextToImage, kind: Failure, words: str
) -> None:
    engine = start()
    engine.say(Run(id=1, model=model, request=request_))
    failed = engine.until(Failed, id=1)
    assert (failed.kind, words in failed.message) == (kind, True)
    assert "Traceback" not in failed.message
    engine.say(Run(id=2, model="", request=REQUEST))
    engine.until(Finished, id=2)
    engine.say(Quit())
    assert ("Traceback" in engine.end()[1]) == (kind == Failure.internal)


def test_a_licence_is_accepted_with_the_question(start: StartEngine) -> None:
    engine = start()
    engine.say(Load(id=1, model="private"), Run(id=2, model="private", request=REQUEST))
    assert engine.until(Failed, id=1).kind == Failure.model
    assert LICENCE in engine.until(Failed, id=2).message
    engine.say(Load(id=3, model="private", accepted=(LICENCE,)))
    engine.until(Loaded, id=3)
    engine.say(Load(id=4, model=""), Run(id=5, model="private", request=REQUEST))
    engine.until(Failed, id=5)
    engine.say(Run(id=6, model="private", request=REQUEST, accepted=(LICENCE,)))
    engine.until(Finished, id=6)
    engine.say(Quit())
    assert engine.end()[0] == 0


def test_stray_prints_go_to_the_log(start: StartEngine) -> None:
    engine = start()
    engine.say(Run(id=1, model="noisy", request=REQUEST))
    engine.until(Finished)
    engine.say(Quit())
    status, log = engine.end()
    assert status == 0
    assert sorted(log.splitlines()) == [
        "INKS and so does this one",
        "this line belongs into the log",
    ]


def test_pictures_travel_both_ways(start: StartEngine) -> None:
    engine = start()
    source = Picture(width=640, height=480, mode="RGBA", data=os.urandom(640 * 480 * 4))
    request = Edit(prompt="blue", images=(source,), count=3)
    engine.say(Run(id=1, model="", request=request))
    result = engine.until(Finished).result
    assert [r.seed for r in result.requests] == [0, 1, 2]
    assert all(r.images == (source,) for r in result.requests)
    assert (result.pictures[0].width, result.pictures[0].height) == (640, 480)


def test_words_are_told_now_and_then_and_the_text_is_whole(start: StartEngine) -> None:
    engine = start(blocks=1, block_ms=10)
    request = Polish(prompt="a poster of a harbour in the evening")
    engine.say(Write(id=1, model="", request=request))
    assert engine.until(Written).text == text_of(request)
    told = [message.text for message in engine.seen if isinstance(message, Words)]
    assert 1 < len(told) < len(text_of(request).text) / 3
    assert all(text_of(request).text.startswith(text) for text in told)


def test_a_writing_is_stopped_and_a_caption_has_its_record(start: StartEngine) -> None:
    engine = start(blocks=100, block_ms=50)
    engine.say(Write(id=1, model="", request=Polish(prompt="a poster")))
    time.sleep(0.3)
    asked = time.monotonic()
    engine.say(Stop(id=1))
    engine.until(Stopped, id=1)
    assert time.monotonic() - asked < 1.0
    engine = start()
    picture = Picture(width=3, height=1, mode="L", data=b"abc")
    engine.say(Write(id=1, model="", request=Caption(image=picture)))
    assert engine.until(Written).text == text_of(Caption(image=picture))


def test_the_heart_beats_while_a_block_takes_long(start: StartEngine) -> None:
    engine = start(blocks=1, block_ms=2500)
    engine.say(Run(id=1, model="", request=REQUEST))
    first = engine.until(Heartbeat)
    engine.until(Heartbeat)
    assert first.memory_bytes > 10**6
    assert not any(isinstance(message, Progress) for message in engine.seen)


def test_it_ends_with_its_parent_in_the_middle_of_a_run(start: StartEngine) -> None:
    engine = start(blocks=1, block_ms=60_000)
    engine.say(Run(id=1, model="", request=REQUEST))
    engine.until(Heartbeat)
    engine._stdin.close()
    assert engine.process.wait(timeout=5) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="the parent-death signal is Linux's")
def test_it_ends_with_its_parent_even_if_somebody_holds_the_pipe() -> None:
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen(sys.argv[1:], stdin=0, stdout=1)\n"
        "print(child.pid, file=sys.stderr, flush=True)\n"
        "time.sleep(60)\n"
    )
    command = [sys.executable, "-c", code, *worker_command()]
    parent = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    with contextlib.ExitStack() as pipes:
        for pipe in (parent.stdin, parent.stdout, parent.stderr):
            assert pipe
            pipes.enter_context(pipe)
        assert parent.stdout
        assert parent.stderr
        pid = int(parent.stderr.readline())
        next(read_messages(parent.stdout, FROM_ENGINE))  # type: ignore[arg-type]
        parent.send_signal(signal.SIGKILL)
        parent.wait(timeout=5)
        until = time.monotonic() + 5
        while is_running(pid):
            assert time.monotonic() < until
            time.sleep(0.01)


def is_running(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


HEADER = b'{"type":"Stop","fields":{"id":1},"buffers":[]}'


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        PREFIX.pack(MAGIC, 10, MAX_BODY_BYTES + 1),
        PREFIX.pack(MAGIC, len(HEADER), 4) + HEADER + b"body",
        b"".join(encode(Hello(version=1, pid=1))),
        b"".join(encode(Describe(id=1))) * 2,
    ],
    ids=["garbage", "oversize", "unnamed body", "wrong direction", "an id twice"],
)
def test_a_broken_protocol_ends_the_session(start: StartEngine, data: bytes) -> None:
    engine = start()
    engine.write(data)
    status, log = engine.end()
    assert status == EXIT_PROTOCOL
    assert log.startswith("engine: ")
    assert "Traceback" not in log


def test_half_a_frame_before_the_end(start: StartEngine) -> None:
    engine = start()
    engine.write(PREFIX.pack(MAGIC, len(HEADER), 0) + HEADER[:10])
    engine._stdin.close()
    assert engine.process.wait(timeout=5) == EXIT_PROTOCOL
