"""The single-stream transformer of Qwen-Image-2.1: predicts the velocity of the target's tokens.

One sequence: text and references, the prefix, then the target. The prefix never sees the target and
is modulated by time zero, so its keys and values are the same at every step: `prefill` computes
them once, and `forward` runs the target's tokens alone.

Shapes: B batch, L target tokens, R tokens of all references, T text states, N prefix tokens, C
latent channels (64 published), D text width (4096 published), H heads, d head dimension.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.attention import attend, joint_mask
from model.config21 import Transformer21Config
from model.lossy.step_cache import WHOLE, StepCache
from model.modules import (
    FP16_MAX,
    RMSNorm,
    TimestepEmbedding,
    gelu,
    layer_norm,
    sinusoid,
    time_frequencies,
)
from model.prefix import Run, prefix_runs, run_masks, sequence_tables, valid_tokens
from model.rope import Grid, rotate
from model.vae import Poll, no_poll

KeysValues = tuple[Tensor, Tensor]
"""Keys, rotated, and values: [B, N, H, d] each."""


@dataclass(frozen=True, kw_only=True)
class Prefix:
    """All that a target needs to know of one prompt and its references.

    `layers` holds every block's keys and values, `table` the target's rotations [L, d/2], `valid`
    [B, N] the prefix tokens that count, None when all do.
    """

    layers: tuple[KeysValues, ...]
    table: Tensor
    valid: Tensor | None


class Modulation(NamedTuple):
    """Factors of one noise level for all blocks, [B, 1, D] each, or [1, 1, D] for time zero."""

    scale1: Tensor
    gate1: Tensor
    scale2: Tensor
    gate2: Tensor


class TimeEmbed(nn.Module):
    def __init__(self, dim: int) -> None:
        super().__init__()
        self.timestep_embedder = TimestepEmbedding(dim, bias=False)

    def forward(self, sigma: Tensor) -> Tensor:
        # The reference multiplies by 1000 first here; in 1.x last, which rounds otherwise.
        angles = (1000 * sigma[:, None].float()) * time_frequencies(sigma.device)
        return self.timestep_embedder(sinusoid(angles).to(sigma.dtype))


class CentredNorm(nn.Module):
    """Root-mean-square norm in float32 whose gain is stored less one."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(dim))

    def forward(self, x: Tensor) -> Tensor:
        wide = x.float()
        scaled = wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + 1e-6)
        return (scaled * (self.weight.float() + 1)).to(x.dtype)


class TextProjection(nn.Module):
    def __init__(self, dim_in: int, dim: int) -> None:
        super().__init__()
        self.text_norm = CentredNorm(dim_in)
        self.in_layer = nn.Linear(dim_in, dim, bias=False)
        self.out_layer = nn.Linear(dim, dim, bias=False)

    def forward(self, txt: Tensor) -> Tensor:
        return self.out_layer(gelu(self.in_layer(self.text_norm(txt))))


