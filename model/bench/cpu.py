"""Ours against diffusers on the processor: the same weights, the same inputs, in one interleaved
run.

Networks of random weights at the dimensions below, then a whole model. Times are processor seconds
on one thread, so that other programs on the machine matter little; medians. Loading and memory are
measured in fresh processes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor

from model import loader
from model.bench import tiny
from model.bench.fresh import PROMPT, open_reference
from model.bench.networks import pack, random_transformer, reference_transformer, vaes
from model.bench.timing import HEAD, Row, timed
from model.config import TransformerConfig, VaeConfig
from model.errors import ModelError
from model.modules import Block
from model.quantize.schemes import SCHEMES
from model.requests import TextToImage
from model.transformer import tables_on

SEED = 5
GUIDANCE = 4.0
TEXT_TOKENS = 64
SIGMA = 0.7
LIMIT = 1e-4
"""Largest difference of values around one, in float32."""


@dataclass(frozen=True, kw_only=True)
class Size:
    """A transformer, and the square picture that it draws."""

    heads: int
    axes: tuple[int, int, int]
    layers: int
    side_px: int

    @property
    def config(self) -> TransformerConfig:
        return TransformerConfig(
            num_layers=self.layers,
            num_attention_heads=self.heads,
            attention_head_dim=sum(self.axes),
            axes_dims_rope=self.axes,
            joint_attention_dim=64,
        )

    @property
    def name(self) -> str:
        return f"width {self.config.dim:,}, {self.side_px} px"


LOADED = tiny.Tiny(
    pipeline=tiny.TEXT,
    layers=8,
    heads=6,
    axes=(16, 56, 56),
    text_width=64,
    text_heads=8,
    area=256 * 256,
)


@dataclass(frozen=True, kw_only=True)
class Dimensions:
    """What is compared. Of `forward` the middle size is run in every scheme, too; `loaded` is
    written to disk."""

    forward: tuple[Size, Size, Size] = (
        Size(heads=4, axes=(8, 12, 12), layers=6, side_px=256),
        Size(heads=4, axes=(16, 24, 24), layers=6, side_px=512),
        Size(heads=4, axes=(16, 56, 56), layers=3, side_px=1024),
    )
    block: Size = Size(heads=24, axes=(16, 56, 56), layers=1, side_px=256)
    vae: VaeConfig = field(default_factory=VaeConfig)
    vae_px: int = 128
    loaded: tiny.Tiny = LOADED


def table(folder: Path, samples: int, steps: int, dimensions: Dimensions | None = None) -> str:
    """The comparison as Markdown; ModelError if diffusers is not there or anything differs."""
    torch.set_num_threads(1)
    dimensions = dimensions or Dimensions()
    model = loader.load(folder)
    try:
        reference = open_reference(folder)
    except ImportError as error:
        raise ModelError("diffusers is not installed; pip install 'inkstone[test]'") from error
    small, middle, large = dimensions.forward
    with torch.inference_mode():
        rows = [
            *_forward(small, samples, ()),
            *_forward(middle, samples, tuple(SCHEMES)),
            *_forward(large, samples, ()),
            *_block(dimensions.block, samples),
            *_vae(dimensions, samples),
            _whole_run(model, reference, max(samples // 2, 2), steps),
        ]
    with tempfile.TemporaryDirectory() as scratch:
        written = tiny.write(dimensions.loaded, Path(scratch, "model"), dtype=torch.bfloat16)
        rows += _fresh("random model", "ours", written)
        rows += _fresh("modulation as a table", "ours with a table", written)
    rows += _fresh(folder.name, "ours", folder)
    return "\n".join(
        [
            HEAD,
            *map(str, rows),
            "",
            f"float32, one thread, torch {torch.__version__}, medians of {samples} interleaved "
            f"samples. Networks of both sides differ by less than {LIMIT:g}, the pictures of "
            f"{folder.name} by at most one of 255.",
        ]
    )


def _forward(size: Size, samples: int, schemes: Sequence[str]) -> Iterator[Row]:
    """With schemes also packed by each, against the reference at full precision."""
    network = random_transformer(size.config)
    reference = reference_transformer(network)
    tokens, text, sigma, grid = _inputs(size)

    def ours() -> Tensor:
        return network(tokens, text, sigma, [grid])

    def theirs() -> Tensor:
        return reference(
            hidden_states=tokens,
            encoder_hidden_states=text,
            timestep=sigma,
            img_shapes=[[grid]],
            return_dict=False,
        )[0]

    _compare(size.name, ours(), theirs())
    yield timed(f"forward, {size.name}", (ours, theirs), samples, goal=0.9)
    for scheme in schemes:
        network = random_transformer(size.config, scheme=scheme)
        yield timed(f"the same, {scheme}", (ours, theirs), samples)


def _block(size: Size, samples: int) -> Iterator[Row]:
    config = size.config
    network = random_transformer(config)
    reference = reference_transformer(network)
    _, _, sigma, grid = _inputs(size)
    chance = torch.Generator().manual_seed(2)
    img = torch.randn(1, grid[1] * grid[2], config.dim, generator=chance)
    txt = torch.randn(1, TEXT_TOKENS, config.dim, generator=chance)
    temb = network.time_text_embed(sigma)
    rope = tables_on((grid,), TEXT_TOKENS, config.axes_dims_rope, img.device, False)
    block, their_block = network.transformer_blocks[0], reference.transformer_blocks[0]
    assert isinstance(block, Block)

    def ours() -> tuple[Tensor, Tensor]:
        return block(img, txt, temb, rope, None)

    def theirs() -> tuple[Tensor, Tensor]:
        text, image = their_block(img, txt, None, temb, rope)
        return image, text

    for mine, other in zip(ours(), theirs(), strict=True):
        _compare(size.name, mine, other)
    yield timed(f"one block, {size.name}", (ours, theirs), samples, goal=1.02)
    for scheme in SCHEMES:
        network = random_transformer(config)
        pack(network, scheme)
        block = network.transformer_blocks[0]
        yield timed(f"the same, {scheme}", (ours, theirs), max(samples // 3, 2))


def _vae(dimensions: Dimensions, samples: int) -> Iterator[Row]:
    ours, reference = vaes(dimensions.vae)
    side = dimensions.vae_px
    pixels = torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(1)) * 2 - 1
    ours.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def latents() -> Tensor:
        return ours.encode(pixels)

    def their_latents() -> Tensor:
        return reference.encode(pixels[:, :, None]).latent_dist.mode()

    z, frames = latents(), their_latents()
    _compare("VAE", ours.denormalise(z), frames[:, :, 0])
    name = f"{side} px"
    yield timed(f"VAE encode, {name}", (latents, their_latents), samples, goal=0.35)
    sides = (lambda: ours.decode(z), lambda: reference.decode(frames, return_dict=False)[0])
    _compare("VAE", sides[0](), sides[1]()[:, :, 0])
    yield timed(f"VAE decode, {name}", sides, samples, goal=0.35)


def _whole_run(model: loader.Model, reference: Any, samples: int, steps: int) -> Row:
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

    levels = max(abs(a - b) for a, b in zip(ours(), theirs(), strict=True))
    if levels > 1:
        raise ModelError(f"the pictures differ by {levels} of 255; times mean nothing")
    return timed(
        f"{model.identity.name}: {steps} steps, guidance {GUIDANCE:g}",
        (ours, theirs),
        samples,
        goal=0.8,
    )


def _inputs(size: Size) -> tuple[Tensor, Tensor, Tensor, tuple[int, int, int]]:
    """Tokens, text states, noise level and grid."""
    chance = torch.Generator().manual_seed(1)
    cells = size.side_px // 16
    tokens = torch.randn(1, cells * cells, size.config.in_channels, generator=chance)
    text = torch.randn(1, TEXT_TOKENS, size.config.text_dim, generator=chance)
    return tokens, text, torch.tensor([SIGMA]), (1, cells, cells)


def _compare(name: str, ours: Tensor, reference: Tensor) -> None:
    difference = (ours - reference).abs().max().item()
    if not difference <= LIMIT:
        raise ModelError(f"{name}: both sides differ by {difference:.1e}; times mean nothing")


def _fresh(name: str, side: str, folder: Path) -> list[Row]:
    """Loading, start-up to the first picture, and the memory it took, each in processes of their
    own."""
    runs = [(_in_new_process(side, folder), _in_new_process("diffusers", folder)) for _ in range(2)]
    rows = [
        Row(
            name=f"{name}: {what}",
            ours=median(ours[key] for ours, _ in runs),
            reference=median(theirs[key] for _, theirs in runs),
            unit=unit,
            goal=goal,
        )
        for what, key, unit, goal in (
            ("load", "load_s", "s", 0.5),
            ("start to first picture", "picture_s", "s", None),
            ("peak memory", "peak_mb", "MB", 0.7),
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
