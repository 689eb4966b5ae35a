"""Flow matching in the released orientation: sigma = 1 is noise, the target is noise - latent.

Pure tensor arithmetic. Shapes: B batch, L tokens, C packed latent channels.
"""

from __future__ import annotations

import torch
from torch import Tensor


def draw_sigmas(
    count: int, mean: float, deviation: float, noise_share: float, generator: torch.Generator
) -> Tensor:
    """[count] noise levels on the CPU: a share of them 1, the rest sigmoid(N(mean, deviation))."""
    sigmas = torch.sigmoid(mean + deviation * torch.randn(count, generator=generator))
    return torch.where(torch.rand(count, generator=generator) < noise_share, 1.0, sigmas)


def noised(latents: Tensor, noise: Tensor, sigmas: Tensor) -> Tensor:
    """(1 - sigma) latent + sigma noise, all [B, L, C], sigmas [B]."""
    s = sigmas.view(-1, 1, 1).to(latents)
    return (1 - s) * latents + s * noise


def velocity(latents: Tensor, noise: Tensor) -> Tensor:
    """What the network predicts: the direction from latent to noise, whatever sigma is."""
    return noise - latents


def weighted_loss(predicted: Tensor, target: Tensor, weights: Tensor) -> Tensor:
    """Mean squared error over channels, weighed by token with weights [B, L]."""
    error = (predicted - target).square().mean(dim=-1)
    return (error * weights).sum() / weights.sum()


def draw_dropout(count: int, share: float, generator: torch.Generator) -> list[bool]:
    """Which of `count` captions are replaced by the empty prompt."""
    return (torch.rand(count, generator=generator) < share).tolist()
