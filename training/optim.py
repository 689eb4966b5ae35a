"""AdamW in groups, the learning rate over a run, clipping and the moving average of weights.

Knows parameters by name; knows neither networks nor objectives.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from training.config import OptimizerOptions
from training.muon import MuonAdamW

NO_DECAY_WORDS = ("embed", "norm")


def learning_rate(options: OptimizerOptions, step: int, steps: int) -> float:
    """The rate of step 0…steps-1: a straight warm-up, then half a cosine down to the final share.

    >>> options = OptimizerOptions(learning_rate=1.0, final_share=0.0, warmup_steps=2)
    >>> [round(learning_rate(options, step, 6), 3) for step in range(6)]
    [0.5, 1.0, 1.0, 0.854, 0.5, 0.146]
    """
    if step < options.warmup_steps:
        return options.learning_rate * (step + 1) / options.warmup_steps
    done = (step - options.warmup_steps) / max(1, steps - options.warmup_steps)
    cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
    return options.learning_rate * (options.final_share + (1 - options.final_share) * cosine)


def named_parameters(modules: Mapping[str, nn.Module]) -> dict[str, nn.Parameter]:
    """Parameters of several networks, by the network's name and their own."""
    return {
        f"{module}.{name}": parameter
        for module, network in modules.items()
        for name, parameter in network.named_parameters()
    }


def make_optimizer(
    named: Iterable[tuple[str, nn.Parameter]], options: OptimizerOptions
) -> torch.optim.AdamW:
    """Over `named`: matrices and kernels decay; biases, norms and embeddings do not.

    With a `muon_momentum` it is Muon that moves what decays, else AdamW moves all.
    """
    decay: list[nn.Parameter] = []
    plain: list[nn.Parameter] = []
    for name, parameter in named:
        flat = parameter.ndim < 2 or any(word in name for word in NO_DECAY_WORDS)
        (plain if flat else decay).append(parameter)
    groups: list[dict[str, Any]] = [
        {"params": decay, "weight_decay": options.weight_decay},
        {"params": plain, "weight_decay": 0.0},
    ]
    betas = (options.beta1, options.beta2)
    if options.muon_momentum:
        groups[0]["momentum"] = options.muon_momentum
        return MuonAdamW(groups, lr=options.learning_rate, betas=betas, fused=True)
    return torch.optim.AdamW(groups, lr=options.learning_rate, betas=betas, fused=True)


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate


def clip(parameters: Iterable[nn.Parameter], longest: float) -> float:
    """Shortens the gradient to `longest` at most; returns its length before."""
    return float(nn.utils.clip_grad_norm_(list(parameters), longest))


class Ema:
    """An exponential moving average of named tensors, quick at first: it starts at the weights."""

    def __init__(self, named: Mapping[str, Tensor], decay: float) -> None:
        self.decay = decay
        self.tensors = {name: tensor.detach().clone() for name, tensor in named.items()}

    def decay_at(self, step: int) -> float:
        """Few steps cannot fill a long average, so it lengthens with the run."""
        return min(self.decay, (1 + step) / (10 + step))

    @torch.no_grad()
    def update(self, named: Mapping[str, Tensor], step: int) -> None:
        weight = 1 - self.decay_at(step)
        for name, average in self.tensors.items():
            average.lerp_(named[name], weight)

    @contextmanager
    def swapped(self, named: Mapping[str, Tensor]) -> Iterator[None]:
        """While open, the networks hold the average; afterwards their own weights, bit for bit."""
        own = {name: named[name].detach().clone() for name in self.tensors}
        copy_tensors(self.tensors, named)
        try:
            yield
        finally:
            copy_tensors(own, named)


@torch.no_grad()
def copy_tensors(source: Mapping[str, Tensor], target: Mapping[str, Tensor]) -> None:
    """Values of `source` into the tensors that `target` holds under the same names."""
    for name, tensor in source.items():
        target[name].copy_(tensor)
