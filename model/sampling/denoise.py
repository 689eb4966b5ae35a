"""The one denoise loop. Tasks differ in the tokens and positions they prepare, not in the loop."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from model.sampling.solvers import Solver, euler

Predict = Callable[[Tensor, Tensor, int], Tensor]
"""Tokens [B, L, C], noise level [B] and index of the step -> velocity [B, L, C]."""

OnLatents = Callable[[int, int, Tensor], None]
"""Step from 1, total, and the picture's tokens as predicted at this step."""

Keep = Callable[[Tensor, Tensor], Tensor]
"""Tokens after a step and the noise level they are at -> tokens with the known parts put back."""


def timesteps_of(sigmas: Tensor, like: Tensor) -> Tensor:
    """What the transformer is told of each step's level, [steps], of the type of `like`."""
    # The reference rounds 1000 * sigma to the run's type before it divides.
    return (1000 * sigmas[:-1]).to(like.dtype).to(like.device) / 1000


def denoise(
    tokens: Tensor,
    sigmas: Tensor,
    predict: Predict,
    on_latents: OnLatents,
    *,
    solver: Solver = euler,
    keep: Keep | None = None,
) -> Tensor:
    """From tokens [B, L, C] at the first level to picture tokens along `sigmas` [steps + 1]."""
    total = len(sigmas) - 1
    timesteps = timesteps_of(sigmas, tokens)
    earlier: Tensor | None = None
    for i in range(total):
        velocity = predict(tokens, timesteps[i].expand(tokens.shape[0]), i)
        picture = tokens - sigmas[i].to(tokens) * velocity
        on_latents(i + 1, total, picture)
        tokens = solver(tokens, velocity, sigmas, i, earlier)
        if keep is not None:
            tokens = keep(tokens, sigmas[i + 1])
        earlier = picture
    return tokens
