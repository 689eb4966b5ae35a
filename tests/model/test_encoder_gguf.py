"""Text encoders in GGUF files, as llama.cpp names and splits them, with the vision tower's."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import gguf
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from model import loader
from model.bench import tiny, tiny21
from model.checkpoint.encoder_gguf import published_names
from model.checkpoint.keys import published_text_encoder_name
from model.checkpoint.single_files import recognise
from model.errors import CheckpointError
from model.requests import TextToImage
from model.text_encoder.encoder import build_network
from model.text_encoder.encoder21 import build_network21
from model.text_encoder.tokenizer import load_tokenizer
from tests import packed

WEIGHTS = "transformer/diffusion_pytorch_model.safetensors"
SIZE = tiny.Tiny(text_width=32, mrope=(2, 2, 4), seed=5)
POSTER = TextToImage(prompt="ink", width=64, height=64, steps=1, seed=1)
MAPS = {
    "qwen2vl": (gguf.MODEL_ARCH.QWEN2VL, build_network(SIZE.encoder)),
    "qwen3vl": (gguf.MODEL_ARCH.QWEN3VL, build_network21(tiny21.Tiny21().encoder)),
}
MERGER = {  # which llama.cpp's converter renames by itself
    "visual.merger.norm": "v.post_ln",
    "visual.merger.linear_fc1": "mm.0",
    "visual.merger.linear_fc2": "mm.2",
    "visual.merger.mlp.0": "mm.0",
    "visual.merger.mlp.2": "mm.2",
}


def gguf_name(published: str, architecture: gguf.MODEL_ARCH) -> str:
    """By gguf's own tables, where it has one."""
    module, _, end = published.rpartition(".")
    if module in MERGER:
        return f"{MERGER[module]}.{end}"
    for which in (architecture, gguf.MODEL_ARCH.MMPROJ):
        names = gguf.get_tensor_name_map(which, 8)
        for prefix in ("", "model."):
            if found := names.get_name(prefix + published, (".weight", ".bias")):
                return found
    raise AssertionError(published)


@pytest.mark.parametrize("name", MAPS)
def test_names_are_those_of_gguf(name: str) -> None:
    architecture, network = MAPS[name]
    published = [published_text_encoder_name(ours) for ours in network.state_dict()]
    theirs = {gguf_name(each, architecture): each for each in published}
    assert len(theirs) == len(published)
    assert published_names(list(theirs)) == theirs


def test_places_of_deepstack() -> None:
    """The file counts by the tower's blocks, the network by what goes into the language model."""
    names = [f"v.deepstack.{block}.fc1.weight" for block in (16, 8, 24)]
    found = published_names([*names, "v.deepstack.8.other.weight", "rope.weight"])
    places = [found[name].split(".")[2] for name in names]
    assert places == ["1", "0", "2"]
    assert found["v.deepstack.8.other.weight"] == "v.deepstack.8.other.weight"
    assert found["rope.weight"] == "rope.weight"


# --- files ------------------------------------------------------------------------------------


