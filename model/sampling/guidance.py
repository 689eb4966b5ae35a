"""Classifier-free guidance with two passes, plain and with the norm rescale of Qwen-Image 1.x."""

from __future__ import annotations

import torch
from torch import Tensor


def mix(cond: Tensor, negative: Tensor, guidance: float) -> Tensor:
    """Guided velocity [B, L, C]: away from the negative one."""
    return negative + guidance * (cond - negative)


def combine(cond: Tensor, negative: Tensor, guidance: float) -> Tensor:
    """The same, brought back to each token's conditional norm over C."""
    guided = mix(cond, negative, guidance)
    cond_norm = torch.norm(cond, dim=-1, keepdim=True)
    return guided * (cond_norm / torch.norm(guided, dim=-1, keepdim=True))
