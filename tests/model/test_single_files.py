"""A model out of a transformer's file: every format, with the parts that lie beside it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import gguf
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from model import loader
from model.bench import tiny, tiny21
from model.checkpoint.single_files import recognise
from model.checkpoint.wan_names import published_vae_name
from model.engine.library import Library
from model.errors import CheckpointError
from model.requests import TextToImage
from tests import packed

WEIGHTS = "transformer/diffusion_pytorch_model.safetensors"
VAE = "vae/diffusion_pytorch_model.safetensors"
POSTER = TextToImage(prompt="ink", width=64, height=64, steps=2, seed=1)
SIZE = tiny.Tiny(pipeline=tiny.TEXT, axes=(16, 8, 8))
"""Heads of 32 numbers, so that rows can be rotated and cut into blocks."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write(SIZE, tmp_path_factory.mktemp("models") / "qwen-image-base")


def packed_state(folder: Path, scheme: str) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The transformer with its blocks' linears packed, and what it stands for."""
    found: dict[str, Tensor] = {}
    expected: dict[str, Tensor] = {}
    for name, weight in load_file(folder / WEIGHTS).items():
        found[name] = expected[name] = weight
        if (
            weight.ndim == 2
            and name.startswith("transformer_blocks.")
            and weight.shape[1] % 64 == 0
        ):
            tensors, numbers = packed.SCHEMES[scheme](weight)
            module = name.removesuffix(".weight")
            found |= {f"{module}.{end}": tensor.clone() for end, tensor in tensors.items()}
            expected[name] = numbers
    return found, expected


def write_gguf(
    path: Path, state: dict[str, Tensor], kind: str, name: str = ""
) -> dict[str, Tensor]:
    """With gguf's own writer and quantiser; what it stands for."""
    writer = gguf.GGUFWriter(path, "qwen_image")
    if name:
        writer.add_name(name)
    expected: dict[str, Tensor] = {}
    for key, weight in state.items():
        is_small = weight.ndim == 1 or weight.shape[-1] % 32 or not key.startswith("transformer_b")
        number = gguf.GGMLQuantizationType["F32" if is_small else kind]
        data = gguf.quants.quantize(weight.numpy(), number)
        expected[key] = torch.from_numpy(gguf.quants.dequantize(data, number).copy())
        writer.add_tensor(key, data, raw_dtype=number)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return {key: value.reshape(state[key].shape) for key, value in expected.items()}


def check(path: Path, expected: dict[str, Tensor], folder: Path) -> None:
    """The file's model has these numbers, and makes the picture that they make in a folder."""
    model = loader.load(path, places=[folder.parent])
    state = packed.numbers_of(model.networks.transformer)
    assert state.keys() == expected.keys()
    assert all(torch.equal(state[name], expected[name]) for name in expected)
    whole = path.parent / "whole"
    shutil.copytree(folder, whole)
    save_file({k: v.contiguous() for k, v in expected.items()}, whole / WEIGHTS)
    (ours,), (theirs,) = model.run(POSTER).pictures, loader.load(whole).run(POSTER).pictures
    # What meets a rotated weight is rotated, which rounds otherwise.
    assert max(abs(a - b) for a, b in zip(ours.data, theirs.data, strict=True)) <= 1
    assert model.describe() == loader.describe(path, places=[folder.parent])


@pytest.mark.parametrize("scheme", packed.SCHEMES)
def test_files_of_comfyui(scheme: str, folder: Path, tmp_path: Path) -> None:
    state, expected = packed_state(folder, scheme)
    path = tmp_path / "qwen_image_packed.safetensors"
    save_file({f"model.diffusion_model.{k}": v for k, v in state.items()}, path)
    check(path, expected, folder)


