"""What a loader leaves in the files, by the savings that were chosen."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn

from model.checkpoint.build import Parts, dialects
from model.checkpoint.deferred import Deferred
from model.checkpoint.folder import ModelFolder
from model.checkpoint.keys import Dialect
from model.checkpoint.layout import STEMS
from model.checkpoint.on_disk import OnDisk
from model.memory.modulation import ModulationTable, modulation_tensors
from model.memory.savings import Savings
from model.memory.streaming import Stream
from model.pipelines.inputs import Expect, no_preparation
from model.transformer import Transformer


class Blocks(NamedTuple):
    """Blocks of a network that can come from its files: the list's name, each one's tensors, and
    how many of them stay in memory."""

    name: str
    tensors: tuple[tuple[str, ...], ...]
    resident: int

    @property
    def on_disk(self) -> list[str]:
        return [
            f"{self.name}.{index}.{leaf}"
            for index, leaves in enumerate(self.tensors)
            for leaf in leaves
            if index >= self.resident
        ]


class Load(NamedTuple):
    """One network to fill: by which dialect, from where, and what of it stays there."""

    part: str
    network: nn.Module
    dialect: Dialect
    place: Path
    tower: Path | None
    deferred: Deferred | None
    blocks: tuple[Blocks, ...] = ()
    files: OnDisk | None = None

    @property
    def num_elements(self) -> int:
        """Of what stays in memory."""
        return sum(torch.Size(shape).numel() for shape in self.dialect.shapes.values())


def loads(
    folder: ModelFolder, parts: Parts, savings: Savings, dtype: torch.dtype, device: torch.device
) -> tuple[Load, ...]:
    """Nothing is read yet."""
    found: list[Load] = []
    for part, network, dialect in dialects(folder, parts):
        place = folder.parts[part]
        tower = folder.parts.get("tower") if part == "text_encoder" else None
        deferred = None
        whole = dialect
        if names := _left_out(network, savings):
            deferred = Deferred(
                network, place, STEMS[part], dialect, names, dtype=dtype, device=device, tower=tower
            )
            dialect = deferred.rest
        blocks, files = _blocks(part, network, savings, place), None
        if blocks:
            files = OnDisk(place, STEMS[part], whole, tower)
            dialect = without(dialect, [name for one in blocks for name in one.on_disk])
        found.append(Load(part, network, dialect, place, tower, deferred, blocks, files))
    return tuple(found)


def without(dialect: Dialect, names: Iterable[str]) -> Dialect:
    """These tensors must be in the files, and are not kept."""
    left = set(names)
    shapes = {name: shape for name, shape in dialect.shapes.items() if name not in left}
    dropped = {name: dialect.shapes[name] for name in left}
    return replace(dialect, shapes=shapes, dropped={**dialect.dropped, **dropped})


def _left_out(network: nn.Module, savings: Savings) -> Collection[str]:
    """Names of the tensors that no pass needs."""
    if isinstance(network, Transformer) and not savings.keeps_modulation:
        return modulation_tensors(network)
    return ()


def _blocks(part: str, network: nn.Module, savings: Savings, place: Path) -> tuple[Blocks, ...]:
    """The modulation of 1.x is no part of them: all of it is read at once, for its table. Nor is
    what a text encoder in GGUF holds, of whose tensors some have to be joined."""
    if part == "transformer":
        return (_list(network, "transformer_blocks", savings.resident_blocks),)
    is_joined = place.suffix.lower() == ".gguf"
    if part == "text_encoder" and savings.streams_encoder and not is_joined:
        return tuple(_list(network, name, 0) for name in ("language_model.layers", "visual.blocks"))
    return ()


def _list(network: nn.Module, name: str, resident: int | None) -> Blocks:
    blocks = list(network.get_submodule(name).children())
    apart = set(modulation_tensors(network)) if isinstance(network, Transformer) else set()
    tensors = tuple(
        tuple(n for n, _ in block.named_parameters() if f"{name}.{index}.{n}" not in apart)
        for index, block in enumerate(blocks)
    )
    count = len(blocks)
    return Blocks(name, tensors, count if resident is None else min(resident, count))


def attach(
    loads: Iterable[Load], dtype: torch.dtype, device: torch.device
) -> dict[str, tuple[Stream, ...]]:
    """Put streams in the place of blocks, once what stays in memory is loaded; those of each
    part."""
    found: dict[str, tuple[Stream, ...]] = {}
    for load in loads:
        for blocks in load.blocks:
            assert load.files is not None
            parent, _, leaf = blocks.name.rpartition(".")
            stream = Stream(
                list(load.network.get_submodule(blocks.name).children()),
                f"{blocks.name}.",
                blocks.tensors,
                blocks.resident,
                load.files.read,
                dtype=dtype,
                device=device,
                is_kept=load.part == "transformer",
                close=load.files.close,
            )
            setattr(load.network.get_submodule(parent), leaf, stream)
            found[load.part] = (*found.get(load.part, ()), stream)
    return found


def tabled(loads: Collection[Load]) -> Expect:
    """What a run's timesteps are told to, with the table of the modulation in its place. 2.1 has
    one small linear for all blocks, and keeps it."""
    for load in loads:
        if isinstance(load.network, Transformer):
            return ModulationTable(load.network, load.deferred).expect
    return no_preparation
