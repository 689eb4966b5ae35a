"""One step of a run along the noise levels, as functions of tokens and velocity.

Tokens x [B, L, C] at level s are (1 - s) picture + s noise; the velocity is noise - picture.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from torch import Tensor

Solver = Callable[[Tensor, Tensor, Tensor, int, Tensor | None], Tensor]
"""Tokens, velocity, levels [steps + 1], index of the step, and the picture predicted by the step
before (None at the first): the tokens at the next level."""


def euler(tokens: Tensor, velocity: Tensor, sigmas: Tensor, index: int, _: Tensor | None) -> Tensor:
    """x + (after - now) v, added in float32, the product in v's type as in the reference."""
    now, after = sigmas[index].to(tokens.device), sigmas[index + 1].to(tokens.device)
    moved = tokens.float() + (after - now) * velocity
    return moved.to(velocity.dtype)


def dpmpp_2m(
    tokens: Tensor, velocity: Tensor, sigmas: Tensor, index: int, earlier: Tensor | None
) -> Tensor:
    """DPM-Solver++ (2M): the picture is extrapolated from this step's and the one's before.

    Source: Lu et al., arXiv 2211.01095, algorithm 2, with alpha = 1 - sigma. The first step and
    the last, where a log ratio is infinite, are of the first order.
    """
    now, after = (sigmas[k].item() for k in (index, index + 1))
    x = tokens.float()
    picture = x - now * velocity.float()
    if earlier is not None and after > 0:
        before = sigmas[index - 1].item()
        ahead = _log_ratio(after) - _log_ratio(now)
        behind = _log_ratio(now) - _log_ratio(before)
        picture = picture + 0.5 * ahead / behind * (picture - earlier.float())
    scale = after / now
    return (scale * x + (1 - after - scale * (1 - now)) * picture).to(velocity.dtype)


def _log_ratio(sigma: float) -> float:
    """log(alpha / sigma), which grows as noise falls; -inf for noise alone."""
    return math.log1p(-sigma) - math.log(sigma) if sigma < 1 else -math.inf


EULER = "euler"
SOLVERS: Mapping[str, Solver] = {EULER: euler, "dpmpp-2m": dpmpp_2m}
