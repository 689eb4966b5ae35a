"""Packed blocks stream in their few bits: the pictures of packed models in memory, bit for bit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import gguf
import pytest
import torch
from safetensors.torch import load_file

from model.bench import tiny, tiny21
from model.checkpoint.build import build
from model.checkpoint.folder import read_folder
from model.checkpoint.packed_files import PackedFiles
from model.checkpoint.packing import forms_by
from model.checkpoint.quantising import quantise
from model.checkpoint.safetensors_files import Room
from model.checkpoint.stored import Value
from model.errors import OutOfMemory
from model.loader import Model, load
from model.memory.footprint import Alive
from model.memory.planner import LEAST, OWN_BYTES, Planner
from model.memory.savings import Savings
from model.memory.streaming import Stream
from model.quantize.schemes import SCHEMES
from model.requests import TextToImage

WEIGHTS = "transformer/diffusion_pytorch_model.safetensors"
SIZE = tiny.Tiny(pipeline=tiny.TEXT, axes=(16, 8, 8), layers=4, text_width=32, mrope=(2, 2, 4))
POSTER = TextToImage(prompt="ink", width=64, height=64, steps=2, seed=1, guidance=2.0)
KINDS = ("Q8_0", "Q4_0", "F16", "Q5_1")
"""Of the blocks of a GGUF file, whose parts differ in size from one block to the next."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write(SIZE, tmp_path_factory.mktemp("models") / "qwen-image")


@pytest.fixture(scope="module")
def files(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The transformer in one file, packed by a scheme or as GGUF."""
    place = tmp_path_factory.mktemp("files")

    def file(name: str) -> Path:
        path = place / f"qwen-image-{name}.{'gguf' if name == 'gguf' else 'safetensors'}"
        if not path.exists():
            write_gguf(folder, path) if name == "gguf" else quantise(folder, path, name)
        return path

    return file


def write_gguf(folder: Path, path: Path) -> None:
    writer = gguf.GGUFWriter(path, "qwen_image")
    for key, weight in load_file(folder / WEIGHTS).items():
        is_packed = key.startswith("transformer_blocks.") and weight.ndim == 2
        block = int(key.split(".")[1]) if is_packed else 0
        kind = gguf.GGMLQuantizationType[KINDS[block] if is_packed else "F32"]
        data = gguf.quants.quantize(weight.float().numpy(), kind)
        writer.add_tensor(key, data, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def pixels(model: Model) -> bytes:
    return model.run(POSTER).pictures[0].data


def blocks_of(model: Model) -> Stream:
    stream = model.networks.transformer.transformer_blocks
    assert isinstance(stream, Stream)
    return stream


@pytest.mark.parametrize("name", [*SCHEMES, "gguf"])
def test_the_picture_is_that_of_blocks_in_memory(
    name: str, folder: Path, files: Callable[[str], Path]
) -> None:
    whole = load(files(name), places=[folder])
    expected = pixels(whole)
    for savings in (LEAST, Savings(resident_blocks=2)):
        streamed = load(files(name), places=[folder], savings=savings)
        assert pixels(streamed) == expected
        assert streamed.identity == whole.identity
        held = [part for block in list(blocks_of(streamed).children())[2:] for part in parts(block)]
        assert held
        assert all(part.is_meta for part in held)


def parts(block: torch.nn.Module) -> list[torch.Tensor]:
    return [*block.attn.parameters(), *block.attn.buffers()]  # type: ignore[union-attr, operator]


def test_a_weight_that_two_share_is_read_once_a_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """2.1 in one file has its gate and projection in one weight."""
    whole, file = tmp_path / "Qwen-Image-2.1", tmp_path / "small.safetensors"
    tiny21.write_with_diffusers(tiny21.Tiny21(), whole)
    quantise(whole, file, "int8")
    options = {"places": [whole], "accepted": ["Qwen Research License"]}
    resident, streamed = (load(file, savings=way, **options) for way in (Savings(), LEAST))
    expected = pixels(resident)
    reads: list[str] = []
    read_one = PackedFiles.read_one

    def reading(self: PackedFiles, name: str, room: Room | None = None) -> Value:
        reads.append(name)
        return read_one(self, name, room)

    monkeypatch.setattr(PackedFiles, "read_one", reading)
    assert pixels(streamed) == expected
    fused, single = (
        reads.count(f"transformer_blocks.0.{name}.weight")
        for name in ("img_mlp.gate_up", "attn.to_q")
    )
    assert fused == single > 0


def test_blocks_in_memory_are_let_go(folder: Path, files: Callable[[str], Path]) -> None:
    model = load(files("gguf"), places=[folder], budget_bytes=10**12)
    expected = pixels(model)
    assert model.reserve is not None
    assert model.reserve.savings == Savings()
    assert model.reserve.step_down()
    assert model.reserve.savings.resident_blocks == SIZE.layers // 2
    assert pixels(model) == expected


def test_memory_stays_below_what_the_blocks_take(tmp_path: Path) -> None:
    """Of tensors that are alive at once, while it is loaded and while it runs."""
    folder, file = tmp_path / "qwen-image", tmp_path / "qwen-image-small.safetensors"
    tiny.write(tiny.like(SIZE, layers=6, heads=4, axes=(16, 24, 24)), folder)
    quantise(folder, file, "fp8")
    with Alive() as alive:
        model = load(file, places=[folder], savings=LEAST)
        model.run(replace(POSTER, steps=1, guidance=1.0))
    assert model.reserve is not None
    planner = model.reserve.planner
    foretold = planner.forecast(LEAST, POSTER).peak_bytes - OWN_BYTES
    assert alive.peak <= foretold < planner.weight_bytes(Savings())


def test_what_is_packed_by_the_run_streams_on_cuda_alone(folder: Path) -> None:
    """There main memory keeps what was packed once; elsewhere that is the memory there is."""
    whole, streamed = (
        load(folder, quantization="int8", savings=savings) for savings in (Savings(), LEAST)
    )
    assert pixels(streamed) == pixels(whole)
    assert whole.reserve is not None
    assert not whole.reserve.step_down()
    forms = {"transformer": forms_by(build(read_folder(folder)).transformer, SCHEMES["int8"])}
    for device, expected in (("cuda", SIZE.layers // 2), ("cpu", None)):
        place = torch.device(device)
        planner = Planner(read_folder(folder), torch.float32, place, forms, scheme=SCHEMES["int8"])
        found = planner.next_down(Savings())
        assert (found and found.resident_blocks) == expected
    with pytest.raises(OutOfMemory, match=r"main\.py quantize"):
        planner.choose(OWN_BYTES, POSTER)
