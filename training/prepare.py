"""The program `prepare RUN.toml`: from checkpoints of runs to folders in the published layout.

    python -m training.prepare RUN.toml

A VAE's run becomes a `vae` folder beside its checkpoints; a starter's becomes a whole model.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import mean
from typing import Any

import torch
from torch import Tensor, nn
from transformers import Qwen2_5_VLModel, Qwen2Tokenizer

from model.checkpoint.folder import is_model_folder
from model.checkpoint.save import Published, save
from model.config import SchedulerConfig
from model.loader import load
from model.vae import Vae
from training import checkpoints, optim
from training.checkpoints import Checkpoint
from training.config import (
    AnyRun,
    FlowRun,
    StarterRun,
    VaeRun,
    output_folder,
    read_run,
    resolve_input,
)
from training.data.synthesis import PosterStream
from training.encoder import STARTER_ROW
from training.errors import CheckpointError, ConfigError
from training.growth import grown_config, is_grown_from, latent_distance
from training.new_words import table_for
from training.options import from_table
from training.posters import held_out_pixels
from training.program import run_program
from training.published import load_vae, replace_vae

SETTINGS_VERSION = 1
GROWN_DISTANCE = 0.01
"""Mean square by which a grown VAE's latents may differ, in variances of each channel."""
GROWN_POSTERS = 16
TABLE = "text_encoder.language_model.embed_tokens.weight"


def main(arguments: Sequence[str] | None = None) -> int:
    """Prepares what one run file names and prints the folder."""
    return run_program(
        "prepare",
        "RUN.toml",
        arguments,
        lambda path: print(prepare(read_run(path), path.resolve().parent)),
    )


def prepare(run: AnyRun, beside: Path) -> Path:
    """The folder made from a run; a starter's folder is relative to its run file."""
    if isinstance(run, VaeRun):
        return export_vae(run)
    if isinstance(run, StarterRun):
        return assemble(run, beside / Path(run.folder).expanduser())
    raise ConfigError(f"kind {run.kind!r} is nothing to prepare; use a vae or a starter")


def export_vae(run: VaeRun) -> Path:
    """`vae/` beside the checkpoints: averaged weights, and statistics of their latents."""
    from training.vae import with_statistics
    from training.vae_start import make_vae

    folder = output_folder(run)
    vae = make_vae(run.network, run.latent_noise)
    load_averaged(newest_checkpoint(folder), {"vae": vae})
    start = load_vae(resolve_input(run.start)).config if run.start else None
    if start is not None and is_grown_from(start, run.network.dim_mult):
        vae.config = grown_config(start)
    elif start is not None and run.freeze_encoder:
        vae.config = start
    else:
        stream = PosterStream(run.data, run.seed)
        vae.config = with_statistics(vae, held_out_pixels(stream, run.statistics_posters))
    replace_vae(vae, folder / "vae")
    return folder / "vae"


def assemble(run: StarterRun, folder: Path) -> Path:
    """A whole model folder in bf16, and `inkstone.json` with what a reader of it should use."""
    from training.flow import make_networks

    checkpoint = newest_checkpoint(resolve_input(run.run))
    flow = trained_as(checkpoint)
    vae = load_vae(resolve_input(run.vae))
    growth = check_same_latents(vae, resolve_input(flow.vae), flow)
    transformer, encoder = make_networks(flow, vae.config.z_dim)
    network = encoder.network
    assert isinstance(network, Qwen2_5_VLModel), "the starter is of the family of 1.x"
    load_averaged(checkpoint, {"transformer": transformer, "text_encoder": network})
    published = Published(
        pipeline=STARTER_ROW.pipeline,
        transformer=transformer,
        vae=vae,
        text_encoder=network,
        tokenizer=encoder.tokenizer,
        images=encoder.image_config,
        scheduler=SchedulerConfig(),
        settings=_settings(run, flow, growth),
    )
    save(published, folder, dtype=torch.bfloat16)
    return folder


def _settings(run: StarterRun, flow: FlowRun, growth: int) -> dict[str, Any]:
    """`growth`: sides of a reference are so many times those of training."""
    return {
        "version": SETTINGS_VERSION,
        "condition_area": flow.condition_area_px,
        "reference_area": flow.reference_area_px * growth**2,
        "sizes": run.sizes,
        "steps": run.steps,
        "guidance": run.guidance,
        "notice": run.notice,
    }


