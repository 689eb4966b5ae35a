"""The engine's small rules as tables: when to start again, what to foretell, whom to stop."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from app.engine import command
from app.engine.supervision import BACK_OFF_S, FORGET_AFTER_S, KEPT_STRIKES, STRIKES, Supervision
from model.engine import memory
from model.engine.estimate import Measurements, StepClock
from model.engine.inbox import Inbox
from model.engine.protocol import Describe, Load, Outlook, Plan, Planned
from model.engine.worker import Outbox, Worker, shrink
from model.requests import Picture, Request, TextToImage
from tests.fakes import DESCRIPTION, OUTLOOK, FakeLibrary, FakeModel, result_of

ROOT = Path(__file__).resolve().parents[2]


def test_the_pause_grows_with_losses_and_is_forgotten() -> None:
    supervision = Supervision()
    assert supervision.pause_s(0.0) == 0.0
    pauses = []
    for now in range(7):
        supervision.lost(float(now), None)
        pauses.append(supervision.pause_s(float(now)))
    assert pauses == [*BACK_OFF_S, BACK_OFF_S[-1], BACK_OFF_S[-1]]
    assert max(pauses) <= 5  # the next engine is there within five seconds
    assert supervision.pause_s(7.0 + FORGET_AFTER_S) == 0.0
    supervision.lost(100.0, None)
    supervision.lost(101.0, None)
    supervision.succeeded()
    assert supervision.pause_s(102.0) == 0.0


def test_strikes_belong_to_the_work_and_only_the_last_are_kept() -> None:
    supervision = Supervision()
    assert not supervision.is_struck_out("a")
    for _ in range(STRIKES):
        assert not supervision.is_struck_out("a")
        supervision.lost(0.0, "a")
        supervision.lost(0.0, "b" if supervision.is_struck_out("a") else None)
    assert supervision.is_struck_out("a")
    assert not supervision.is_struck_out("b")
    assert not supervision.is_struck_out(None)
    for k in range(KEPT_STRIKES):
        supervision.lost(0.0, k)
    assert not supervision.is_struck_out("a")


def test_steps_are_measured_from_the_first_report() -> None:
    clock = StepClock()
    assert clock.seconds_left(0, 4) is None
    clock.tick(1, 10.0)  # reading the prompt came before
    assert clock.seconds_left(1, 4) is None
    clock.tick(2, 12.0)
    assert clock.seconds_left(2, 4) == 4.0
    clock.tick(4, 14.0)
    assert clock.step_seconds == pytest.approx(4 / 3)
    assert clock.seconds_left(4, 4) == 0.0


ASKED = TextToImage(prompt="x", width=64, height=64, steps=10, guidance=4.0)


@pytest.mark.parametrize(
    ("request_", "seconds"),
    [
        (ASKED, 3.0),
        (replace(ASKED, steps=20), 5.0),
        (replace(ASKED, count=2), 6.0),
        (replace(ASKED, width=128), 6.0),
        (replace(ASKED, width=None, height=None), 3.0),  # the model's first size
        (replace(ASKED, steps=None), 1.8),  # the model's four steps
        (replace(ASKED, guidance=1.0), None),  # another kind of work
        (replace(ASKED, guidance=None), None),  # the model's own guidance is 1
    ],
    ids=["same", "longer", "two", "larger", "own size", "own steps", "unguided", "own guidance"],
)
def test_plans(request_: Request, seconds: float | None) -> None:
    measurements = Measurements()
    assert measurements.seconds("m", DESCRIPTION, request_) is None
    measurements.learn("m", result_of(ASKED, seconds=3.0), 0.2)  # 2 s of steps, 1 s else
    found = measurements.seconds("m", DESCRIPTION, request_)
    assert found == (None if seconds is None else pytest.approx(seconds))
    assert measurements.seconds("other", DESCRIPTION, request_) is None


def test_the_nearest_size_counts() -> None:
    measurements = Measurements()
    for side, step_seconds in ((64, 1.0), (256, 20.0)):
        asked = replace(ASKED, width=side, height=side)
        measurements.learn("m", result_of(asked, seconds=step_seconds * 10), step_seconds)
    wide = replace(ASKED, width=512, height=128)
    assert measurements.seconds("m", DESCRIPTION, wide) == pytest.approx(200.0)


def test_an_inbox_gives_in_order_and_stops_whom_it_is_told() -> None:
    inbox = Inbox()
    for id in (1, 2, 3):
        inbox.put(Describe(id=id))
    assert inbox.take() == Describe(id=1)
    assert inbox.stop(2)  # was waiting
    assert not inbox.should_stop()
    assert not inbox.stop(2)
    assert not inbox.should_stop()
    assert not inbox.stop(1)
    assert inbox.should_stop()
    assert inbox.take() == Describe(id=3)
    assert not inbox.should_stop()
    assert not inbox.stop(1)  # ended long ago
    assert not inbox.should_stop()
    inbox.close()
    assert inbox.should_stop()
    assert inbox.take() is None


def test_an_empty_inbox_waits() -> None:
    inbox = Inbox()
    timer = threading.Timer(0.1, lambda: inbox.put(Describe(id=1)))
    timer.start()
    assert inbox.take() == Describe(id=1)
    timer.join()


@pytest.mark.parametrize(
    ("size", "mode", "expected"),
    [
        ((256, 256), "RGB", (256, 256)),
        ((257, 10), "RGB", (129, 5)),
        ((1328, 800), "RGBA", (222, 134)),
        ((4000, 1), "L", (250, 1)),
    ],
)
def test_previews_are_small(size: tuple[int, int], mode: str, expected: tuple[int, int]) -> None:
    width, height = size
    channels = len(mode)
    rows = bytes(range(256)) * (width * height * channels // 256 + 1)
    picture = Picture(width=width, height=height, mode=mode, data=rows[: width * height * channels])
    small = shrink(picture, 256)
    assert (small.width, small.height, small.mode) == (*expected, mode)
    assert small.data[:channels] == picture.data[:channels]


def test_model_in_another_form_is_loaded_anew_and_known_apart() -> None:
    library = FakeLibrary(FakeModel())
    worker = Worker(library, Outbox(io.BytesIO()))
    for scheme in ("", "int8", "int8", ""):
        worker._reply(Load(id=1, model="fake", quantization=scheme))
    assert library.loads == ["fake", "fake int8", "fake"]
    plan = Plan(id=2, model="fake", request=TextToImage(prompt="x"), quantization="int8")
    assert worker._reply(plan) == Planned(id=2, outlook=Outlook())
    assert worker._reply(replace(plan, quantization="")) == Planned(id=2, outlook=OUTLOOK)


def test_memory_is_told() -> None:
    assert 10**7 < memory.resident_bytes() < 10**12
    assert memory.peak_bytes() == 0 or memory.peak_bytes() > 10**7


def test_the_engine_is_this_very_program() -> None:
    started = command.engine_command(
        device="cpu", model_folders=[Path("/a"), "/b"], lora_folders=["/c"]
    )
    options = ["engine", "--models", "/a", "--models", "/b", "--loras", "/c", "--device", "cpu"]
    assert started == [sys.executable, str(ROOT / "main.py"), *options]


@pytest.mark.skipif(sys.platform == "win32", reason="priorities are classes there")
def test_an_engine_at_work_steps_back_behind_the_window() -> None:
    code = (
        "import os; from model.engine import process;"
        "before = os.nice(0); process.step_back(); print(os.nice(0) - before)"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    # from 19 on there is nothing further back
    assert int(found.stdout) >= 5 or os.nice(0) > 14


def test_a_packaged_program_needs_no_script(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert command.engine_command() == [sys.executable, "engine"]


def test_the_windows_side_never_imports_torch() -> None:
    code = (
        "import sys, app.engine.client;"
        "heavy = {'torch', 'numpy', 'transformers', 'PIL'} & set(sys.modules);"
        "ours = {m for m in sys.modules if m.startswith('model.')};"
        "print(sorted(heavy), sorted(ours))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    allowed = ["model.engine", "model.engine.protocol", "model.engine.transport", "model.requests"]
    assert found.stdout.strip() == f"[] {allowed}"
