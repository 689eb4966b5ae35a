"""What the parts of a request cost on a network of given numbers: memory and operations, before
anything is loaded. Exact for transformer and VAE but for what a library allocates inside an
operation; of the text encoder a count by its sizes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import torch

from model.config import TransformerConfig, VaeConfig
from model.config21 import Transformer21Config, Vae21Config
from model.lossy.step_cache import WHOLE, StepCache
from model.memory.footprint import Cost, cost_of
from model.prefix import TOKENS_PER_SLOT
from model.quantize.packed import Packed
from model.quantize.schemes import Scheme
from model.rope import Grid, axis_table
from model.text_encoder.config import Encoder21Config, EncoderConfig
from model.transformer import Transformer, tables_on
from model.transformer21 import Prefix, Transformer21
from model.vae import Vae
from model.vae21 import Vae21


@dataclass(frozen=True, kw_only=True)
class Work:
    """What a request asks of the networks. `grid` is of the target's tokens, `references` of those
    beside it; `branches` is two with guidance; `frames` are decoded, `patches` and `text_tokens`
    read by the text encoder. `keeps_steps`: with a step cache."""

    grid: Grid
    references: tuple[Grid, ...] = ()
    steps: int = 1
    branches: int = 1
    text_tokens: int = 128
    patches: int = 0
    latent: tuple[int, int] = (1, 1)
    frames: int = 1
    keeps_steps: bool = False


def step_cost(
    config: TransformerConfig | Transformer21Config, work: Work, dtype: torch.dtype
) -> Cost:
    """Of one step under all prompts, in 2.1 with what stands before the target."""
    return _of_all_blocks(_pass_cost, config, work, dtype)


def prefix_cost(
    config: TransformerConfig | Transformer21Config, work: Work, dtype: torch.dtype
) -> Cost:
    """Of what 2.1 computes once, before the first step."""
    if isinstance(config, TransformerConfig):
        return Cost(peak_bytes=0, flops=0)
    return _of_all_blocks(_prefix_cost, config, work, dtype)


def _of_all_blocks(
    count: Callable[[Any, Work, torch.dtype], Cost], config: Any, work: Work, dtype: torch.dtype
) -> Cost:
    """Two blocks and three are counted, and the rest follows."""
    num_layers = config.num_layers
    if num_layers <= 3:
        return count(config, work, dtype)
    two, three = (count(replace(config, num_layers=n), work, dtype) for n in (2, 3))
    return Cost(
        peak_bytes=two.peak_bytes + (num_layers - 2) * (three.peak_bytes - two.peak_bytes),
        flops=two.flops + (num_layers - 2) * (three.flops - two.flops),
    )


@lru_cache(maxsize=64)
def _pass_cost(
    config: TransformerConfig | Transformer21Config, work: Work, dtype: torch.dtype
) -> Cost:
    grids = (work.grid, *work.references)
    num_target = _tokens(work.grid)
    beside = sum(map(_tokens, work.references))

    def prepare() -> Callable[[], Any]:
        sigma = torch.empty(1)
        cache = StepCache(0.0) if work.keeps_steps else WHOLE
        text = torch.empty(1, work.text_tokens, config.text_dim)
        if isinstance(config, TransformerConfig):
            network = Transformer(config)
            tokens = torch.empty(1, num_target + beside, config.in_channels)
            texts = [(text, None)] * work.branches
            return lambda: network.together(tokens, texts, sigma, grids, cache=cache)
        other = Transformer21(config)
        target = torch.empty(1, num_target, config.in_channels)

        def run() -> None:
            other.together(target, sigma, _prefixes(other, work), cache=cache)

        return run

    return _cost(prepare, dtype)


@lru_cache(maxsize=64)
def _prefix_cost(config: Transformer21Config, work: Work, dtype: torch.dtype) -> Cost:
    def prepare() -> Callable[[], Any]:
        network = Transformer21(config)
        return lambda: _prefixes(network, work)

    return _cost(prepare, dtype)


def _prefixes(network: Transformer21, work: Work) -> list[Prefix]:
    """Of every prompt, with the references' places in front of its words."""
    config = network.config
    beside = sum(map(_tokens, work.references))
    slots = beside // TOKENS_PER_SLOT
    is_slot = [place < slots for place in range(work.text_tokens)]
    text = torch.empty(1, work.text_tokens, config.text_dim)
    pictures = torch.empty(1, beside, config.in_channels) if beside else None
    grids = (*work.references, work.grid)
    return [network.prefill(text, grids, pictures, is_slot) for _ in range(work.branches)]


