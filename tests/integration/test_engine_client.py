"""The window's client against an engine that misbehaves at every step: every request ends once."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from app.engine.child import Deadlines
from app.engine.client import EngineClient, EngineState
from model.engine.protocol import (
    AdapterKind,
    Describe,
    Described,
    Failed,
    Failure,
    Finished,
    Identified,
    Identify,
    Load,
    Loaded,
    Plan,
    Planned,
    Progress,
    Run,
    Stopped,
    Trace,
    Traced,
    Words,
    Write,
    Written,
)
from model.requests import Picture, Polish, TextToImage
from tests.fakes import DESCRIPTION, FakeEngine, do, result_of, text_of, worker_command

REQUEST = TextToImage(prompt="a poster", seed=5)
WRITING = Polish(prompt="a poster", seed=5)
MAP = Picture(width=2, height=1, mode="L", data=b"\0\xff")
QUICK = Deadlines(first_reply_ms=5000, silence_ms=1000, stop_ms=500, quit_ms=500, kill_ms=500)
WAIT_MS = 15_000


ENDINGS = (
    *("described", "loaded", "planned", "identified", "traced", "finished"),
    *("written", "failed", "stopped"),
)


class Listener:
    """Everything a client says, in order."""

    def __init__(self, client: EngineClient, qtbot: QtBot) -> None:
        self.client = client
        self.endings: list[Any] = []
        self.progress: list[Progress] = []
        self.words: list[Words] = []
        self.states: list[EngineState] = []
        self._qtbot = qtbot
        for name in ENDINGS:
            getattr(client, name).connect(self.endings.append)
        client.progress.connect(self.progress.append)
        client.words.connect(self.words.append)
        client.state_changed.connect(self.states.append)

    def until_ended(self, *ids: int) -> list[Any]:
        """The endings of these requests; nothing has ended twice."""
        self._qtbot.waitUntil(lambda: set(ids) <= {e.id for e in self.endings}, timeout=WAIT_MS)
        counts = Counter(ending.id for ending in self.endings)
        assert max(counts.values()) == 1, counts
        return [next(e for e in self.endings if e.id == id) for id in ids]


Listen = Callable[..., Listener]


@pytest.fixture
def listen(qtbot: QtBot, tmp_path: Path) -> Iterator[Listen]:
    clients: list[EngineClient] = []

    def listen(command: list[str], deadlines: Deadlines = QUICK) -> Listener:
        log = tmp_path / "engine.log"
        clients.append(EngineClient(command, log=log, deadlines=deadlines))
        return Listener(clients[-1], qtbot)

    yield listen
    for client in clients:
        client.shutdown()
        client.deleteLater()


def ask_all(client: EngineClient) -> list[int]:
    return [
        client.describe(),
        client.load("fake"),
        client.plan("fake", REQUEST),
        client.identify(AdapterKind.lora, "fake", name="grain"),
        client.trace(MAP),
        client.run("fake", REQUEST),
    ]


ANSWERS = [Described, Loaded, Planned, Identified, Traced, Finished]


def test_a_good_engine(listen: Listen, tmp_path: Path) -> None:
    listener = listen(FakeEngine.write(tmp_path).command)
    client = listener.client
    assert client.state == EngineState.off
    endings = listener.until_ended(*ask_all(client))
    assert [type(e) for e in endings] == ANSWERS
    assert endings[0].models == (DESCRIPTION,)
    assert endings[-1].result == result_of(REQUEST)
    assert [p.step for p in listener.progress] == [1, 2, 3, 4]
    assert [state.name for state in listener.states] == ["starting", "ready", "busy", "ready"]


def test_the_real_worker(listen: Listen) -> None:
    listener = listen(worker_command(blocks=1, block_ms=10))
    endings = listener.until_ended(*ask_all(listener.client))
    assert [type(e) for e in endings] == ANSWERS
    assert endings[-1].result.pictures == result_of(REQUEST).pictures


def test_words_come_as_they_are_written(listen: Listen, tmp_path: Path) -> None:
    listener = listen(FakeEngine.write(tmp_path).command)
    (written,) = listener.until_ended(listener.client.write("fake", WRITING))
    assert isinstance(written, Written)
    assert written.text == text_of(WRITING)
    assert [words.text for words in listener.words] == ["some ", "some words"]
    assert [state.name for state in listener.states] == ["starting", "busy", "ready"]


@pytest.mark.parametrize("fault", ["kill", "garbage", "wrong_kind"])
def test_a_fault_while_writing(listen: Listen, tmp_path: Path, fault: str) -> None:
    engine = FakeEngine.write(tmp_path, {"write": [do("words", text="some"), do(fault)]}, {})
    listener = listen(engine.command)
    first, second = (
        listener.until_ended(listener.client.write("fake", WRITING))[0] for _ in range(2)
    )
    assert isinstance(first, Failed)
    assert first.kind == Failure.engine_lost
    assert isinstance(second, Written)


def test_a_writing_is_stopped(listen: Listen, tmp_path: Path, qtbot: QtBot) -> None:
    write = [do("words", text="some"), do("wait", ms=60_000), do("reply")]
    listener = listen(FakeEngine.write(tmp_path, {"write": write}).command)
    id = listener.client.write("fake", WRITING)
    qtbot.waitUntil(lambda: bool(listener.words), timeout=WAIT_MS)
    listener.client.stop(id)
    (ending,) = listener.until_ended(id)
    assert isinstance(ending, Stopped)


def test_nothing_is_started_before_it_is_asked_for(listen: Listen, tmp_path: Path) -> None:
    engine = FakeEngine.write(tmp_path)
    listener = listen(engine.command)
    listener.client.stop(1)
    listener.client.shutdown()
    assert (engine.starts, listener.states) == (0, [])


def test_the_heart_is_heard(listen: Listen, tmp_path: Path, qtbot: QtBot) -> None:
    client = listen(FakeEngine.write(tmp_path).command).client
    with qtbot.waitSignal(client.memory, timeout=WAIT_MS) as signal:
        client.start()
    assert signal.args == [123_456_789]


BEFORE = {"hello": 0, "describe": 0, "load": 1, "plan": 2, "run": 5}
"""How many answers come before that of each word."""
FAULTS = {
    "kill": [do("kill")],
    "exit 0": [do("exit")],
    "exit 1": [do("exit", code=1)],
    "garbage": [do("garbage")],
    "oversize": [do("oversize")],
    "half a frame": [do("half")],
    "a newer field": [do("newer_field")],
    "an unknown id": [do("unknown_id")],
    "twice": [do("twice")],
}


EVERYWHERE = ("kill", "garbage", "half a frame")
CASES = [(w, f) for w in BEFORE for f in FAULTS if f in EVERYWHERE or w in ("hello", "run")]


@pytest.mark.parametrize(("word", "fault"), CASES)
def test_a_fault_at_each_step_fails_what_is_open_and_the_next_engine_works(
    listen: Listen, tmp_path: Path, word: str, fault: str
) -> None:
    engine = FakeEngine.write(tmp_path, {word: FAULTS[fault]}, {})
    listener = listen(engine.command)
    ids = ask_all(listener.client)
    endings = listener.until_ended(*ids)
    place = BEFORE[word]
    if fault == "twice" and word != "hello":
        place += 1  # the first of the two replies was right
    assert [type(e) for e in endings[:place]] == ANSWERS[:place]
    for ending in endings[place:]:
        assert isinstance(ending, Failed)
        assert ending.kind == Failure.engine_lost
        assert "Your document is untouched" in ending.message
    assert listener.client.state in (EngineState.lost, EngineState.ready)
    (again,) = listener.until_ended(listener.client.run("fake", REQUEST))
    if not (fault == "twice" and word == "run"):
        assert isinstance(again, Finished)
        assert engine.starts == 2


@pytest.mark.parametrize("step", range(1, 5))
def test_a_crash_in_the_middle_of_a_run(listen: Listen, tmp_path: Path, step: int) -> None:
    run = [*(do("progress", step=k) for k in range(1, step + 1)), do("kill")]
    listener = listen(FakeEngine.write(tmp_path, {"run": run}, {}).command)
    (ending,) = listener.until_ended(listener.client.run("fake", REQUEST))
    assert isinstance(ending, Failed)
    assert [p.step for p in listener.progress] == list(range(1, step + 1))
    if sys.platform == "linux":
        assert "memory may have run out" in ending.message


@pytest.mark.parametrize("word", BEFORE)
def test_a_hang_ends_at_the_deadline(listen: Listen, tmp_path: Path, word: str) -> None:
    deadlines = Deadlines(first_reply_ms=2500, silence_ms=400)
    engine = FakeEngine.write(tmp_path, {word: [do("hang")]}, {})
    listener = listen(engine.command, deadlines)
    began = time.monotonic()
    endings = listener.until_ended(*ask_all(listener.client))
    assert isinstance(endings[-1], Failed)
    assert "did not answer" in endings[-1].message
    assert time.monotonic() - began < 10
    assert listener.client.state == EngineState.lost


def test_silence_below_the_deadline_is_no_hang(listen: Listen, tmp_path: Path) -> None:
    run = [do("progress", step=1), do("quiet", ms=400), do("reply")]
    listener = listen(FakeEngine.write(tmp_path, {"run": run}).command)
    (ending,) = listener.until_ended(listener.client.run("fake", REQUEST))
    assert isinstance(ending, Finished)


def test_a_sleep_of_the_window_is_no_hang_of_the_engine(
    listen: Listen, tmp_path: Path, qtbot: QtBot
) -> None:
    run = [do("progress", step=1), do("wait", ms=2500), do("reply")]
    listener = listen(FakeEngine.write(tmp_path, {"run": run}).command)
    id = listener.client.run("fake", REQUEST)
    qtbot.waitUntil(lambda: bool(listener.progress), timeout=WAIT_MS)
    time.sleep(1.5)  # longer than the deadline; no event of Qt's gets through meanwhile
    (ending,) = listener.until_ended(id)
    assert isinstance(ending, Finished)


@pytest.mark.parametrize(
    ("word", "fault"), [("hello", "version"), ("load", "wrong_kind"), ("run", "wrong_kind")]
)
def test_a_wrong_version_or_reply_closes_the_session(
    listen: Listen, tmp_path: Path, word: str, fault: str
) -> None:
    engine = FakeEngine.write(tmp_path, {word: [do(fault)]}, {})
    listener = listen(engine.command)
    failed = listener.until_ended(*ask_all(listener.client))[-1]
    assert isinstance(failed, Failed)
    assert "something senseless" in failed.message


def test_a_failure_of_the_model_is_passed_on_and_the_engine_stays(
    listen: Listen, tmp_path: Path
) -> None:
    run = [do("fail", kind="out_of_memory", message="not enough memory; use a smaller size")]
    engine = FakeEngine.write(tmp_path, {"run": run})
    listener = listen(engine.command)
    first, second = listener.until_ended(
        listener.client.run("fake", REQUEST), listener.client.describe()
    )
    assert (first.kind, first.message[:17]) == (Failure.out_of_memory, "not enough memory")
    assert isinstance(second, Described)
    assert engine.starts == 1


def test_stop_running_waiting_and_ended(listen: Listen, tmp_path: Path, qtbot: QtBot) -> None:
    run = [do("progress", step=1), do("wait", ms=60_000), do("reply")]
    listener = listen(FakeEngine.write(tmp_path, {"run": run}).command)
    client = listener.client
    early = client.run("fake", REQUEST)
    client.stop(early)  # before there is an engine
    first, second = client.run("fake", REQUEST), client.run("fake", REQUEST)
    qtbot.waitUntil(lambda: bool(listener.progress), timeout=WAIT_MS)
    client.stop(second)
    client.stop(first)
    endings = listener.until_ended(early, first, second)
    assert [type(e) for e in endings] == [Stopped] * 3
    for id in (early, first, second):
        client.stop(id)
    (after,) = listener.until_ended(client.describe())
    assert isinstance(after, Described)


def test_a_stop_that_is_not_heeded_is_enforced(
    listen: Listen, tmp_path: Path, qtbot: QtBot
) -> None:
    run = [do("progress", step=1), do("deaf")]
    listener = listen(FakeEngine.write(tmp_path, {"run": run}, {}).command)
    client = listener.client
    stopped, other = client.run("fake", REQUEST), client.run("fake", REQUEST)
    qtbot.waitUntil(lambda: bool(listener.progress), timeout=WAIT_MS)
    client.stop(stopped)
    first, second = listener.until_ended(stopped, other)
    assert isinstance(first, Stopped)
    assert isinstance(second, Failed)


def test_three_strikes(listen: Listen, tmp_path: Path) -> None:
    engine = FakeEngine.write(tmp_path, {"run": [do("progress", step=1), do("kill")]})
    listener = listen(engine.command)
    client = listener.client
    for _ in range(3):
        (lost,) = listener.until_ended(client.run("fake", REQUEST))
        assert "ended the engine" in lost.message
    assert engine.starts == 3
    id = client.run("fake", REQUEST)
    assert id not in {e.id for e in listener.endings}  # never before the caller knows the id
    (refused,) = listener.until_ended(id)
    assert refused.kind == Failure.engine_lost
    assert "3 times" in refused.message
    assert engine.starts == 3
    (other,) = listener.until_ended(client.describe())
    assert isinstance(other, Described)


def test_an_engine_that_cannot_be_started(listen: Listen, tmp_path: Path) -> None:
    listener = listen([str(tmp_path / "no such program")])
    endings = listener.until_ended(*ask_all(listener.client))
    assert all("could not be started" in e.message for e in endings)


def test_a_flood_of_progress_does_not_hold_the_window(listen: Listen, tmp_path: Path) -> None:
    run = [do("flood", messages=10_000), do("reply")]
    listener = listen(FakeEngine.write(tmp_path, {"run": run}).command)
    (ending,) = listener.until_ended(listener.client.run("fake", REQUEST))
    assert isinstance(ending, Finished)
    assert len(listener.progress) == 10_000


def test_a_request_larger_than_a_frame_fails_and_nothing_else(
    listen: Listen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener = listen(FakeEngine.write(tmp_path).command)
    listener.until_ended(listener.client.describe())
    monkeypatch.setattr("model.engine.transport.MAX_HEADER_BYTES", 800)
    long = TextToImage(prompt="x" * 900)
    first, second = listener.until_ended(
        listener.client.run("fake", long), listener.client.run("fake", TextToImage(prompt="x"))
    )
    assert (first.kind, "too large" in first.message) == (Failure.request, True)
    assert isinstance(second, Finished)


@pytest.mark.parametrize("action", ["wait", "deaf", "hang"])
def test_shutdown_takes_two_seconds_at_most_and_leaves_no_process(
    listen: Listen, tmp_path: Path, qtbot: QtBot, action: str
) -> None:
    run = [do("progress", step=1), do(action, **({"ms": 60_000} if action == "wait" else {}))]
    listener = listen(FakeEngine.write(tmp_path, {"run": run}).command, Deadlines())
    ids = [listener.client.run("fake", REQUEST), listener.client.describe()]
    qtbot.waitUntil(lambda: bool(listener.progress), timeout=WAIT_MS)
    began = time.monotonic()
    listener.client.shutdown()
    assert time.monotonic() - began < 2.5
    assert [type(e) for e in listener.until_ended(*ids)] == [Stopped, Stopped]
    assert listener.client.state == EngineState.off  # and conftest looks for processes


def test_other_options_replace_the_engine(listen: Listen, tmp_path: Path, qtbot: QtBot) -> None:
    run = [do("progress", step=1), do("wait", ms=60_000)]
    (tmp_path / "b").mkdir()
    first = FakeEngine.write(tmp_path, {"run": run})
    second = FakeEngine.write(tmp_path / "b")
    listener = listen(first.command)
    id = listener.client.run("fake", REQUEST)
    qtbot.waitUntil(lambda: bool(listener.progress), timeout=WAIT_MS)
    listener.client.set_command(first.command)  # no change, no interruption
    assert listener.client.state == EngineState.busy
    listener.client.set_command(second.command)
    assert [type(e) for e in listener.until_ended(id)] == [Stopped]
    listener.until_ended(listener.client.describe())
    assert (first.starts, second.starts) == (1, 1)


def test_a_listener_may_shut_it_down(listen: Listen, tmp_path: Path) -> None:
    listener = listen(FakeEngine.write(tmp_path).command)
    client = listener.client
    client.progress.connect(lambda _: client.shutdown())
    (ending,) = listener.until_ended(client.run("fake", REQUEST))
    assert isinstance(ending, Stopped)
    assert len(listener.progress) == 1


def test_the_log_holds_what_the_engine_prints_and_stays_small(
    listen: Listen, tmp_path: Path
) -> None:
    (tmp_path / "engine.log").write_bytes(b"x" * (2**20 + 1))
    listener = listen(worker_command())
    listener.until_ended(listener.client.run("noisy", REQUEST))
    assert "this line belongs into the log" in (tmp_path / "engine.log").read_text()
    assert os.path.getsize(tmp_path / "engine.log") < 1000
    assert os.path.getsize(tmp_path / "engine.old.log") == 2**20 + 1


def test_every_question_is_tried_here() -> None:
    from model.engine.protocol import QUESTIONS

    assert set(QUESTIONS) == {Describe, Load, Plan, Identify, Trace, Run, Write}