def trained_as(checkpoint: Checkpoint) -> FlowRun:
    """The run that a checkpoint of transformer and encoder comes from."""
    if checkpoint.state.get("kind") != FlowRun.kind:
        raise CheckpointError(f"the checkpoint is of a {checkpoint.state.get('kind')!r} run")
    return from_table(FlowRun, checkpoint.state.get("options"))


def check_same_latents(vae: Vae, trained_with: Path, flow: FlowRun) -> int:
    """How many times as many pixels a latent spans as in training; refuses a VAE whose latents are
    not those that the transformer has learned."""
    theirs = load_vae(trained_with)
    if is_grown_from(theirs.config, vae.config.dim_mult):
        return _check_grown(vae, theirs, flow)
    ours = vae.state_dict()
    differs = any(
        not torch.equal(tensor, ours.get(name, torch.empty(0)))
        for name, tensor in theirs.state_dict().items()
        if name.startswith(("encoder.", "quant_conv."))
    )
    statistics = ("latents_mean", "latents_std")
    if differs or any(getattr(vae.config, n) != getattr(theirs.config, n) for n in statistics):
        raise ConfigError(
            f"vae: its encoder is not that of {trained_with}, which the run was trained with"
        )
    return 1


def _check_grown(vae: Vae, small: Vae, flow: FlowRun) -> int:
    scale = vae.config.scale // small.config.scale
    stream = PosterStream(replace(flow.data, scale=scale * flow.data.scale), flow.seed)
    with torch.inference_mode():
        distance = mean(
            latent_distance(vae, small, poster[None]).item()
            for poster in held_out_pixels(stream, GROWN_POSTERS)
        )
    if distance > GROWN_DISTANCE:
        raise ConfigError(
            f"vae: its latents differ from those of training by {distance:.3f} of their variance; "
            f"at most {GROWN_DISTANCE}. Train it longer, with a larger grow_weight"
        )
    return scale


def newest_checkpoint(path: Path) -> Checkpoint:
    """The newest checkpoint of a run's folder that verifies, or the one that `path` is."""
    if (path / checkpoints.MANIFEST).exists():
        return checkpoints.read(path)
    found = checkpoints.newest(path, _say_skipped)
    if found is None:
        raise CheckpointError(f"{path}: holds no checkpoint that verifies; train the run first")
    return found


def load_start(path: Path, modules: Mapping[str, nn.Module], tokenizer: Qwen2Tokenizer) -> None:
    """Weights to begin from into networks: a run's average, or those of a model folder, whose
    tokenizer may know other words."""
    if not is_model_folder(path):
        load_averaged(newest_checkpoint(path), modules)
        return
    networks = load(path).networks
    encoder = networks.text_encoder
    encoder.open_eye()
    theirs = {"transformer": networks.transformer, "text_encoder": encoder.network}
    tensors: dict[str, Tensor] = dict(optim.named_parameters(theirs))
    if encoder.tokenizer.get_vocab() != tokenizer.get_vocab():
        tensors[TABLE] = table_for(tokenizer, encoder.tokenizer, tensors[TABLE])
    _copy_strictly(tensors, modules, str(path))


def load_averaged(checkpoint: Checkpoint, modules: Mapping[str, nn.Module]) -> None:
    """The averaged weights of a run into its networks, strictly."""
    averaged = checkpoint.tensors.get("ema", {})
    _copy_strictly(averaged, modules, f"checkpoint of step {checkpoint.step}")


def _copy_strictly(
    theirs: Mapping[str, Tensor], modules: Mapping[str, nn.Module], where: str
) -> None:
    parameters = optim.named_parameters(modules)
    wrong = sorted(
        name
        for name in {*parameters, *theirs}
        if name not in parameters
        or name not in theirs
        or theirs[name].shape != parameters[name].shape
    )
    if wrong:
        raise CheckpointError(
            f"{where}: {len(wrong)} tensors are missing, extra or of another shape, "
            f"first {wrong[0]}; it is of another network"
        )
    optim.copy_tensors(theirs, parameters)


def _say_skipped(path: Path, reason: str) -> None:
    print(f"skipped {path.name}: {reason}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
