"""Ours against diffusers on the CPU: the same checkpoint, the same inputs, in one interleaved run.

Times are processor seconds on one thread, the least of all samples: other programs on the machine
then matter little. Start-up and memory are measured in fresh processes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from model import loader
from model.bench.fresh import PROMPT, open_reference
from model.errors import ModelError
from model.pipelines.inputs import Networks, grid_of
from model.requests import TextToImage

SEED = 5
GUIDANCE = 4.0


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table; `goal` is the ratio we want to stay under."""

    name: str
    ours: float
    reference: float
    unit: str
    goal: float | None = None

    def __str__(self) -> str:
        ratio = self.ours / self.reference
        goal = "" if self.goal is None else f"{self.goal:.2f}"
        return (
            f"| {self.name} | {self.ours:.1f} {self.unit} | {self.reference:.1f} {self.unit} "
            f"| {ratio:.2f} | {goal} |"
        )


def table(folder: Path, samples: int, steps: int) -> str:
    """The comparison as Markdown; ModelError if diffusers is not there or the pictures differ."""
    torch.set_num_threads(1)
    model = loader.load(folder)
    try:
        reference = open_reference(folder)
    except ImportError as error:
        raise ModelError("diffusers is not installed; pip install 'inkstone[test]'") from error
    with torch.inference_mode():
        forward, forward_error = _forward(model.networks, reference, samples)
        vae, vae_error = _vae(model.networks, reference, samples)
        run, levels = _whole_run(model, reference, max(samples // 4, 2), steps)
    lines = [
        "| what | ours | diffusers | ratio | goal |",
        "|---|---:|---:|---:|---:|",
        *(str(row) for row in (forward, vae, run, *_fresh(folder))),
        "",
        f"Greatest difference: forward {forward_error:.1e}, VAE {vae_error:.1e}, "
        f"picture {levels} of 255. {folder.name}, float32, one thread, "
        f"torch {torch.__version__}, least of {samples} interleaved samples.",
    ]
    return "\n".join(lines)


def _forward(networks: Networks, reference: Any, samples: int) -> tuple[Row, float]:
    torch.manual_seed(0)
    grid = grid_of(networks, *networks.row.sizes[0])
    text = networks.text_encoder.encode([PROMPT])
    img = torch.randn(1, grid[1] * grid[2], networks.transformer.config.in_channels)
    sigma = torch.tensor([0.7])

    def ours() -> Tensor:
        return networks.transformer(img, text.states, sigma, [grid], text.valid)

    def theirs() -> Tensor:
        return reference.transformer(
            hidden_states=img,
            encoder_hidden_states=text.states,
            timestep=sigma,
            img_shapes=[[grid]],
            return_dict=False,
        )[0]

    times = interleaved((ours, theirs), samples)
    error = _difference(ours(), theirs())
    return _row("transformer forward", times, goal=0.9), error


def _vae(networks: Networks, reference: Any, samples: int) -> tuple[Row, float]:
    width, height = networks.row.sizes[0]
    pixels = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(1)) * 2 - 1
    vae = networks.vae

    def ours() -> Tensor:
        return vae.decode(vae.encode(pixels))

    def theirs() -> Tensor:
        mode = reference.vae.encode(pixels[:, :, None]).latent_dist.mode()
        return reference.vae.decode(mode, return_dict=False)[0][:, :, 0]

    times = interleaved((ours, theirs), samples)
    return _row("VAE encode + decode", times, goal=0.35), _difference(ours(), theirs())


def _whole_run(model: loader.Model, reference: Any, samples: int, steps: int) -> tuple[Row, int]:
    width, height = model.row.sizes[0]
    request = TextToImage(prompt=PROMPT, steps=steps, guidance=GUIDANCE, seed=SEED)

    def ours() -> bytes:
        return model.run(request).pictures[0].data

    def theirs() -> bytes:
        return (
            reference(
                prompt=PROMPT,
                negative_prompt=model.row.negative,
                true_cfg_scale=GUIDANCE,
                width=width,
                height=height,
                num_inference_steps=steps,
                generator=torch.Generator("cpu").manual_seed(SEED),
            )
            .images[0]
            .tobytes()
        )

    times = interleaved((ours, theirs), samples)
    levels = max(abs(a - b) for a, b in zip(ours(), theirs(), strict=True))
    if levels > 1:
        raise ModelError(f"the pictures differ by {levels} of 255; times mean nothing")
    return _row(f"whole run, {steps} steps, guidance {GUIDANCE:g}", times, goal=0.8), levels


def interleaved(sides: tuple[Callable[[], object], ...], samples: int) -> list[float]:
    """Least processor seconds of each side; the sides take turns, after one round to warm up."""
    best = [float("inf")] * len(sides)
    for number in range(samples + 1):
        for index, side in enumerate(sides):
            began = time.process_time()
            side()
            if number:
                best[index] = min(best[index], time.process_time() - began)
    return best


def _fresh(folder: Path) -> list[Row]:
    """Start-up to the first picture, and the memory it took, each in processes of their own."""
    runs = [
        (_in_new_process("ours", folder), _in_new_process("diffusers", folder)) for _ in range(2)
    ]
    ours = [pair[0] for pair in runs]
    theirs = [pair[1] for pair in runs]
    rows = [
        Row(
            name=name,
            ours=min(r[key] for r in ours),
            reference=min(r[key] for r in theirs),
            unit=unit,
        )
        for name, key, unit in (
            ("start to loaded", "loaded_s", "s"),
            ("start to first picture", "picture_s", "s"),
            ("peak memory", "peak_mb", "MB"),
        )
    ]
    return [row for row in rows if row.ours > 0]  # no memory counter on Windows


def _in_new_process(side: str, folder: Path) -> dict[str, float]:
    root = Path(__file__).resolve().parents[2]
    found = subprocess.run(
        [sys.executable, "-m", "model.bench.fresh", side, str(folder.resolve())],
        cwd=root,
        env={**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if found.returncode:
        raise ModelError(f"the fresh process for {side} failed: {found.stderr[-500:]}")
    return json.loads(found.stdout.splitlines()[-1])


def _row(name: str, times: list[float], goal: float) -> Row:
    ours, reference = times
    return Row(name=name, ours=1000 * ours, reference=1000 * reference, unit="ms", goal=goal)


def _difference(ours: Tensor, reference: Tensor) -> float:
    return (ours - reference).abs().max().item()
