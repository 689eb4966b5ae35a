"""Muon for matrices and kernels, AdamW for the rest, as one optimiser.

Muon (Jordan et al., 2024) moves a matrix along its momentum made orthogonal, so that every
direction is learned at one pace; scaled as by Liu et al. (arXiv 2502.16982, section 2.2), its
learning rates are AdamW's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
ITERATIONS = 5
UPDATE_RMS = 0.2
"""Root mean square of an update before the learning rate, about that of AdamW's."""


class MuonAdamW(torch.optim.AdamW):
    """Groups with a `momentum` are moved by Muon, all others by AdamW."""

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        for group in self.param_groups:
            if "momentum" not in group:
                continue
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._move(parameter, group)
                    parameter.grad = None  # AdamW passes over what has none
        return super().step(closure)

    def _move(self, parameter: Tensor, group: dict[str, Any]) -> None:
        state = self.state[parameter]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(parameter)
        buffer, gradient = state["momentum_buffer"], parameter.grad
        assert gradient is not None
        buffer.lerp_(gradient, 1 - group["momentum"])
        update = orthogonal(gradient.lerp(buffer, group["momentum"]).flatten(1))
        scale = UPDATE_RMS * max(update.shape) ** 0.5
        parameter.mul_(1 - group["lr"] * group["weight_decay"])
        parameter.add_(update.view_as(parameter), alpha=-group["lr"] * scale)


def orthogonal(matrix: Tensor) -> Tensor:
    """The matrix with its singular values brought near 1 by five steps of Newton-Schulz."""
    a, b, c = NEWTON_SCHULZ
    x = matrix / (matrix.norm() + 1e-7)
    is_tall = x.shape[0] > x.shape[1]
    x = x.T.contiguous() if is_tall else x
    for _ in range(ITERATIONS):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if is_tall else x
