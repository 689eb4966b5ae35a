"""The VAE in tiles: no seams, within the budget, and whole where the budget allows it."""

from __future__ import annotations

import copy
import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter

from model import loader
from model.bench import tiny, tiny21
from model.config import VaeConfig
from model.errors import Stopped
from model.memory.savings import Savings
from model.memory.tiling import Span, Way, decoder_steps, encoder_steps, tiles
from model.requests import TextToImage
from model.vae import FrameVae, Vae
from model.vae21 import Vae21
from tests.reference import SIZES

SEAM = 2 / 255
"""A step of 8 bits, of values in -1…1."""
ROUNDING = 5e-5


def made(vae: FrameVae) -> FrameVae:
    torch.manual_seed(3)
    tiny.randomise(vae)
    return vae.eval()


def vae_of(name: str) -> FrameVae:
    if name == "starter":
        return loader.load(loader.starter_path()).networks.vae
    if name == "two-one":
        return made(Vae21(tiny21.Tiny21().vae))
    return made(Vae(SIZES[name].vae))


@pytest.fixture(scope="module", params=["plain", "deep", "wide", "two-one", "starter"])
def vae(request: pytest.FixtureRequest) -> FrameVae:
    return vae_of(request.param)


def tiled(vae: FrameVae, budget_bytes: int) -> FrameVae:
    found = copy.deepcopy(vae)
    tiles(found, budget_bytes)
    return found


def pixels(vae: FrameVae, rows: int, columns: int, count: int = 1) -> torch.Tensor:
    scale = vae.config.scale
    generator = torch.Generator().manual_seed(rows * 100 + columns)
    shape = (count, vae.config.channels, rows * scale, columns * scale)
    return torch.rand(shape, generator=generator) * 2 - 1


# --- equal ------------------------------------------------------------------------------------


@pytest.mark.parametrize("cells", [(24, 40), (9, 33), (3, 3)])
@torch.inference_mode()
def test_there_are_no_seams(vae: FrameVae, cells: tuple[int, int]) -> None:
    picture = pixels(vae, *cells, count=2)
    small = tiled(vae, 1)
    mean, logvar = vae.moments(picture)
    for found, expected in zip(small.moments(picture), (mean, logvar), strict=True):
        assert (found - expected).abs().max() <= ROUNDING
    latents = vae.normalise(mean)
    difference = (small.decode(latents) - vae.decode(latents)).abs().max()
    assert difference <= ROUNDING < SEAM


@torch.inference_mode()
def test_a_smaller_reach_would_be_seen(vae: FrameVae) -> None:
    """The overlap is no larger than it must be: with one convolution less there are differences."""
    small = tiled(vae, 1)
    picture = pixels(vae, 16, 24)
    for module, steps in ((small.encoder, encoder_steps), (small.decoder, decoder_steps)):
        less = [replace(s, reach=max(0, s.reach - 2)) for s in steps(module)]  # type: ignore[arg-type]
        module.way = Way(tuple(less))
    mean, _ = vae.moments(picture)
    assert (small.moments(picture)[0] - mean).abs().max() > ROUNDING
    latents = vae.normalise(mean)
    assert (small.decode(latents) - vae.decode(latents)).abs().max() > ROUNDING


@settings(max_examples=25, deadline=None)
@given(
    rows=st.integers(1, 22),
    columns=st.integers(1, 22),
    budget=st.sampled_from([1, 200_000, 800_000, 10**10]),
    name=st.sampled_from(["plain", "two-one"]),
)
@torch.inference_mode()
def test_any_size_and_budget(rows: int, columns: int, budget: int, name: str) -> None:
    vae = vae_of(name)
    z = torch.randn(1, vae.config.z_dim, rows, columns)
    assert (tiled(vae, budget).decode_raw(z) - vae.decode_raw(z)).abs().max() <= ROUNDING


