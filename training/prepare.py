"""The program `prepare RUN.toml`: from checkpoints of runs to folders in the published layout.

    python -m training.prepare RUN.toml

A VAE's run becomes a `vae` folder beside its checkpoints; a starter's becomes a whole model.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from torch import nn

from training import checkpoints, optim
from training.config import AnyRun, VaeRun, output_folder, read_run, resolve_input
from training.data.synthesis import PosterStream
from training.errors import CheckpointError, ConfigError, TrainingError
from training.posters import held_out_pixels
from training.published import load_vae, replace_vae

USAGE_STATUS = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Prepares what one run file names and prints the folder; 2 and one line for any fault."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if len(arguments) != 1:
        print("usage: prepare RUN.toml", file=sys.stderr)
        return USAGE_STATUS
    try:
        print(prepare(read_run(Path(arguments[0])), Path(arguments[0]).parent))
    except TrainingError as error:
        print(f"error: {error}", file=sys.stderr)
        return USAGE_STATUS
    return 0


def prepare(run: AnyRun, beside: Path) -> Path:
    """The folder made from a run; a starter's folder is relative to its run file."""
    if isinstance(run, VaeRun):
        return export_vae(run)
    raise ConfigError(f"kind {run.kind!r} is nothing to prepare; use a vae or a starter")


def export_vae(run: VaeRun) -> Path:
    """`vae/` beside the checkpoints: averaged weights, and statistics of their latents."""
    from training.vae import make_vae, with_statistics

    folder = output_folder(run)
    vae = make_vae(run.network, run.latent_noise)
    load_averaged(folder, {"vae": vae})
    if run.freeze_encoder:
        vae.config = load_vae(resolve_input(run.start)).config
    else:
        stream = PosterStream(run.data, run.seed)
        vae.config = with_statistics(vae, held_out_pixels(stream, run.statistics_posters))
    replace_vae(vae, folder / "vae")
    return folder / "vae"


def load_averaged(path: Path, modules: dict[str, nn.Module]) -> int:
    """Averaged weights of a run's newest checkpoint (or of one checkpoint); returns its step."""
    if (path / checkpoints.MANIFEST).exists():
        found = checkpoints.read(path)
    else:
        found = checkpoints.newest(path, _say_skipped)
    if found is None:
        raise CheckpointError(f"{path}: holds no checkpoint that verifies; train the run first")
    parameters = {
        f"{module}.{name}": parameter
        for module, network in modules.items()
        for name, parameter in network.named_parameters()
    }
    theirs = found.tensors.get("ema", {})
    wrong = sorted(
        name
        for name, parameter in parameters.items()
        if name not in theirs or theirs[name].shape != parameter.shape
    )
    if wrong:
        raise CheckpointError(
            f"{path}: {len(wrong)} tensors are missing or of another shape, first {wrong[0]}; "
            "its run had another network"
        )
    optim.copy_tensors({name: theirs[name] for name in parameters}, parameters)
    return found.step


def _say_skipped(path: Path, reason: str) -> None:
    print(f"skipped {path.name}: {reason}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
