"""Runs small enough for a test: run files, a tiny published VAE, and what a run left behind."""

from __future__ import annotations

from pathlib import Path

import torch

from training import checkpoints, random_states
from training.checkpoints import Checkpoint
from training.config import FlowRun, VaeNetwork, VaeRun, read_run
from training.log import Log
from training.published import replace_vae
from training.train import make_objective
from training.trainer import Trainer
from training.vae_start import make_vae

VAE_TEXT = """
kind = "vae"
name = "tiny-vae"
folder = "{folder}"
steps = {steps}
batch = 4
crop_px = 16
crops_per_poster = 2
checkpoint_steps = 5
sample_steps = 0
statistics_posters = 2
[network]
base_dim = 4
z_dim = 8
dim_mult = [1, 1, 1, 1]
[optimizer]
warmup_steps = 2
[data]
size_px = 128
"""

FLOW_TEXT = """
kind = "flow_matching"
name = "tiny-flow"
folder = "{folder}"
vae = "{vae}"
steps = {steps}
batch = 4
checkpoint_steps = 5
sample_steps = 0
log_steps = 1
condition_area_px = 4096
reference_area_px = 4096
[network]
num_layers = 2
num_attention_heads = 2
attention_head_dim = 16
axes_dims_rope = [4, 6, 6]
[encoder]
hidden_size = 32
num_layers = 1
num_heads = 2
intermediate_size = 32
vision_size = 16
vision_layers = 1
vision_heads = 2
vision_intermediate_size = 16
[optimizer]
warmup_steps = 2
learning_rate = 2e-3
[data]
size_px = 128
edits = 0.5
edit_group = 2
[samples]
count = 2
steps = 2
"""


def vae_file(folder: Path, *, steps: int = 12, name: str = "vae") -> Path:
    path = folder / f"{name}.toml"
    path.write_text(VAE_TEXT.format(folder=(folder / name).as_posix(), steps=steps))
    return path


def vae_run(folder: Path, *, steps: int = 12, name: str = "vae") -> VaeRun:
    run = read_run(vae_file(folder, steps=steps, name=name))
    assert isinstance(run, VaeRun)
    return run


def published_vae(folder: Path) -> Path:
    """A `vae` folder of random weights."""
    torch.manual_seed(0)
    network = VaeNetwork(base_dim=4, z_dim=8, dim_mult=(1, 1, 1, 1))
    replace_vae(make_vae(network, 0.05), folder / "published-vae")
    return folder / "published-vae"


def flow_file(folder: Path, vae: Path, *, steps: int = 12, name: str = "flow") -> Path:
    path = folder / f"{name}.toml"
    text = FLOW_TEXT.format(folder=(folder / name).as_posix(), vae=vae.as_posix(), steps=steps)
    path.write_text(text)
    return path


def flow_run(folder: Path, vae: Path, *, steps: int = 12, name: str = "flow") -> FlowRun:
    run = read_run(flow_file(folder, vae, steps=steps, name=name))
    assert isinstance(run, FlowRun)
    return run


def trainer_of(run: VaeRun | FlowRun) -> Trainer:
    """As the program builds it: the same seed gives the same networks."""
    random_states.seed(run.seed)
    folder = Path(run.folder)
    return Trainer(run, make_objective(run), folder, Log(folder, say=lambda _: None))


def newest(folder: Path) -> Checkpoint:
    found = checkpoints.newest(folder, lambda path, reason: None)
    assert found is not None
    return found


def differing(a: Checkpoint, b: Checkpoint) -> list[str]:
    """Names of tensors that are not bit for bit the same in both."""
    names = {(file, name) for c in (a, b) for file in c.tensors for name in c.tensors[file]}
    return sorted(
        f"{file}:{name}"
        for file, name in names
        if name not in a.tensors.get(file, {})
        or name not in b.tensors.get(file, {})
        or not torch.equal(a.tensors[file][name], b.tensors[file][name])
    )
