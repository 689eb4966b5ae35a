"""Plans: what fits is chosen, what is chosen fits, and a refusal names what would."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from model.bench import tiny
from model.checkpoint.folder import read_folder
from model.errors import OutOfMemory
from model.loader import load
from model.memory import planner as planning
from model.memory.calibration import Speed, speed_of
from model.memory.planner import LEAST, OWN_BYTES, Planner
from model.memory.savings import Savings
from model.memory.work import work_of
from model.requests import Edit, Picture, TextToImage

CPU = torch.device("cpu")
SIZE = tiny.like(tiny.Tiny(), layers=8, heads=4, axes=(16, 24, 24))
TEXT = TextToImage(prompt="a poster", width=64, height=64, steps=2, seed=3, guidance=2.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("planned")
    tiny.write(SIZE, path)
    return path


@pytest.fixture(scope="module")
def planner(folder: Path) -> Planner:
    return Planner(read_folder(folder), torch.float32, CPU)


def peak(planner: Planner, savings: Savings) -> int:
    return planner.forecast(savings, TEXT).peak_bytes


def test_each_way_takes_less_than_the_one_before(planner: Planner) -> None:
    ways = (
        Savings(),
        Savings(keeps_modulation=False),
        Savings(keeps_modulation=False, streams_encoder=True),
        Savings(keeps_modulation=False, streams_encoder=True, resident_blocks=4),
        LEAST,
    )
    peaks = [peak(planner, savings) for savings in ways]
    assert peaks == sorted(set(peaks), reverse=True)


def test_plenty_keeps_everything(planner: Planner) -> None:
    assert planner.choose(peak(planner, Savings()), TEXT).savings == Savings()


@settings(max_examples=30, deadline=None)
@given(share=st.floats(0, 1))
def test_what_is_chosen_fits_and_nothing_faster_would(planner: Planner, share: float) -> None:
    least, most = peak(planner, LEAST), peak(planner, Savings())
    budget = least + int(share * (most - least))
    found = planner.choose(budget, TEXT)
    assert found.peak_bytes <= budget
    kept = found.savings.resident_blocks
    if kept is not None and kept + 1 < SIZE.layers:
        more = dataclasses.replace(found.savings, resident_blocks=kept + 1)
        assert peak(planner, more) > budget


def test_a_refusal_names_the_nearest_size(
    planner: Planner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two sizes are counted for it, which takes a moment each: the one asked for and the least."""
    counted: set[object] = set()
    count = planning.decode_cost

    def counting(config: object, latent: tuple[int, int], *others: object) -> object:
        counted.add(latent)
        return count(config, latent, *others)  # type: ignore[arg-type]

    large = dataclasses.replace(TEXT, width=512, height=256)
    budget = planner.forecast(LEAST, dataclasses.replace(TEXT, width=256, height=128)).peak_bytes
    monkeypatch.setattr(planning, "decode_cost", counting)
    with pytest.raises(OutOfMemory, match=r"there for it; a picture of 2\d\dx1\d\d fits"):
        planner.choose(budget, large)
    assert len(counted) == 2
    with pytest.raises(OutOfMemory, match="choose a smaller model, or fewer bits"):
        planner.choose(OWN_BYTES, large)


def test_loading_builds_the_networks_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("they were built already")

    monkeypatch.setattr(planning, "build", refuse)
    load(folder, budget_bytes=10**12)
    load(folder, budget_bytes=OWN_BYTES + 60_000_000)


def test_a_request_in_numbers(folder: Path) -> None:
    found = read_folder(folder)
    assert work_of(found, None).steps == found.row.steps
    picture = Picture(width=640, height=320, mode="RGB", data=bytes(640 * 320 * 3))
    row = dataclasses.replace(found.row, reference_area=128 * 128, condition_area=56 * 56)
    found = dataclasses.replace(found, row=row)
    work = work_of(found, Edit(prompt="x", images=(picture, picture), guidance=1.0))
    assert (work.branches, len(work.references)) == (1, 2)
    frames, rows, columns = work.references[0]
    assert frames == 1
    assert columns == pytest.approx(2 * rows, abs=4)
    assert work.patches == 2 * 56 * 56 // 14**2


