"""What a loader leaves in the files, by the savings that were chosen."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn

from model.checkpoint.build import Parts, dialects
from model.checkpoint.deferred import Deferred
from model.checkpoint.folder import ModelFolder
from model.checkpoint.keys import Dialect
from model.checkpoint.layout import STEMS
from model.memory.modulation import ModulationTable, modulation_tensors
from model.memory.savings import Savings
from model.pipelines.inputs import Expect, no_preparation
from model.transformer import Transformer


class Load(NamedTuple):
    """One network to fill: by which dialect, from where, and what of it stays there."""

    part: str
    network: nn.Module
    dialect: Dialect
    place: Path
    tower: Path | None
    deferred: Deferred | None


def loads(
    folder: ModelFolder, parts: Parts, savings: Savings, dtype: torch.dtype, device: torch.device
) -> tuple[Load, ...]:
    """Nothing is read yet."""
    found: list[Load] = []
    for part, network, dialect in dialects(folder, parts):
        place = folder.parts[part]
        tower = folder.parts.get("tower") if part == "text_encoder" else None
        deferred = None
        if names := _left_out(network, savings):
            deferred = Deferred(
                network, place, STEMS[part], dialect, names, dtype=dtype, device=device, tower=tower
            )
            dialect = deferred.rest
        found.append(Load(part, network, dialect, place, tower, deferred))
    return tuple(found)


def _left_out(network: nn.Module, savings: Savings) -> Collection[str]:
    """Names of the tensors that are not loaded."""
    if isinstance(network, Transformer) and not savings.keeps_modulation:
        return modulation_tensors(network)
    return ()


def tabled(loads: Collection[Load]) -> Expect:
    """What a run's timesteps are told to, with the table of the modulation in its place. 2.1 has
    one small linear for all blocks, and keeps it."""
    for load in loads:
        if isinstance(load.network, Transformer):
            return ModulationTable(load.network, load.deferred).expect
    return no_preparation
