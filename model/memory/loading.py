"""What a loader leaves in the files, by the savings that were chosen."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
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
from model.memory.stay import Stay
from model.memory.streaming import Stream
from model.memory.tiling import tiles
from model.pipelines.inputs import Expect, no_preparation
from model.text_encoder.encoder import TextEncoder
from model.transformer import Transformer
from model.vae import FrameVae

HOME = torch.device("cpu")
"""Where the text encoder waits."""
EYE = "visual."
EYE_BLOCKS = ("visual.blocks.",)


class Blocks(NamedTuple):
    """Blocks of a network that come from its files: the list's name, and each one's tensors."""

    name: str
    streamed: dict[int, tuple[str, ...]]

    @property
    def tensors(self) -> list[str]:
        return [f"{self.name}.{k}.{name}" for k, names in self.streamed.items() for name in names]


class Load(NamedTuple):
    """One network to fill: by which dialect, from where, and what of it stays there."""

    part: str
    network: nn.Module
    dialect: Dialect
    place: Path
    tower: Path | None
    device: torch.device
    deferred: Deferred | None
    blocks: tuple[Blocks, ...] = ()
    files: OnDisk | None = None

    @property
    def num_elements(self) -> int:
        """Of what is loaded at once and stays."""
        return sum(torch.Size(shape).numel() for shape in self.dialect.shapes.values())

    @property
    def num_later(self) -> int:
        """Of what a picture makes stay as well."""
        if self.deferred is None or self.part != "text_encoder":
            return 0
        return self.deferred.num_elements


def loads(
    folder: ModelFolder, parts: Parts, savings: Savings, dtype: torch.dtype, device: torch.device
) -> tuple[Load, ...]:
    """Nothing is read yet."""
    found: list[Load] = []
    for part, network, dialect in dialects(folder, parts):
        place = folder.parts[part]
        tower = folder.parts.get("tower") if part == "text_encoder" else None
        where = HOME if part == "text_encoder" else device
        deferred = None
        whole = dialect
        if names := _left_out(network, dialect, savings):
            deferred = Deferred(
                network, place, STEMS[part], dialect, names, dtype=dtype, device=where, tower=tower
            )
            dialect = deferred.rest
        blocks, files = _streamed(part, network, savings, names), None
        if blocks:
            files = OnDisk(place, STEMS[part], whole, tower)
            dialect = without(dialect, [name for one in blocks for name in one.tensors])
        found.append(Load(part, network, dialect, place, tower, where, deferred, blocks, files))
    return tuple(found)


def without(dialect: Dialect, names: Iterable[str]) -> Dialect:
    """These tensors must be in the files, and are not kept."""
    left = set(names)
    shapes = {name: shape for name, shape in dialect.shapes.items() if name not in left}
    dropped = {name: dialect.shapes[name] for name in left}
    return replace(dialect, shapes=shapes, dropped={**dialect.dropped, **dropped})


def _left_out(network: nn.Module, dialect: Dialect, savings: Savings) -> Collection[str]:
    """Names of the tensors that no pass needs, or only one that sees a picture."""
    if isinstance(network, Transformer) and savings.leaves_modulation:
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


def _streamed(
    part: str, network: nn.Module, savings: Savings, left_out: Collection[str]
) -> tuple[Blocks, ...]:
    """The blocks that come from disk, without what is left out anyway."""
    lists = {
        "transformer": [] if savings.resident_blocks is None else ["transformer_blocks"],
        "text_encoder": ["language_model.layers", "visual.blocks"],
    }
    if part == "text_encoder" and not savings.streams_encoder:
        return ()
    resident = (savings.resident_blocks or 0) if part == "transformer" else 0
    found = []
    for name in lists.get(part, []):
        streamed = {}
        for index, block in enumerate(network.get_submodule(name).children()):
            own = [leaf for leaf, _ in block.named_parameters()]
            rest = tuple(leaf for leaf in own if f"{name}.{index}.{leaf}" not in left_out)
            if index >= resident:
                streamed[index] = rest
        if streamed:
            found.append(Blocks(name, streamed))
    return tuple(found)


def attach(
    loads: Iterable[Load], dtype: torch.dtype, device: torch.device
) -> tuple[tuple[Stream, ...], Callable[[], None]]:
    """Put streams in the place of the blocks that stay on disk, once all else is loaded; and what
    makes them give up their room."""
    found: list[Stream] = []
    for load in loads:
        for blocks in load.blocks:
            assert load.files is not None
            parent, _, leaf = blocks.name.rpartition(".")
            stream = Stream(
                list(load.network.get_submodule(blocks.name).children()),
                f"{blocks.name}.",
                blocks.streamed,
                load.files.read,
                dtype=dtype,
                device=device,
                is_kept=load.part == "transformer",
                close=load.files.close,
            )
            setattr(load.network.get_submodule(parent), leaf, stream)
            found.append(stream)

    def rest() -> None:
        for stream in found:
            stream.rest()

    return tuple(found), rest


def tabled(loads: Collection[Load]) -> Expect:
    """What a run's timesteps are told to, with the table of the modulation in its place. 2.1 has
    one small linear for all blocks, and keeps it."""
    for load in loads:
        if isinstance(load.network, Transformer):
            return ModulationTable(load.network, load.deferred).expect
    return no_preparation
