"""Joint attention of the text and image streams, as free functions without state.

Shapes: B batch, N tokens, H heads, d head dimension. Text tokens come before image tokens.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def rms_norm(x: Tensor, weight: Tensor, eps: float = 1e-6) -> Tensor:
    """Root-mean-square norm with the reference's roundings: mean square in float32, product cast to
    the weight's 16-bit type before the gain."""
    scaled = x * torch.rsqrt(x.float().pow(2).mean(-1, keepdim=True) + eps)
    if weight.dtype in (torch.float16, torch.bfloat16):
        scaled = scaled.to(weight.dtype)
    return scaled * weight


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """Scaled dot-product attention of [B, N, H, d] -> [B, N, H * d]; mask: keys that count."""
    q, k, v = (t.transpose(1, 2) for t in (q, k, v))
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask).transpose(1, 2).flatten(2)


def joint_mask(valid: Tensor | None, num_image: int) -> Tensor | None:
    """Key mask [B, 1, 1, T + L] from the valid text tokens [B, T]; None when every token counts."""
    if valid is None:
        return None
    image = valid.new_ones(valid.shape[0], num_image, dtype=torch.bool)
    return torch.cat([valid.bool(), image], dim=1)[:, None, None]