@pytest.mark.parametrize("kind", ["Q8_0", "Q4_0", "Q5_1", "BF16", "F16"])
def test_gguf_files(kind: str, folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "qwen-image-packed.gguf"
    check(path, write_gguf(path, load_file(folder / WEIGHTS), kind), folder)


def test_a_file_in_another_type(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "qwen-image.gguf"
    expected = write_gguf(path, load_file(folder / WEIGHTS), "Q8_0")
    model = loader.load(path, places=[folder], dtype="bfloat16")
    kept = packed.schemes_of(model.networks.transformer)
    assert set(kept.values()) == {"Q8_0"}
    for name, tensor in packed.numbers_of(model.networks.transformer).items():
        is_kept = name.removesuffix(".weight") in kept and name.endswith(".weight")
        assert torch.equal(tensor, expected[name] if is_kept else expected[name].bfloat16())


def test_the_title_inside_proposes(folder: Path, tmp_path: Path) -> None:
    state = load_file(folder / WEIGHTS)
    write_gguf(tmp_path / "mine.gguf", state, "Q8_0", name="Qwen Image 2512")
    found = recognise(tmp_path / "mine.gguf")
    assert found is not None
    assert (found.base, found.types) == ("Qwen-Image-2512", ("Q8_0", "F32"))


def test_what_a_file_cannot_tell_is_asked(folder: Path, tmp_path: Path) -> None:
    """A GGUF of -2511 lacks the word for the times of its references."""
    path = tmp_path / "mine.gguf"
    write_gguf(path, load_file(folder / WEIGHTS), "Q8_0")
    with pytest.raises(CheckpointError, match=r"--variant, which may be .*Qwen-Image-Edit-2511"):
        loader.load(path, places=[folder])
    told = loader.load(path, places=[folder], variant="Qwen-Image-Edit-2511")
    assert told.row.name == "Qwen-Image-Edit-2511"
    assert told.networks.transformer.config.zero_cond_t
    known = {loader.describe(path, places=[folder]).fingerprint: "Qwen-Image-2512"}
    again = loader.load(path, places=[folder], variants=known)
    assert again.row.name == "Qwen-Image-2512"
    assert again.identity.sha256 != told.identity.sha256
    named = path.rename(tmp_path / "Qwen_Image_Edit-2511-Q4_K_M.gguf")
    assert loader.load(named, places=[folder]).networks.transformer.config.zero_cond_t
    with pytest.raises(CheckpointError, match="these files may be"):
        loader.load(named, places=[folder], variant="Qwen-Image-Layered")


# --- the parts beside it ----------------------------------------------------------------------


@pytest.fixture
def comfy(folder: Path, tmp_path: Path) -> Path:
    """Folders as ComfyUI has them, with configs and tokenizer as the catalogue gives them."""
    models = tmp_path / "models"
    for name in ("diffusion_models", "text_encoders", "vae", "base"):
        (models / name).mkdir(parents=True)
    shutil.copy(folder / WEIGHTS, models / "diffusion_models/qwen_image_bf16.safetensors")
    shutil.copy(
        folder / "text_encoder/model.safetensors", models / "text_encoders/words.safetensors"
    )
    state = load_file(folder / VAE)
    names = {wan_name(name): tensor for name, tensor in state.items()}
    assert len(names) == len(state)
    save_file(names, models / "vae/pictures.safetensors")
    is_weight = shutil.ignore_patterns("*.safetensors")
    shutil.copytree(folder, models / "base", ignore=is_weight, dirs_exist_ok=True)
    return models


def wan_name(name: str) -> str:
    """Of the tiny VAE: one residual block a stage on the way down, two on the way up."""
    tries = [name.replace("quant_conv", "conv1"), name.replace("post_quant_conv", "conv2")]
    side, _, rest = name.partition(".")
    pairs = {
        "conv_in": "conv1", "conv_out": "head.2", "norm_out": "head.0",
        "mid_block.resnets.0": "middle.0", "mid_block.resnets.1": "middle.2",
        "mid_block.attentions.0": "middle.1", "down_blocks": "downsamples",
    }  # fmt: skip
    pairs |= {
        f"up_blocks.{stage}.{part}": f"upsamplers.{3 * stage + place}".replace("ers.", "es.")
        for stage in range(3)
        for place, part in enumerate(("resnets.0", "resnets.1", "upsamplers.0"))
    }
    for ours, theirs in pairs.items():
        if rest.startswith(ours + "."):
            rest = theirs + rest.removeprefix(ours)
            break
    for ours, theirs in (
        ("norm1", "residual.0"), ("conv1", "residual.2"), ("norm2", "residual.3"),
        ("conv2", "residual.6"), ("conv_shortcut", "shortcut"),
    ):  # fmt: skip
        if "middle.1" not in rest and not rest.startswith(ours):
            rest = rest.replace(f".{ours}.", f".{theirs}.")
    tries.append(f"{side}.{rest}")
    return next(found for found in tries if published_vae_name(found, 1) == name)


def test_split_files_under_their_own_names(comfy: Path, folder: Path) -> None:
    path = comfy / "diffusion_models/qwen_image_bf16.safetensors"
    model = loader.load(path, places=[comfy])
    (ours,), (theirs,) = model.run(POSTER).pictures, loader.load(folder).run(POSTER).pictures
    assert ours.data == theirs.data


def test_files_that_are_named_come_first(comfy: Path, folder: Path, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    shutil.copytree(folder, whole)
    named = comfy / "vae/pictures.safetensors"
    path = comfy / "diffusion_models/qwen_image_bf16.safetensors"
    found = Library([whole], parts=[named]).read(path)
    assert found.parts["vae"] == named
    assert found.parts["text_encoder"] == whole / "text_encoder"


@pytest.mark.parametrize(
    ("lost", "message"),
    [
        ("vae/pictures.safetensors", "also needs a VAE"),
        ("text_encoders/words.safetensors", "also needs a text encoder"),
        ("base", "also needs a tokenizer"),
    ],
)
def test_what_is_lacking_is_named(lost: str, message: str, comfy: Path) -> None:
    path = comfy / "diffusion_models/qwen_image_bf16.safetensors"
    place = comfy / lost
    shutil.rmtree(place) if place.is_dir() else place.unlink()
    with pytest.raises(CheckpointError, match=message) as caught:
        loader.load(path, places=[comfy])
    assert len(str(caught.value)) < 800
    assert loader.describe(path, places=[comfy]).problem == str(caught.value)


def test_heads_of_no_published_model(comfy: Path) -> None:
    shutil.move(comfy / "base/tokenizer", comfy / "tokenizer")
    shutil.rmtree(comfy / "base")
    with pytest.raises(CheckpointError, match="heads of 32 numbers"):
        loader.load(comfy / "diffusion_models/qwen_image_bf16.safetensors", places=[comfy])


def test_a_folder_that_does_not_fit_is_passed_over(comfy: Path, tmp_path: Path) -> None:
    other = tiny.write(tiny.like(SIZE, text_width=32, mrope=(2, 2, 4)), tmp_path / "a" / "other")
    path = comfy / "diffusion_models/qwen_image_bf16.safetensors"
    assert Library([other, comfy]).read(path).config_files["vae/config.json"].is_relative_to(comfy)


def test_a_transformer_of_2_1_with_its_gate_in_one(tmp_path: Path) -> None:
    whole = tmp_path / "two-one"
    tiny21.write_with_diffusers(tiny21.Tiny21(), whole, shard="10GB")
    state = load_file(whole / WEIGHTS)
    names = [name for name in state if name.endswith(".img_mlp.gate_layer.weight")]
    for name in names:
        module = name.removesuffix(".gate_layer.weight")
        rows = state.pop(name), state.pop(f"{module}.proj.weight")
        state[f"{module}.gate_up.weight"] = torch.cat(rows)
    assert names
    path = tmp_path / "qwen_image_2.1.safetensors"
    save_file({f"model.diffusion_model.{k}": v for k, v in state.items()}, path)
    licences = ["Qwen Research License"]
    ours = loader.load(path, places=[whole], accepted=licences)
    theirs = loader.load(whole, accepted=licences).networks.transformer.state_dict()
    assert ours.row.name == "Qwen-Image-2.1"
    for name, tensor in ours.networks.transformer.state_dict().items():
        assert torch.equal(tensor, theirs[name])


def test_a_published_folder_of_four_bits(folder: Path, tmp_path: Path) -> None:
    """bitsandbytes' weights in the published layout, cut into two shards."""
    whole = tmp_path / "nf4"
    shutil.copytree(folder, whole)
    state = load_file(whole / WEIGHTS)
    name = "transformer_blocks.0.attn.to_q.weight"
    codes = torch.arange(state[name].numel(), dtype=torch.int64) % 16
    book, scales = torch.linspace(-1, 1, 16), torch.rand(-(-codes.numel() // 64)) + 0.5
    expected = (book[codes] * scales.repeat_interleave(64)[: codes.numel()]).reshape(64, 64)
    word = {"quant_type": "nf4", "blocksize": 64, "dtype": "bfloat16", "shape": [64, 64]}
    state[name] = ((codes[::2] << 4) | codes[1::2]).to(torch.uint8).reshape(-1, 1)
    state[f"{name}.absmax"], state[f"{name}.quant_map"] = scales, book
    state[f"{name}.quant_state.bitsandbytes__nf4"] = packed.said(**word)
    stem = "diffusion_pytorch_model"
    shards = (f"{stem}-00001-of-00002.safetensors", f"{stem}-00002-of-00002.safetensors")
    where = {key: shards[key.endswith((".absmax", ".quant_map"))] for key in state}
    (whole / WEIGHTS).unlink()
    for shard in shards:
        save_file(
            {k: v for k, v in state.items() if where[k] == shard}, whole / "transformer" / shard
        )
    index = whole / "transformer" / f"{stem}.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": where}))
    model = loader.load(whole)
    found = model.networks.transformer
    assert packed.schemes_of(found) == {name.removesuffix(".weight"): "NF4"}
    assert torch.equal(packed.numbers_of(found)[name], expected)


# --- what is no model -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("img_in.weight"), "no transformer that this version knows"),
        (lambda s: s.update({"img_in.weight": torch.ones(3)}), "no transformer that this version"),
        (lambda s: s.pop("img_in.bias"), "missing: img_in.bias"),
        (lambda s: s.update({"extra.weight": torch.ones(1)}), "not of this network: extra.weight"),
        (lambda s: s.update({"txt_norm.weight": torch.ones(32)}), "needs a text encoder|heads of"),
        (
            lambda s: s.update({"proj_out.weight": torch.ones(3)}),
            "no transformer that this version",
        ),
    ],
)
def test_tensors_that_fit_no_network(
    change: Callable[[dict[str, Tensor]], object], message: str, folder: Path, tmp_path: Path
) -> None:
    state = load_file(folder / WEIGHTS)
    change(state)
    save_file(state, tmp_path / "qwen-image.safetensors")
    with pytest.raises(CheckpointError, match=message):
        loader.load(tmp_path / "qwen-image.safetensors", places=[folder])


def test_other_parts_are_no_model(folder: Path) -> None:
    with pytest.raises(CheckpointError, match=r"is the VAE of Qwen-Image 1\.x, and no model"):
        loader.load(folder / VAE)