def write(path: Path, tensors: dict[str, Tensor], architecture: str, **lists: Any) -> Path:
    writer = gguf.GGUFWriter(path, architecture)
    if lists:
        writer.add_tokenizer_model("gpt2")
        writer.add_token_list(lists["tokens"])
        writer.add_token_types(lists["kinds"])
        writer.add_token_merges(lists["merges"])
    for name, tensor in tensors.items():
        is_small = tensor.ndim == 1 or tensor.shape[-1] % 32
        kind = gguf.GGMLQuantizationType.F32 if is_small else gguf.GGMLQuantizationType.Q8_0
        data = gguf.quants.quantize(tensor.contiguous().numpy(), kind)
        writer.add_tensor(name, data, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def split(state: dict[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The language model's tensors and the tower's, as llama.cpp's converter cuts them."""
    language: dict[str, Tensor] = {}
    tower: dict[str, Tensor] = {}
    for published, tensor in state.items():
        name = gguf_name(published, gguf.MODEL_ARCH.QWEN2VL)
        if ".attn_qkv." in name:
            for part, rows in zip("qkv", tensor.chunk(3), strict=True):
                tower[name.replace("attn_qkv", f"attn_{part}")] = rows
        elif name == "v.patch_embd.weight":
            tower[name], tower[f"{name}.1"] = tensor[:, :, 0], tensor[:, :, 1]
        else:
            (tower if name.startswith(("v.", "mm.")) else language)[name] = tensor
    return language, tower


def vocabulary() -> dict[str, Any]:
    """Of the tiny tokenizer, with a token that two are merged to and places that nothing fills."""
    found = tiny.tokenizer().get_vocab()
    tokens = [*sorted(found, key=lambda token: found[token]), "[PAD264]", "[PAD265]"]
    tokens[0] = "ab"
    kinds = [3 if token in tiny.SPECIAL else 1 for token in tokens[:-2]] + [5, 5]
    return {"tokens": tokens, "kinds": kinds, "merges": ["a b"]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write(SIZE, tmp_path_factory.mktemp("models") / "Qwen-Image-Edit")


@pytest.fixture
def models(folder: Path, tmp_path: Path) -> Path:
    """A transformer's file, a text encoder in two files, and a folder without either."""
    models = tmp_path / "models"
    without = shutil.ignore_patterns("model.safetensors", "diffusion_pytorch_model.safetensors")
    shutil.copytree(folder, models / "base", ignore=without)
    shutil.copytree(folder / "vae", models / "base/vae", dirs_exist_ok=True)
    shutil.copy(folder / WEIGHTS, models / "qwen-image-edit.safetensors")
    state = load_file(folder / "text_encoder/model.safetensors")
    language, tower = split(state)
    write(models / "words.gguf", language, "qwen2vl", **vocabulary())
    write(models / "words-mmproj.gguf", tower, "clip")
    return models


def test_a_text_encoder_with_its_tower(models: Path, folder: Path) -> None:
    model = loader.load(models / "qwen-image-edit.safetensors", places=[models])
    encoders = [found.networks.text_encoder for found in (model, loader.load(folder))]
    for encoder in encoders:
        encoder.open_eye()
    assert packed.schemes_of(encoders[0].network), "they stay packed"
    ours, theirs = (packed.numbers_of(encoder.network) for encoder in encoders)
    assert ours.keys() == theirs.keys()
    for name, tensor in theirs.items():
        kind = gguf.GGMLQuantizationType.Q8_0
        is_whole = tensor.ndim == 1 or tensor.shape[-1] % 32 != 0
        data = tensor if is_whole else gguf.quants.quantize(tensor.numpy(), kind)
        expected = tensor if is_whole else torch.from_numpy(gguf.quants.dequantize(data, kind))
        assert torch.equal(ours[name], expected), name
    assert len(model.run(POSTER).pictures) == 1
    assert model.tasks == loader.load(folder).tasks


def test_what_its_files_are(models: Path) -> None:
    found = [recognise(models / name) for name in ("words.gguf", "words-mmproj.gguf")]
    assert [each and (each.part.value, each.base) for each in found] == [
        ("text encoder", "Qwen-Image 1.x"),
        ("text encoder's vision tower", "Qwen-Image 1.x"),
    ]


def test_without_its_tower(models: Path) -> None:
    (models / "words-mmproj.gguf").unlink()
    with pytest.raises(CheckpointError, match="also needs the text encoder's vision tower"):
        loader.load(models / "qwen-image-edit.safetensors", places=[models])


def test_a_tower_that_lacks_a_piece(models: Path, folder: Path) -> None:
    _, tower = split(load_file(folder / "text_encoder/model.safetensors"))
    del tower["v.blk.0.attn_k.weight"]
    write(models / "words-mmproj.gguf", tower, "clip")
    with pytest.raises(CheckpointError, match=r"shape .* instead of .*blocks\.0\.attn\.qkv"):
        loader.load(models / "qwen-image-edit.safetensors", places=[models])


def test_the_tokenizer_in_its_header(models: Path) -> None:
    ours, theirs = load_tokenizer(models / "words.gguf"), tiny.tokenizer()
    text = "<|im_start|>a poster, 海报<|im_end|>"
    assert len(ours) == len(theirs)
    assert ours.encode("ab") == [0]
    assert ours.decode(ours.encode(text)) == text
    assert ours.convert_tokens_to_ids("<|image_pad|>") == theirs.convert_tokens_to_ids(
        "<|image_pad|>"
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kinds": [1, 2]}, "types of tokens"),
        ({"merges": ["a b c"]}, "no pair"),
        ({"tokens": [], "kinds": []}, "lacks|vocabulary|tokenizer"),
    ],
)
def test_tokenizers_that_do_not_fit(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    path = write(tmp_path / "w.gguf", {"a": torch.ones(2)}, "qwen2vl", **vocabulary() | change)
    with pytest.raises(CheckpointError, match=message):
        load_tokenizer(path)


def test_a_header_without_tokenizer(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no byte-pair tokenizer"):
        load_tokenizer(write(tmp_path / "w.gguf", {"a": torch.ones(2)}, "qwen2vl"))
