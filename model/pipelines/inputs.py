"""What every task is made of: the networks, sizes, and pictures as tensors.

Shapes: B batch (always 1 here), L image tokens, H and W pixels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from model.config import Family, SchedulerConfig
from model.requests import MAX_SIDE_PX, Picture, Request, RequestError
from model.rope import MAX_POSITION, Grid, text_start
from model.text_encoder.encoder import TextEncoder, TextStates
from model.transformer import Transformer
from model.vae import Poll, Vae

FIT_MULTIPLE = 32
"""Sides of a resized reference are multiples of this, as the models were trained."""


@dataclass(frozen=True, kw_only=True)
class Networks:
    """All parts of a model, on one device and in one type of number."""

    row: Family
    transformer: Transformer
    vae: Vae
    text_encoder: TextEncoder
    scheduler: SchedulerConfig

    @property
    def device(self) -> torch.device:
        return self.transformer.proj_out.weight.device

    @property
    def dtype(self) -> torch.dtype:
        return self.transformer.proj_out.weight.dtype

    @property
    def size_multiple(self) -> int:
        """Pixels that a token spans on each side."""
        return self.vae.config.scale * self.transformer.config.patch_size


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What the denoise loop needs beyond noise: text, size, and the tokens of references."""

    width: int
    height: int
    text: TextStates
    negative: TextStates | None
    references: Tensor | None = None
    reference_grids: tuple[Grid, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Settled:
    """A request with every open value filled in from the model's row."""

    width: int
    height: int
    steps: int
    guidance: float
    negative: str


def settle(networks: Networks, request: Request, size: tuple[int, int]) -> Settled:
    """The request's values, or the model's own; `size` is the one it would choose."""
    row = networks.row
    width, height = size
    if request.width is not None and request.height is not None:
        width, height = request.width, request.height
    multiple = networks.size_multiple
    return Settled(
        width=floor_to(width, multiple),
        height=floor_to(height, multiple),
        steps=row.steps if request.steps is None else request.steps,
        guidance=row.guidance if request.guidance is None else request.guidance,
        negative=row.negative if request.negative is None else request.negative,
    )


def floor_to(side: int, multiple: int) -> int:
    return max(side // multiple * multiple, multiple)


def fit_area(area: int, width: int, height: int, multiple: int = FIT_MULTIPLE) -> tuple[int, int]:
    """The size of about `area` px² nearest to the ratio of width to height.

    >>> fit_area(1024 * 1024, 1600, 900)
    (1376, 768)
    """
    ratio = width / height
    fitted = math.sqrt(area * ratio)
    sides = (fitted, fitted / ratio)
    found = tuple(max(round(side / multiple) * multiple, multiple) for side in sides)
    if max(found) > MAX_SIDE_PX:
        raise RequestError(f"images: {width}x{height} is too narrow a picture to be edited")
    return found[0], found[1]


def grid_of(networks: Networks, width: int, height: int) -> Grid:
    return 1, height // networks.size_multiple, width // networks.size_multiple


def check_positions(text: TextStates, grids: tuple[Grid, ...]) -> None:
    """Text and pictures lie within the positions that the transformer knows."""
    room = MAX_POSITION - text_start(grids)
    if text.states.shape[1] > room:
        raise RequestError(
            f"prompt: {text.states.shape[1]} tokens; at most {room} at this size, so shorten it"
        )


def to_image(picture: Picture) -> Image.Image:
    """RGB for the networks; transparency becomes white, as paper is."""
    size = (picture.width, picture.height)
    image = Image.frombytes(picture.mode, size, picture.data)
    if picture.mode == "RGBA":
        paper = Image.new("RGBA", size, "white")
        image = Image.alpha_composite(paper, image)
    return image.convert("RGB")


def resize(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    return image if image.size == size else image.resize(size, Image.Resampling.LANCZOS)


def to_pixels(image: Image.Image, networks: Networks) -> Tensor:
    """RGB image -> [1, 3, H, W] in -1…1."""
    values = np.asarray(image, dtype=np.float32) / 255.0
    pixels = torch.from_numpy(values).permute(2, 0, 1)[None]
    return (2.0 * pixels - 1.0).to(networks.device, networks.dtype)


def to_picture(image: Tensor) -> Picture:
    """[1, 3, H, W] in 0…1 -> 8 bits."""
    values = image[0].permute(1, 2, 0).float().cpu().numpy()
    rounded = (values * 255).round().astype(np.uint8)
    height, width, _ = rounded.shape
    return Picture(width=width, height=height, mode="RGB", data=rounded.tobytes())


def encode_texts(
    networks: Networks, prompt: str, settled: Settled, images: list[Image.Image] | None, poll: Poll
) -> tuple[TextStates, TextStates | None]:
    """States of the prompt and, where guidance needs them, of the negative prompt."""
    encoder = networks.text_encoder
    text = encoder.encode([prompt], images, poll)
    if settled.guidance <= 1:
        return text, None
    return text, encoder.encode([settled.negative], images, poll)
