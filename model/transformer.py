"""The MMDiT of Qwen-Image 1.x: predicts the velocity (noise - latent) of the target's tokens.

Shapes: B batch, L image tokens (target first, then references), T text tokens, C packed latent
channels (64 published), D text width (3584 published).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import torch
from torch import Tensor, nn

from model.attention import joint_mask
from model.config import TransformerConfig
from model.lossy.step_cache import WHOLE, StepCache
from model.modules import Block, FinalNorm, RMSNorm, TimeEmbed
from model.rope import Grid, layered_rope_tables, rope_tables
from model.vae import Poll, no_poll


@lru_cache(maxsize=8)
@torch.inference_mode(mode=False)  # a cached inference tensor could never take part in training
def tables_on(
    grids: tuple[Grid, ...],
    num_text: int,
    axes_dims: tuple[int, ...],
    device: torch.device,
    has_layers: bool,
) -> tuple[Tensor, Tensor]:
    tables = layered_rope_tables if has_layers else rope_tables
    img, txt = tables(grids, num_text, axes_dims)
    return img.to(device), txt.to(device)


class Transformer(nn.Module):
    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.config = config
        dim = config.dim
        self.time_text_embed = TimeEmbed(dim, has_addition=config.use_additional_t_cond)
        self.txt_norm = RMSNorm(config.joint_attention_dim)
        self.img_in = nn.Linear(config.in_channels, dim)
        self.txt_in = nn.Linear(config.joint_attention_dim, dim)
        self.transformer_blocks = nn.ModuleList(
            [Block(dim, config.num_attention_heads) for _ in range(config.num_layers)]
        )
        self.norm_out = FinalNorm(dim)
        self.proj_out = nn.Linear(dim, config.in_channels)

    def forward(
        self,
        img: Tensor,
        txt: Tensor,
        sigma: Tensor,
        grids: Sequence[Grid],
        valid: Tensor | None = None,
        poll: Poll = no_poll,
        after_block: Callable[[int, Tensor], Tensor] | None = None,
    ) -> Tensor:
        """img [B, L, C], txt [B, T, D], sigma [B] -> velocity of the target [B, L0, C].

        `grids` names the images in the order of their tokens, target first. `valid` [B, T] marks
        the text tokens that count; None means all. `poll` is called before every block and may
        raise to stop. `after_block` gives what is added to the target's tokens behind a block.
        """
        texts = [(txt, valid)]
        (velocity,) = self.together(img, texts, sigma, grids, poll, after_block)
        return velocity

    def together(
        self,
        img: Tensor,
        texts: Sequence[tuple[Tensor, Tensor | None]],
        sigma: Tensor,
        grids: Sequence[Grid],
        poll: Poll = no_poll,
        after_block: Callable[[int, Tensor], Tensor] | None = None,
        cache: StepCache = WHOLE,
    ) -> tuple[Tensor, ...]:
        """`forward` of each text and its `valid`, one velocity a text. All go through a block
        before the next: where blocks are streamed, one pass serves both branches of guidance.
        `cache` decides behind the first block whether it stands for all others."""
        num_target = grids[0][0] * grids[0][1] * grids[0][2]
        sigma = sigma.to(img.dtype)
        zero_cond = self.config.zero_cond_t
        if zero_cond:
            sigma = torch.cat([sigma, torch.zeros_like(sigma)])
        temb = self.time_text_embed(sigma)
        split = num_target if zero_cond else None
        contexts = [
            (self._tables(grids, txt, img.device), joint_mask(valid, img.shape[1]))
            for txt, valid in texts
        ]
        img = self.img_in(img)
        start = img[:, :num_target]
        streams = [(img, self.txt_in(self.txt_norm(txt))) for txt, _ in texts]
        for index, block in enumerate(self.transformer_blocks):
            assert isinstance(block, Block)
            for branch, (tables, mask) in enumerate(contexts):
                poll()
                img, txt = streams[branch]
                if index == self.config.num_layers - 1:
                    img = block.of_target(
                        img, txt, temb, tables, mask, num_target, zero_cond=zero_cond
                    )
                else:
                    img, txt = block(img, txt, temb, tables, mask, split)
                if after_block is not None:
                    added = after_block(index, img[:, :num_target])
                    img = torch.cat([img[:, :num_target] + added, img[:, num_target:]], dim=1)
                streams[branch] = img, txt
            if index == 0 and cache.skips(start, [img[:, :num_target] for img, _ in streams]):
                break

        ends = cache.completed([img[:, :num_target] for img, _ in streams])
        temb = temb.chunk(2)[0] if zero_cond else temb
        return tuple(self.proj_out(self.norm_out(end, temb)) for end in ends)

    def _tables(
        self, grids: Sequence[Grid], txt: Tensor, device: torch.device
    ) -> tuple[Tensor, Tensor]:
        config = self.config
        axes, layers = config.axes_dims_rope, config.use_layer3d_rope
        return tables_on(tuple(grids), txt.shape[1], axes, device, layers)