def test_a_request_that_needs_room_gets_it_and_the_same_picture(folder: Path) -> None:
    """Blocks that were in memory are let go, and stay away."""
    whole = load(folder)
    model = load(folder, budget_bytes=10**12)
    assert model.reserve is not None
    assert model.reserve.savings == Savings()
    wide = dataclasses.replace(TEXT, width=96)
    without = model.reserve.planner.forecast(
        dataclasses.replace(Savings(), resident_blocks=0), wide
    )
    model.reserve.budget_bytes = without.peak_bytes
    assert model.run(wide).pictures == whole.run(wide).pictures
    assert model.reserve.savings.resident_blocks == 0
    model.reserve.budget_bytes = OWN_BYTES
    assert "fewer bits" in model.outlook(wide).problem
    with pytest.raises(OutOfMemory):
        model.run(wide)


def test_where_memory_runs_out_all_the_same_it_is_tried_once_more(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, model = load(folder), load(folder)
    assert model.reserve is not None
    decode = model.networks.vae.decode
    faults = [MemoryError, MemoryError, MemoryError]

    def failing(*inputs: object) -> torch.Tensor:
        if faults:
            raise faults.pop()
        return decode(*inputs)

    monkeypatch.setattr(model.networks.vae, "decode", failing)
    with pytest.raises(OutOfMemory, match="not enough memory while making the picture"):
        model.run(TEXT)
    assert len(faults) == 1
    assert model.reserve.savings.resident_blocks == SIZE.layers // 2
    result = model.run(TEXT)
    assert result.is_slower
    assert result.pictures == whole.run(TEXT).pictures
    assert not whole.run(TEXT).is_slower
    assert model.reserve.savings.resident_blocks == SIZE.layers // 4
    assert not model.run(TEXT).is_slower


def test_the_outlook_tells_memory_and_time(folder: Path, tmp_path: Path) -> None:
    kept = tmp_path / "cache/speeds.json"
    model = load(folder, budget_bytes=OWN_BYTES + 60_000_000, speeds=kept)
    found = model.outlook(TEXT)
    assert found.peak_bytes is not None
    assert OWN_BYTES < found.peak_bytes <= found.budget_bytes == OWN_BYTES + 60_000_000
    assert found.seconds is not None
    twice = model.outlook(dataclasses.replace(TEXT, count=2)).seconds
    assert twice == pytest.approx(2 * found.seconds)
    (values,) = json.loads(kept.read_text()).values()
    speed = speed_of(CPU, torch.float32, kept)
    assert speed == Speed(**values), "measured once"
    kept.write_text('{"cpu": "fast"}')
    assert speed_of(CPU, torch.float32, kept).products > 1e8


BUDGET = """
import hashlib, resource, sys
import torch
from model.loader import load
from model.memory import planner as planning
from model.requests import TextToImage
def grown():
    with open("/proc/self/status") as status:
        return next(int(l.split()[1]) * 1024 for l in status if l.startswith("VmHWM"))
before = grown()
budget = int(sys.argv[2])
model = load(__import__("pathlib").Path(sys.argv[1]), budget_bytes=budget)
request = TextToImage(prompt="a poster", width=96, height=96, steps=1, seed=1, guidance=1.0)
foretold = model.reserve.planner.forecast(model.reserve.savings, request).peak_bytes
picture = model.run(request).pictures[0]
print(foretold, grown() - before, hashlib.sha256(picture.data).hexdigest())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="counts memory as Linux tells it")
def test_two_gigabytes_run_in_six_hundred_megabytes(tmp_path: Path) -> None:
    """In a fresh process each: what it grows by, pages of files counted, and the same picture."""
    wide = tiny.like(tiny.Tiny(), layers=54, heads=8, axes=(16, 24, 24))
    tiny.write(wide, tmp_path / "model")
    stored = sum(path.stat().st_size for path in (tmp_path / "model").rglob("*.safetensors"))
    assert stored > 2e9
    pictures = []
    for budget in (600_000_000, 10**13):
        told = subprocess.run(
            [sys.executable, "-c", BUDGET, str(tmp_path / "model"), str(budget)],
            capture_output=True,
            text=True,
            check=True,
            cwd=Path(__file__).parents[2],
            env={**os.environ, "OMP_NUM_THREADS": "2"},
        ).stdout.split()
        foretold, grown, picture = int(told[0]), int(told[1]), told[2]
        assert grown <= budget
        assert foretold == pytest.approx(grown, rel=0.10)
        pictures.append(picture)
    assert pictures[0] == pictures[1]
