"""Classifier-free guidance with two passes, and the norm rescale of Qwen-Image 1.x."""

from __future__ import annotations

import torch
from torch import Tensor


def combine(cond: Tensor, negative: Tensor, guidance: float) -> Tensor:
    """Guided velocity [B, L, C], brought back to each token's conditional norm over C."""
    guided = negative + guidance * (cond - negative)
    cond_norm = torch.norm(cond, dim=-1, keepdim=True)
    return guided * (cond_norm / torch.norm(guided, dim=-1, keepdim=True))
