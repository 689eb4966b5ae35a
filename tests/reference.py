"""The same tiny checkpoint, opened by diffusers and by us, and what their comparisons need.

diffusers makes and saves the checkpoint, in the published layout.
"""

from __future__ import annotations

import importlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from model import loader
from model.pipelines.render import render
from model.pipelines.tasks import pipeline_of
from model.requests import Picture, Request
from tests import tiny

FORWARD, RUN = 1e-5, 1e-4
SIZES = {
    "plain": tiny.Tiny(),
    "deep": tiny.Tiny(
        layers=3,
        heads=3,
        axes=(4, 10, 10),
        zero_cond_t=True,
        z=6,
        base=10,
        mult=(1, 2, 2, 3),
        res_blocks=2,
        temporal=(True, False, True),
        text_width=24,
        text_layers=3,
        text_heads=2,
        kv_heads=1,
        mrope=(2, 2, 2),
        vision_depth=3,
        seed=1,
    ),
    "wide": tiny.Tiny(
        layers=1,
        heads=5,
        axes=(2, 6, 4),
        z=5,
        base=8,
        mult=(1, 3),
        temporal=(True,),
        text_width=32,
        text_heads=4,
        kv_heads=2,
        mrope=(2, 1, 1),
        vision_depth=1,
        seed=2,
    ),
}
PROMPTS = ("a red poster", "一张蓝色的海报，标题“春”", 'A "sale" sign — 50 %')


@dataclass(frozen=True)
class Pair:
    """The same files, opened by diffusers and by us."""

    size: tiny.Tiny
    reference: Any
    ours: loader.Model


def make_pair(size: tiny.Tiny, folder: Path) -> Pair:
    # Small shards, so that index files are followed as well.
    reference = tiny.write_with_diffusers(size, folder, shard="60KB")
    reference.set_progress_bar_config(disable=True)
    assert (folder / "transformer/diffusion_pytorch_model.safetensors.index.json").exists()
    return Pair(size, reference, loader.load(folder))


def close(ours: Tensor, reference: Tensor, limit: float) -> None:
    assert ours.shape == reference.shape
    assert (ours - reference).abs().max().item() <= limit


@torch.inference_mode()
def drawn(model: loader.Model, request: Request) -> Tensor:
    """What the model draws [K, C, H, W] in 0…1, before it becomes bytes or part of a picture."""
    task = pipeline_of(request, model.row)
    settled = task.plan(model.networks, request)
    inputs = task.prepare(model.networks, request, settled)
    return render(model.networks, inputs, settled, [request.seed], lambda *_: None)[0]


def same_picture(model: loader.Model, request: Request, expected: Tensor) -> None:
    close(drawn(model, request), expected, RUN)
    (picture,) = model.run(request).pictures
    levels = np.frombuffer(picture.data, np.uint8).reshape(picture.height, picture.width, -1)
    wanted = (expected[0].permute(1, 2, 0) * 255).round().numpy()
    assert np.abs(levels - wanted).max() <= 1


def noise_image(width: int, height: int) -> Image.Image:
    """Colour slopes with noise, so that every resize shows."""
    random = np.random.default_rng(width * 1000 + height)
    rows, columns = np.mgrid[0:height, 0:width]
    slope = np.stack([rows * 3, columns * 2, rows + columns], axis=-1)
    values = (slope + random.integers(0, 120, slope.shape)) % 256
    return Image.fromarray(values.astype(np.uint8))


def to_picture(image: Image.Image) -> Picture:
    return Picture(width=image.width, height=image.height, mode=image.mode, data=image.tobytes())


@contextmanager
def token_types(reference: Any) -> Iterator[None]:
    """Hand the reference's encoder the types of its tokens.

    The reference's pipelines forget `mm_token_type_ids`; with transformers 5 the encoder then
    silently gives all tokens of a picture positions on one axis. The models were trained with
    positions on three, and so are ours: the comparison must be with that.
    """
    encoder = reference.text_encoder
    forward = encoder.forward

    def with_types(*args: Any, **values: Any) -> Any:
        is_image = values["input_ids"] == encoder.config.image_token_id
        return forward(*args, mm_token_type_ids=is_image.int(), **values)

    with mock.patch.object(encoder, "forward", with_types):
        yield


@contextmanager
def small_area(
    area: int, module: str = "pipeline_qwenimage_edit", kept: Collection[int] = ()
) -> Iterator[None]:
    """The reference resizes every picture to 1024² px, whatever the model; ours are tiny.

    Areas in `kept` are taken as the reference asks for them.
    """
    name = f"diffusers.pipelines.qwenimage.{module}"
    original = importlib.import_module(name).calculate_dimensions

    def small(asked: int, ratio: float) -> Any:
        return original(asked if asked in kept else area, ratio)

    with mock.patch(f"{name}.calculate_dimensions", small):
        yield
