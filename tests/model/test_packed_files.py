"""Packed weights in safetensors files: found, put together, and refused where they do not fit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from model.checkpoint.packed_files import PackedFiles
from model.checkpoint.safetensors_files import TensorFile
from model.errors import CheckpointError
from model.quantize.packed import Packed
from tests import packed

NF4 = Path(__file__).parent.parent / "data" / "nf4.safetensors"
MODULE = "model.diffusion_model.blocks.0.linear"


def weight(rows: int = 6, columns: int = 64) -> torch.Tensor:
    return torch.randn(rows, columns, generator=torch.Generator().manual_seed(rows))


def read(path: Path) -> dict[str, tuple[str, torch.Tensor]]:
    """Scheme and numbers of every weight."""
    with TensorFile.open(path) as file:
        source = PackedFiles([file])
        told = {weight.name: weight for weight in source.weights}
        found = dict(source.read())
        assert found.keys() == told.keys()
        assert source.hashes() == {path.name: hashlib.sha256(path.read_bytes()).hexdigest()}
    for name, value in found.items():
        assert tuple(value.shape) == told[name].shape
    return {
        name: (told[name].scheme, v.dequantise("cpu") if isinstance(v, Packed) else v)
        for name, v in found.items()
    }


def named(tensors: packed.Tensors, module: str = MODULE) -> packed.Tensors:
    return {f"{module}.{end}": tensor.clone() for end, tensor in tensors.items()}


@pytest.mark.parametrize("scheme", packed.SCHEMES)
def test_schemes(scheme: str, tmp_path: Path) -> None:
    """Beside weights that are not packed, and marks that are none."""
    tensors, expected = packed.SCHEMES[scheme](weight())
    others = {"norm.weight": torch.ones(3), "norm.bias": torch.ones(3, dtype=torch.bfloat16)}
    marks = {"scaled_fp8": torch.zeros(2, dtype=torch.float8_e4m3fn)}
    save_file({**others, **named(tensors), **marks}, tmp_path / "w.safetensors")
    found = read(tmp_path / "w.safetensors")
    assert found.keys() == {f"{MODULE}.weight", *others}
    word, numbers = found[f"{MODULE}.weight"]
    assert word == scheme.partition(",")[0]
    assert torch.equal(numbers, expected)
    assert found["norm.bias"][0] == "BF16"


@pytest.mark.parametrize("name", [MODULE, "blocks.0.linear"])
def test_schemes_said_in_the_metadata(name: str, tmp_path: Path) -> None:
    tensors, expected = packed.rotated_int4(weight())
    word = json.loads(bytes(tensors.pop("comfy_quant").tolist()))
    metadata = {
        "_quantization_metadata": json.dumps({"format_version": "1.0", "layers": {name: word}})
    }
    save_file(named(tensors), tmp_path / "w.safetensors", metadata=metadata)
    assert torch.equal(read(tmp_path / "w.safetensors")[f"{MODULE}.weight"][1], expected)


def test_bytes_that_stand_for_fp8(tmp_path: Path) -> None:
    for scheme, end in (("scaled F8_E4M3", "weight"), ("W4A8", "weight_s_rel")):
        tensors, expected = packed.SCHEMES[scheme](weight())
        tensors[end] = tensors[end].view(torch.uint8)
        save_file(named(tensors), tmp_path / "w.safetensors")
        assert torch.equal(read(tmp_path / "w.safetensors")[f"{MODULE}.weight"][1], expected)


def test_biases_are_cast_too(tmp_path: Path) -> None:
    bias = weight(1)[0].to(torch.float8_e4m3fn)
    save_file({"a.bias": bias}, tmp_path / "w.safetensors")
    assert torch.equal(read(tmp_path / "w.safetensors")["a.bias"][1], bias.float())


def test_what_bitsandbytes_wrote() -> None:
    found = read(NF4)
    with TensorFile.open(NF4) as file:
        hashes = {name: file.metadata[f"{name}.sha256"] for name in ("plain", "nested")}
    assert found.keys() == {"plain.weight", "nested.weight"}
    for name, expected in hashes.items():
        word, numbers = found[f"{name}.weight"]
        assert word == "NF4"
        assert hashlib.sha256(numbers.numpy().tobytes()).hexdigest() == expected
    assert found["plain.weight"][1].shape == (7, 75)


def test_parts_in_two_files(tmp_path: Path) -> None:
    """bitsandbytes' files are cut between any two tensors."""
    tensors = load_file(NF4)
    (a, b) = (tmp_path / "a.safetensors", tmp_path / "b.safetensors")
    save_file({k: v for k, v in tensors.items() if "quant_map" in k}, a)
    save_file({k: v for k, v in tensors.items() if "quant_map" not in k}, b)
    with TensorFile.open(a) as first, TensorFile.open(b) as second:
        source = PackedFiles([first, second])
        found = dict(source.read())
        one = source.read_one("nested.weight")
    expected = read(NF4)
    assert isinstance(one, Packed)
    assert torch.equal(one.dequantise("cpu"), expected["nested.weight"][1])
    assert found.keys() == expected.keys()


# --- what does not fit ------------------------------------------------------------------------

Change = Callable[[packed.Tensors], Any]


def word(**changes: Any) -> Change:
    """Say something else of the scheme."""

    def change(tensors: packed.Tensors) -> None:
        said = json.loads(bytes(tensors["comfy_quant"].tolist()))
        tensors["comfy_quant"] = packed.said(**said | changes)

    return change


def raw(data: bytes) -> Change:
    return lambda t: t.update(comfy_quant=torch.tensor(list(data), dtype=torch.uint8))


