"""What is counted once a model is loaded: what it has come to hold, what is free now, how fast its
files are; and where memory is short, tiles before blocks."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from model import loader
from model.bench import tiny, tiny21
from model.checkpoint.folder import read_folder
from model.loader import Model, load
from model.memory import planner as planning
from model.memory import reserve as reserves
from model.memory.calibration import Speed
from model.memory.costs import Work, prefix_cost, step_cost
from model.memory.footprint import Cost
from model.memory.planner import LEAST, OWN_BYTES, Planner
from model.memory.reserve import Reserve
from model.memory.savings import Savings
from model.memory.streaming import Stream
from model.memory.tiling import TiledDecoder
from model.requests import Edit, Picture, TextToImage

SIZE = tiny.Tiny(layers=3)
TEXT = TextToImage(prompt="a poster", width=96, height=96, steps=1, seed=3, guidance=1.0)
PLENTY = 10**12


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write(SIZE, tmp_path_factory.mktemp("reserved"))


def reserve_of(model: Model) -> Reserve:
    assert model.reserve is not None
    return model.reserve


# --- what a request takes ---------------------------------------------------------------------


def test_the_references_of_2_1_are_kept_for_every_step() -> None:
    """Keys and values of every block, of each prompt; computed once."""
    config = tiny21.Tiny21().transformer
    alone = Work(grid=(1, 64, 64), text_tokens=16, branches=2)
    pictures = (1, 64, 64), (1, 32, 64)
    beside = dataclasses.replace(alone, references=pictures, text_tokens=16 + 6144 // 4)
    without, found = (step_cost(config, work, torch.float32) for work in (alone, beside))
    kept = 2 * 2 * 6144 * config.dim * config.num_layers * torch.float32.itemsize
    assert found.peak_bytes - without.peak_bytes >= kept
    once = [prefix_cost(config, work, torch.float32).flops for work in (alone, beside)]
    linears = 2 * 2 * 6144 * (config.num_layers - 1) * config.dim**2
    assert once[1] - once[0] > linears
    assert found.flops - once[1] > without.flops - once[0], "the target looks at them at every step"


def test_2_1_sees_what_its_vae_sees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny21.write_with_diffusers(tiny21.Tiny21(), tmp_path)
    planner = Planner(read_folder(tmp_path), torch.float32, torch.device("cpu"))
    picture = Picture(width=64, height=64, mode="RGB", data=bytes(64 * 64 * 3))
    request = Edit(prompt="x", images=(picture,), width=64, height=64, steps=3)
    work = planner.work(request)
    (reference,) = work.references
    assert work.patches == reference[1] * reference[2]
    for name, flops in (("step", 100), ("prefix", 40), ("decode", 0), ("encode", 0)):
        cost = Cost(peak_bytes=0, flops=flops)
        monkeypatch.setattr(planning, f"{name}_cost", lambda *_, cost=cost: cost)
    assert planner.forecast(Savings(), request).flops["steps"] == 40 + 3 * 60


# --- what the model has come to hold, and what is free ----------------------------------------


def test_an_eye_that_was_opened_counts(folder: Path) -> None:
    model = load(folder, budget_bytes=OWN_BYTES + 40_000_000)
    before = model.outlook(TEXT).peak_bytes
    encoder = model.networks.text_encoder
    encoder.open_eye()
    after = model.outlook(TEXT).peak_bytes
    assert before is not None
    assert after is not None
    seen = sum(tensor.nbytes for tensor in encoder.network.visual.parameters())
    assert after - before == seen > 0


def test_what_is_free_is_asked_anew(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = [PLENTY]
    monkeypatch.setattr(loader, "free_bytes", lambda device: free[0])
    model, fixed = load(folder), load(folder, budget_bytes=PLENTY)
    held = reserve_of(model).planner.weight_bytes(Savings())
    assert model.outlook(TEXT).budget_bytes == PLENTY, "what it holds is next to nothing of it"
    free[0] = int(0.97 * PLENTY)
    assert model.outlook(TEXT).budget_bytes == PLENTY, "what is free goes up and down"
    free[0] = 2 * OWN_BYTES
    assert model.outlook(TEXT).budget_bytes == 2 * OWN_BYTES + held, "what it holds it may have"
    free[0] = 1000
    assert "needs" in model.outlook(TEXT).problem
    free[0] = 0
    assert model.outlook(TEXT).budget_bytes == 1000 + held, "where it cannot be told"
    assert fixed.outlook(TEXT).budget_bytes == PLENTY


# --- where it is short ------------------------------------------------------------------------


def test_tiles_come_before_blocks_where_the_vae_alone_does_not_fit(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "LEAST_TILE_BYTES", 100_000)
    whole, model = (load(folder, budget_bytes=PLENTY) for _ in range(2))
    found = reserve_of(model)
    phases = found.planner.forecast(Savings(), TEXT).phases
    others = max(size for name, size in phases.items() if name != "picture")
    assert others < phases["picture"]
    found.budget_bytes = (others + phases["picture"]) // 2
    (ours,), (theirs,) = model.run(TEXT).pictures, whole.run(TEXT).pictures
    assert found.savings.resident_blocks is None
    decoder = model.networks.vae.decoder
    assert isinstance(decoder, TiledDecoder)
    assert decoder.budget_bytes == found.savings.vae_bytes
    assert max(abs(a - b) for a, b in zip(ours.data, theirs.data, strict=True)) <= 1
    found.budget_bytes -= 200_000
    found.make_room(TEXT)
    assert model.networks.vae.decoder is decoder
    assert decoder.budget_bytes == found.savings.vae_bytes, "the last budget holds"


def test_where_tiles_alone_do_not_help_blocks_go_too(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "LEAST_TILE_BYTES", 100_000)
    planner = Planner(read_folder(folder), torch.float32, torch.device("cpu"))
    least = dataclasses.replace(Savings(), resident_blocks=0, vae_bytes=100_000)
    budget = planner.forecast(least, TEXT).peak_bytes
    found = planner.fit(Savings(), budget, TEXT)
    assert found.peak_bytes <= budget
    assert found.savings == least


# --- how fast its files are -------------------------------------------------------------------


def test_seconds_are_of_the_files_as_they_came(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load(folder, budget_bytes=OWN_BYTES + 40_000_000, savings=LEAST)
    reserve = reserve_of(model)
    (stream,) = reserve._blocks
    assert stream.bytes_per_s is None
    expected = reserve.forecast(TEXT)
    speed = Speed(products=1e10, convolutions=1e10)
    reserve._speed = lambda: speed
    first = model.outlook(TEXT).seconds
    assert first == pytest.approx(expected.seconds(speed, 1))
    model.run(TEXT)
    assert stream.bytes_per_s is not None
    monkeypatch.setattr(Stream, "bytes_per_s", 1000.0)
    slow = model.outlook(TEXT).seconds
    assert slow == pytest.approx(expected.seconds(speed, 1, 1000.0))
    assert slow > expected.streamed / 1000
    monkeypatch.setattr(Stream, "bytes_per_s", 1e15)
    link = reserves.LINK_BYTES_PER_S
    assert model.outlook(TEXT).seconds == pytest.approx(expected.seconds(speed, 1, link))