@torch.inference_mode()
def test_in_sixteen_bits_they_stay_under_a_step() -> None:
    vae = copy.deepcopy(vae_of("starter")).to(torch.bfloat16)
    z = vae.encode(pixels(vae, 16, 16).to(torch.bfloat16))
    difference = (tiled(vae, 1).decode(z) - vae.decode(z)).float().abs().max()
    assert difference <= SEAM


def test_a_whole_run(tmp_path: Path) -> None:
    folder = tiny.write(tiny.Tiny(pipeline=tiny.TEXT), tmp_path / "tiny")
    request = TextToImage(prompt="x", width=128, height=64, steps=2)
    small = loader.load(folder, savings=Savings(vae_bytes=1))
    (ours,), (whole,) = small.run(request).pictures, loader.load(folder).run(request).pictures
    assert max(abs(a - b) for a, b in zip(ours.data, whole.data, strict=True)) <= 1
    assert set(small.networks.vae.state_dict()) == set(
        loader.load(folder).networks.vae.state_dict()
    )


# --- the budget -------------------------------------------------------------------------------


class Peak(TorchDispatchMode):
    """The most bytes of new tensors that were alive at once."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.most = 0
        self._seen: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        for tensor in tree_iter(found):
            if isinstance(tensor, torch.Tensor):
                self._count(tensor.untyped_storage())
        self.most = max(self.most, self.now)
        return found

    def _count(self, storage: Any) -> None:
        key, size = storage._cdata, storage.nbytes()
        if key not in self._seen:
            self._seen.add(key)
            self.now += size
            weakref.finalize(storage, self._forget, key, size)

    def _forget(self, key: int, size: int) -> None:
        self._seen.discard(key)
        self.now -= size


@pytest.mark.parametrize(
    ("dtype", "width", "budget"), [(torch.float32, 24, 12_000_000), (torch.bfloat16, 8, 2_500_000)]
)
@torch.inference_mode()
def test_tiles_keep_to_the_budget(dtype: torch.dtype, width: int, budget: int) -> None:
    vae = made(Vae(VaeConfig(base_dim=width))).to(dtype)
    z = torch.randn(1, 16, 40, 40, dtype=dtype)
    x = vae.decoder.mid_block(vae.decoder.conv_in(z))  # type: ignore[operator]
    way = Way(decoder_steps(vae.decoder))  # type: ignore[arg-type]
    out_bytes = 3 * 320 * 320 * dtype.itemsize
    with Peak() as whole:
        way.run(x, 10**12)
    with Peak() as small:
        way.run(x, budget)
    assert whole.most > 2 * budget
    assert small.most <= 1.05 * budget + out_bytes


def test_as_few_tiles_as_the_budget_allows() -> None:
    with torch.device("meta"):
        way = Way(decoder_steps(Vae(VaeConfig()).decoder))  # type: ignore[arg-type]
    counts = [
        tuple(cut.num_parts for cut in way.cuts((166, 166), 2, budget))
        for budget in (10**10, 2 * 10**9, 5 * 10**8)
    ]
    assert counts[0] == (1, 1)
    assert counts == sorted(counts)
    assert counts[1] != counts[0]


def test_the_published_decoder_reaches_thirteen_cells() -> None:
    with torch.device("meta"):
        way = Way(decoder_steps(Vae(VaeConfig()).decoder))  # type: ignore[arg-type]
    first, *_ = way.spans(way.sizes(128), Span(512, 520))
    assert first == Span(64 - 13, 65 + 13)


@torch.inference_mode()
def test_a_stop_between_tiles(vae: FrameVae) -> None:
    polls = 0

    def poll() -> None:
        nonlocal polls
        polls += 1
        if polls == 9:
            raise Stopped

    with pytest.raises(Stopped):
        tiled(vae, 1).decode(torch.randn(1, vae.config.z_dim, 16, 16), poll)
    assert polls == 9


def test_a_budget_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="vae_bytes"):
        Savings(vae_bytes=0)
