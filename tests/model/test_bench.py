"""The comparison with diffusers runs, and refuses to compare unlike things."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from model import bench
from model.bench import cpu, lossy, needs, parity, plan, timing, tiny
from model.config import FAMILIES
from model.errors import ModelError
from model.hub import needs as counted
from model.hub.machine import Place
from model.transformer import Transformer

pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("ignore")]


def _size(layers: int) -> cpu.Size:
    return cpu.Size(heads=2, axes=(8, 12, 12), layers=layers, side_px=64)


SMALL = cpu.Dimensions(
    forward=(_size(1), _size(2), _size(3)),
    block=_size(1),
    vae=tiny.Tiny().vae,
    vae_px=32,
    loaded=tiny.Tiny(pipeline=tiny.TEXT),
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    seen = {"load_s": 1.0, "picture_s": 2.0, "peak_mb": 3.0}
    monkeypatch.setattr(cpu, "_in_new_process", lambda *_: seen)  # takes half a minute
    monkeypatch.setattr(cpu, "Dimensions", lambda: SMALL)
    monkeypatch.setattr(torch, "set_num_threads", lambda _: None)
    return tiny.write(tiny.Tiny(pipeline=tiny.TEXT), tmp_path / "tiny")


def test_lossy_modes_are_compared_with_the_exact_run(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    modes = {"none": {"step_cache": 0.0001}, "all": {"step_cache": 1.0, "attention": "fp8"}}
    monkeypatch.setattr(lossy, "MODES", modes)
    monkeypatch.setattr(lossy, "PROMPTS", lossy.PROMPTS[:1])
    assert bench.main(["lossy", "--model", str(folder), "--samples", "1", "--steps", "4"]) == 0
    head, _, none, everything, *_ = capsys.readouterr().out.splitlines()
    assert head.startswith("| mode | steps reused | seconds, to exact |")
    cells = [cell.strip() for cell in none.split("|")[1:-1]]
    assert (cells[0], cells[1], cells[3], cells[4]) == ("none", "0.0 of 4", "", "99.0 dB")
    cells = [cell.strip() for cell in everything.split("|")[1:-1]]
    assert float(cells[3].removesuffix(" %")) > 0
    assert float(cells[4].removesuffix(" dB")) < 99


def test_table(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main(["cpu", "--model", str(folder), "--samples", "2", "--steps", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "| what | ours | diffusers | ratio | goal |"
    schemes = ["the same, int8", "the same, fp8", "the same, int4"]
    assert [line.split("|")[1].strip() for line in lines[2:-2]] == [
        "forward, width 64, 64 px",
        "forward, width 64, 64 px",
        *schemes,
        "forward, width 64, 64 px",
        "one block, width 64, 64 px",
        *schemes,
        "VAE encode, 32 px",
        "VAE decode, 32 px",
        "tiny: 2 steps, guidance 4",
        *(
            f"{name}: {what}"
            for name in ("random model", "modulation as a table", "tiny")
            for what in ("load", "start to first picture", "peak memory")
        ),
    ]
    assert "medians of 2" in lines[-1]


def test_unlike_networks_are_not_compared(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = cpu.reference_transformer

    def spoiled(network: Transformer) -> object:
        reference = original(network)
        reference.proj_out.bias = torch.nn.Parameter(reference.proj_out.bias + 0.5)
        return reference

    monkeypatch.setattr(cpu, "reference_transformer", spoiled)
    with pytest.raises(ModelError, match="width 64, 64 px: both sides differ by 5"):
        cpu.table(folder, 1, 1)


def test_times_are_medians_of_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(1000))
    monkeypatch.setattr(timing.time, "process_time", lambda: next(clock))
    turns: list[str] = []
    waits = {"ours": iter((50, 1, 9, 2)), "theirs": iter((50, 4, 4, 100))}

    def side(name: str) -> Callable[[], None]:
        def work() -> None:
            turns.append(name)
            for _ in range(next(waits[name])):
                next(clock)

        return work

    assert timing.interleaved((side("ours"), side("theirs")), 3) == [3, 5]
    assert turns == ["ours", "theirs"] * 4


def test_unlike_pictures_are_not_compared(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = cpu.open_reference

    def spoiled(path: Path) -> object:
        reference = original(path)
        with torch.no_grad():
            reference.vae.decoder.conv_out.bias.add_(0.5)
        return reference

    monkeypatch.setattr(cpu, "open_reference", spoiled)
    with pytest.raises(ModelError, match="the pictures differ"):
        cpu.table(folder, 1, 1)


def test_no_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main(["cpu", "--model", str(tmp_path)]) == 2
    assert "is no model folder" in capsys.readouterr().err


@pytest.mark.parametrize("argv", [[], ["tpu"], ["cpu", "--samples", "many"]])
def test_a_wrong_word_is_one_line(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        bench.main(argv)
    assert stop.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("main.py bench: ")
    assert said.count("\n") == 1


def test_every_task_is_compared(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(parity, "interleaved", lambda sides, samples: [2.0 * samples, 4.0])
    monkeypatch.setattr(parity, "SIDE", 64)
    monkeypatch.setattr(parity, "SIZE", tiny.like(parity.SIZE, layers=2, area=64 * 64))
    monkeypatch.setattr(parity, "SIZE_21", replace(parity.SIZE_21, layers=1, side=64))
    monkeypatch.setattr(torch, "set_num_threads", lambda _: None)
    assert bench.main(["parity", "--samples", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "| task | largest difference | diffusers | ours | ratio | goal |"
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[2:17]]
    assert [row[0] for row in rows] == [
        "VAE, encode and decode",
        "text to image",
        "image to image",
        "inpaint",
        "ControlNet",
        "ControlNet for holes",
        "Lightning, four steps",
        "LoRA",
        "edit",
        "inpaint by an edit model",
        "edit with two pictures (2509)",
        "edit with two pictures (2511)",
        "three layers",
        "2.1: text to image",
        "2.1: edit with two pictures",
    ]
    assert all(0 < float(row[1]) <= parity.LIMIT for row in rows)
    assert all(row[2:5] == ["4000 ms", "2000 ms", "0.50"] for row in rows)


def test_a_task_that_differs_is_named_and_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = parity.Case(name="edit", ours=lambda: torch.ones(1), theirs=lambda: torch.zeros(1))
    monkeypatch.setattr(parity, "cases", lambda folder: iter([wrong]))
    with pytest.raises(ModelError, match=r"edit: the pictures differ by 1\.0e\+00"):
        parity.table(1)


def test_what_runs_where(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main(["plan"]) == 0
    head, _, *lines = capsys.readouterr().out.splitlines()
    assert head == "| memory | bf16 | int8 | int4 |"
    rows = {line.split("|")[1].strip(): line.split("|")[2:-1] for line in lines}
    assert "streamed" in rows["8 GB"][0]
    assert "streamed" not in rows["48 GB"][0]
    for memory, cells in rows.items():
        for cell in cells:
            if cell.strip() != "no":
                assert float(cell.split(":")[-1].removesuffix(" GB ")) <= float(memory[:-3])


def test_the_memory_that_was_counted_is_the_planner_s(tmp_path: Path) -> None:
    """After another change of the planner: `main.py bench needs > model/hub/counted.py`."""
    row = next(row for row in FAMILIES if row.name == plan.MODEL)
    for place, scheme in ((Place.card, ""), (Place.card, "int4"), (Place.processor, "")):
        told = next(n for n in counted.needs(row.name, place) if n.scheme == scheme)
        found = needs.count(row, place, scheme)
        for way in needs.WAYS:
            assert 0 <= told.bytes(way) - found.bytes(way) < 10**6, (place, scheme, way)


def test_the_card_s_bench_runs_tiny_where_there_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    """And finds ours and diffusers' velocities equal, of the same random weights."""
    assert bench.main(["gpu", "--samples", "1"]) == 0
    out = capsys.readouterr().out
    rows = [line.split("|")[1].strip() for line in out.splitlines() if line.startswith("| ")]
    assert rows == ["weights", "plain", "int8", "fp8", "int4"]
    assert "beside diffusers, in turns" in out
    assert "All 3 blocks streamed from main memory: a step of 96 px in " in out
    assert "3 blocks from a file" in out
    assert "A LoRA of rank 32 beside 12 linears" in out
    assert "Stopping a pass of 96 px" in out
    assert "The VAE decodes 64 px" in out


def test_what_a_card_has_no_memory_for_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from model.bench import gpu

    def short(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(gpu, "_tabled", short)
    assert bench.main(["gpu", "--samples", "1"]) == 0
    out = capsys.readouterr().out
    assert "| plain | does not fit | | | |\n| int8 | does not fit |" in out
    assert "Streamed blocks: does not fit." in out
    assert "beside diffusers, in turns" in out


def test_velocities_that_differ_end_the_card_s_bench(monkeypatch: pytest.MonkeyPatch) -> None:
    from model.bench import gpu

    monkeypatch.setattr(gpu, "LARGEST_DIFFERENCE", 0.0)
    assert bench.main(["gpu", "--samples", "1"]) == 2