class SwiGlu(nn.Module):
    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.proj = nn.Linear(dim, hidden, bias=False)
        self.out = nn.Linear(hidden, dim, bias=False)
        self.gate_layer = nn.Linear(dim, hidden, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(F.silu(self.gate_layer(x)) * self.proj(x))


class SelfAttention(nn.Module):
    attend = staticmethod(attend)  # of the target; a run may put another in its place

    def __init__(self, dim: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.to_q, self.to_k, self.to_v = (nn.Linear(dim, dim, bias=False) for _ in range(3))
        self.norm_q, self.norm_k = RMSNorm(dim // num_heads), RMSNorm(dim // num_heads)
        self.to_out = nn.ModuleList([nn.Linear(dim, dim, bias=False)])

    def forward(self, x: Tensor, table: Tensor, prefix: KeysValues, mask: Tensor | None) -> Tensor:
        """The target's tokens see the whole prefix and one another."""
        k, v = self.keys_values(x, table)
        k, v = torch.cat([prefix[0], k], dim=1), torch.cat([prefix[1], v], dim=1)
        return self.to_out[0](self.attend(self._queries(x, table), k, v, mask).to(x.dtype))

    def of_prefix(
        self, x: Tensor, table: Tensor, runs: Sequence[Run], masks: Sequence[Tensor | None]
    ) -> tuple[Tensor, KeysValues]:
        """Each run sees what stands before its end, as its mask says."""
        q = self._queries(x, table)
        k, v = self.keys_values(x, table)
        parts = [
            attend(q[:, run.start : run.stop], k[:, : run.stop], v[:, : run.stop], mask)
            for run, mask in zip(runs, masks, strict=True)
        ]
        return self.to_out[0](torch.cat(parts, dim=1).to(x.dtype)), (k, v)

    def keys_values(self, x: Tensor, table: Tensor) -> KeysValues:
        return rotate(self.norm_k(self._heads(self.to_k(x))), table), self._heads(self.to_v(x))

    def _queries(self, x: Tensor, table: Tensor) -> Tensor:
        return rotate(self.norm_q(self._heads(self.to_q(x))), table)

    def _heads(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.num_heads, -1))


class Block(nn.Module):
    def __init__(self, dim: int, num_heads: int, mlp_ratio: int) -> None:
        super().__init__()
        self.attn = SelfAttention(dim, num_heads)
        self.img_mlp = SwiGlu(dim, mlp_ratio * dim)

    def forward(
        self, x: Tensor, mod: Modulation, table: Tensor, prefix: KeysValues, mask: Tensor | None
    ) -> Tensor:
        attn = self.attn(layer_norm(x) * mod.scale1, table, prefix, mask)
        return self._add(x, attn, mod)

    def of_prefix(
        self,
        x: Tensor,
        mod: Modulation,
        table: Tensor,
        runs: Sequence[Run],
        masks: Sequence[Tensor | None],
    ) -> tuple[Tensor, KeysValues]:
        attn, kept = self.attn.of_prefix(layer_norm(x) * mod.scale1, table, runs, masks)
        return self._add(x, attn, mod), kept

    def last_of_prefix(self, x: Tensor, mod: Modulation, table: Tensor) -> KeysValues:
        """Of the last block, the target reads nothing of the prefix but these."""
        return self.attn.keys_values(layer_norm(x) * mod.scale1, table)

    def _add(self, x: Tensor, attn: Tensor, mod: Modulation) -> Tensor:
        x = x + mod.gate1 * attn
        x = x + mod.gate2 * self.img_mlp(layer_norm(x) * mod.scale2)
        return x.clamp(-FP16_MAX, FP16_MAX) if x.dtype == torch.float16 else x


class FinalScale(nn.Module):
    def __init__(self, dim: int) -> None:
        super().__init__()
        self.linear = nn.Linear(dim, dim, bias=False)

    def forward(self, x: Tensor, temb: Tensor) -> Tensor:
        return layer_norm(x) * (1 + self.linear(F.silu(temb))[:, None])


class Transformer21(nn.Module):
    def __init__(self, config: Transformer21Config) -> None:
        super().__init__()
        self.config = config
        dim = config.dim
        self.time_text_embed = TimeEmbed(dim)
        self.txt_in = TextProjection(config.context_in_dim, dim)
        self.img_in = nn.Linear(config.in_channels, dim, bias=False)
        self.modulation = nn.Sequential(nn.SiLU(), nn.Linear(dim, 4 * dim, bias=False))
        self.transformer_blocks = nn.ModuleList(
            [
                Block(dim, config.num_attention_heads, config.mlp_ratio)
                for _ in range(config.num_layers)
            ]
        )
        self.norm_out = FinalScale(dim)
        self.proj_out = nn.Linear(dim, config.out_channels, bias=False)

    def forward(self, img: Tensor, sigma: Tensor, prefix: Prefix, poll: Poll = no_poll) -> Tensor:
        """The target's tokens img [B, L, C] at sigma [B] -> their velocity [B, L, C].

        A prefix of one sample serves a batch. `poll` is called before every block and may raise to
        stop.
        """
        (velocity,) = self.together(img, sigma, [prefix], poll)
        return velocity

    def together(
        self,
        img: Tensor,
        sigma: Tensor,
        prefixes: Sequence[Prefix],
        poll: Poll = no_poll,
        cache: StepCache = WHOLE,
    ) -> tuple[Tensor, ...]:
        """`forward` behind each prefix. All go through a block before the next: where blocks are
        streamed, one pass serves both branches of guidance. `cache` decides behind the first block
        whether it stands for all others."""
        temb = self.time_text_embed(sigma.to(img.dtype))
        mod = self._modulation(temb)
        masks = [joint_mask(prefix.valid, img.shape[1]) for prefix in prefixes]
        start = self.img_in(img)
        streams = [start] * len(prefixes)
        for index, block in enumerate(self.transformer_blocks):
            for branch, prefix in enumerate(prefixes):
                poll()
                k, v = (part.expand(len(img), -1, -1, -1) for part in prefix.layers[index])
                x = streams[branch]
                streams[branch] = block(x, mod, prefix.table, (k, v), masks[branch])
            if index == 0 and cache.skips(start, streams):
                break
        return tuple(self.proj_out(self.norm_out(x, temb)) for x in cache.completed(streams))

    def prefill(
        self,
        txt: Tensor,
        grids: Sequence[Grid],
        references: Tensor | None = None,
        is_slot: Sequence[bool] | None = None,
        valid: Tensor | None = None,
        poll: Poll = no_poll,
    ) -> Prefix:
        """The prefix of text states txt [B, T, D] and tokens of references [B, R, C].

        `grids` names the references in the order of their tokens, the target last. `is_slot` [T]
        marks the states that are places of references, the same for every sample; None means none.
        `valid` [B, T] marks the states that count; None means all.
        """
        *pictures, target = grids
        runs = prefix_runs(is_slot or [False] * txt.shape[1], pictures)
        valid = None if valid is None else valid_tokens(runs, valid)
        masks = run_masks(runs, valid, txt.device)
        table, target_table = (
            t.to(txt.device) for t in sequence_tables(runs, target, self.config.axes_dims_rope)
        )
        mod = self._modulation(self.time_text_embed(txt.new_zeros(1)))
        x = self._tokens(txt, references, runs)
        layers: list[KeysValues] = []
        for index, block in enumerate(self.transformer_blocks):
            poll()
            assert isinstance(block, Block)
            if index == self.config.num_layers - 1:
                layers.append(block.last_of_prefix(x, mod, table))
            else:
                x, kept = block.of_prefix(x, mod, table, runs, masks)
                layers.append(kept)
        return Prefix(layers=tuple(layers), table=target_table, valid=valid)

    def _tokens(self, txt: Tensor, references: Tensor | None, runs: Sequence[Run]) -> Tensor:
        """Text and references in one sequence [B, N, dim]: what the text encoder saw of a picture
        gives way to the picture itself."""
        txt = self.txt_in(txt)
        pictures = [run.length for run in runs if run.grid is not None]
        if references is None:
            return txt
        tokens = iter(self.img_in(references).split(pictures, dim=1))
        parts = [txt[:, run.states] if run.grid is None else next(tokens) for run in runs]
        return torch.cat(parts, dim=1)

    def _modulation(self, temb: Tensor) -> Modulation:
        scale1, gate1, scale2, gate2 = self.modulation(temb)[:, None].chunk(4, dim=-1)
        return Modulation(1 + scale1, gate1.tanh(), 1 + scale2, gate2.tanh())
