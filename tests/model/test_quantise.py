"""What we pack is read the same by us and by comfy-kitchen, and stands for what went in."""

from __future__ import annotations

import json
from pathlib import Path

import comfy_kitchen.backends.eager.quantization as eager
import comfy_kitchen.backends.eager.w4a8_int8 as eager_w4a8
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import Tensor

from model.checkpoint.packed_files import PackedFiles
from model.checkpoint.safetensors_files import TensorFile
from model.quantize import fp8, int8, w4a8
from model.quantize.hadamard import is_group, largest_group, rotate
from model.quantize.packed import Packed
from model.quantize.schemes import SCHEMES, WORD


def weight(rows: int = 24, columns: int = 512, seed: int = 0) -> Tensor:
    return torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed)) / 16


def error(packed: Packed, original: Tensor) -> float:
    return ((packed.dequantise("cpu") - original).norm() / original.norm()).item()


def by_kitchen(packed: Packed, word: dict[str, object]) -> Tensor:
    """What comfy-kitchen's eager back end reads, told by what the file says."""
    match word["format"]:
        case "int8_tensorwise":
            codes, scale = packed.parts
            if not word.get("convrot"):
                return eager.dequantize_int8_simple(codes, scale)
            return eager.dequantize_int8_convrot_weight(codes, scale, word["convrot_groupsize"])
        case "float8_e4m3fn":
            return eager.dequantize_per_tensor_fp8(*packed.parts, torch.float32)
        case "asym_w4a8_int8":
            return eager_w4a8.dequantize_w4a8_int8_weight(
                *packed.parts,
                None,
                word["group_size"],
                word["convrot_groupsize"],
                torch.float32,
            )
    raise AssertionError(word)


@pytest.mark.parametrize("columns", [16, 48, 192, 512, 768])
@pytest.mark.parametrize("name", SCHEMES)
def test_written_for_both_readers(name: str, columns: int, tmp_path: Path) -> None:
    scheme, original = SCHEMES[name], weight(columns=columns)
    packed = scheme.pack(original)
    stored = scheme.stored(packed)
    word = json.loads(bytes(stored[WORD].tolist()))
    assert len(stored[WORD]) % 8 == 0
    expected = by_kitchen(packed, word)
    save_file({f"a{end}": tensor for end, tensor in stored.items()}, tmp_path / "w.safetensors")
    with TensorFile.open(tmp_path / "w.safetensors") as file:
        ((found, value),) = PackedFiles([file]).read()
    assert isinstance(value, Packed)
    assert (found, value.scheme, value.rotation) == ("a.weight", packed.scheme, packed.rotation)
    for numbers in (packed.dequantise("cpu"), value.dequantise("cpu")):
        assert torch.equal(numbers, expected)


@pytest.mark.parametrize(("name", "most"), [("int8", 0.009), ("fp8", 0.03), ("int4", 0.075)])
def test_stands_for_what_went_in(name: str, most: float) -> None:
    assert error(SCHEMES[name].pack(weight()), weight()) < most


def test_int8_as_comfyui_writes_it() -> None:
    for columns in (512, 192):
        original, group = weight(columns=columns), largest_group(columns)
        codes, scale = eager.quantize_int8_convrot_weight(original, group)
        packed = int8.pack(original)
        assert torch.equal(packed.parts[0], codes)
        assert torch.equal(packed.parts[1], scale)


def test_fp8_as_comfyui_writes_it() -> None:
    scale = weight().abs().max() / 448
    found, found_scale = fp8.pack(weight()).parts
    assert torch.equal(found_scale, scale)
    expected = eager.quantize_per_tensor_fp8(weight(), scale)
    assert torch.equal(found.float(), expected.float())


def test_int4_errs_no_more_than_its_first_writer() -> None:
    parts = eager_w4a8.quantize_w4a8_int8_weight(weight(), convrot_groupsize=256)
    expected = eager_w4a8.dequantize_w4a8_int8_weight(
        *parts[:3], parts[4], None, 16, 256, torch.float32
    )
    theirs = ((expected - weight()).norm() / weight().norm()).item()
    assert error(w4a8.pack(weight()), weight()) < 1.01 * theirs


