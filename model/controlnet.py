"""ControlNets of Qwen-Image 1.x: a second network that reads a map and adds to the image stream.

Two dialects: InstantX's, a short MMDiT of its own whose residuals are spread over the blocks, and
DiffSynth's block-wise one, a small adapter behind every block (QwenImageBlockWiseControlNet).

Shapes: B batch, L target tokens, C packed latent channels, T text tokens, D text width, d width.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from model.attention import joint_mask
from model.config import ConfigError, TransformerConfig
from model.modules import Block, RMSNorm, TimeEmbed
from model.rope import Grid
from model.transformer import tables_on
from model.vae import Poll, no_poll

AfterBlock = Callable[[int, Tensor], Tensor]
"""Index of a block and the target's image tokens behind it [B, L, d]: what is added to them."""

MASK_CHANNELS = 4
"""Of a packed mask: what an inpainting ControlNet reads beside the picture."""


@dataclass(frozen=True, kw_only=True)
class ControlNetConfig:
    """`config.json` of a QwenImageControlNetModel; `transformer` holds the fields it shares."""

    transformer: TransformerConfig
    extra_condition_channels: int = 0

    def __post_init__(self) -> None:
        if self.extra_condition_channels not in (0, MASK_CHANNELS):
            raise ConfigError(
                f"extra_condition_channels {self.extra_condition_channels} is neither 0 "
                f"nor {MASK_CHANNELS}"
            )

    @property
    def reads_mask(self) -> bool:
        return self.extra_condition_channels > 0


class ControlNet(nn.Module):
    """InstantX's: the first blocks of an MMDiT, over the noisy tokens plus the embedded map."""

    def __init__(self, config: ControlNetConfig) -> None:
        super().__init__()
        self.config = config
        shared = config.transformer
        dim = shared.dim
        self.time_text_embed = TimeEmbed(dim)
        self.txt_norm = RMSNorm(shared.joint_attention_dim)
        self.img_in = nn.Linear(shared.in_channels, dim)
        self.txt_in = nn.Linear(shared.joint_attention_dim, dim)
        self.controlnet_x_embedder = nn.Linear(
            shared.in_channels + config.extra_condition_channels, dim
        )
        layers = range(shared.num_layers)
        self.transformer_blocks = nn.ModuleList(
            [Block(dim, shared.num_attention_heads) for _ in layers]
        )
        self.controlnet_blocks = nn.ModuleList([nn.Linear(dim, dim) for _ in layers])

    @property
    def reads_mask(self) -> bool:
        return self.config.reads_mask

    def forward(
        self,
        img: Tensor,
        control: Tensor,
        txt: Tensor,
        sigma: Tensor,
        grid: Grid,
        valid: Tensor | None = None,
        poll: Poll = no_poll,
    ) -> list[Tensor]:
        """Noisy tokens [B, L, C], map [B, L, C or C + 4], txt [B, T, D], sigma [B] -> a residual
        [B, L, d] for each of its blocks."""
        shared = self.config.transformer
        tables = tables_on((grid,), txt.shape[1], shared.axes_dims_rope, img.device, False)
        temb = self.time_text_embed(sigma.to(img.dtype))
        mask = joint_mask(valid, img.shape[1])
        img = self.img_in(img) + self.controlnet_x_embedder(control)
        txt = self.txt_in(self.txt_norm(txt))
        residuals = []
        for block, out in zip(self.transformer_blocks, self.controlnet_blocks, strict=True):
            poll()
            img, txt = block(img, txt, temb, tables, mask)
            residuals.append(out(img))
        return residuals


class BlockwiseAdapter(nn.Module):
    """output(GELU(input(norm(image stream) + norm(map))))."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.x_rms, self.y_rms = RMSNorm(dim), RMSNorm(dim)
        self.input_proj, self.output_proj = nn.Linear(dim, dim), nn.Linear(dim, dim)

    def forward(self, img: Tensor, embedded: Tensor) -> Tensor:
        return self.output_proj(F.gelu(self.input_proj(self.x_rms(img) + self.y_rms(embedded))))


class BlockwiseControlNet(nn.Module):
    """DiffSynth's: an adapter behind each block of the transformer it was made for."""

    def __init__(self, dim: int, channels: int, num_layers: int, extra_channels: int = 0) -> None:
        super().__init__()
        self.extra_channels = extra_channels
        self.img_in = nn.Linear(channels + extra_channels, dim)
        self.controlnet_blocks = nn.ModuleList([BlockwiseAdapter(dim) for _ in range(num_layers)])

    @property
    def reads_mask(self) -> bool:
        return self.extra_channels > 0

    def behind(self, index: int, img: Tensor, embedded: Tensor) -> Tensor:
        """What is added behind block `index`; `embedded` is `img_in` of the map."""
        return self.controlnet_blocks[index](img, embedded)


@dataclass(frozen=True, kw_only=True)
class ControlInput:
    """A ControlNet at work: its map as packed tokens [B, L, C or C + 4], and where it counts.

    Of a run of n steps, step i (from 0) is within start…end if i / n is not below start and
    (i + 1) / n not above end.
    """

    net: ControlNet | BlockwiseControlNet
    tokens: Tensor
    strength: float = 1.0
    start: float = 0.0
    end: float = 1.0

    def is_active(self, step: int, total: int) -> bool:
        return step / total >= self.start and (step + 1) / total <= self.end


def after_blocks(
    controls: Sequence[ControlInput],
    num_blocks: int,
    img: Tensor,
    txt: Tensor,
    sigma: Tensor,
    grid: Grid,
    valid: Tensor | None,
    poll: Poll,
) -> AfterBlock | None:
    """The sum of what the controls add behind each of `num_blocks` blocks at one step.

    InstantX's are run here, once a step, with the positive prompt's states; None without controls.
    """
    parts: list[AfterBlock] = []
    for control in controls:
        if isinstance(control.net, ControlNet):
            found = control.net(img, control.tokens, txt, sigma, grid, valid, poll)
            parts.append(_spread(found, num_blocks, control.strength))
        else:
            parts.append(_blockwise(control.net, control.tokens, control.strength))
    if not parts:
        return None
    first, *others = parts

    def added(index: int, target: Tensor) -> Tensor:
        return sum((part(index, target) for part in others), start=first(index, target))

    return added


def _spread(residuals: list[Tensor], num_blocks: int, strength: float) -> AfterBlock:
    each = -(-num_blocks // len(residuals))
    scaled = [residual * strength for residual in residuals]
    return lambda index, _: scaled[index // each]


def _blockwise(net: BlockwiseControlNet, tokens: Tensor, strength: float) -> AfterBlock:
    embedded = net.img_in(tokens)
    return lambda index, target: net.behind(index, target, embedded) * strength
