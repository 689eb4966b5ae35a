"""Noise levels of a run: flow matching with a shift that grows with the picture.

Source: FlowMatchEulerDiscreteScheduler as configured by the published `scheduler_config.json`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from model.config import SchedulerConfig
from model.requests import FEW_STEPS

LIGHTNING_SHIFT = math.log(3)
"""The same for every size. Source: Qwen-Image-Lightning's scheduler settings."""


def scheduler_of(own: SchedulerConfig, schedule: str) -> SchedulerConfig:
    """The model's own scheduler, or that of a named schedule."""
    if schedule not in FEW_STEPS:
        return own
    return replace(
        own,
        use_dynamic_shifting=True,
        base_shift=LIGHTNING_SHIFT,
        max_shift=LIGHTNING_SHIFT,
        shift_terminal=None,
        time_shift_type="exponential",
    )


def shift_of(config: SchedulerConfig, num_tokens: int) -> float:
    """mu for a target of `num_tokens`: linear, and extrapolated beyond the configured range."""
    slope = (config.max_shift - config.base_shift) / (
        config.max_image_seq_len - config.base_image_seq_len
    )
    return num_tokens * slope + (config.base_shift - slope * config.base_image_seq_len)


def sigmas(
    config: SchedulerConfig, steps: int, num_tokens: int, fixed: Sequence[float] = ()
) -> Tensor:
    """[steps + 1] float32 on the CPU: 1 is noise, the last is 0.

    `num_tokens` counts the target's tokens only. `fixed` are the levels before the shift that a
    model was distilled to; `steps` does not count beside them.
    """
    s = np.array(fixed) if fixed else np.linspace(1.0, 1 / steps, steps)
    return _levels(config, s, shift_of(config, num_tokens))


def layered_sigmas(config: SchedulerConfig, steps: int, num_reference: int) -> Tensor:
    """The same for a picture taken apart into layers: the shift follows its own tokens.

    Source: QwenImageLayeredPipeline of diffusers.
    """
    return _levels(config, np.linspace(1.0, 0.0, steps + 1)[:-1], math.sqrt(num_reference / 256))


def _levels(config: SchedulerConfig, s: np.ndarray, mu: float) -> Tensor:
    if config.use_dynamic_shifting:
        top = math.exp(mu) if config.time_shift_type == "exponential" else mu
        s = top / (top + (1 / s - 1))
    else:
        s = config.shift * s / (1 + (config.shift - 1) * s)
    if config.shift_terminal is not None:
        # A single step ends where it begins: nothing to stretch.
        rest = 1 - s
        factor = rest[-1] / (1 - config.shift_terminal)
        s = 1 - rest / factor if factor else s
    return torch.cat([torch.from_numpy(s).to(torch.float32), torch.zeros(1)])


def from_strength(levels: Tensor, strength: float) -> Tensor:
    """The last part of `levels` [steps + 1]: a run over `strength` of the schedule.

    Of few steps and little strength nothing but the end may be left: [1].
    """
    steps = len(levels) - 1
    return levels[int(max(steps - min(steps * strength, steps), 0)) :]
