"""Every random state a run depends on, as tensors and JSON, for an exact resume."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch
from torch import Tensor


def seed(number: int) -> None:
    """Starts every global random state, so that the same run starts the same everywhere."""
    random.seed(number)
    np.random.seed(number)
    torch.manual_seed(number)


def capture(generator: torch.Generator) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """States of the run's generator, torch, Python and NumPy."""
    tensors = {"run": generator.get_state(), "torch": torch.get_rng_state()}
    for i in range(torch.cuda.device_count()):
        tensors[f"cuda.{i}"] = torch.cuda.get_rng_state(i)
    name, keys, position, has_gauss, gauss = np.random.get_state(legacy=True)
    version, words, next_gauss = random.getstate()
    state = {
        "numpy": [name, np.asarray(keys).tolist(), position, has_gauss, gauss],
        "python": [version, list(words), next_gauss],
    }
    return tensors, state


def restore(tensors: dict[str, Tensor], state: dict[str, Any], generator: torch.Generator) -> None:
    """The states that `capture` saw; states of devices that are gone are left out."""
    generator.set_state(tensors["run"])
    torch.set_rng_state(tensors["torch"])
    for i in range(torch.cuda.device_count()):
        if f"cuda.{i}" in tensors:
            torch.cuda.set_rng_state(tensors[f"cuda.{i}"], i)
    name, keys, position, has_gauss, gauss = state["numpy"]
    np.random.set_state((name, np.array(keys, dtype=np.uint32), position, has_gauss, gauss))
    version, words, next_gauss = state["python"]
    random.setstate((version, tuple(words), next_gauss))
