"""The VAE of Qwen-Image 1.x for single frames, as a 2-D network.

The published network is a causal 3-D one, whose convolutions are 2-D ones for a single frame:
`checkpoint.vae_layout` translates between its tensors and ours.

Shapes: B batch, C channels, H and W pixels, h and w latent cells, z latent channels.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Generic, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.config import VaeConfig
from model.config21 import Vae21Config

Config = TypeVar("Config", VaeConfig, Vae21Config)
Poll = Callable[[], None]
EPS = 1e-12


def no_poll() -> None:
    """Nobody asks to stop."""


class ChannelNorm(nn.Module):
    """L2 norm over channels, times sqrt(C) and a learned gain."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(dim, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        gain = self.gamma * self.gamma.shape[0] ** 0.5
        wide = x.float()
        # F.normalize divides; a product with the inverse root is twice as fast on the CPU.
        inverse = wide.square().sum(1, keepdim=True).clamp_min(EPS**2).rsqrt()
        return (wide * inverse).to(x.dtype) * gain


class ResidualBlock(nn.Module):
    def __init__(self, dim_in: int, dim_out: int) -> None:
        super().__init__()
        self.norm1 = ChannelNorm(dim_in)
        self.conv1 = nn.Conv2d(dim_in, dim_out, 3, padding=1)
        self.norm2 = ChannelNorm(dim_out)
        self.conv2 = nn.Conv2d(dim_out, dim_out, 3, padding=1)
        self.conv_shortcut = nn.Conv2d(dim_in, dim_out, 1) if dim_in != dim_out else None

    def forward(self, x: Tensor) -> Tensor:
        skip = x if self.conv_shortcut is None else self.conv_shortcut(x)
        x = self.conv1(F.silu(self.norm1(x)))
        return self.conv2(F.silu(self.norm2(x))) + skip


