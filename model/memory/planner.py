"""Which way of running a model fits the memory there is, and what it will take: told before it is
loaded.

Three phases follow each other: the text encoder reads the prompt, the transformer passes over the
tokens, the VAE decodes. Each has the weights that stay in memory, the room through which the others
stream, and its own tensors; the largest phase decides. On a device of its own the text encoder is
only while it reads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import accumulate
from math import prod
from types import MappingProxyType

import torch

from model.checkpoint.build import Parts, build
from model.checkpoint.folder import ModelFolder
from model.checkpoint.layout import name_of
from model.checkpoint.packing import Forms
from model.config import TransformerConfig
from model.errors import DoesNotFit
from model.memory.calibration import Speed
from model.memory.costs import (
    Work,
    decode_cost,
    encode_cost,
    prefix_cost,
    step_cost,
    text_cost,
)
from model.memory.footprint import Cost
from model.memory.holdings import Held, held, unpacked_bytes
from model.memory.loading import Load, loads
from model.memory.savings import Savings
from model.memory.work import size_of, sized, work_of
from model.pictures import floor_to
from model.quantize.schemes import Scheme
from model.requests import Request
from model.system import amount

DISK_BYTES_PER_S = 1e9
"""Of a usual solid state disk, with the conversion to numbers beside it."""
OWN_BYTES = 80_000_000
"""What the libraries take on the CPU beside tensors, once they are at work; measured."""
ROOMY_PX_BYTES = 16_384
"""More than any phase takes a pixel: a published VAE takes 2,000 in float32."""
LEAST = Savings(keeps_modulation=False, streams_encoder=True, resident_blocks=0)
"""What takes the least memory, and the most time."""
OF_THE_VAE = ("references", "picture")
LEAST_TILE_BYTES = 64_000_000


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """`phases` holds the peak of each, in bytes; `streamed` are bytes that one pass of the
    transformer reads from disk."""

    savings: Savings
    phases: dict[str, int]
    flops: dict[str, int]
    streamed: int

    @property
    def peak_bytes(self) -> int:
        return max(self.phases.values())

    def seconds(self, speed: Speed, passes: int, bytes_per_s: float = DISK_BYTES_PER_S) -> float:
        """`passes` of the transformer in all; reading goes on beside them."""
        drawing = sum(self.flops[name] for name in ("text", "steps")) / speed.products
        reading = passes * self.streamed / bytes_per_s
        decoding = sum(self.flops[name] for name in ("references", "picture"))
        return max(drawing, reading) + decoding / speed.convolutions


class Planner:
    """Of one model on one device, in one type of number.

    `forms` are, by the part, what stays packed. If that is by a `scheme` of the run's, it was not
    so on disk: everything stays in memory then, but on CUDA, where main memory keeps what was
    packed once. Elsewhere that is the memory there is, and packing at every pass takes longer than
    the pass.
    `parts` are the networks as they were built, until `let_go`; without them it builds its own.
    """

    def __init__(
        self,
        folder: ModelFolder,
        dtype: torch.dtype,
        device: torch.device,
        forms: Mapping[str, Forms] = MappingProxyType({}),
        *,
        scheme: Scheme | None = None,
        parts: Parts | None = None,
    ) -> None:
        self._folder, self._dtype, self._device = folder, dtype, device
        self._forms, self._scheme = forms, scheme
        self._stays_whole = scheme is not None and device.type != "cuda"
        self._parts = parts
        self.has_eye = False
        """Whether a picture has been seen, for which more of the text encoder stays."""
        self._unpacked: dict[str, int] = {}
        self._kept: dict[Savings, dict[str, Held]] = {}

    def let_go(self) -> None:
        """The networks it was given are no longer as they were built."""
        self._parts = None

    @property
    def num_blocks(self) -> int:
        return self._folder.transformer.num_layers

    def work(self, request: Request | None) -> Work:
        return work_of(self._folder, request)

    def weight_bytes(self, savings: Savings) -> int:
        """What all weights take once they are loaded, but for those that no picture has needed."""
        parts = self._held(savings)
        later = parts["text_encoder"].later if self.has_eye else 0
        return sum(one.resident for one in parts.values()) + later

    def resident_bytes(self, savings: Savings) -> int:
        """What of them is on the device between two requests."""
        if self._device.type == "cpu":
            return self.weight_bytes(savings)
        parts = self._held(savings)
        return parts["transformer"].resident + parts["vae"].resident

    def is_roomy(self, budget_bytes: int, request: Request | None = None) -> bool:
        """Whether so much memory is there that nothing has to be counted."""
        work = work_of(self._folder, request)
        pixels = work.latent[0] * work.latent[1] * self._folder.vae.scale**2
        weights = sum(one.resident + one.later for one in self._held(Savings()).values())
        tensors = ROOMY_PX_BYTES * pixels * (work.frames + len(work.references))
        return 2 * weights + tensors + OWN_BYTES <= budget_bytes

    def forecast(self, savings: Savings, request: Request | None = None) -> Forecast:
        """`None`: the model's usual picture."""
        folder, dtype = self._folder, self._dtype
        work = work_of(folder, request)
        parts = self._held(savings)
        drawing = parts["transformer"].resident + parts["vae"].resident
        reading = parts["text_encoder"].resident
        if work.patches or self.has_eye:
            reading += parts["text_encoder"].later
        if self._device.type == "cpu":
            drawing += reading + OWN_BYTES
            reading = 0
        table = self._table_bytes(work.steps)
        at_work = {name: one.room + one.unpacked for name, one in parts.items()}
        text = text_cost(folder.encoder, work, dtype)
        step = step_cost(folder.transformer, work, dtype)
        once = prefix_cost(folder.transformer, work, dtype).flops
        decode = decode_cost(folder.vae, work.latent, work.frames, dtype)
        encode = Cost(peak_bytes=0, flops=0)
        if work.references or work.patches:
            encode = encode_cost(folder.vae, work.latent, dtype)
        tile = savings.vae_bytes or max(encode.peak_bytes, decode.peak_bytes)
        return Forecast(
            savings=savings,
            phases={
                "loading": drawing + max(one.largest for one in parts.values()),
                "text": drawing + reading + at_work["text_encoder"] + text.peak_bytes,
                "references": drawing + min(encode.peak_bytes, tile),
                "steps": drawing + table + at_work["transformer"] + step.peak_bytes,
                "picture": drawing + table + min(decode.peak_bytes, tile),
            },
            flops={
                "text": work.branches * text.flops,
                "references": encode.flops * len(work.references),
                "steps": work.steps * (step.flops - once) + once,
                "picture": decode.flops,
            },
            streamed=sum(parts["transformer"].streamed),
        )

    def choose(self, budget_bytes: int, request: Request | None = None) -> Forecast:
        """The fastest way that fits. Raises DoesNotFit, with the nearest size that would."""
        for savings in self._ways(budget_bytes, request):
            found = self.forecast(savings, request)
            if found.peak_bytes <= budget_bytes:
                return found
        raise DoesNotFit(self._refusal(budget_bytes, request))

    def choose_to_load(self, budget_bytes: int) -> Savings:
        """As `choose` for the model's usual picture, or the way that takes least where only smaller
        pictures fit."""
        if self.is_roomy(budget_bytes):
            return Savings()
        try:
            return self.choose(budget_bytes).savings
        except DoesNotFit:
            if self._fitting(budget_bytes, None) is None:
                raise
            return self.least

    @property
    def least(self) -> Savings:
        """The way that takes the least memory."""
        return Savings(streams_encoder=True) if self._stays_whole else LEAST

    def fit(self, savings: Savings, budget_bytes: int, request: Request) -> Forecast:
        """What a request takes of a model that is loaded so; where that is too much, with the VAE
        in tiles, which costs a moment a picture, or with fewer blocks in memory, which costs one a
        step, or both. Raises DoesNotFit as `choose` does."""
        for way in self._retreats(savings, budget_bytes, request):
            found = self.forecast(way, request)
            if found.peak_bytes <= budget_bytes:
                return found
        raise DoesNotFit(self._refusal(budget_bytes, request))

    def _retreats(self, savings: Savings, budget_bytes: int, request: Request) -> Iterator[Savings]:
        yield savings
        yield from self._tiled(savings, budget_bytes, request)
        if self._stays_whole:
            return
        tiled = replace(savings, vae_bytes=LEAST_TILE_BYTES)
        for way in (savings, tiled):
            if fewer := self._with_fewer_blocks(way, budget_bytes, request):
                yield fewer

    def _with_fewer_blocks(
        self, savings: Savings, budget_bytes: int, request: Request | None
    ) -> Savings | None:
        """With as many blocks in memory as fit; None where it takes too much without any."""
        without = replace(savings, resident_blocks=0)
        spare = budget_bytes - self.forecast(without, request).peak_bytes
        if spare < 0:
            return None
        together = accumulate(self._held(without)["transformer"].streamed)
        count = sum(size <= spare for size in together)
        most = self.num_blocks - 1 if savings.resident_blocks is None else savings.resident_blocks
        return replace(savings, resident_blocks=min(count, most))

    def next_down(self, savings: Savings) -> Savings | None:
        """For a model that is loaded so, what takes less than its forecast allowed: half of the
        blocks that are in memory, or else none of them. None where that is so already."""
        kept = self.num_blocks if savings.resident_blocks is None else savings.resident_blocks
        if self._stays_whole or not kept:
            return None
        return replace(savings, resident_blocks=kept // 2)

    def _ways(self, budget_bytes: int, request: Request | None) -> Iterator[Savings]:
        """From the fastest to the one that takes least. The VAE works in tiles where the whole
        picture is what does not fit."""
        for savings in self._residencies(budget_bytes, request):
            yield savings
            yield from self._tiled(savings, budget_bytes, request)

    def _tiled(
        self, savings: Savings, budget_bytes: int, request: Request | None
    ) -> Iterator[Savings]:
        """With the VAE in tiles of all that is left, if the VAE alone is what does not fit."""
        phases = self.forecast(savings, request).phases
        others = max(size for name, size in phases.items() if name not in OF_THE_VAE)
        room = budget_bytes - self._held_in_all(savings, request)
        if others <= budget_bytes and room >= LEAST_TILE_BYTES:
            yield replace(savings, vae_bytes=room)

    def _residencies(self, budget_bytes: int, request: Request | None) -> Iterator[Savings]:
        yield Savings()
        if self._stays_whole:
            yield self.least
            return
        yield Savings(keeps_modulation=False)
        yield (encoder := Savings(keeps_modulation=False, streams_encoder=True))
        yield self._with_fewer_blocks(encoder, budget_bytes, request) or LEAST

    def _held_in_all(self, savings: Savings, request: Request | None) -> int:
        """What is there while the VAE works."""
        found = self.forecast(replace(savings, vae_bytes=1), request)
        return found.phases["picture"] - 1

    def _refusal(self, budget_bytes: int, request: Request | None) -> str:
        least = replace(self.least, vae_bytes=LEAST_TILE_BYTES)
        needed = self.forecast(least, request).peak_bytes
        name = name_of(self._folder.path)
        text = f"{name} needs {amount(needed)}"
        if not self._stays_whole:
            text += " even with its blocks read from disk"
        allowed = f"{amount(budget_bytes)} are there for it"
        size = self._fitting(budget_bytes, request)
        if size is not None:
            return f"{text}, {allowed}; a picture of {size[0]}x{size[1]} fits"
        if self._stays_whole:
            return f"{text}, {allowed}; main.py quantize makes a file of it that takes less"
        return f"{text}, {allowed}; choose a smaller model, or fewer bits (--quantization int4)"

    def _fitting(self, budget_bytes: int, request: Request | None) -> tuple[int, int] | None:
        """The largest of the smaller sizes that fits. Of these only the smallest is counted: what
        lies between takes no more than on a straight line, for whatever grows with the area grows
        evenly or ever faster."""
        sizes = list(self._smaller(request))
        if not sizes:
            return None
        ends = size_of(self._folder, request), sizes[-1]
        most, least = (self.forecast(self.least, sized(request, *end)).phases for end in ends)
        tiled = self._held_in_all(self.least, request) + LEAST_TILE_BYTES

        def peak(size: tuple[int, int]) -> float:
            share = (prod(size) - prod(ends[1])) / (prod(ends[0]) - prod(ends[1]))
            phases = {name: least[name] + share * (most[name] - least[name]) for name in least}
            vae = min(tiled, max(phases.pop(name) for name in OF_THE_VAE))
            return max(vae, *phases.values())

        return next((size for size in sizes if peak(size) <= budget_bytes), None)

    def _smaller(self, request: Request | None) -> Iterator[tuple[int, int]]:
        """Sizes of about the same shape, each of three quarters of the sides before it."""
        width, height = size_of(self._folder, request)
        multiple = self._folder.size_multiple
        while min(width, height) * 3 // 4 >= 4 * multiple:
            width, height = width * 3 // 4, height * 3 // 4
            yield floor_to(width, multiple), floor_to(height, multiple)

    def _held(self, savings: Savings) -> dict[str, Held]:
        savings = replace(savings, vae_bytes=None)
        if savings not in self._kept:
            self._parts = self._parts or build(self._folder)
            found = loads(self._folder, self._parts, savings, self._dtype, self._device)
            self._kept[savings] = {one.part: self._held_of(one) for one in found}
        return self._kept[savings]

    def _held_of(self, load: Load) -> Held:
        part, forms = load.part, self._forms.get(load.part, {})
        if part not in self._unpacked:
            wide = torch.float32 if self._device.type == "cpu" else self._dtype
            self._unpacked[part] = unpacked_bytes(load, forms, wide)
        scheme = self._scheme if part == "transformer" else None
        return held(load, forms, scheme, self._dtype, self._unpacked[part])

    def _table_bytes(self, steps: int) -> int:
        config = self._folder.transformer
        if not isinstance(config, TransformerConfig):
            return 0
        rows = steps + config.zero_cond_t
        return rows * config.dim * (12 * config.num_layers + 2) * self._dtype.itemsize
