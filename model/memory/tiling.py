"""The VAE in tiles: its convolutions on parts of the picture, its attention on the whole.

A tile is cut with all that its pixels depend on, the sum of what every convolution on the way
reaches to: 13 latent cells around a tile of the published decoder, 75 px around one of its encoder.
So a tile's pixels are those of the whole picture, but for the order of sums in a kernel that was
chosen for another size. The mid block's attention sees everything; it runs untiled, where the
picture is smallest, in latent cells.

Shapes: B batch, C channels, H and W rows and columns at the level of a step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise, product
from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from model.vae import (
    FrameDecoder,
    FrameEncoder,
    FrameVae,
    Poll,
    ResidualBlock,
    fast_layout,
    no_poll,
)

LEAST_CELLS = 4
"""Latent cells that a tile has at least on each side, whatever the budget."""
WIDE_TENSORS, TENSORS = 3, 3
"""Tensors that are alive at once in a residual block: in float32, and of the run's type."""
HALF, DOUBLE = Fraction(1, 2), Fraction(2)


class Span(NamedTuple):
    """Rows or columns `start`…`stop`."""

    start: int
    stop: int

    @property
    def length(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True, kw_only=True)
class Step:
    """A part of the way between pixels and latents, from C to C' channels. `scale` is the size of
    what comes out against what goes in; `reach` is how far a value looks to each side, before the
    resampling."""

    run: Callable[[Tensor, Poll], Tensor]
    channels: tuple[int, int]
    reach: int
    scale: Fraction = Fraction(1)

    def needed(self, out: Span, size: int) -> Span:
        """What must go in, of 0…size, for `out` to be right."""
        start, stop = out
        if self.scale == DOUBLE:
            # The convolution behind the doubling looks one pixel to each side.
            start, stop = (start - 1) // 2, -(-(stop + 1) // 2)
        elif self.scale == HALF:
            # Stride 2 reads rows 2 i … 2 i + 2; ends stay even, since pixels may be folded.
            start, stop = 2 * start, 2 * stop + 2
        return Span(max(0, start - self.reach), min(size, stop + self.reach))

    def bytes_for(self, rows: int, columns: int, itemsize: int) -> int:
        """Of the tensors that one sample of that size makes on the way."""
        before, after = self.channels
        numbers = rows * columns * max(before, int(after * self.scale**2))
        return numbers * (4 * WIDE_TENSORS + itemsize * TENSORS)


@dataclass(frozen=True)
class Way:
    """Steps, one behind the other. A list of sizes or spans has one for each level: before the
    first step, between two, behind the last."""

    steps: tuple[Step, ...]

    def sizes(self, side: int) -> list[int]:
        sizes = [side]
        for step in self.steps:
            sizes.append(int(sizes[-1] * step.scale))
        return sizes

    def spans(self, sizes: Sequence[int], out: Span) -> list[Span]:
        """What of each level the pixels `out` of the last one depend on."""
        spans = [out]
        for step, size in zip(reversed(self.steps), sizes[-2::-1], strict=True):
            spans.insert(0, step.needed(spans[0], size))
        return spans

    def bytes_for(self, rows: Sequence[Span], columns: Sequence[Span], itemsize: int) -> int:
        return max(
            step.bytes_for(r.length, c.length, itemsize)
            for step, r, c in zip(self.steps, rows[:-1], columns[:-1], strict=True)
        )

    def cuts(self, shape: Sequence[int], itemsize: int, budget_bytes: int) -> tuple[Cut, Cut]:
        """Rows and columns cut into as few tiles as the budget allows, the longer side first."""
        cuts = Cut(self.sizes(shape[0]), 1), Cut(self.sizes(shape[1]), 1)
        while True:
            rows, columns = (self.spans(cut.sizes, cut.middle) for cut in cuts)
            longer = max(cuts, key=lambda cut: cut.middle.length if cut.can_grow else 0)
            if self.bytes_for(rows, columns, itemsize) <= budget_bytes or not longer.can_grow:
                return cuts
            first, second = (
                Cut(cut.sizes, cut.num_parts + 1) if cut is longer else cut for cut in cuts
            )
            cuts = first, second

    def run(self, x: Tensor, budget_bytes: int, poll: Poll = no_poll) -> Tensor:
        """What the steps make of x [B, C, H, W]: at once if the budget allows, else a tile of one
        sample after the other. `poll` is called before every step."""
        cuts = self.cuts(x.shape[-2:], x.element_size(), budget_bytes)
        if cuts[0].num_parts * cuts[1].num_parts == 1 and self._fits(x, cuts, budget_bytes):
            return self._through(x, poll)
        sides = [cut.sizes[-1] for cut in cuts]
        out = fast_layout(x.new_empty(len(x), self.steps[-1].channels[1], *sides))
        for index, rows, columns in product(range(len(x)), cuts[0].parts, cuts[1].parts):
            levels = list(
                zip(
                    self.spans(cuts[0].sizes, rows), self.spans(cuts[1].sizes, columns), strict=True
                )
            )
            tile = _part(x[index : index + 1], levels[0], (0, 0))
            _part(out[index : index + 1], levels[-1], (0, 0)).copy_(
                self._through(tile, poll, levels)
            )
        return out

    def _fits(self, x: Tensor, cuts: tuple[Cut, Cut], budget_bytes: int) -> bool:
        rows, columns = (self.spans(cut.sizes, cut.middle) for cut in cuts)
        return len(x) * self.bytes_for(rows, columns, x.element_size()) <= budget_bytes

    def _through(
        self, x: Tensor, poll: Poll, levels: Sequence[tuple[Span, Span]] | None = None
    ) -> Tensor:
        """With `levels`, x is what is needed of the first; of each, no more is kept than needed."""
        between = [None] * len(self.steps) if levels is None else list(pairwise(levels))
        for step, ends in zip(self.steps, between, strict=True):
            poll()
            x = step.run(x, poll)
            if ends is not None:
                before, after = ends
                origin = [int(span.start * step.scale) for span in before]
                x = _part(x, after, (origin[0], origin[1]))
        return x