def test_an_outlier_is_spread() -> None:
    """A weight far above the others would cost them their bits if nothing were rotated."""
    original = weight(rows=8, columns=256)
    original[:, 7] = 3.0
    rotated, plain = (
        int8.pack(original).dequantise("cpu"),
        int8.dequantise(*int8.quantise(original)),
    )
    others = torch.arange(256) != 7
    missed = [(found - original)[:, others].norm() for found in (rotated, plain)]
    assert missed[0] < 0.5 * missed[1]


@given(
    rows=st.integers(1, 9),
    columns=st.integers(1, 24),
    width=st.sampled_from([1, 3, 16, 64]),
    power=st.integers(-18, 18),
    seed=st.integers(0, 2**16),
)
@settings(deadline=None, max_examples=60)
def test_every_shape_and_size(rows: int, columns: int, width: int, power: int, seed: int) -> None:
    original = weight(rows, columns * width, seed) * 10.0**power
    original[seed % rows] = 0  # a row of zeros stays one
    for name, most in (("int8", 0.03), ("fp8", 0.07), ("int4", 0.2)):
        scheme = SCHEMES[name]
        if not scheme.fits(original.shape[1]):
            continue
        found = scheme.pack(original).dequantise("cpu")
        assert found.isfinite().all()
        assert not found[seed % rows].any()
        assert (found - original).norm() <= most * original.norm()


@given(columns=st.integers(1, 20_000))
def test_groups_divide(columns: int) -> None:
    group = largest_group(columns)
    if group is None:
        assert columns % 4
    else:
        assert is_group(group, columns)
        assert group == 256 or columns % (4 * group)


def test_int8_steps_are_never_missed_by_more_than_half() -> None:
    packed = int8.pack(weight())
    codes, scale = packed.parts
    rotated = rotate(weight(), 256)
    assert ((codes.float() * scale - rotated).abs() <= scale * 0.5001).all()
    assert (codes.abs().amax(dim=1) == 127).all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", SCHEMES)
def test_sixteen_bits_in(name: str, dtype: torch.dtype) -> None:
    scheme, original = SCHEMES[name], weight().to(dtype)
    for ours, wide in zip(
        scheme.pack(original).parts, scheme.pack(original.float()).parts, strict=True
    ):
        assert torch.equal(ours.float(), wide.float())


@pytest.mark.parametrize("name", SCHEMES)
def test_sizes_are_known_without_the_numbers(name: str) -> None:
    scheme = SCHEMES[name]
    parts = scheme.pack(weight()).parts
    empty = scheme.pack(torch.empty(24, 512, device="meta")).parts
    assert [(p.shape, p.dtype) for p in empty] == [(p.shape, p.dtype) for p in parts]
    bits = sum(part.nbytes for part in parts) * 8 / weight().numel()
    assert scheme.bits <= bits < scheme.bits + 0.5


@pytest.mark.parametrize("name", SCHEMES)
def test_rows_of_a_fused_weight(name: str) -> None:
    packed = SCHEMES[name].pack(weight())
    shares = packed.split(2)
    assert shares is not None
    assert [share.shape for share in shares] == [(12, 512)] * 2
    joined = torch.cat([share.dequantise("cpu") for share in shares])
    assert torch.equal(joined, packed.dequantise("cpu"))
    assert packed.split(5) is None


@pytest.mark.parametrize("name", ["fp8", "int4"])
def test_where_there_is_no_float8(name: str) -> None:
    packed = SCHEMES[name].pack(weight())
    plain = packed.without_float8()
    assert all(part.dtype.itemsize > 1 or not part.is_floating_point() for part in plain.parts)
    assert plain.num_bytes == packed.num_bytes
    assert torch.equal(plain.dequantise("cpu"), packed.dequantise("cpu"))