@lru_cache(maxsize=64)
def decode_cost(
    config: VaeConfig | Vae21Config, latent: tuple[int, int], frames: int, dtype: torch.dtype
) -> Cost:
    """Of latents of so many rows and columns."""

    def prepare() -> Callable[[], Any]:
        vae = _vae(config)
        z = torch.empty(frames, config.z_dim, *latent)
        return lambda: vae.decode(z)

    return _cost(prepare, dtype)


@lru_cache(maxsize=64)
def encode_cost(
    config: VaeConfig | Vae21Config, latent: tuple[int, int], dtype: torch.dtype
) -> Cost:
    """Of a picture of as many latents."""

    def prepare() -> Callable[[], Any]:
        vae = _vae(config)
        sides = (side * config.scale for side in latent)
        pixels = torch.empty(1, config.channels, *sides)
        return lambda: vae.encode(pixels)

    return _cost(prepare, dtype)


def text_cost(config: EncoderConfig | Encoder21Config, work: Work, dtype: torch.dtype) -> Cost:
    """A count: eight tensors of the streams' width and three of the MLP's are alive in a block."""
    parts = (
        (config.language, config.language.num_hidden_layers, work.text_tokens),
        (config.vision, config.vision.depth, work.patches),
    )
    peak = flops = 0
    for numbers, depth, tokens in parts:
        hidden, inner = numbers.hidden_size, numbers.intermediate_size
        peak = max(peak, tokens * (8 * hidden + 3 * inner) * dtype.itemsize)
        weights = 4 * hidden * hidden + 3 * hidden * inner
        flops += depth * (2 * tokens * weights + 4 * tokens * tokens * hidden)
    return Cost(peak_bytes=peak, flops=flops)


def unpack_bytes(forms: Iterable[Packed], dtype: torch.dtype) -> int:
    """The most that making one of these weights into numbers takes, of the plain way to multiply
    with it; `forms` have no values."""
    largest: dict[tuple[str, int | None], Packed] = {}
    for form in forms:
        key = form.scheme, form.rotation
        if key not in largest or math.prod(form.shape) > math.prod(largest[key].shape):
            largest[key] = form
    return max((_unpack_bytes(form, dtype) for form in largest.values()), default=0)


def _unpack_bytes(form: Packed, dtype: torch.dtype) -> int:
    def prepare() -> Callable[[], Any]:
        parts = [torch.empty(part.shape, dtype=part.dtype) for part in form.parts]
        return lambda: replace(form, parts=tuple(parts)).unpacked().to(dtype)

    return _cost(prepare, torch.float32).peak_bytes


def pack_bytes(scheme: Scheme, shapes: Iterable[tuple[int, ...]]) -> int:
    """The most that packing a weight takes, its numbers in float32 counted."""
    return _pack_bytes(scheme, max(shapes, key=math.prod))


@lru_cache(maxsize=16)
def _pack_bytes(scheme: Scheme, shape: tuple[int, ...]) -> int:
    def prepare() -> Callable[[], Any]:
        return lambda: scheme.pack(torch.empty(shape))

    return _cost(prepare, torch.float32).peak_bytes


def _vae(config: VaeConfig | Vae21Config) -> Vae | Vae21:
    return Vae21(config) if isinstance(config, Vae21Config) else Vae(config)


def _tokens(grid: Grid) -> int:
    frames, rows, columns = grid
    return frames * rows * columns


def _cost(prepare: Callable[[], Callable[[], Any]], dtype: torch.dtype) -> Cost:
    """Fake tensors must not meet real ones in what is kept between runs, nor stay there."""
    kept, usual = (axis_table, tables_on), torch.get_default_dtype()
    for tables in kept:
        tables.cache_clear()
    torch.set_default_dtype(dtype)
    try:
        return cost_of(prepare)
    finally:
        torch.set_default_dtype(usual)
        for tables in kept:
            tables.cache_clear()
