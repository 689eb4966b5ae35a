"""The one denoise loop. Tasks differ in the tokens and positions they prepare, not in the loop."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

Predict = Callable[[Tensor, Tensor], Tensor]
"""Tokens [B, L, C] and noise level [B] -> velocity [B, L, C]."""

OnLatents = Callable[[int, int, Tensor], None]
"""Step from 1, total, and the picture's tokens as predicted at this step."""


def euler_step(tokens: Tensor, velocity: Tensor, now: Tensor, after: Tensor) -> Tensor:
    """x + (after - now) * v, added in float32, the product in v's type as in the reference."""
    moved = tokens.float() + (after - now) * velocity
    return moved.to(velocity.dtype)


def denoise(tokens: Tensor, sigmas: Tensor, predict: Predict, on_latents: OnLatents) -> Tensor:
    """From noise tokens [B, L, C] to picture tokens along `sigmas` [steps + 1]."""
    total = len(sigmas) - 1
    for i in range(total):
        # The reference rounds 1000 * sigma to the run's type before it divides.
        timestep = (1000 * sigmas[i]).to(tokens.dtype).to(tokens.device)
        velocity = predict(tokens, (timestep / 1000).expand(tokens.shape[0]))
        on_latents(i + 1, total, tokens - sigmas[i].to(tokens) * velocity)
        tokens = euler_step(
            tokens, velocity, sigmas[i].to(tokens.device), sigmas[i + 1].to(tokens.device)
        )
    return tokens
