"""Packed weights stand for the same numbers, bit for bit, as others who read them say."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import comfy_kitchen.backends.eager.convrot_w4a4 as reference_int4
import comfy_kitchen.backends.eager.quantization as reference_int8
import comfy_kitchen.backends.eager.w4a8_int8 as reference_w4a8
import gguf
import numpy as np
import pytest
import torch

from model.checkpoint.safetensors_files import TensorFile
from model.quantize import bits, fp8, ggml, int4, int8, nf4, w4a8
from model.quantize.hadamard import is_group, rotate

NF4 = Path(__file__).parent.parent / "data" / "nf4.safetensors"
"""Written by bitsandbytes 0.50.2; the hash of what it dequantises to is in the metadata."""


def weight(rows: int = 24, columns: int = 512, seed: int = 0) -> torch.Tensor:
    return torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed)) / 16


def bits_equal(ours: torch.Tensor, theirs: torch.Tensor) -> bool:
    assert ours.dtype == theirs.dtype == torch.float32
    return torch.equal(ours.view(torch.int32), theirs.view(torch.int32))


# --- GGUF's blocks ----------------------------------------------------------------------------


def random_blocks(kind: ggml.BlockType, count: int = 40) -> np.ndarray:
    """Any bytes, but for scales, which are finite."""
    random = np.random.default_rng(kind.num_bytes)
    blocks = random.integers(0, 256, (count, kind.num_bytes), dtype=np.uint8)
    if kind.numbers == 1:
        numbers = random.standard_normal(count).astype(np.float32)
        data = gguf.quants.quantize(numbers, gguf.GGMLQuantizationType[kind.name])
        return data.view(np.uint8).reshape(count, kind.num_bytes)
    place = {"Q2_K": 80, "Q3_K": 108, "Q6_K": 208}.get(kind.name, 0)
    for start in (place, place + 2):
        if start + 2 <= kind.num_bytes:
            scale = random.standard_normal(count).astype(np.float16)
            blocks[:, start : start + 2] = scale.view(np.uint8).reshape(count, 2)
    return blocks


@pytest.mark.parametrize("number", ggml.TYPES)
def test_blocks_like_gguf(number: int) -> None:
    kind = ggml.TYPES[number]
    theirs = gguf.GGMLQuantizationType(number)
    assert (kind.name, (kind.numbers, kind.num_bytes)) == (
        theirs.name,
        gguf.GGML_QUANT_SIZES[theirs],
    )
    blocks = random_blocks(kind)
    expected = gguf.quants.dequantize(blocks.reshape(-1), theirs).astype(np.float32)
    found = ggml.dequantise(torch.from_numpy(blocks.reshape(-1)), kind)
    assert bits_equal(found, torch.from_numpy(expected.reshape(-1)))


@pytest.mark.parametrize("name", ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "F16", "BF16"])
def test_weights_quantised_by_gguf(name: str) -> None:
    """What its quantiser wrote comes back near to what went in."""
    original = weight()
    data = gguf.quants.quantize(original.numpy(), gguf.GGMLQuantizationType[name])
    (kind,) = (kind for kind in ggml.TYPES.values() if kind.name == name)
    found = ggml.dequantise(torch.from_numpy(data.view(np.uint8).reshape(-1)), kind)
    error = (found.reshape(original.shape) - original).norm() / original.norm()
    assert error < (0.1 if name.startswith("Q4") else 0.06)


@pytest.mark.parametrize("number", [number for number in ggml.TYPES if number > 1])
def test_blocks_like_diffusers(number: int) -> None:
    from diffusers.quantizers.gguf import utils

    kind, theirs = ggml.TYPES[number], gguf.GGMLQuantizationType(number)
    blocks = torch.from_numpy(random_blocks(kind))
    expected = utils.dequantize_functions[theirs](
        blocks, kind.numbers, kind.num_bytes, torch.float32
    )
    assert bits_equal(ggml.dequantise(blocks.reshape(-1), kind), expected.reshape(-1))


# --- ComfyUI's schemes ------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.float8_e5m2])
def test_scaled_fp8_like_its_writer(dtype: torch.dtype) -> None:
    original = weight()
    scale = original.abs().max() / torch.finfo(dtype).max
    packed = reference_int8.quantize_per_tensor_fp8(original, scale, dtype)
    expected = reference_int8.dequantize_per_tensor_fp8(packed, scale, torch.float32)
    assert bits_equal(fp8.dequantise(packed, scale), expected)
    assert bits_equal(fp8.dequantise(packed, scale.reshape(1)), expected)
    rows = scale * torch.arange(1.0, 25)
    for form in (rows, rows.reshape(-1, 1)):
        assert bits_equal(fp8.dequantise(packed, form), packed.float() * rows.reshape(-1, 1))


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.float8_e5m2])
def test_every_fp8_number(dtype: torch.dtype) -> None:
    codes = torch.arange(256, dtype=torch.uint8).view(dtype)
    assert bits_equal(fp8.dequantise(codes), codes.float())


@pytest.mark.parametrize("group", [4, 16, 64, 256])
def test_rotated_int8_like_its_writer(group: int) -> None:
    packed, scale = reference_int8.quantize_int8_convrot_weight(weight(), group)
    expected = reference_int8.dequantize_int8_convrot_weight(packed, scale, group)
    assert bits_equal(rotate(int8.dequantise(packed, scale), group), expected)
    assert (expected - weight()).norm() / weight().norm() < 0.01


def test_int8_without_rotation() -> None:
    packed, scale = reference_int8.quantize_int8_rowwise(weight())
    assert bits_equal(int8.dequantise(packed, scale), packed.float() * scale)
    one = torch.tensor(0.5)
    assert bits_equal(int8.dequantise(packed, one), packed.float() / 2)


@pytest.mark.parametrize("group", [16, 256])
def test_rotated_int4_like_its_writer(group: int) -> None:
    packed, scale = reference_int4.quantize_convrot_w4a4_weight(weight(), group)
    expected = reference_int4.dequantize_convrot_w4a4_weight(packed, scale, group)
    assert bits_equal(rotate(int4.dequantise(packed, scale), group), expected)


@pytest.mark.parametrize("has_book", [True, False])
@pytest.mark.parametrize("group", [16, 32])
def test_w4a8_like_its_writer(group: int, has_book: bool) -> None:
    packed, groups, rows, correction, book = reference_w4a8.quantize_w4a8_int8_weight(
        weight(), group_size=group, convrot_groupsize=256, codebook=has_book
    )
    assert correction is None
    assert (book is not None) is has_book
    expected = reference_w4a8.dequantize_w4a8_int8_weight(
        packed, groups, rows, book, None, group, 256, torch.float32
    )
    assert bits_equal(rotate(w4a8.dequantise(packed, groups, rows, book), 256), expected)
    assert (expected - weight()).norm() / weight().norm() < 0.12


def test_rotating_twice_changes_nothing() -> None:
    assert torch.allclose(rotate(rotate(weight(), 64), 64), weight(), atol=1e-6)


@pytest.mark.parametrize(
    ("size", "columns", "fits"),
    [
        (256, 512, True),
        (4, 4, True),
        (2, 4, False),
        (8, 8, False),
        (0, 4, False),
        (256, 384, False),
    ],
)
def test_sizes_of_groups(size: int, columns: int, fits: bool) -> None:
    assert is_group(size, columns) is fits


def test_bits_of_bytes() -> None:
    packed = torch.tensor([0b11100100, 0b00000001], dtype=torch.uint8)
    assert bits.runs(packed, 2).tolist() == [0, 1, 2, 3, 1, 0, 0, 0]
    assert bits.planes(packed, 2).tolist() == [[0, 1], [1, 0], [2, 0], [3, 0]]


# --- bitsandbytes -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["plain", "nested"])
def test_nf4_like_its_writer(name: str) -> None:
    with TensorFile.open(NF4) as file:
        found = dict(file.tensors())
        expected = file.metadata[f"{name}.sha256"]
    tensors = {k.removeprefix(f"{name}.weight."): v for k, v in found.items() if name in k}
    state = json.loads(bytes(tensors["quant_state.bitsandbytes__nf4"].tolist()))
    count = int(np.prod(state["shape"]))
    packed = [found[f"{name}.weight"], tensors["absmax"], tensors["quant_map"]]
    if name == "plain":
        numbers = nf4.dequantise(*packed, block=state["blocksize"], count=count)
    else:
        packed += [tensors["nested_absmax"], tensors["nested_quant_map"]]
        numbers = nf4.dequantise_nested(
            *packed,
            block=state["blocksize"],
            count=count,
            outer_block=state["nested_blocksize"],
            offset=state["nested_offset"],
        )
    assert numbers.shape == (count,)
    assert hashlib.sha256(numbers.numpy().tobytes()).hexdigest() == expected
