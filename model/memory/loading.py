"""What a loader leaves in the files, by the savings that were chosen."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import torch
from torch import Tensor, nn

from model.checkpoint.build import Parts, dialects
from model.checkpoint.deferred import Deferred
from model.checkpoint.folder import ModelFolder
from model.checkpoint.keys import Dialect
from model.checkpoint.layout import STEMS
from model.checkpoint.on_disk import OnDisk
from model.checkpoint.packing import Forms, Packing
from model.checkpoint.weights import packed_at
from model.memory.budget import free_bytes
from model.memory.modulation import ModulationTable, modulation_tensors
from model.memory.savings import Savings
from model.memory.stay import Stay
from model.memory.streaming import Pinned, Read, Stream
from model.memory.tiling import tiles
from model.pipelines.inputs import Expect, no_preparation
from model.quantize.linear import is_packed
from model.quantize.packed import Packed
from model.text_encoder.encoder import TextEncoder
from model.transformer import Transformer
from model.vae import FrameVae

HOME = torch.device("cpu")
"""Where the text encoder waits."""
PINNED_SHARE = 0.6
"""Of the main memory that is free, what streamed blocks may keep of it, page-locked."""
Packings = Mapping[str, Packing]
"""By the part; of the others nothing stays packed."""
EYE = "visual."
EYE_BLOCKS = ("visual.blocks.",)


class Blocks(NamedTuple):
    """Blocks of a network that can come from its files: the list's name, each one's tensors, and
    how many of them stay in memory."""

    name: str
    tensors: tuple[tuple[str, ...], ...]
    resident: int

    @property
    def all(self) -> tuple[tuple[str, ...], ...]:
        """The network's names of each block's tensors."""
        return tuple(
            tuple(f"{self.name}.{index}.{leaf}" for leaf in leaves)
            for index, leaves in enumerate(self.tensors)
        )

    @property
    def streamed(self) -> tuple[tuple[str, ...], ...]:
        return self.all[self.resident :]


class Load(NamedTuple):
    """One network to fill: by which dialect, from where, and what of it stays there."""

    part: str
    network: nn.Module
    dialect: Dialect
    place: Path
    tower: Path | None
    device: torch.device
    deferred: Deferred | None
    packing: Packing | None = None
    blocks: tuple[Blocks, ...] = ()
    files: OnDisk | None = None

    @property
    def later(self) -> frozenset[str]:
        """What a picture makes stay as well."""
        if self.deferred is None or self.part != "text_encoder":
            return frozenset()
        return self.deferred.names


def loads(
    folder: ModelFolder,
    parts: Parts,
    savings: Savings,
    dtype: torch.dtype,
    device: torch.device,
    packings: Packings = MappingProxyType({}),
) -> tuple[Load, ...]:
    """Nothing is read yet."""
    found: list[Load] = []
    for part, network, dialect in dialects(folder, parts):
        place = folder.parts[part]
        tower = folder.parts.get("tower") if part == "text_encoder" else None
        where = HOME if part == "text_encoder" else device
        packing = packings.get(part)
        deferred = None
        whole = dialect
        if names := _left_out(network, dialect, savings):
            deferred = Deferred(
                network,
                place,
                STEMS[part],
                dialect,
                names,
                dtype=dtype,
                device=where,
                tower=tower,
                packing=packing,
            )
            dialect = deferred.rest
        blocks, files = _blocks(part, network, savings), None
        if blocks:
            files = OnDisk(place, STEMS[part], whole, tower, packing)
            dialect = dialect.without(
                name for one in blocks for each in one.streamed for name in each
            )
        load = Load(part, network, dialect, place, tower, where, deferred, packing, blocks, files)
        found.append(load)
    return tuple(found)


def forms_of(folder: ModelFolder, parts: Parts, packings: Packings) -> dict[str, Forms]:
    """What will stay packed of each part, which is on the meta device; only headers are read."""
    tower = folder.parts.get("tower")
    return {
        part: packed_at(
            packings[part],
            network,
            folder.parts[part],
            STEMS[part],
            dialect,
            tower if part == "text_encoder" else None,
        )
        for part, network, dialect in dialects(folder, parts)
        if part in packings
    }


def _left_out(network: nn.Module, dialect: Dialect, savings: Savings) -> Collection[str]:
    """Names of the tensors that no pass needs, or only one that sees a picture."""
    if isinstance(network, Transformer) and not savings.keeps_modulation:
        return modulation_tensors(network)
    streamed = EYE_BLOCKS if savings.streams_encoder else ()
    eye = [name for name in dialect.shapes if name.startswith(EYE)]
    return [name for name in eye if not name.startswith(streamed)]


def settle_vae(vae: FrameVae, savings: Savings) -> None:
    """In the fastest layout and, if there is a budget, in tiles."""
    if vae.post_quant_conv.weight.device.type == "cpu":
        # With the pixels' layout: 0.72 to 0.98 of the time that both take in the plain one, and the
        # same values. Elsewhere untried.
        vae.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if savings.vae_bytes is not None:
        tiles(vae, savings.vae_bytes)


def settle_encoder(encoder: TextEncoder, loads: Collection[Load], device: torch.device) -> None:
    """Let it come to the device only to work, and see only when there is a picture. Comes behind
    `attach`."""
    encoder.stay(Stay(HOME, device, encoder.network))
    for load in loads:
        if load.network is encoder.network and load.deferred is not None:
            encoder.close_eye(load.deferred.load)


def _blocks(part: str, network: nn.Module, savings: Savings) -> tuple[Blocks, ...]:
    """The modulation of 1.x is no part of them: all of it is read at once, for its table."""
    if part == "transformer":
        return (list_blocks(network, "transformer_blocks", savings.resident_blocks),)
    if part == "text_encoder" and savings.streams_encoder:
        return tuple(
            list_blocks(network, name, 0) for name in ("language_model.layers", "visual.blocks")
        )
    return ()


def list_blocks(network: nn.Module, name: str, resident: int | None) -> Blocks:
    """Those of the list `name`, with their tensors but the modulation."""
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
                _reader(load, load.files, dtype, device),
                dtype=dtype,
                device=device,
                is_kept=load.part == "transformer",
                close=load.files.close,
            )
            setattr(load.network.get_submodule(parent), leaf, stream)
            found[load.part] = (*found.get(load.part, ()), stream)
    return found


def _reader(load: Load, files: OnDisk, dtype: torch.dtype, device: torch.device) -> Read:
    """On CUDA main memory keeps what it has room for of the blocks that pass at every step: what is
    packed by a scheme of the run's is packed once."""

    def read(name: str) -> Tensor | Packed:
        module, _, leaf = name.rpartition(".")
        if is_packed(load.network.get_submodule(module), leaf):
            return files.read_packed(name)
        return files.read(name)

    if device.type == "cuda" and load.part == "transformer":
        return Pinned(read, dtype, int(PINNED_SHARE * free_bytes(HOME)))
    return read


def tabled(loads: Collection[Load]) -> Expect:
    """What a run's timesteps are told to, with the table of the modulation in its place. 2.1 has
    one small linear for all blocks, and keeps it."""
    for load in loads:
        if isinstance(load.network, Transformer):
            return ModulationTable(load.network, load.deferred).expect
    return no_preparation
