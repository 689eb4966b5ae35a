"""The modulation of 1.x as a table: a third of the transformer depends on the timestep alone.

`img_mod` and `txt_mod` of every block and `norm_out.linear` (6.8 of 20.4 billion parameters) are
computed once a schedule, a row a timestep. Their weights may then stay in their files: a table is
made by reading them one linear after the other, and none remains.

Each row is computed as a forward of one sample computes it, so a forward of one sample is the plain
one bit for bit. A batch is equal to its samples alone; in the plain one, a product of several rows
may round the last bit otherwise.

Shapes: n timesteps, B batch, D width of the streams, W what a linear gives: 6 D, or 2 D at the end.
"""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.lora import at_work_on
from model.modules import FinalNorm, TimeEmbed, modulate
from model.transformer import Transformer
from model.vae import Poll, no_poll

MAX_KEPT_BYTES = 2**28
"""50 timesteps of the published size take 221 MB in bfloat16."""

Origin = tuple[object, ...]
"""What a table was made of: every weight in its version, and the LoRAs beside it."""


def modulation_linears(transformer: Transformer) -> tuple[str, ...]:
    """Names of the linears that see nothing but the timestep."""
    blocks = range(len(transformer.transformer_blocks))
    streams = [f"transformer_blocks.{i}.{stream}.1" for i in blocks for stream in _STREAMS]
    return (*streams, "norm_out.linear")


def modulation_tensors(transformer: Transformer) -> tuple[str, ...]:
    """Names of their weights and biases."""
    linears = modulation_linears(transformer)
    return tuple(name for name in transformer.state_dict() if name.rpartition(".")[0] in linears)


_STREAMS = ("img_mod", "txt_mod")


@dataclass(frozen=True, kw_only=True, eq=False)
class _Table:
    """`parts` [n, W] by linear; of the image stream, with `zero`, one row more for time zero."""

    row_of: Mapping[float, int]
    zero: int | None
    parts: Mapping[str, Tensor]
    origin: Origin
    like: tuple[torch.dtype, torch.device]

    @property
    def num_bytes(self) -> int:
        return sum(part.nbytes for part in self.parts.values())


class Stored(Protocol):
    """Weights that are not resident."""

    def modules(self) -> Generator[str, None, None]:
        """Names of the linears, in any order, each with its weights until the next is asked for."""
        ...


class ModulationTable:
    """Stands in for the modulation of a transformer from its construction on.

    `stored` holds the weights where they are not resident. Weights that change, and LoRAs that
    come, go or change their strength, are seen: another table is made. With gradients enabled,
    resident weights give everything anew.
    """

    def __init__(
        self,
        transformer: Transformer,
        stored: Stored | None = None,
        kept_bytes: int = MAX_KEPT_BYTES,
    ) -> None:
        self.is_paired = transformer.config.zero_cond_t
        self.is_resident = stored is None
        self._stored = stored
        self._kept_bytes = kept_bytes
        self._kept: OrderedDict[tuple[object, ...], _Table] = OrderedDict()
        self._current: _Table | None = None
        self._time = _TabledTime(self, transformer.time_text_embed)
        transformer.time_text_embed = self._time
        self._sites: dict[str, _Tabled | _TabledFinalNorm] = {}
        for index, block in enumerate(transformer.transformer_blocks):
            for stream in _STREAMS:
                name = f"transformer_blocks.{index}.{stream}.1"
                site = _Tabled(self, name, block.get_submodule(stream))
                self._sites[name] = site
                setattr(block, stream, site)
        final = _TabledFinalNorm(self, "norm_out.linear", transformer.norm_out)
        self._sites["norm_out.linear"] = transformer.norm_out = final
        linears = map(transformer.get_submodule, self._sites)
        self._linears = (*self._time.modules(), *linears)

    def expect(self, timesteps: Tensor, poll: Poll = no_poll) -> None:
        """Make the table of a schedule, timesteps [n] as the transformer will be told them, unless
        it is kept. `poll` is called before every linear and may raise to stop."""
        origin = self._origin()
        levels = tuple(dict.fromkeys(timesteps.tolist()))
        like = (timesteps.dtype, timesteps.device)
        key = (*like, levels, origin)
        table = self._kept.pop(key, None)
        if table is None:
            table = _Table(
                row_of={level: row for row, level in enumerate(levels)},
                zero=len(levels) if self.is_paired else None,
                parts=self._parts([timesteps.new_tensor([level]) for level in levels], poll),
                origin=origin,
                like=like,
            )
        self._kept[key] = self._current = table
        while len(self._kept) > 1 and self._total_bytes() > self._kept_bytes:
            self._kept.popitem(last=False)

    def rows(self, sigma: Tensor) -> Tensor:
        """Where the modulation of sigma stands: [B] -> [B], or [2 B] -> [2 B] where the second half
        is time zero."""
        now = sigma.chunk(2)[0] if self.is_paired else sigma
        levels = now.tolist()
        table = self._table_of(levels, (sigma.dtype, sigma.device))
        if table is None:
            self.expect(now)
            table = self._current
            assert table is not None
        self._current = table
        places = [table.row_of[level] for level in levels]
        if table.zero is not None:
            places += [table.zero] * len(levels)
        return torch.tensor(places, device=sigma.device)

    def part(self, linear: str) -> Tensor:
        assert self._current is not None, "rows come first"
        return self._current.parts[linear]

    def _table_of(
        self, levels: Sequence[float], like: tuple[torch.dtype, torch.device]
    ) -> _Table | None:
        origin = self._origin()
        current = [] if self._current is None else [self._current]
        for table in (*current, *reversed(self._kept.values())):
            is_fit = table.origin == origin and table.like == like
            if is_fit and all(level in table.row_of for level in levels):
                return table
        return None

    @torch.no_grad()
    def _parts(self, sigmas: Sequence[Tensor], poll: Poll) -> dict[str, Tensor]:
        if self.is_paired:
            sigmas = [torch.cat([sigma, torch.zeros_like(sigma)]) for sigma in sigmas]
        tembs = [self._time.embed(sigma) for sigma in sigmas]
        parts: dict[str, Tensor] = {}
        poll()
        with closing(self._filled()) as names:
            for name in names:
                poll()
                parts[name] = self._sites[name].table(tembs)
        return parts

    def _filled(self) -> Generator[str, None, None]:
        """The linears, each with its weights until the next is asked for."""
        if self._stored is None:
            yield from self._sites
        else:
            yield from self._stored.modules()

    def _origin(self) -> Origin:
        return tuple(map(_state, self._linears))

    def _total_bytes(self) -> int:
        return sum(table.num_bytes for table in self._kept.values())