class Cut(NamedTuple):
    """One side of the picture by its sizes at every level, in `num_parts` parts of the last."""

    sizes: list[int]
    num_parts: int

    @property
    def parts(self) -> list[Span]:
        side, n = self.sizes[-1], self.num_parts
        return [Span(side * k // n, side * (k + 1) // n) for k in range(n)]

    @property
    def middle(self) -> Span:
        """One that has neighbours on both sides, if any has."""
        return self.parts[self.num_parts // 2]

    @property
    def can_grow(self) -> bool:
        return min(self.sizes) >= LEAST_CELLS * (self.num_parts + 1)


def _part(x: Tensor, spans: tuple[Span, Span], origin: tuple[int, int]) -> Tensor:
    """Rows and columns, where x begins at `origin`."""
    (top, bottom), (left, right) = spans
    y, x0 = origin
    return x[:, :, top - y : bottom - y, left - x0 : right - x0]


def tiles(vae: FrameVae, budget_bytes: int) -> None:
    """Let encoder and decoder work on tiles whose tensors take about `budget_bytes`, where a whole
    picture takes more. The picture itself and what its attention takes come on top. Done again, the
    last budget holds."""
    if isinstance(vae.encoder, TiledEncoder) and isinstance(vae.decoder, TiledDecoder):
        vae.encoder.budget_bytes = vae.decoder.budget_bytes = budget_bytes
        return
    assert isinstance(vae.encoder, FrameEncoder)
    assert isinstance(vae.decoder, FrameDecoder)
    vae.encoder = TiledEncoder(vae.encoder, budget_bytes)
    vae.decoder = TiledDecoder(vae.decoder, budget_bytes)


class TiledDecoder(FrameDecoder):
    def __init__(self, plain: FrameDecoder, budget_bytes: int) -> None:
        nn.Module.__init__(self)
        for name, child in plain.named_children():
            self.add_module(name, child)
        self.way, self.budget_bytes = Way(decoder_steps(self)), budget_bytes

    def forward(self, z: Tensor, poll: Poll = no_poll) -> Tensor:
        poll()
        return self.way.run(self.mid_block(self.conv_in(z)), self.budget_bytes, poll)


class TiledEncoder(FrameEncoder):
    def __init__(self, plain: FrameEncoder, budget_bytes: int) -> None:
        nn.Module.__init__(self)
        for name, child in plain.named_children():
            self.add_module(name, child)
        self.way, self.budget_bytes = Way(encoder_steps(self)), budget_bytes

    def forward(self, x: Tensor, poll: Poll = no_poll) -> Tensor:
        x = self.way.run(x, self.budget_bytes, poll)
        poll()
        return self.conv_out(F.silu(self.norm_out(self.mid_block(x))))


def decoder_steps(decoder: FrameDecoder) -> tuple[Step, ...]:
    """Behind the mid block."""
    last, norm = decoder.conv_out, decoder.norm_out
    end = Step(
        run=lambda x, poll: last(F.silu(norm(x))),
        channels=(last.in_channels, last.out_channels),
        reach=1,
    )
    blocks = decoder.up_blocks.children()
    return (*(_step(block, block, DOUBLE) for block in blocks), end)


def encoder_steps(encoder: FrameEncoder) -> tuple[Step, ...]:
    """Up to the mid block."""
    first = encoder.conv_in
    start = Step(
        run=lambda x, poll: first(x), channels=(first.in_channels, first.out_channels), reach=1
    )
    blocks = encoder.down_blocks.children()
    return (start, *(_step(block, _unpolled(block), HALF) for block in blocks))


def _unpolled(block: nn.Module) -> Callable[[Tensor, Poll], Tensor]:
    return lambda x, poll: block(x)


def _step(block: nn.Module, run: Callable[[Tensor, Poll], Tensor], resampling: Fraction) -> Step:
    """A block of any family: residual blocks, a resampler, or the one behind the other."""
    convs = [m for m in block.modules() if isinstance(m, nn.Conv2d) and m.kernel_size != (1, 1)]
    residuals = sum(isinstance(module, ResidualBlock) for module in block.modules())
    widths = [width for conv in convs for width in (conv.in_channels, conv.out_channels)]
    return Step(
        run=run,
        channels=(max(widths), widths[-1]),
        reach=2 * residuals,
        scale=resampling if len(convs) > 2 * residuals else Fraction(1),
    )