class Attention(nn.Module):
    """One head over all cells of the frame."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.norm = ChannelNorm(dim)
        self.to_qkv = nn.Conv2d(dim, 3 * dim, 1)
        self.proj = nn.Conv2d(dim, dim, 1)

    def forward(self, x: Tensor) -> Tensor:
        B, C, H, W = x.shape
        qkv = self.to_qkv(self.norm(x)).flatten(2).transpose(1, 2)[:, None]
        q, k, v = qkv.chunk(3, dim=-1)
        out = F.scaled_dot_product_attention(q, k, v)
        return x + self.proj(out[:, 0].transpose(1, 2).reshape(B, C, H, W))


class Downsample(nn.Module):
    def __init__(self, dim: int) -> None:
        super().__init__()
        pad = nn.ZeroPad2d((0, 1, 0, 1))
        self.resample = nn.Sequential(pad, nn.Conv2d(dim, dim, 3, stride=2))

    def forward(self, x: Tensor) -> Tensor:
        return self.resample(x)


class Upsample(nn.Module):
    def __init__(self, dim_in: int, dim_out: int) -> None:
        super().__init__()
        double = nn.Upsample(scale_factor=(2.0, 2.0), mode="nearest-exact")
        self.resample = nn.Sequential(double, nn.Conv2d(dim_in, dim_out, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        if x.dtype != torch.float32:  # sums of kernel taps would be rounded
            return self.resample(x)
        return conv_of_doubled(x, *self.resample[1].parameters())


# How the three taps of a kernel meet the two cells below them: [parity, cell, tap].
_TAPS_OF_CELLS = (((1.0, 0.0, 0.0), (0.0, 1.0, 1.0)), ((1.0, 1.0, 0.0), (0.0, 0.0, 1.0)))


def conv_of_doubled(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """The 3x3 convolution of the doubled image without doubling it: [B, C, h, w] -> 2h x 2w.

    Of a pixel's nine neighbours in a doubled image only four differ, so each parity of row and
    column is a 2x2 convolution of the small image: 16 products instead of 36.
    """
    taps = weight.new_tensor(_TAPS_OF_CELLS)
    h, w = x.shape[-2:]
    kernels = torch.einsum("rak,sbl,oikl->rsoiab", taps, taps, weight).flatten(0, 2)
    cells = F.conv2d(x, kernels, bias.repeat(4), padding=1)
    cells = cells.permute(0, 2, 3, 1).unflatten(3, (2, 2, -1))  # [B, h + 1, w + 1, 2, 2, C]
    rows = [
        torch.stack([cells[:, r : r + h, s : s + w, r, s] for s in (0, 1)], dim=3) for r in (0, 1)
    ]
    doubled = torch.stack(rows, dim=2)  # [B, h, 2, w, 2, C]
    return doubled.flatten(3, 4).flatten(1, 2).permute(0, 3, 1, 2)


def fast_layout(x: Tensor) -> Tensor:
    """Channels last where convolutions are faster for it, the CPU; the same values."""
    is_cpu = x.device.type == "cpu"
    return x.contiguous(memory_format=torch.channels_last) if is_cpu else x


class MidBlock(nn.Module):
    def __init__(self, dim: int) -> None:
        super().__init__()
        self.resnets = nn.ModuleList([ResidualBlock(dim, dim), ResidualBlock(dim, dim)])
        self.attentions = nn.ModuleList([Attention(dim)])

    def forward(self, x: Tensor) -> Tensor:
        return self.resnets[1](self.attentions[0](self.resnets[0](x)))


class FrameEncoder(nn.Module):
    """From pixels to moments; a family brings the stages between its ends."""

    conv_in: nn.Conv2d
    down_blocks: nn.ModuleList
    mid_block: MidBlock
    norm_out: ChannelNorm
    conv_out: nn.Conv2d

    def forward(self, x: Tensor, poll: Poll = no_poll) -> Tensor:
        x = self.conv_in(x)
        for block in (*self.down_blocks, self.mid_block):
            poll()
            x = block(x)
        return self.conv_out(F.silu(self.norm_out(x)))


class FrameDecoder(nn.Module):
    """From latents to pixels; a family brings the stages between its ends."""

    conv_in: nn.Conv2d
    mid_block: MidBlock
    up_blocks: nn.ModuleList
    norm_out: ChannelNorm
    conv_out: nn.Conv2d

    def forward(self, z: Tensor, poll: Poll = no_poll) -> Tensor:
        poll()
        x = self.mid_block(self.conv_in(z))
        for block in self.up_blocks:
            x = block(x, poll)
        return self.conv_out(F.silu(self.norm_out(x)))


def residuals(dim_in: int, dim_out: int, count: int) -> list[ResidualBlock]:
    """A chain of `count` blocks, of which the first changes the width."""
    widths = [dim_in] + [dim_out] * count
    return [ResidualBlock(a, b) for a, b in pairwise(widths)]


class Encoder(FrameEncoder):
    def __init__(self, config: VaeConfig) -> None:
        super().__init__()
        dims = [config.base_dim * m for m in (1, *config.dim_mult)]
        self.conv_in = nn.Conv2d(config.input_channels, dims[0], 3, padding=1)
        blocks: list[nn.Module] = []
        for i, (dim_in, dim_out) in enumerate(pairwise(dims)):
            blocks += residuals(dim_in, dim_out, config.num_res_blocks)
            if i < len(config.dim_mult) - 1:
                blocks.append(Downsample(dim_out))
        self.down_blocks = nn.ModuleList(blocks)
        self.mid_block = MidBlock(dims[-1])
        self.norm_out = ChannelNorm(dims[-1])
        self.conv_out = nn.Conv2d(dims[-1], 2 * config.z_dim, 3, padding=1)


class UpBlock(nn.Module):
    def __init__(self, dim_in: int, dim_out: int, num_resnets: int, *, doubles: bool) -> None:
        super().__init__()
        self.resnets = nn.ModuleList(residuals(dim_in, dim_out, num_resnets))
        self.upsamplers = nn.ModuleList([Upsample(dim_out, dim_out // 2)]) if doubles else None

    def forward(self, x: Tensor, poll: Poll = no_poll) -> Tensor:
        for resnet in self.resnets:
            poll()
            x = resnet(x)
        return x if self.upsamplers is None else self.upsamplers[0](x)


class Decoder(FrameDecoder):
    def __init__(self, config: VaeConfig) -> None:
        super().__init__()
        mult = config.dim_mult
        dims = [config.base_dim * m for m in (mult[-1], *reversed(mult))]
        self.conv_in = nn.Conv2d(config.z_dim, dims[0], 3, padding=1)
        self.mid_block = MidBlock(dims[0])
        blocks = []
        for i, (dim_in, dim_out) in enumerate(pairwise(dims)):
            halved = dim_in // 2 if i > 0 else dim_in
            doubles = i < len(mult) - 1
            blocks.append(UpBlock(halved, dim_out, config.num_res_blocks + 1, doubles=doubles))
        self.up_blocks = nn.ModuleList(blocks)
        self.norm_out = ChannelNorm(dims[-1])
        self.conv_out = nn.Conv2d(dims[-1], config.input_channels, 3, padding=1)


class FrameVae(nn.Module, Generic[Config]):
    """Pixels in -1…1 to normalised latents and back: what the families' VAEs have in common.

    A family brings its encoder and decoder, and how it undoes the normalisation.
    """

    def __init__(
        self,
        config: Config,
        encoder: Callable[[Config], nn.Module],
        decoder: Callable[[Config], nn.Module],
    ) -> None:
        super().__init__()
        self.config = config
        self.encoder = encoder(config)
        self.quant_conv = nn.Conv2d(2 * config.z_dim, 2 * config.z_dim, 1)
        self.post_quant_conv = nn.Conv2d(config.z_dim, config.z_dim, 1)
        self.decoder = decoder(config)

    def moments(self, pixels: Tensor, poll: Poll = no_poll) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of the posterior, not normalised, each [B, z, h, w]."""
        moments = self.quant_conv(self.encoder(fast_layout(pixels), poll)).contiguous()
        mean, logvar = moments.chunk(2, dim=1)
        return mean, logvar.clamp(-30.0, 20.0)

    def encode(self, pixels: Tensor, poll: Poll = no_poll) -> Tensor:
        """[B, C, H, W] -> [B, z, h, w]: the posterior's mode, normalised."""
        return self.normalise(self.moments(pixels, poll)[0])

    def posterior(self, pixels: Tensor, poll: Poll = no_poll) -> tuple[Tensor, Tensor]:
        """[B, C, H, W] -> mode and standard deviation, normalised, each [B, z, h, w]."""
        mean, logvar = self.moments(pixels, poll)
        _, std = self.statistics(mean)
        return self.normalise(mean), torch.exp(0.5 * logvar) / std

    def decode(self, latents: Tensor, poll: Poll = no_poll) -> Tensor:
        """[B, z, h, w] normalised -> [B, C, H, W], clamped."""
        return self.decode_raw(self.denormalise(latents), poll).clamp(-1.0, 1.0)

    def decode_raw(self, z: Tensor, poll: Poll = no_poll) -> Tensor:
        """Latents as the encoder emits them -> pixels, not clamped: what training compares."""
        return self.decoder(self.post_quant_conv(fast_layout(z)), poll).contiguous()

    def normalise(self, z: Tensor) -> Tensor:
        mean, std = self.statistics(z)
        return (z - mean) / std

    def denormalise(self, latents: Tensor) -> Tensor:
        """The inverse of `normalise`, with the roundings of the family's reference."""
        raise NotImplementedError

    def statistics(self, like: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of each latent channel, [1, z, 1, 1] each."""
        shape = (1, -1, 1, 1)
        mean = like.new_tensor(self.config.latents_mean).view(shape)
        return mean, like.new_tensor(self.config.latents_std).view(shape)


class Vae(FrameVae[VaeConfig]):
    """The VAE of 1.x."""

    def __init__(self, config: VaeConfig) -> None:
        super().__init__(config, Encoder, Decoder)

    def denormalise(self, latents: Tensor) -> Tensor:
        # The reference divides by a rounded 1/std; in bf16 that differs from a product.
        mean, std = self.statistics(latents)
        return latents / (1.0 / std) + mean
