"""Models whose blocks come from disk make the pictures of models in memory, bit for bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from model.bench import tiny, tiny21
from model.bench.reference import noise_image, small_areas, to_picture
from model.config import FAMILIES
from model.errors import CheckpointError, Stopped
from model.loader import Model, load
from model.memory.savings import Savings
from model.memory.streaming import Stream
from model.requests import Edit, Request, TextToImage

SIZE = tiny.like(tiny.Tiny(), layers=4)
EDIT = tiny.like(SIZE, pipeline=tiny.PLUS, zero_cond_t=True)
ALL = Savings(keeps_modulation=False, resident_blocks=0, streams_encoder=True)
SOME = Savings(resident_blocks=2)
ENCODER = Savings(streams_encoder=True)
SHARED: dict[str, Any] = {"steps": 3, "seed": 4, "guidance": 2.0}
TEXT = TextToImage(prompt="a poster", width=64, height=64, **SHARED)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("streamed")
    tiny.write(SIZE, path)
    return path


def slots(model: Model) -> list[object]:
    stream = model.networks.transformer.transformer_blocks
    assert isinstance(stream, Stream)
    return stream._slots


def same(one: Model, other: Model, request: Request) -> None:
    first, second = one.run(request), other.run(request)
    assert [p.data for p in first.pictures] == [p.data for p in second.pictures]
    assert one.identity == other.identity, "what is on disk counts as if it were loaded"


@pytest.mark.parametrize("savings", [ALL, SOME, ENCODER], ids=["all", "some", "encoder"])
def test_text_to_image(folder: Path, savings: Savings) -> None:
    streamed = load(folder, savings=savings)
    same(load(folder), streamed, TEXT)
    assert slots(streamed) == [], "nothing of the blocks stays behind"


def test_edit_with_two_pictures(tmp_path: Path) -> None:
    with small_areas(EDIT):
        tiny.write(EDIT, tmp_path)
        images = tuple(to_picture(noise_image(64, 64)) for _ in range(2))
        request = Edit(prompt="join them", images=images, width=64, height=64, **SHARED)
        same(load(tmp_path), load(tmp_path, savings=ALL), request)


def test_a_model_of_the_other_generation(tmp_path: Path) -> None:
    tiny21.write_with_diffusers(tiny21.Tiny21(), tmp_path)
    accepted = [family.licence for family in FAMILIES]
    whole, streamed = (load(tmp_path, accepted=accepted, savings=s) for s in (Savings(), ALL))
    same(whole, streamed, TextToImage(prompt="a poster", width=64, height=64, steps=2, seed=1))


def test_weights_stay_on_disk(folder: Path) -> None:
    streamed = load(folder, savings=ALL)
    blocks = (
        streamed.networks.transformer.transformer_blocks,
        streamed.networks.text_encoder.network.language_model.layers,
    )
    for stream in blocks:
        assert all(p.is_meta for block in stream.children() for p in block.parameters())
    some = load(folder, savings=SOME).networks.transformer.transformer_blocks
    linears = [block.attn.to_q.weight.is_meta for block in some.children()]
    assert linears == [False, False, True, True]


def test_a_stop_in_the_middle_gives_the_room_back(folder: Path) -> None:
    streamed = load(folder, savings=ALL)
    steps: list[int] = []

    def on_step(step: int, *_: Any) -> None:
        steps.append(step)

    with pytest.raises(Stopped):
        streamed.run(TEXT, on_step, lambda: len(steps) == 2)
    assert slots(streamed) == []
    same(load(folder), streamed, TEXT)


def test_files_that_change_meanwhile_are_refused(tmp_path: Path) -> None:
    tiny.write(SIZE, tmp_path)
    streamed = load(tmp_path, savings=Savings(resident_blocks=0))
    weights = next((tmp_path / "transformer").glob("*.safetensors"))
    weights.write_bytes(weights.read_bytes())
    with pytest.raises(CheckpointError, match="was changed while it was in use"):
        streamed.run(TEXT)


def test_loras_work_beside_blocks_that_come_and_go(folder: Path) -> None:
    from model.lora import Adapter, Delta, linears

    whole, streamed = load(folder), load(folder, savings=ALL)
    chance = torch.Generator().manual_seed(2)
    deltas = {}
    for name, (rows, columns) in linears(whole.networks.transformer).items():
        if name.endswith(("attn.to_q", "img_mod.1")):
            halves = (
                torch.randn(rows, 2, generator=chance),
                torch.randn(2, columns, generator=chance),
            )
            deltas[name] = Delta(chain=halves, scale=0.05)
    assert len(deltas) == 2 * SIZE.layers
    plain = streamed.run(TEXT).pictures
    beside = [Adapter(model.networks.transformer, deltas) for model in (whole, streamed)]
    same(whole, streamed, TEXT)
    assert streamed.run(TEXT).pictures != plain
    for adapter in beside:
        adapter.remove()
    assert streamed.run(TEXT).pictures == plain


def test_of_a_packed_file_the_modulation_may_stay_on_disk(folder: Path, tmp_path: Path) -> None:
    from model.checkpoint.quantising import quantise

    file = tmp_path / "packed.safetensors"
    quantise(folder, file, "int8")
    whole, tabled = (
        load(file, places=[folder], variant="Qwen-Image-Edit", savings=Savings(keeps_modulation=k))
        for k in (True, False)
    )
    same(whole, tabled, TEXT)
