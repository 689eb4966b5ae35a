"""What the picture looks like so far, without the VAE's decoder: a linear map from latents to
pixels, fitted by least squares to the VAE's own encoder.

Each latent cell becomes a small square of pixels from its 3x3 neighbourhood. Fitting costs one
encoding of a drawn chart; a preview costs one small convolution.

Shapes: z latent channels, h and w latent cells, k pixels a cell on each side.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw
from torch import Tensor

from model.vae import Vae
from model.vae21 import Vae21

CHART_CELLS = 48
MAX_SIDE_PX = 384
RIDGE = 1e-3


class Preview:
    """Latents to a small RGB picture; fitted to `vae` at its first use."""

    def __init__(self, vae: Vae | Vae21) -> None:
        self._vae = vae
        self._maps: dict[int, tuple[Tensor, Tensor]] = {}

    @torch.inference_mode()
    def __call__(self, latents: Tensor) -> Tensor:
        """[1, z, h, w] -> [1, 3, h * k, w * k] in 0…1, no side above MAX_SIDE_PX if k allows."""
        k = cell_pixels(max(latents.shape[-2:]), self._vae.config.scale)
        if k not in self._maps:
            self._maps[k] = fit(self._vae, k)
        weight, bias = self._maps[k]
        padded = F.pad(latents.to(weight), (1, 1, 1, 1), mode="replicate")
        pixels = F.pixel_shuffle(F.conv2d(padded, weight, bias), k)
        return (pixels * 0.5 + 0.5).clamp(0, 1)


def cell_pixels(cells: int, scale: int) -> int:
    """Pixels a cell: a power of two up to the VAE's own scale, within MAX_SIDE_PX."""
    k = 1
    while 2 * k <= scale and 2 * k * cells <= MAX_SIDE_PX:
        k *= 2
    return k


def fit(vae: Vae | Vae21, k: int) -> tuple[Tensor, Tensor]:
    """Weight [3 k², z, 3, 3] and bias [3 k²]: from the chart's latents nearest to its pixels."""
    like = vae.post_quant_conv.weight
    side = CHART_CELLS * vae.config.scale
    pixels = chart(side)
    seen = F.pad(pixels, (0, 0, 0, 0, 0, vae.config.channels - 3), value=1.0)  # opaque
    latents = vae.encode(seen.to(like)).float()
    wanted = F.pixel_unshuffle(
        F.interpolate(pixels, scale_factor=k / vae.config.scale, mode="area"), k
    )
    z = latents.shape[1]
    padded = F.pad(latents, (1, 1, 1, 1), mode="replicate")
    near = F.unfold(padded, 3)[0].T.cpu().double()  # [cells, z * 9]
    near = torch.cat([near, near.new_ones(len(near), 1)], dim=1)
    target = wanted[0].flatten(1).T.double()
    gram = near.T @ near + RIDGE * len(near) * torch.eye(near.shape[1], dtype=near.dtype)
    solution = torch.linalg.solve(gram, near.T @ target).T.float().to(like.device)
    return solution[:, :-1].reshape(-1, z, 3, 3).contiguous(), solution[:, -1].contiguous()


def chart(side: int) -> Tensor:
    """A drawn test picture [1, 3, side, side] in -1…1: flat colours, slopes, shapes, strokes."""
    random = np.random.default_rng(7)
    image = Image.new("RGB", (side, side))
    draw = ImageDraw.Draw(image)
    tiles = 12
    step = -(-side // tiles)
    for index in range(tiles * tiles):
        _draw_tile(draw, random, index % tiles * step, index // tiles * step, step)
    values = torch.from_numpy(np.asarray(image, dtype=np.float32)) / 127.5 - 1
    return values.permute(2, 0, 1)[None]


def _draw_tile(
    draw: ImageDraw.ImageDraw, random: np.random.Generator, x: int, y: int, step: int
) -> None:
    first, second, third = (random.integers(0, 256, 3) for _ in range(3))
    for row in range(step):
        mixed = first + (second - first) * (row / step if random.integers(2) else 0)
        draw.line((x, y + row, x + step, y + row), fill=_rgb(mixed))
    for _ in range(3):
        corners = np.sort(random.integers(0, step, (2, 2)), axis=0) + np.array([x, y])
        box = [(int(a), int(b)) for a, b in corners]
        kind = int(random.integers(3))
        if kind == 0:
            draw.rectangle([*box[0], *box[1]], fill=_rgb(third))
        elif kind == 1:
            draw.ellipse([*box[0], *box[1]], fill=_rgb(second))
        else:
            draw.line([*box[0], *box[1]], fill=_rgb(third), width=max(1, step // 12))


def _rgb(values: np.ndarray) -> tuple[int, int, int]:
    red, green, blue = (int(v) for v in values)
    return red, green, blue
