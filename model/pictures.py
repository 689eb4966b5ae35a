"""Pictures as the networks take and give them: sizes, resizing, tensors, and the way back."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from model.latents import pack
from model.requests import CHANNELS, MASK_THRESHOLD, MAX_SIDE_PX, Picture, RequestError

FIT_MULTIPLE = 32
"""Sides of a resized reference are multiples of this, as the models were trained."""


class Box(NamedTuple):
    """A part of a picture in px: columns left…right - 1, rows top…bottom - 1."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def size(self) -> tuple[int, int]:
        return self.right - self.left, self.bottom - self.top


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


def to_image(picture: Picture) -> Image.Image:
    """RGB for the networks; transparency becomes white, as paper is."""
    size = (picture.width, picture.height)
    image = Image.frombytes(picture.mode, size, picture.data)
    if picture.mode == "RGBA":
        paper = Image.new("RGBA", size, "white")
        image = Image.alpha_composite(paper, image)
    return image.convert("RGB")


def to_rgba(picture: Picture) -> Image.Image:
    size = (picture.width, picture.height)
    return Image.frombytes(picture.mode, size, picture.data).convert("RGBA")


def resize(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    return image if image.size == size else image.resize(size, Image.Resampling.LANCZOS)


def to_pixels(image: Image.Image, like: Tensor) -> Tensor:
    """RGB or RGBA image -> [1, C, H, W] in -1…1, on the device and in the type of `like`."""
    values = np.asarray(image, dtype=np.float32) / 255.0
    pixels = torch.from_numpy(values).permute(2, 0, 1)[None]
    return (2.0 * pixels - 1.0).to(like)


def to_picture(image: Tensor) -> Picture:
    """[C, H, W] in 0…1 -> 8 bits a channel: RGB, or RGBA of four channels."""
    values = image.permute(1, 2, 0).float().cpu().numpy()
    return _picture((values * 255).round().astype(np.uint8))


def mask_image(picture: Picture) -> Image.Image:
    """A mask as a grey image, white where the picture may change."""
    return Image.frombytes("L", (picture.width, picture.height), picture.data)


def thresholded(mask: Image.Image) -> Image.Image:
    """White from the threshold on, black below it."""
    return Image.fromarray(np.where(np.asarray(mask) >= MASK_THRESHOLD, 255, 0).astype(np.uint8))


def mask_tokens(mask: Image.Image, cells: tuple[int, int], patch: int, channels: int) -> Tensor:
    """The mask at the model's size -> [1, L, channels] of 0 and 1, as tokens are packed.

    `cells` are the rows and columns of latent cells; each takes the mask at its place.
    """
    values = torch.from_numpy(np.asarray(mask, dtype=np.float32) / 255.0)[None, None]
    binary = (values >= 0.5).float()
    z = channels // patch**2
    return pack(F.interpolate(binary, size=cells).repeat(1, z, 1, 1), patch)


def mask_box(mask: Image.Image, margin: int | None, size: tuple[int, int] | None = None) -> Box:
    """The part that a run works on: the mask and `margin` px around it, or all without a margin.

    It grows to the ratio of `size`, as far as the picture has room.
    """
    whole = Box(0, 0, *mask.size)
    found = thresholded(mask).getbbox()
    if margin is None or found is None:
        return whole
    left, top, right, bottom = found
    left, top = max(left - margin, 0), max(top - margin, 0)
    right, bottom = min(right + margin, whole.right), min(bottom + margin, whole.bottom)
    if size is None:
        return Box(left, top, right, bottom)
    ratio = size[0] / size[1]
    if (right - left) / (bottom - top) > ratio:
        top, bottom = _grown(top, bottom, round((right - left) / ratio), whole.bottom)
    else:
        left, right = _grown(left, right, round((bottom - top) * ratio), whole.right)
    return Box(left, top, right, bottom)


def _grown(first: int, last: int, length: int, limit: int) -> tuple[int, int]:
    """The stretch first…last of `length`, around its middle as far as 0…limit has room."""
    length = min(max(length, last - first), limit)
    start = first - (length - (last - first)) // 2
    start = min(max(start, 0), limit - length)
    return start, start + length


def composite(source: Picture, drawn: Picture, mask: Picture, box: Box, feather: int) -> Picture:
    """`drawn`, brought to the size of `box`, over the source through the mask.

    Where the mask is 0 every byte is the source's. The mask fades from its edge inwards over
    `feather` px; the edge of the picture is none. A grey source becomes RGB.
    """
    mode = "RGBA" if source.mode == "RGBA" else "RGB"
    image = Image.frombytes(source.mode, (source.width, source.height), source.data).convert(mode)
    pixels = np.asarray(image)
    part = Image.frombytes(drawn.mode, (drawn.width, drawn.height), drawn.data)
    new = np.asarray(resize(part, box.size).convert(mode), dtype=np.float32)
    alpha = faded(np.asarray(mask_image(mask)), feather)
    rows, columns = slice(box.top, box.bottom), slice(box.left, box.right)
    share = alpha[rows, columns, None].astype(np.float32) / 255.0
    old = pixels[rows, columns].astype(np.float32)
    result = pixels.copy()
    mixed = (old + (new - old) * share).round().astype(np.uint8)
    result[rows, columns] = np.where(share > 0, mixed, pixels[rows, columns])
    return _picture(result)


def faded(mask: np.ndarray, radius: int) -> np.ndarray:
    """[H, W] bytes: the mask, lowered to 0 over `radius` px from its edge inwards."""
    if radius <= 0:
        return mask
    inside = torch.from_numpy((mask >= MASK_THRESHOLD).astype(np.float32))[None, None]
    half = -(-radius // 2)  # shrunk by half, then blurred by half: from the edge to the radius
    shrunk = 1 - _slide(1 - inside, half, F.max_pool1d)
    ramp = _slide(shrunk, half, F.avg_pool1d)[0, 0].numpy()
    return np.minimum(mask, (ramp * 255).round().astype(np.uint8))


def _slide(values: Tensor, radius: int, pool: Callable[..., Tensor]) -> Tensor:
    """A window of 2 radius + 1 along rows, then along columns; borders are repeated."""
    for _ in range(2):
        flat = F.pad(values[0, 0, :, None], (radius, radius), mode="replicate")
        values = pool(flat, 2 * radius + 1, stride=1)[:, 0].T[None, None]
    return values


def _picture(values: np.ndarray) -> Picture:
    height, width, channels = values.shape
    mode = next(mode for mode, count in CHANNELS.items() if count == channels)
    return Picture(width=width, height=height, mode=mode, data=values.tobytes())
