"""The program `train RUN.toml`: builds what a run file names, trains it, leaves what it made.

    python -m training.train RUN.toml

Made for the same output folder again, a run goes on from its newest checkpoint.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import torch

from training import random_states
from training.config import AnyRun, FlowRun, Run, VaeRun, output_folder, read_run
from training.errors import ConfigError
from training.locks import locked
from training.log import Log
from training.program import run_program
from training.trainer import Ending, Objective, Trainer


def main(arguments: Sequence[str] | None = None) -> int:
    """Trains the one run named."""
    return run_program("train", "RUN.toml", arguments, lambda path: train(read_run(path)))


def train(run: AnyRun) -> Ending:
    """Trains to the run's end, a signal or its time limit."""
    if not isinstance(run, Run):
        raise ConfigError(f"kind {run.kind!r} is nothing to train; use `prepare` or `evaluate`")
    folder = output_folder(run)
    with locked(folder):
        torch.set_num_threads(run.threads)
        random_states.seed(run.seed)
        trainer = Trainer(run, make_objective(run), folder, Log(folder))
        ending = trainer.train()
        if ending is Ending.finished:
            _export(run)
    return ending


def make_objective(run: Run) -> Objective:
    """Networks, examples and loss of a run; random weights come from torch's own state."""
    if run.device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("device is 'cuda', but this machine has no CUDA device; choose 'cpu'")
    if run.device == "mps" and not torch.backends.mps.is_available():
        raise ConfigError("device is 'mps', but this machine has none; choose 'cpu'")
    if isinstance(run, VaeRun):
        from training import vae

        return vae.make_objective(run)
    if isinstance(run, FlowRun):
        from training import flow

        return flow.make_objective(run)
    raise ConfigError(f"kind {run.kind!r} has no objective")


def _export(run: Run) -> None:
    """A finished VAE is of use at once; transformers wait for `prepare`."""
    if isinstance(run, VaeRun):
        from training.prepare import export_vae

        export_vae(run)


if __name__ == "__main__":
    sys.exit(main())
