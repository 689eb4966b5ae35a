"""The loop: exact resume after a kill, stops, a loss that is no number, a full disk."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from tests.training_runs import (
    differing,
    flow_file,
    flow_run,
    newest,
    published_vae,
    trainer_of,
    vae_run,
)
from training import checkpoints
from training.config import Run, read_run
from training.errors import CheckpointError, NonFiniteLoss
from training.log import read as read_log
from training.train import train
from training.trainer import Ending

ROOT = Path(__file__).resolve().parents[2]


def events(folder: Path) -> list[str]:
    return [record["event"] for record in read_log(folder)]


def test_a_killed_and_resumed_run_equals_the_unbroken_one_bit_for_bit(tmp_path: Path) -> None:
    vae = published_vae(tmp_path)
    steps = 40
    unbroken = flow_run(tmp_path, vae, steps=steps, name="unbroken")
    assert train(unbroken) is Ending.finished

    broken = flow_file(tmp_path, vae, steps=steps, name="broken")
    _kill_after_first_checkpoint(broken, tmp_path / "broken")
    assert newest(tmp_path / "broken").step < steps
    run = read_run(broken)
    assert isinstance(run, Run)
    train(run)

    assert "resume" in events(tmp_path / "broken")
    a, b = newest(tmp_path / "unbroken"), newest(tmp_path / "broken")
    assert a.step == b.step == steps
    assert differing(a, b) == []
    assert a.state["random"] == b.state["random"]
    assert a.state["examples"] == b.state["examples"]


def _kill_after_first_checkpoint(file: Path, folder: Path) -> None:
    """SIGKILL a moment after the first checkpoint, in the middle of some later step."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "training.train", str(file)]
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 120
        while not checkpoints.found(folder):
            assert process.poll() is None, "the run ended before its first checkpoint"
            assert time.monotonic() < deadline, "no checkpoint within two minutes"
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)


@pytest.mark.parametrize("stop_after", [1, 7])
def test_a_stopped_vae_run_resumes_exactly(tmp_path: Path, stop_after: int) -> None:
    trainer_of(vae_run(tmp_path, name="unbroken")).train()
    first = trainer_of(vae_run(tmp_path, name="broken"))
    _stop_at(first, stop_after)
    assert first.train() is Ending.stopped
    assert newest(tmp_path / "broken").step == stop_after
    torch.manual_seed(99)  # whatever happened in between
    assert trainer_of(vae_run(tmp_path, name="broken")).train() is Ending.finished
    assert differing(newest(tmp_path / "unbroken"), newest(tmp_path / "broken")) == []


def _stop_at(trainer: object, step: int) -> None:
    original = trainer.train_step  # type: ignore[attr-defined]

    def train_step(batch: object) -> dict[str, float]:
        numbers = original(batch)
        if trainer.step == step:  # type: ignore[attr-defined]
            trainer.stop()  # type: ignore[attr-defined]
        return numbers

    trainer.train_step = train_step  # type: ignore[attr-defined]


def test_sigterm_leaves_a_checkpoint_and_ends(tmp_path: Path) -> None:
    trainer = trainer_of(vae_run(tmp_path))
    original = trainer.train_step

    def train_step(batch: object) -> dict[str, float]:
        if trainer.step == 2:
            signal.raise_signal(signal.SIGTERM)
        return original(batch)

    trainer.train_step = train_step  # type: ignore[method-assign]
    before = signal.getsignal(signal.SIGTERM)
    assert trainer.train() is Ending.stopped
    assert newest(tmp_path / "vae").step == 3
    assert signal.getsignal(signal.SIGTERM) is before


def test_the_time_limit_leaves_a_checkpoint_and_ends(tmp_path: Path) -> None:
    import dataclasses

    run = dataclasses.replace(vae_run(tmp_path), hours=1e-9)
    assert trainer_of(run).train() is Ending.time_limit
    assert newest(tmp_path / "vae").step == 1


@pytest.mark.parametrize("what", ["loss", "gradient"])
def test_a_number_that_is_none_stops_before_the_weights_change(tmp_path: Path, what: str) -> None:
    trainer = trainer_of(vae_run(tmp_path))
    objective, original = trainer.objective, trainer.objective.loss

    def loss(batch: object, generator: torch.Generator) -> tuple[torch.Tensor, dict[str, float]]:
        value, numbers = original(batch, generator)
        if trainer.step < 6:
            return value, numbers
        bad = torch.nan if what == "loss" else 0.0
        # the gradient of sqrt at zero is infinite, its value is fine
        return value * (1.0 if what == "gradient" else bad) + (value * 0).sqrt(), numbers

    objective.loss = loss  # type: ignore[method-assign]
    with pytest.raises(NonFiniteLoss, match=f"the {what} of step 6 is"):
        trainer.train()
    saved = newest(tmp_path / "vae")
    assert saved.step == 5
    assert all(parameter.isfinite().all() for parameter in trainer.parameters.values())
    assert "non-finite" in events(tmp_path / "vae")


def test_a_damaged_newest_checkpoint_is_reported_and_the_one_before_taken(tmp_path: Path) -> None:
    trainer_of(vae_run(tmp_path)).train()
    before = checkpoints.found(tmp_path / "vae")
    damaged = before[0] / "weights.safetensors"
    data = bytearray(damaged.read_bytes())
    data[-1] ^= 1
    damaged.write_bytes(data)
    trainer = trainer_of(vae_run(tmp_path))
    trainer.resume()
    assert trainer.step == int(before[1].name.removeprefix("step-"))
    skipped = [r for r in read_log(tmp_path / "vae") if r["event"] == "skipped"]
    assert [r["path"] for r in skipped] == [before[0].name]
    assert "weights.safetensors" in skipped[0]["reason"]


def test_a_full_disk_pauses_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = trainer_of(vae_run(tmp_path, steps=6))
    trainer.disk_wait_s = 0.01
    original, failures = checkpoints.save_file, iter([True, True])

    def save_file(*args: object, **values: object) -> None:
        if next(failures, False):
            raise OSError(errno.ENOSPC, "No space left on device")
        original(*args, **values)  # type: ignore[arg-type]

    monkeypatch.setattr(checkpoints, "save_file", save_file)
    assert trainer.train() is Ending.finished
    assert events(tmp_path / "vae").count("disk full") == 2
    assert newest(tmp_path / "vae").step == 6


def test_a_checkpoint_of_other_networks_is_refused(tmp_path: Path) -> None:
    trainer_of(vae_run(tmp_path, steps=2)).train()
    run = vae_run(tmp_path, steps=2)
    object.__setattr__(run.network, "base_dim", 8)
    with pytest.raises(CheckpointError, match="for other networks"):
        trainer_of(run).resume()


def test_two_programs_cannot_train_in_one_folder(tmp_path: Path) -> None:
    from training.errors import TrainingError
    from training.locks import locked

    with locked(tmp_path), pytest.raises(TrainingError, match="another training program"):
        with locked(tmp_path):
            pass
    with locked(tmp_path):
        pass
