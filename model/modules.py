"""The parts of the MMDiT. Parameters bear the names of the published checkpoint.

Shapes: B batch, L image tokens, T text tokens, D width of the streams.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.attention import attend, rms_norm
from model.rope import rotate

TIME_CHANNELS = 256
FP16_MAX = 65504.0


class RMSNorm(nn.Module):
    def __init__(self, dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim))

    def forward(self, x: Tensor) -> Tensor:
        return rms_norm(x, self.weight)


def sinusoid(sigma: Tensor) -> Tensor:
    """[B] noise levels -> [B, 256] cosines, then sines, of 1000 times the level."""
    half = TIME_CHANNELS // 2
    exponent = -math.log(10_000) * torch.arange(half, dtype=torch.float32, device=sigma.device)
    frequencies = torch.exp(exponent / half)
    angles = 1000 * (sigma[:, None].float() * frequencies)
    return torch.cat([angles.cos(), angles.sin()], dim=-1)


class TimestepEmbedding(nn.Module):
    def __init__(self, dim: int) -> None:
        super().__init__()
        self.linear_1 = nn.Linear(TIME_CHANNELS, dim)
        self.linear_2 = nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear_2(F.silu(self.linear_1(x)))


class TimeEmbed(nn.Module):
    def __init__(self, dim: int) -> None:
        super().__init__()
        self.timestep_embedder = TimestepEmbedding(dim)

    def forward(self, sigma: Tensor) -> Tensor:
        return self.timestep_embedder(sinusoid(sigma).to(sigma.dtype))


class GeluProjection(nn.Module):
    def __init__(self, dim_in: int, dim_out: int) -> None:
        super().__init__()
        self.proj = nn.Linear(dim_in, dim_out)

    def forward(self, x: Tensor) -> Tensor:
        return F.gelu(self.proj(x), approximate="tanh")


class FeedForward(nn.Module):
    def __init__(self, dim: int) -> None:
        super().__init__()
        # The published list holds a dropout between the two linears.
        self.net = nn.ModuleList(
            [GeluProjection(dim, 4 * dim), nn.Identity(), nn.Linear(4 * dim, dim)]
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.net[2](self.net[0](x))


class JointAttention(nn.Module):
    """Each stream has its own projections and norms; the tokens of both attend to all."""

    def __init__(self, dim: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        head_dim = dim // num_heads
        self.to_q, self.to_k, self.to_v = (nn.Linear(dim, dim) for _ in range(3))
        self.add_q_proj, self.add_k_proj, self.add_v_proj = (nn.Linear(dim, dim) for _ in range(3))
        self.norm_q, self.norm_k = RMSNorm(head_dim), RMSNorm(head_dim)
        self.norm_added_q, self.norm_added_k = RMSNorm(head_dim), RMSNorm(head_dim)
        self.to_out = nn.ModuleList([nn.Linear(dim, dim)])
        self.to_add_out = nn.Linear(dim, dim)

    def forward(
        self, img: Tensor, txt: Tensor, rope: tuple[Tensor, Tensor], mask: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        heads = (self.num_heads, -1)
        img_q, img_k, img_v = (
            f(img).unflatten(-1, heads) for f in (self.to_q, self.to_k, self.to_v)
        )
        txt_q, txt_k, txt_v = (
            f(txt).unflatten(-1, heads) for f in (self.add_q_proj, self.add_k_proj, self.add_v_proj)
        )
        img_table, txt_table = rope
        img_q, img_k = (
            rotate(norm(x), img_table) for norm, x in ((self.norm_q, img_q), (self.norm_k, img_k))
        )
        txt_q, txt_k = (
            rotate(norm(x), txt_table)
            for norm, x in ((self.norm_added_q, txt_q), (self.norm_added_k, txt_k))
        )
        q, k, v = (
            torch.cat(pair, dim=1) for pair in ((txt_q, img_q), (txt_k, img_k), (txt_v, img_v))
        )
        out = attend(q, k, v, mask).to(q.dtype)
        # Contiguous halves: a linear on a slice rounds differently in bf16.
        txt_out, img_out = (
            part.contiguous() for part in out.split([txt.shape[1], img.shape[1]], 1)
        )
        return self.to_out[0](img_out), self.to_add_out(txt_out)


def layer_norm(x: Tensor) -> Tensor:
    return F.layer_norm(x, x.shape[-1:], eps=1e-6)


def modulate(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    return layer_norm(x) * (1 + scale) + shift


class Block(nn.Module):
    """A double-stream block: joint attention, then an MLP in each stream, modulated by time."""

    def __init__(self, dim: int, num_heads: int) -> None:
        super().__init__()
        self.img_mod = nn.Sequential(nn.SiLU(), nn.Linear(dim, 6 * dim))
        self.txt_mod = nn.Sequential(nn.SiLU(), nn.Linear(dim, 6 * dim))
        self.attn = JointAttention(dim, num_heads)
        self.img_mlp = FeedForward(dim)
        self.txt_mlp = FeedForward(dim)

    def forward(
        self,
        img: Tensor,
        txt: Tensor,
        temb: Tensor,
        rope: tuple[Tensor, Tensor],
        mask: Tensor | None,
        num_target: int | None = None,
    ) -> tuple[Tensor, Tensor]:
        """With `num_target`, temb is [2B, D]: the second half, time zero, modulates the image
        tokens behind the first `num_target`."""
        img_shift1, img_scale1, img_gate1, img_shift2, img_scale2, img_gate2 = (
            self._image_modulation(temb, num_target, img.shape[1])
        )
        txt_temb = temb if num_target is None else temb.chunk(2)[0]
        txt_shift1, txt_scale1, txt_gate1, txt_shift2, txt_scale2, txt_gate2 = self.txt_mod(
            txt_temb
        )[:, None].chunk(6, dim=-1)
        img_attn, txt_attn = self.attn(
            modulate(img, img_shift1, img_scale1), modulate(txt, txt_shift1, txt_scale1), rope, mask
        )
        img = img + img_gate1 * img_attn
        txt = txt + txt_gate1 * txt_attn
        img = img + img_gate2 * self.img_mlp(modulate(img, img_shift2, img_scale2))
        txt = txt + txt_gate2 * self.txt_mlp(modulate(txt, txt_shift2, txt_scale2))
        if img.dtype == torch.float16:
            img, txt = img.clamp(-FP16_MAX, FP16_MAX), txt.clamp(-FP16_MAX, FP16_MAX)
        return img, txt

    def _image_modulation(
        self, temb: Tensor, num_target: int | None, num_tokens: int
    ) -> tuple[Tensor, ...]:
        params = self.img_mod(temb)[:, None]
        if num_target is not None:
            now, zero = params.chunk(2)
            is_target = torch.arange(num_tokens, device=temb.device) < num_target
            params = torch.where(is_target[None, :, None], now, zero)
        return params.chunk(6, dim=-1)


class FinalNorm(nn.Module):
    def __init__(self, dim: int) -> None:
        super().__init__()
        self.linear = nn.Linear(dim, 2 * dim)

    def forward(self, x: Tensor, temb: Tensor) -> Tensor:
        scale, shift = self.linear(F.silu(temb))[:, None].chunk(2, dim=-1)
        return modulate(x, shift, scale)
