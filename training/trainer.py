"""The loop of every run: batches, a loss, one step of the optimiser, checkpoints and samples.

Knows no objective: what is trained, on what and by which loss comes as an `Objective`.
"""

from __future__ import annotations

import dataclasses
import errno
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from training import checkpoints, optim, random_states
from training.batches import Collate, Examples, batches
from training.checkpoints import Checkpoint
from training.config import Run
from training.errors import CheckpointError, NonFiniteLoss
from training.log import Log

DISK_WAIT_S = 30.0


class Ending(Enum):
    """Why `Trainer.train` came back."""

    finished = "finished"
    stopped = "stopped"
    time_limit = "time limit"


class Objective(Protocol):
    """What a run trains: networks, the examples they see, and the loss of a batch."""

    @property
    def modules(self) -> Mapping[str, nn.Module]: ...

    @property
    def examples(self) -> Examples: ...

    @property
    def collate(self) -> Collate:
        """From a list of examples to a batch."""
        ...

    @property
    def examples_per_batch(self) -> int: ...

    def prepare_step(self, step: int) -> None:
        """Called before every step; must depend on `step` alone, so that a resume repeats it."""
        ...

    def loss(self, batch: Any, generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        """The loss, and numbers for the log; all randomness comes from `generator`."""
        ...

    def write_sheet(self, path: Path) -> dict[str, float]:
        """Samples as one PNG, from the weights the modules hold; returns numbers for the log."""
        ...


class Trainer:
    """One run in one folder. Made for the same folder again, it goes on where it was."""

    def __init__(self, run: Run, objective: Objective, folder: Path, log: Log) -> None:
        self.run, self.objective, self.folder, self.log = run, objective, folder, log
        self.parameters = optim.named_parameters(objective.modules)
        self.optimizer = optim.make_optimizer(self.parameters.items(), run.optimizer)
        self.ema = optim.Ema(self.parameters, run.optimizer.ema_decay)
        self.generator = torch.Generator("cpu").manual_seed(run.seed)
        self.step = 0
        self.seconds = 0.0
        self.disk_wait_s = DISK_WAIT_S
        self._stop = threading.Event()
        self._saved_step, self._saved_at = 0, time.monotonic()

    def train(self) -> Ending:
        """To the last step, a signal or the time limit; every ending leaves a checkpoint."""
        self.resume()
        started, before = time.monotonic(), self.seconds
        meter = _Meter(self.run.batch)
        with self._signals():
            for batch in self._batches():
                numbers = self.train_step(batch)
                self.seconds = before + time.monotonic() - started
                self._report(meter, numbers)
                ending = self._ending(time.monotonic() - started)
                if ending is not None or self._is_checkpoint_due():
                    self.save()
                if ending is not None:
                    self.log.write("end", step=self.step, reason=ending.value)
                    return ending
        return Ending.finished

    def train_step(self, batch: Any) -> dict[str, float]:
        """One step of the optimiser; NonFiniteLoss is raised before any weight has changed."""
        self.objective.prepare_step(self.step)
        rate = optim.learning_rate(self.run.optimizer, self.step, self.run.steps)
        optim.set_learning_rate(self.optimizer, rate)
        self.optimizer.zero_grad(set_to_none=True)
        loss, numbers = self.objective.loss(batch, self.generator)
        self._check_finite("loss", loss.item())
        loss.backward()
        norm = optim.clip(self.parameters.values(), self.run.optimizer.clip_norm)
        self._check_finite("gradient", norm)
        self.optimizer.step()
        self.ema.update(self.parameters, self.step)
        self.step += 1
        return {"loss": loss.item(), "gradient": norm, "rate": rate} | numbers

    def save(self) -> None:
        """Writes a checkpoint; a full disk pauses the run until there is room or a stop."""
        checkpoint = self.checkpoint()
        while True:
            try:
                path = checkpoints.write(self.folder, checkpoint, self.run.keep)
                break
            except OSError as error:
                if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                    raise CheckpointError(f"{self.folder}: cannot be written ({error})") from None
                self._say_disk_full()
                if self._stop.wait(self.disk_wait_s):
                    raise CheckpointError(f"{self.folder}: no room for a checkpoint") from None
        self._saved_step, self._saved_at = self.step, time.monotonic()
        self.log.write("saved", step=self.step, path=path.name)

    def checkpoint(self) -> Checkpoint:
        states, random_json = random_states.capture(self.generator)
        return Checkpoint(
            step=self.step,
            tensors={
                "weights": self.parameters,
                "ema": self.ema.tensors,
                "optimizer": self._optimizer_tensors(),
                "random": states,
            },
            state={
                "kind": self.run.kind,
                "options": dataclasses.asdict(self.run),
                "examples": self.step * self.objective.examples_per_batch,
                "seconds": self.seconds,
                "random": random_json,
            },
        )

    def resume(self) -> None:
        """Takes up the newest checkpoint that verifies, if there is one."""
        found = checkpoints.newest(self.folder, self._report_skipped)
        if found is None:
            self.log.write("start", step=0, options=dataclasses.asdict(self.run))
            return
        self._check_fits(found)
        self._restore(found)
        self.log.write("resume", step=self.step, changed=self._changed_options(found))

    def stop(self) -> None:
        """Ends the run after the step in progress."""
        self._stop.set()

    def _batches(self) -> Iterator[Any]:
        first = self.step * self.objective.examples_per_batch
        count = self.run.steps - self.step
        size = self.objective.examples_per_batch
        return batches(
            self.objective.examples, self.objective.collate, first, size, count, self.run.workers
        )

    def _report(self, meter: _Meter, numbers: dict[str, float]) -> None:
        meter.add(numbers)
        if self.step % self.run.log_steps == 0 or self.step == self.run.steps:
            self.log.write("step", step=self.step, seconds=self.seconds, **meter.take())
        every = self.run.sample_steps
        if every and (self.step % every == 0 or self.step == self.run.steps):
            self.sample()
            meter.restart()

    def sample(self) -> None:
        """A sheet of samples from the averaged weights."""
        path = self.folder / "samples" / f"step-{self.step:09d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        # No inference mode: what a network caches in there could take no part in later steps.
        with self.ema.swapped(self.parameters), torch.no_grad():
            numbers = self.objective.write_sheet(path)
        self.log.write("sample", step=self.step, path=path.name, **numbers)

    def _ending(self, seconds: float) -> Ending | None:
        if self.step >= self.run.steps:
            return Ending.finished
        if self._stop.is_set():
            return Ending.stopped
        if self.run.hours and seconds >= self.run.hours * 3600:
            return Ending.time_limit
        return None

    def _is_checkpoint_due(self) -> bool:
        minutes = (time.monotonic() - self._saved_at) / 60
        steps = self.step - self._saved_step
        return steps >= self.run.checkpoint_steps or minutes >= self.run.checkpoint_minutes

    def _check_finite(self, what: str, value: float) -> None:
        if not math.isfinite(value):
            self.log.write("non-finite", step=self.step, what=what, value=value)
            raise NonFiniteLoss(
                f"{self.run.name}: the {what} of step {self.step} is {value}; the checkpoints are "
                "from before. Lower optimizer.learning_rate and start the run again"
            )

    def _optimizer_tensors(self) -> dict[str, Tensor]:
        return {
            f"{key}.{name}": value
            for name, parameter in self.parameters.items()
            for key, value in self.optimizer.state.get(parameter, {}).items()
        }

    def _check_fits(self, found: Checkpoint) -> None:
        theirs = {name: tuple(t.shape) for name, t in found.tensors.get("weights", {}).items()}
        ours = {name: tuple(p.shape) for name, p in self.parameters.items()}
        if theirs != ours:
            differing = sorted(n for n in theirs | ours if theirs.get(n) != ours.get(n))
            raise CheckpointError(
                f"{self.folder}: its checkpoint is for other networks ({len(differing)} tensors "
                f"differ, first {differing[0]}); choose another name or folder for this run"
            )

    def _restore(self, found: Checkpoint) -> None:
        optim.copy_tensors(found.tensors["weights"], self.parameters)
        optim.copy_tensors(found.tensors["ema"], self.ema.tensors)
        self._restore_optimizer(found.tensors.get("optimizer", {}))
        tensors = dict(found.tensors["random"])
        random_states.restore(tensors, found.state["random"], self.generator)
        self.step = self._saved_step = found.step
        self.seconds = float(found.state["seconds"])

    @torch.no_grad()
    def _restore_optimizer(self, tensors: Mapping[str, Tensor]) -> None:
        self.optimizer.state.clear()
        for key, tensor in tensors.items():
            kind, name = key.split(".", 1)
            parameter = self.parameters[name]
            value = tensor.to(parameter.device)
            if value.shape == parameter.shape:
                # The fused step walks memory: its states must lie as the parameter does.
                value = torch.empty_like(parameter).copy_(value)
            self.optimizer.state[parameter][kind] = value

    def _changed_options(self, found: Checkpoint) -> list[str]:
        theirs, ours = found.state.get("options", {}), dataclasses.asdict(self.run)
        return sorted(k for k in ours if _as_json(ours[k]) != _as_json(theirs.get(k)))

    def _report_skipped(self, path: Path, reason: str) -> None:
        self.log.write("skipped", path=path.name, reason=reason)

    def _say_disk_full(self) -> None:
        self.log.write("disk full", step=self.step, waiting_s=self.disk_wait_s)

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """SIGTERM and SIGINT end the run with a checkpoint; only a main thread may ask for them."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        kinds = (signal.SIGTERM, signal.SIGINT)
        before: list[Any] = [signal.signal(kind, lambda *_: self.stop()) for kind in kinds]
        try:
            yield
        finally:
            for kind, handler in zip(kinds, before, strict=True):
                signal.signal(kind, handler)


class _Meter:
    """Means of the numbers since the last report, and samples a second."""

    def __init__(self, batch: int, now: Callable[[], float] = time.monotonic) -> None:
        self.batch, self.now = batch, now
        self.restart()

    def restart(self) -> None:
        self.sums: dict[str, float] = {}
        self.counts: dict[str, int] = {}
        self.steps, self.since = 0, self.now()

    def add(self, numbers: Mapping[str, float]) -> None:
        self.steps += 1
        for key, value in numbers.items():
            self.sums[key] = self.sums.get(key, 0.0) + value
            self.counts[key] = self.counts.get(key, 0) + 1

    def take(self) -> dict[str, float]:
        means = {key: value / self.counts[key] for key, value in self.sums.items()}
        rate = self.steps * self.batch / max(1e-9, self.now() - self.since)
        self.restart()
        return means | {"samples_per_s": rate}


def _as_json(value: Any) -> Any:
    """Tuples as the lists that JSON makes of them, so that options compare equal."""
    if isinstance(value, dict):
        return {key: _as_json(item) for key, item in value.items()}
    return [_as_json(item) for item in value] if isinstance(value, list | tuple) else value
