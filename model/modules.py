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

Rope = tuple[Tensor, Tensor]
"""Tables of the image's and the text's tokens."""
Mask = Tensor | None


class RMSNorm(nn.Module):
    def __init__(self, dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim))

    def forward(self, x: Tensor) -> Tensor:
        return rms_norm(x, self.weight)


def time_frequencies(device: torch.device) -> Tensor:
    """[128] in float32: never a buffer, which a cast of the module would round."""
    half = TIME_CHANNELS // 2
    exponent = -math.log(10_000) * torch.arange(half, dtype=torch.float32, device=device)
    return torch.exp(exponent / half)


def sinusoid(angles: Tensor) -> Tensor:
    """[B, 128] -> [B, 256]: cosines, then sines."""
    return torch.cat([angles.cos(), angles.sin()], dim=-1)


class TimestepEmbedding(nn.Module):
    def __init__(self, dim: int, *, bias: bool = True) -> None:
        super().__init__()
        self.linear_1 = nn.Linear(TIME_CHANNELS, dim, bias=bias)
        self.linear_2 = nn.Linear(dim, dim, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear_2(F.silu(self.linear_1(x)))


class TimeEmbed(nn.Module):
    """Noise levels [B] -> [B, dim]. Qwen-Image-Layered adds a learned row, always the first."""

    def __init__(self, dim: int, *, has_addition: bool = False) -> None:
        super().__init__()
        self.timestep_embedder = TimestepEmbedding(dim)
        self.addition_t_embedding = nn.Embedding(2, dim) if has_addition else None

    def forward(self, sigma: Tensor) -> Tensor:
        angles = 1000 * (sigma[:, None].float() * time_frequencies(sigma.device))
        embedded = self.timestep_embedder(sinusoid(angles).to(sigma.dtype))
        if self.addition_t_embedding is None:
            return embedded
        return embedded + self.addition_t_embedding.weight[0]


def gelu(x: Tensor) -> Tensor:
    """GELU in its tanh approximation; x may be used up. The same function as
    x * sigmoid(2 * argument of the tanh), which takes half the time where a tanh is slow."""
    if x.device.type != "cpu" or x.dtype != torch.float32 or x.requires_grad:
        return F.gelu(x, approximate="tanh")
    slope = 2 * math.sqrt(2 / math.pi)
    argument = torch.addcmul(x.new_tensor(slope), x, x, value=slope * 0.044715)
    return x.mul_(argument.mul_(x).sigmoid_())


class GeluProjection(nn.Module):
    def __init__(self, dim_in: int, dim_out: int) -> None:
        super().__init__()
        self.proj = nn.Linear(dim_in, dim_out)

    def forward(self, x: Tensor) -> Tensor:
        return gelu(self.proj(x))


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

    attend = staticmethod(attend)  # a run may put another in its place: `model/lossy`

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

    def forward(self, img: Tensor, txt: Tensor, rope: Rope, mask: Mask) -> tuple[Tensor, Tensor]:
        img_table, txt_table = rope
        txt_q = rotate(self.norm_added_q(self._heads(self.add_q_proj(txt))), txt_table)
        q = torch.cat([txt_q, self._image_queries(img, img_table)], dim=1)
        out = self.attend(q, *self._keys_and_values(img, txt, rope), mask).to(q.dtype)
        # Contiguous halves: a linear on a slice rounds differently in bf16.
        txt_out, img_out = (
            part.contiguous() for part in out.split([txt.shape[1], img.shape[1]], 1)
        )
        return self.to_out[0](img_out), self.to_add_out(txt_out)

    def of_target(
        self, img: Tensor, txt: Tensor, rope: Rope, mask: Mask, num_target: int
    ) -> Tensor:
        """What `forward` gives for the first `num_target` image tokens, and nothing else."""
        q = self._image_queries(img[:, :num_target], rope[0][:num_target])
        out = self.attend(q, *self._keys_and_values(img, txt, rope), mask).to(q.dtype)
        return self.to_out[0](out)

    def _image_queries(self, img: Tensor, table: Tensor) -> Tensor:
        return rotate(self.norm_q(self._heads(self.to_q(img))), table)

    def _keys_and_values(self, img: Tensor, txt: Tensor, rope: Rope) -> tuple[Tensor, Tensor]:
        """Of both streams, text first: [B, T + L, heads, d] each."""
        img_table, txt_table = rope
        img_k = rotate(self.norm_k(self._heads(self.to_k(img))), img_table)
        txt_k = rotate(self.norm_added_k(self._heads(self.add_k_proj(txt))), txt_table)
        img_v, txt_v = self._heads(self.to_v(img)), self._heads(self.add_v_proj(txt))
        return torch.cat([txt_k, img_k], dim=1), torch.cat([txt_v, img_v], dim=1)

    def _heads(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.num_heads, -1))


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
        rope: Rope,
        mask: Mask,
        num_target: int | None = None,
    ) -> tuple[Tensor, Tensor]:
        """With `num_target`, temb is [2B, D]: the second half, time zero, modulates the image
        tokens behind the first `num_target`."""
        params = self.img_mod(temb)[:, None]
        if num_target is not None:
            params = _choose(params, num_target, img.shape[1])
        txt_temb = temb if num_target is None else temb.chunk(2)[0]
        return self.modulated(img, txt, params, self.txt_mod(txt_temb)[:, None], rope, mask)

    def modulated(
        self, img: Tensor, txt: Tensor, of_img: Tensor, of_txt: Tensor, rope: Rope, mask: Mask
    ) -> tuple[Tensor, Tensor]:
        """`forward` under shifts, scales and gates [B, 1 or L, 6 D] and [B, 1, 6 D]."""
        img_shift1, img_scale1, img_gate1, img_shift2, img_scale2, img_gate2 = of_img.chunk(6, -1)
        txt_shift1, txt_scale1, txt_gate1, txt_shift2, txt_scale2, txt_gate2 = of_txt.chunk(6, -1)
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

    def of_target(
        self,
        img: Tensor,
        txt: Tensor,
        temb: Tensor,
        rope: Rope,
        mask: Mask,
        num_target: int,
        *,
        zero_cond: bool,
    ) -> Tensor:
        """As `forward`, but the target's tokens alone: nothing else of the last block is read."""
        params = self.img_mod(temb)[:, None]
        now = params.chunk(2)[0] if zero_cond else params
        if zero_cond:
            params = _choose(params, num_target, img.shape[1])
        shift1, scale1, *_ = params.chunk(6, dim=-1)
        _, _, gate1, shift2, scale2, gate2 = now.chunk(6, dim=-1)
        txt_temb = temb.chunk(2)[0] if zero_cond else temb
        txt_shift, txt_scale, *_ = self.txt_mod(txt_temb)[:, None].chunk(6, dim=-1)
        attn = self.attn.of_target(
            modulate(img, shift1, scale1),
            modulate(txt, txt_shift, txt_scale),
            rope,
            mask,
            num_target,
        )
        img = img[:, :num_target] + gate1 * attn
        img = img + gate2 * self.img_mlp(modulate(img, shift2, scale2))
        return img.clamp(-FP16_MAX, FP16_MAX) if img.dtype == torch.float16 else img


def _choose(params: Tensor, num_target: int, num_tokens: int) -> Tensor:
    """Modulation a token: the target's by the true time, the first half; others' by time zero."""
    now, zero = params.chunk(2)
    is_target = torch.arange(num_tokens, device=params.device) < num_target
    return torch.where(is_target[None, :, None], now, zero)


class FinalNorm(nn.Module):
    def __init__(self, dim: int) -> None:
        super().__init__()
        self.linear = nn.Linear(dim, 2 * dim)

    def forward(self, x: Tensor, temb: Tensor) -> Tensor:
        scale, shift = self.linear(F.silu(temb))[:, None].chunk(2, dim=-1)
        return modulate(x, shift, scale)
