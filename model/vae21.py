"""The VAE of Qwen-Image-2.1, RGBA in and out, for single frames, as a 2-D network.

The published network (AutoencoderKLQwenImage21, after Wan 2.2) differs from 1.x in the shortcuts
that go past each stage: channels folded into one another by their means on the way down, taken
apart on the way up. They were made for videos. A single frame stands behind a frame of zeros on the
way down, and on the way up the later of two frames is kept; the `time_conv` of the resamplers
never run. Source: `autoencoder_kl_qwenimage21.py` of diffusers 0.42.

Shapes: B batch, C channels, H and W pixels, h and w latent cells, z latent channels.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.config21 import Vae21Config
from model.vae import (
    ChannelNorm,
    Downsample,
    FrameDecoder,
    FrameEncoder,
    FrameVae,
    MidBlock,
    Poll,
    Upsample,
    no_poll,
    residuals,
)


def fold_down(x: Tensor, dim_out: int, *, is_temporal: bool) -> Tensor:
    """[B, C, H, W] -> [B, dim_out, H/2, W/2]: means of neighbouring features, where each channel
    counts as its frame of zeros (if temporal), then its four pixels."""
    features = F.pixel_unshuffle(x, 2).unflatten(1, (-1, 4))
    if is_temporal:
        features = torch.cat([torch.zeros_like(features), features], dim=2)
    return features.flatten(1, 2).unflatten(1, (dim_out, -1)).mean(2)


def unfold_up(x: Tensor, dim_out: int, *, is_temporal: bool) -> Tensor:
    """[B, C, H, W] -> [B, dim_out, 2H, 2W]: each feature repeated, then laid out as channels of two
    frames (if temporal) of four pixels, of which the last frame is kept."""
    frames = 2 if is_temporal else 1
    repeats = dim_out * frames * 4 // x.shape[1]
    places = torch.arange(dim_out * frames * 4, device=x.device).view(dim_out, frames, 4)
    return F.pixel_shuffle(x[:, (places[:, -1] // repeats).flatten()], 2)


class DownBlock(nn.Module):
    """`is_temporal` None: the last stage, which keeps the size."""

    def __init__(
        self, dim_in: int, dim_out: int, num_resnets: int, is_temporal: bool | None
    ) -> None:
        super().__init__()
        self.dim_out, self.is_temporal = dim_out, is_temporal
        self.resnets = nn.ModuleList(residuals(dim_in, dim_out, num_resnets))
        self.downsampler = None if is_temporal is None else Downsample(dim_out)

    def forward(self, x: Tensor) -> Tensor:
        start = x
        for resnet in self.resnets:
            x = resnet(x)
        if self.downsampler is None or self.is_temporal is None:
            return x + start.unflatten(1, (self.dim_out, -1)).mean(2)
        return self.downsampler(x) + fold_down(start, self.dim_out, is_temporal=self.is_temporal)


class UpBlock(nn.Module):
    """`is_temporal` None: the last stage, which keeps the size and has no shortcut."""

    def __init__(
        self, dim_in: int, dim_out: int, num_resnets: int, is_temporal: bool | None
    ) -> None:
        super().__init__()
        self.dim_out, self.is_temporal = dim_out, is_temporal
        self.resnets = nn.ModuleList(residuals(dim_in, dim_out, num_resnets))
        self.upsampler = None if is_temporal is None else Upsample(dim_out, dim_out)

    def forward(self, x: Tensor, poll: Poll = no_poll) -> Tensor:
        start = x
        for resnet in self.resnets:
            poll()
            x = resnet(x)
        if self.upsampler is None or self.is_temporal is None:
            return x
        return self.upsampler(x) + unfold_up(start, self.dim_out, is_temporal=self.is_temporal)


class Encoder(FrameEncoder):
    def __init__(self, config: Vae21Config) -> None:
        super().__init__()
        dims = [config.base_dim * m for m in (1, *config.dim_mult)]
        stages = zip(pairwise(dims), (*config.temperal_downsample, None), strict=True)
        self.conv_in = nn.Conv2d(config.in_channels, dims[0], 3, padding=1)
        self.down_blocks = nn.ModuleList(
            [DownBlock(a, b, config.num_res_blocks, temporal) for (a, b), temporal in stages]
        )
        self.mid_block = MidBlock(dims[-1])
        self.norm_out = ChannelNorm(dims[-1])
        self.conv_out = nn.Conv2d(dims[-1], 2 * config.z_dim, 3, padding=1)


class Decoder(FrameDecoder):
    def __init__(self, config: Vae21Config) -> None:
        super().__init__()
        mult = config.dim_mult
        dims = [config.decoder_width * m for m in (mult[-1], *reversed(mult))]
        stages = zip(pairwise(dims), (*reversed(config.temperal_downsample), None), strict=True)
        self.conv_in = nn.Conv2d(config.z_dim, dims[0], 3, padding=1)
        self.mid_block = MidBlock(dims[0])
        self.up_blocks = nn.ModuleList(
            [UpBlock(a, b, config.num_res_blocks + 1, temporal) for (a, b), temporal in stages]
        )
        self.norm_out = ChannelNorm(dims[-1])
        self.conv_out = nn.Conv2d(dims[-1], config.out_channels, 3, padding=1)


class Vae21(FrameVae[Vae21Config]):
    """The VAE of 2.1: four channels, red, green, blue and alpha."""

    def __init__(self, config: Vae21Config) -> None:
        super().__init__(config, Encoder, Decoder)

    def denormalise(self, latents: Tensor) -> Tensor:
        mean, std = self.statistics(latents)
        return latents * std + mean


def published_shape(name: str, tensor: Tensor) -> tuple[int, ...]:
    """The shape in which the published layout stores our tensor: gains outside attention have a
    frame axis, kernels none."""
    shape = tuple(tensor.shape)
    is_framed = name.endswith(".gamma") and ".attentions." not in name
    return (*shape, 1) if is_framed else shape


def time_conv_shapes(config: Vae21Config) -> dict[str, tuple[int, ...]]:
    """Tensors of the published layout that a single frame never uses, with their shapes."""
    shapes: dict[str, tuple[int, ...]] = {}
    for i, is_temporal in enumerate(config.temperal_downsample):
        if is_temporal:
            dim = config.base_dim * config.dim_mult[i]
            key = f"encoder.down_blocks.{i}.downsampler.time_conv"
            shapes |= {f"{key}.weight": (dim, dim, 1, 1), f"{key}.bias": (dim,)}
    for i, is_temporal in enumerate(reversed(config.temperal_downsample)):
        if is_temporal:
            dim = config.decoder_width * config.dim_mult[-1 - i]
            key = f"decoder.up_blocks.{i}.upsampler.time_conv"
            shapes |= {f"{key}.weight": (2 * dim, dim, 1, 1), f"{key}.bias": (2 * dim,)}
    return shapes
