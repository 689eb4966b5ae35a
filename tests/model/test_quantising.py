"""Files of fewer bits, written tensor by tensor, are read by us and by others."""

from __future__ import annotations

import shutil
from pathlib import Path

import gguf
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from model import loader
from model.bench import tiny, tiny21
from model.checkpoint import quantising
from model.checkpoint.packed_files import PackedFiles
from model.checkpoint.quantising import quantise
from model.checkpoint.single_files import recognise
from model.errors import CheckpointError
from model.quantize.schemes import SCHEMES
from model.requests import TextToImage
from tests import packed

WEIGHTS = "transformer/diffusion_pytorch_model.safetensors"
SIZE = tiny.Tiny(pipeline=tiny.PLUS, axes=(16, 8, 8), layers=2, zero_cond_t=True)
POSTER = TextToImage(prompt="ink", width=64, height=64, steps=2, seed=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write(SIZE, tmp_path_factory.mktemp("models") / "Qwen-Image-Edit-2511")


@pytest.mark.parametrize("name", SCHEMES)
def test_a_folder_as_one_file(name: str, folder: Path, tmp_path: Path) -> None:
    """It makes the pictures that packing while loading makes."""
    path, told = tmp_path / "small.safetensors", []
    size = quantise(folder, path, name, lambda done, total: told.append((done, total)))
    assert size == path.stat().st_size
    assert [done for done, _ in told] == list(range(len(told)))
    assert told[-1][0] == told[-1][1]
    assert list(tmp_path.iterdir()) == [path]
    model = loader.load(path, places=[folder])
    assert model.row.name == "Qwen-Image-Edit-2511"
    assert model.networks.transformer.config.zero_cond_t
    expected = loader.load(folder, quantization=name)
    ours, theirs = (m.networks.transformer for m in (model, expected))
    assert packed.schemes_of(ours) == packed.schemes_of(theirs)
    found, wanted = packed.numbers_of(ours), packed.numbers_of(theirs)
    assert found.keys() == wanted.keys()
    assert all(torch.equal(found[key], wanted[key]) for key in wanted)
    (picture,), (other,) = model.run(POSTER).pictures, expected.run(POSTER).pictures
    assert picture.data == other.data


@pytest.mark.parametrize("name", SCHEMES)
def test_other_readers(name: str, folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "small.safetensors"
    quantise(folder, path, name)
    original, found = load_file(folder / WEIGHTS), load_file(path)
    module = "transformer_blocks.1.attn.to_q"
    stored = SCHEMES[name].stored(SCHEMES[name].pack(original[f"{module}.weight"]))
    for end, tensor in stored.items():
        assert torch.equal(found[module + end].float(), tensor.float())
    for key in ("img_in.weight", "proj_out.weight", "txt_norm.weight", f"{module}.bias"):
        assert found[key].dtype is original[key].dtype
        assert torch.equal(found[key], original[key])
    with safe_open(path, "pt") as file:
        assert file.metadata() == {"format": "pt", "modelspec.title": "Qwen-Image-Edit-2511"}


def test_one_weight_at_a_time(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is read is packed and written before the next is read."""
    steps: list[str] = []
    read, write = PackedFiles.read_one, quantising.TensorWriter.write

    def reading(self: PackedFiles, name: str) -> object:
        steps.append("read")
        return read(self, name)

    def writing(self: quantising.TensorWriter, name: str, tensor: Tensor) -> None:
        steps.append("write")
        write(self, name, tensor)

    monkeypatch.setattr(PackedFiles, "read_one", reading)
    monkeypatch.setattr(PackedFiles, "read", lambda self: pytest.fail("all is read"))
    monkeypatch.setattr(quantising.TensorWriter, "write", writing)
    quantise(folder, tmp_path / "small.safetensors", "int8")
    reads = [index for index, step in enumerate(steps) if step == "read"]
    assert len(reads) > 20
    assert all(steps[index + 1] == "write" for index in reads)


def test_2_1_has_its_gate_in_one_weight(tmp_path: Path) -> None:
    whole = tmp_path / "Qwen-Image-2.1"
    tiny21.write_with_diffusers(tiny21.Tiny21(), whole, shard="100KB")  # cut into shards
    path = tmp_path / "small.safetensors"
    quantise(whole, path, "int8")
    names = load_file(path).keys()
    assert "transformer_blocks.0.img_mlp.gate_up.weight" in names
    assert not [name for name in names if ".gate_layer." in name or ".img_mlp.proj." in name]
    licences = ["Qwen Research License"]
    model = loader.load(path, places=[whole], accepted=licences)
    expected = loader.load(whole, quantization="int8", accepted=licences)
    found, wanted = (packed.numbers_of(m.networks.transformer) for m in (model, expected))
    assert found.keys() == wanted.keys()
    assert all(torch.equal(found[key], wanted[key]) for key in wanted)


def test_out_of_a_gguf_file(folder: Path, tmp_path: Path) -> None:
    state, source = load_file(folder / WEIGHTS), tmp_path / "qwen-image-edit-2511.gguf"
    writer = gguf.GGUFWriter(source, "qwen_image")
    for key, weight in state.items():
        kind = "Q8_0" if weight.ndim == 2 and weight.shape[1] % 32 == 0 else "F32"
        number = gguf.GGMLQuantizationType[kind]
        writer.add_tensor(
            key, gguf.quants.quantize(weight.float().numpy(), number), raw_dtype=number
        )
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    path = tmp_path / "small.safetensors"
    quantise(source, path, "int4")
    found = recognise(path)
    assert found is not None
    assert found.base == "Qwen-Image-Edit-2511"
    assert "W4A8" in found.types
    was = packed.numbers_of(loader.load(source, places=[folder]).networks.transformer)
    now = packed.numbers_of(loader.load(path, places=[folder]).networks.transformer)
    name = "transformer_blocks.0.attn.to_q.weight"
    assert torch.equal(now[name], SCHEMES["int4"].pack(was[name]).dequantise("cpu"))
    assert load_file(path)["txt_in.weight"].dtype in (torch.bfloat16, torch.float32)


# --- what cannot be done ----------------------------------------------------------------------


def refused(place: Path, out: Path, message: str, scheme: str = "int8") -> None:
    """One error, and nothing else in the folder of `out`."""
    out.parent.mkdir(exist_ok=True)
    out.write_bytes(b"old")
    with pytest.raises(CheckpointError, match=message):
        quantise(place, out, scheme)
    assert [path.name for path in out.parent.iterdir()] == [out.name]
    assert out.read_bytes() == b"old"


def test_what_is_no_transformer(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out" / "small.safetensors"
    vae = folder / "vae/diffusion_pytorch_model.safetensors"
    refused(vae, out, r"is the VAE of Qwen-Image 1\.x, and no model")
    refused(tmp_path / "nowhere", out, "nowhere")
    (tmp_path / "text.safetensors").write_bytes(b"hello")
    refused(tmp_path / "text.safetensors", out, "cut off or no safetensors file")


def test_a_damaged_folder(folder: Path, tmp_path: Path) -> None:
    broken, out = tmp_path / "broken", tmp_path / "out" / "small.safetensors"
    shutil.copytree(folder, broken)
    state = load_file(broken / WEIGHTS)
    name = "transformer_blocks.1.attn.to_q.weight"
    whole = state[name].clone()
    state[name][0, 0] = float("nan")
    save_file(state, broken / WEIGHTS)
    refused(broken, out, f"{name} holds numbers that are not finite")
    save_file(state | {name: whole[:1]}, broken / WEIGHTS)
    refused(broken, out, "do not fit the network")


def test_twice_the_same(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "small.safetensors"
    quantise(folder, path, "fp8")
    refused(path, tmp_path / "out" / "again.safetensors", "packed as fp8 already", "fp8")


def test_a_full_disk(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    refused(folder, tmp_path / "out" / "small.safetensors", "GB are needed")


def test_an_early_end_leaves_nothing(folder: Path, tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        quantise(folder, tmp_path / "small.safetensors", "int8", stop)
    assert not list(tmp_path.iterdir())
