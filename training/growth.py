"""A VAE that grows by a stage: twice the pixels a latent, and the latents of the smaller one.

Knows how the networks of both fit into each other, and nothing of how they are trained.
"""

from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.config import VaeConfig
from model.vae import Downsample, Vae
from training.vae_start import initialise


def is_grown_from(small: VaeConfig, dim_mult: tuple[int, ...]) -> bool:
    """Whether these stages are the small VAE's with one of the width of its first in front."""
    return dim_mult == (1, *small.dim_mult) and small.dim_mult[0] == 1


def grown_config(small: VaeConfig) -> VaeConfig:
    """One stage more, and the statistics of the same latents."""
    return replace(
        small,
        dim_mult=(1, *small.dim_mult),
        temperal_downsample=(False, *small.temperal_downsample),
    )


def grown(small: Vae) -> Vae:
    """The VAE with one stage more at its pixel end: what the small one has, at its place.

    The new stage of the encoder averages squares of four pixels, so that flat colours have their
    latents from the first step on; that of the decoder starts from random weights.
    """
    config = grown_config(small.config)
    large = Vae(config)
    initialise(large)
    tensors = large.state_dict()
    for name, tensor in small.state_dict().items():
        if not name.startswith("encoder.conv_in."):
            tensors[_grown_name(name, config.num_res_blocks)].copy_(tensor)
    _start_encoder(large, small)
    return large


def half_size_latents(small: Vae, pixels: Tensor) -> Tensor:
    """[B, 3, H, W] -> [B, z, H / 2 / scale, W / 2 / scale]: what the small VAE makes of a picture
    of half the size, not normalised."""
    with torch.no_grad():
        return small.moments(F.avg_pool2d(pixels, 2))[0]


def latent_distance(large: Vae, small: Vae, pixels: Tensor) -> Tensor:
    """Mean square by which the latents of both differ, in variances of each channel."""
    return distance(large, large.moments(pixels)[0], half_size_latents(small, pixels))


def distance(vae: Vae, z: Tensor, wanted: Tensor) -> Tensor:
    return ((z - wanted) / vae.statistics(z)[1]).square().mean()


def _grown_name(name: str, num_res_blocks: int) -> str:
    stem = "encoder.down_blocks."
    if not name.startswith(stem):
        return name
    index, rest = name.removeprefix(stem).split(".", 1)
    return f"{stem}{int(index) + num_res_blocks + 1}.{rest}"


@torch.no_grad()
def _start_encoder(large: Vae, small: Vae) -> None:
    """The first three channels carry the picture to the small VAE's own first convolution."""
    first, theirs = large.encoder.get_submodule("conv_in"), small.encoder.get_submodule("conv_in")
    assert isinstance(first, nn.Conv2d)
    assert isinstance(theirs, nn.Conv2d)
    colours = first.in_channels
    first.weight[:colours] = 0
    first.weight[range(colours), range(colours), 1, 1] = 1
    down = next(m for m in large.encoder.modules() if isinstance(m, Downsample)).resample[1]
    assert isinstance(down, nn.Conv2d)
    down.weight *= 0.1
    down.weight[:, :colours] = 0
    down.weight[:, :colours, :2, :2] = theirs.weight.sum(dim=(2, 3), keepdim=True) / 4
    assert down.bias is not None
    assert theirs.bias is not None
    down.bias.copy_(theirs.bias)