def _state(module: nn.Module) -> tuple[object, ...]:
    """Differs when the module's own weights or the LoRAs beside it do."""
    weights = [
        (id(weight), 0 if weight.is_inference() else weight._version)
        for weight in (*module.parameters(recurse=False), *module.buffers(recurse=False))
    ]
    # Of a delta that is gone no key may live on under its number; a dead reference equals no other.
    deltas = [(weakref.ref(delta), strength) for delta, strength in at_work_on(module)]
    return (*weights, *deltas)


class _TabledTime(TimeEmbed):
    """Gives rows of the table for noise levels, in the place of their embeddings [B, D]."""

    def __init__(self, book: ModulationTable, plain: TimeEmbed) -> None:
        nn.Module.__init__(self)
        self._book = book
        self.timestep_embedder = plain.timestep_embedder
        self.addition_t_embedding = plain.addition_t_embedding

    def embed(self, sigma: Tensor) -> Tensor:
        return super().forward(sigma)

    def forward(self, sigma: Tensor) -> Tensor:
        if torch.is_grad_enabled() and self._book.is_resident:
            return self.embed(sigma)
        return self._book.rows(sigma)


class _Tabled(nn.Sequential):
    """SiLU and linear of one stream of a block; embeddings instead of rows go through them."""

    def __init__(self, book: ModulationTable, name: str, plain: nn.Module) -> None:
        super().__init__(*plain.children())
        self._book, self._name = book, name
        self._is_paired = ".img_mod." in name and book.is_paired

    def table(self, tembs: Sequence[Tensor]) -> Tensor:
        """[n, W], and the row of time zero where a forward asks for it. tembs [1 or 2, D]."""
        if not self._is_paired:
            return torch.cat([super(_Tabled, self).forward(temb[:1]) for temb in tembs])
        pairs = [super(_Tabled, self).forward(temb) for temb in tembs]
        return torch.cat([*(pair[:1] for pair in pairs), pairs[-1][1:]])

    def forward(self, input: Tensor) -> Tensor:
        if input.is_floating_point():
            return super().forward(input)
        return self._book.part(self._name).index_select(0, input)


class _TabledFinalNorm(FinalNorm):
    def __init__(self, book: ModulationTable, name: str, plain: FinalNorm) -> None:
        nn.Module.__init__(self)
        self._book, self._name = book, name
        self.linear = plain.linear

    def table(self, tembs: Sequence[Tensor]) -> Tensor:
        return torch.cat([self.linear(F.silu(temb[:1])) for temb in tembs])

    def forward(self, x: Tensor, temb: Tensor) -> Tensor:
        if temb.is_floating_point():
            return super().forward(x, temb)
        rows = self._book.part(self._name).index_select(0, temb)
        scale, shift = rows[:, None].chunk(2, dim=-1)
        return modulate(x, shift, scale)