def put(name: str, value: torch.Tensor) -> Change:
    return lambda t: t.update({name: value})


def drop(name: str) -> Change:
    return lambda t: t.pop(name)


WRONG: dict[str, tuple[str, Change, str]] = {
    "unknown scheme": ("rotated I8", word(format="nvfp4"), "packed as 'nvfp4'"),
    "scheme is a list": ("rotated I8", word(format=["nvfp4"]), "packed as"),
    "nothing said": ("rotated I8", drop("comfy_quant"), "nothing says how it is packed"),
    "not JSON": ("rotated I8", raw(b"hello"), "not valid JSON"),
    "no object": ("rotated I8", raw(b"[]"), "not a JSON object"),
    "key twice": ("rotated I8", raw(b'{"format": "a", "format": "b"}'), "stands twice"),
    "long word": ("rotated I8", raw(b" " * 5000), "no short text"),
    "word of floats": ("rotated I8", put("comfy_quant", torch.ones(4)), "no short text"),
    "no scale": ("rotated I8", drop("weight_scale"), "lacks"),
    "too many scales": ("rotated I8", put("weight_scale", torch.ones(7)), "needs 6 number"),
    "scale of integers": (
        "rotated I8", put("weight_scale", torch.ones(6, dtype=torch.int64)), "which is"),
    "group of three": ("rotated I8", word(convrot_groupsize=3), "no power of 4"),
    "group of eight": ("rotated I8", word(convrot_groupsize=8), "no power of 4"),
    "group too large": ("rotated I8", word(convrot_groupsize=256), "no power of 4"),
    "endless group": ("rotated I8", word(convrot_groupsize=4**40), "impossible convrot_groupsize"),
    "group in words": ("rotated I8", word(convrot_groupsize="16"), "impossible convrot_groupsize"),
    "rotated or not": ("rotated I8", word(convrot=1), "neither true nor false"),
    "weights of floats": ("rotated I8", put("weight", torch.ones(6, 64)), "not bytes of rows"),
    "weights in a row": (
        "rotated I8", put("weight", torch.ones(6, dtype=torch.int8)), "not bytes of rows"),
    "int4 without scale": ("rotated I4", drop("weight_scale"), "lacks"),
    "int4 with one scale": ("rotated I4", put("weight_scale", torch.ones(1)), "needs 6"),
    "fp8 that is none": ("scaled F8_E4M3", put("weight", torch.ones(6, 64)), "not F8_E4M3"),
    "fp8 scales": ("scaled F8_E4M3", put("weight_scale", torch.ones(5)), "needs 6"),
    "groups do not divide": ("W4A8", word(group_size=24), "do not divide"),
    "group of zero": ("W4A8", word(group_size=0), "impossible group_size"),
    "group scales": ("W4A8", put("weight_s_rel", torch.ones(6, 5)), "needs 24"),
    "channel scales": ("W4A8", drop("weight_s_channel"), "lacks"),
    "short book": ("W4A8", put("weight_codebook", torch.ones(8)), "needs 16"),
    "correction": ("W4A8", put("weight_correction", torch.ones(1)), "correction"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_does_not_fit(case: str, tmp_path: Path) -> None:
    scheme, change, message = WRONG[case]
    tensors, _ = packed.SCHEMES[scheme](weight())
    change(tensors)
    save_file(named(tensors), tmp_path / "w.safetensors")
    with pytest.raises(CheckpointError, match=message) as caught:
        read(tmp_path / "w.safetensors")
    assert str(caught.value).startswith(str(tmp_path / "w.safetensors"))
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("metadata", ["[]", '{"layers": 3}', '{"layers": {"a": 3}}', "{}", "x"])
def test_metadata_that_is_odd(metadata: str, tmp_path: Path) -> None:
    save_file(
        {"a": torch.ones(1)},
        tmp_path / "w.safetensors",
        metadata={"_quantization_metadata": metadata},
    )
    with pytest.raises(CheckpointError, match="_quantization_metadata"):
        read(tmp_path / "w.safetensors")


NF4_WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "shape": ({"shape": [7, 76]}, "another number of four-bit codes"),
    "shape in words": ({"shape": "7x75"}, "impossible shape"),
    "negative shape": ({"shape": [-7, -75]}, "impossible shape"),
    "endless shape": ({"shape": [2**40, 2**40]}, "another number"),
    "block of none": ({"blocksize": 0}, "impossible blocksize"),
    "other block": ({"blocksize": 32}, "needs 17 number"),
}


@pytest.mark.parametrize("case", NF4_WRONG)
def test_states_that_do_not_fit(case: str, tmp_path: Path) -> None:
    changes, message = NF4_WRONG[case]
    tensors = {name: v for name, v in load_file(NF4).items() if name.startswith("plain")}
    name = "plain.weight.quant_state.bitsandbytes__nf4"
    state = json.loads(bytes(tensors[name].tolist()))
    tensors[name] = packed.said(**state | changes)
    save_file(tensors, tmp_path / "w.safetensors")
    with pytest.raises(CheckpointError, match=message):
        read(tmp_path / "w.safetensors")


def test_a_scale_of_scales_that_is_none(tmp_path: Path) -> None:
    tensors = {name: v for name, v in load_file(NF4).items() if name.startswith("nested")}
    name = "nested.weight.quant_state.bitsandbytes__nf4"
    state = json.loads(bytes(tensors[name].tolist()))
    tensors[name] = packed.said(**state | {"nested_offset": None})
    save_file(tensors, tmp_path / "w.safetensors")
    with pytest.raises(CheckpointError, match="nested_offset"):
        read(tmp_path / "w.safetensors")
