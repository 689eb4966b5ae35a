"""The same tiny checkpoint, opened by diffusers and by us, and what makes their runs comparable.

diffusers makes and saves the checkpoint, in the published layout. Its pipelines are tied to the
published sizes in places; here those are brought to the tiny model's.
"""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from model import loader
from model.bench import tiny
from model.checkpoint.controlnets import load_controlnet
from model.controlnet import BlockwiseControlNet, ControlNet
from model.pipelines import text_to_image
from model.pipelines.control import control_map
from model.pipelines.render import render
from model.pipelines.tasks import pipeline_of
from model.requests import Control, Picture, Request, TextToImage
from model.transformer import Transformer

PIPELINES = "diffusers.pipelines.qwenimage"


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
    return Pair(size, reference, loader.load(folder))


def as_pipeline(pair: Pair, name: str, **more: Any) -> Any:
    """Another of the reference's pipelines over the same networks, and `more` or others."""
    parts = {k: v for k, v in pair.reference.components.items() if k != "processor"}
    if "Edit" in name:
        parts["processor"] = pair.reference.processor
    made = getattr(importlib.import_module("diffusers"), name)(**{**parts, **more})
    made.set_progress_bar_config(disable=True)
    return made


def controlnets(
    pair: Pair, folder: Path, *, layers: int, extra: int, seed: int
) -> tuple[Any, ControlNet | BlockwiseControlNet]:
    """One ControlNet of random weights as both sides open it; `extra` channels are for holes."""
    shared = pair.size.transformer
    torch.manual_seed(seed)
    reference = importlib.import_module("diffusers").QwenImageControlNetModel(
        in_channels=shared.in_channels,
        out_channels=shared.out_channels,
        num_layers=layers,
        attention_head_dim=shared.attention_head_dim,
        num_attention_heads=shared.num_attention_heads,
        joint_attention_dim=shared.joint_attention_dim,
        axes_dims_rope=list(shared.axes_dims_rope),
        extra_condition_channels=extra,
    )
    tiny.randomise(reference)
    reference.eval().save_pretrained(folder)
    transformer = pair.ours.networks.transformer
    assert isinstance(transformer, Transformer)
    ours, _ = load_controlnet(folder, transformer, dtype=torch.float32, device="cpu")
    return reference, ours


def generator(seed: int) -> torch.Generator:
    return torch.Generator("cpu").manual_seed(seed)


# --- our runs, as floats --------------------------------------------------------------------------


@torch.inference_mode()
def drawn(model: loader.Model, request: Request) -> Tensor:
    """What the model draws [K, C, H, W] in 0…1, before it becomes bytes or part of a picture."""
    task = pipeline_of(request, model.row)
    settled = task.plan(model.networks, request)
    inputs = task.prepare(model.networks, request, settled)
    return render(model.networks, inputs, settled, [request.seed], lambda *_: None)[0]


Mapped = tuple[ControlNet | BlockwiseControlNet, Control, Picture]


@torch.inference_mode()
def drawn_with(pair: Pair, request: TextToImage, mapped: Sequence[Mapped]) -> Tensor:
    """The same with ControlNets that are in no folder, each with its map."""
    networks = pair.ours.networks
    settled = text_to_image.plan(networks, request)
    size = (settled.width, settled.height)
    inputs = text_to_image.prepare(networks, request, settled)
    maps = tuple(control_map(networks, net, c, picture, size) for net, c, picture in mapped)
    inputs = dataclasses.replace(inputs, controls=maps)
    return render(networks, inputs, settled, [request.seed], lambda *_: None)[0]


# --- pictures -------------------------------------------------------------------------------------


def noise_image(width: int, height: int) -> Image.Image:
    """Colour slopes with noise, so that every resize shows."""
    random = np.random.default_rng(width * 1000 + height)
    rows, columns = np.mgrid[0:height, 0:width]
    slope = np.stack([rows * 3, columns * 2, rows + columns], axis=-1)
    values = (slope + random.integers(0, 120, slope.shape)) % 256
    return Image.fromarray(values.astype(np.uint8))


def see_through(width: int, height: int) -> Image.Image:
    """A picture with a slope of transparency."""
    image = noise_image(width, height).convert("RGBA")
    slope = np.linspace(0, 255, width * height).reshape(height, width).astype(np.uint8)
    image.putalpha(Image.fromarray(slope))
    return image


def disc(width: int, height: int) -> Image.Image:
    """A mask: a disc off the middle."""
    mask = Image.new("L", (width, height), 0)
    box = (width // 4, height // 3, width // 4 + width // 3, height // 3 + width // 3)
    ImageDraw.Draw(mask).ellipse(box, fill=255)
    return mask


def holed(image: Image.Image, mask: Image.Image) -> Image.Image:
    """The picture with a hole where the mask is white."""
    made = image.convert("RGBA")
    made.putalpha(Image.eval(mask, lambda value: 255 - value))
    return made


def to_picture(image: Image.Image) -> Picture:
    return Picture(width=image.width, height=image.height, mode=image.mode, data=image.tobytes())


def as_tensor(images: Any) -> Tensor:
    """The reference's pictures [K, C, H, W] in 0…1, whatever it was asked to make of them."""
    if isinstance(images, Tensor):
        return images
    values = np.stack([np.asarray(image, dtype=np.float32) / 255 for image in images])
    return torch.from_numpy(values).permute(0, 3, 1, 2)


# --- what the reference takes for granted ---------------------------------------------------------


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
    name = f"{PIPELINES}.{module}"
    original = importlib.import_module(name).calculate_dimensions

    def small(asked: int, ratio: float) -> Any:
        return original(asked if asked in kept else area, ratio)

    with mock.patch(f"{name}.calculate_dimensions", small):
        yield


@contextmanager
def small_areas(size: tiny.Tiny) -> Iterator[None]:
    """The reference's two areas, 384² and 1024² px, brought to the tiny model's."""
    module = "pipeline_qwenimage_edit_plus"
    condition, reference = size.settings["condition_area"], size.settings["reference_area"]
    with (
        mock.patch(f"{PIPELINES}.{module}.CONDITION_IMAGE_SIZE", condition),
        mock.patch(f"{PIPELINES}.{module}.VAE_IMAGE_SIZE", reference),
        small_area(size.area, module, {condition, reference}),
    ):
        yield


@contextmanager
def before_overlay() -> Iterator[None]:
    """The reference's picture as the VAE gave it, not yet pasted over the source."""
    processor = importlib.import_module("diffusers.image_processor").VaeImageProcessor

    def untouched(_: Any, __: Any, ___: Any, image: Any, ____: Any) -> Any:
        return image

    with mock.patch.object(processor, "apply_overlay", untouched):
        yield
