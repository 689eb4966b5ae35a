"""GGUF files: what others write is read, and what is damaged is one clear CheckpointError."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model.checkpoint import gguf_files
from model.checkpoint.gguf_files import GgufFile, is_gguf
from model.errors import CheckpointError
from model.quantize.packed import Packed

TYPES = ("F32", "F16", "BF16", "Q8_0", "Q4_0", "Q5_1")


def numbers(rows: int = 3, columns: int = 64) -> np.ndarray:
    return np.random.default_rng(rows).standard_normal((rows, columns)).astype(np.float32)


def write(path: Path, tensors: dict[str, tuple[np.ndarray, str]], **metadata: Any) -> Path:
    writer = gguf.GGUFWriter(path, "qwen_image")
    for key, value in metadata.items():
        add = {str: writer.add_string, int: writer.add_uint32, list: writer.add_array}[type(value)]
        add(key.replace("__", "."), value)
    for name, (array, kind) in tensors.items():
        number = gguf.GGMLQuantizationType[kind]
        writer.add_tensor(name, gguf.quants.quantize(array, number), raw_dtype=number)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture
def small(tmp_path: Path) -> Path:
    tensors = {f"{kind}.weight": (numbers(k + 2), kind) for k, kind in enumerate(TYPES)}
    return write(tmp_path / "w.gguf", tensors, list__of=["a", "ü", ""], list__numbers=[1, 2, 3])


def test_what_its_own_writer_wrote(small: Path) -> None:
    theirs = gguf.GGUFReader(small)
    with GgufFile.open(small) as file:
        found = dict(file.read())
        weights = {weight.name: weight for weight in file.weights}
        assert file.metadata["general.architecture"] == "qwen_image"
        assert file.metadata["list.of"] == ["a", "ü", ""]
        assert file.metadata["list.numbers"] == [1, 2, 3]
        assert file.hashes() == {"w.gguf": hashlib.sha256(small.read_bytes()).hexdigest()}
    assert len(found) == len(theirs.tensors) == len(TYPES)
    for tensor in theirs.tensors:
        expected = gguf.quants.dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        value = found[tensor.name]
        assert isinstance(value, Packed)
        assert value.scheme == weights[tensor.name].scheme == tensor.tensor_type.name
        assert value.shape == weights[tensor.name].shape == expected.shape
        assert torch.equal(value.dequantise("cpu"), torch.from_numpy(expected))


def test_an_alignment_of_its_own(tmp_path: Path) -> None:
    writer = gguf.GGUFWriter(tmp_path / "w.gguf", "x")
    writer.add_custom_alignment(256)
    for name in ("a", "b"):
        writer.add_tensor(name, numbers())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with GgufFile.open(tmp_path / "w.gguf") as file:
        assert file.entries[1].begin == 768
        values = [value for _, value in file.read()]
        assert file.sha256 == hashlib.sha256((tmp_path / "w.gguf").read_bytes()).hexdigest()
    assert all(isinstance(v, Packed) and v.dequantise("cpu").shape == (3, 64) for v in values)


def test_the_shape_that_a_converter_kept(tmp_path: Path) -> None:
    kept = {"comfy__gguf__orig_shape__a": [4, 3, 16]}
    with GgufFile.open(write(tmp_path / "w.gguf", {"a": (numbers(3), "F16")}, **kept)) as file:
        assert file.weights[0].shape == (4, 3, 16)
    wrong = {"comfy__gguf__orig_shape__a": [4, 4, 16]}
    with GgufFile.open(write(tmp_path / "v.gguf", {"a": (numbers(3), "F16")}, **wrong)) as file:
        assert file.weights[0].shape == (3, 64)


def test_told_by_its_first_bytes(small: Path, tmp_path: Path) -> None:
    assert is_gguf(small)
    (tmp_path / "w.safetensors").write_bytes(b"GGU")
    assert not is_gguf(tmp_path / "w.safetensors")
    assert not is_gguf(tmp_path / "nowhere")


# --- written by hand, to be wrong -------------------------------------------------------------


def text(value: str | bytes) -> bytes:
    data = value if isinstance(value, bytes) else value.encode()
    return struct.pack("<Q", len(data)) + data


def entry(
    name: str | bytes = "a", sides: tuple[int, ...] = (8,), kind: int = 0, offset: int = 0
) -> bytes:
    return text(name) + struct.pack(f"<I{len(sides)}QIQ", len(sides), *sides, kind, offset)


def file_of(
    *entries: bytes, metadata: tuple[bytes, ...] = (), data: int = 32, version: int = 3
) -> bytes:
    counts = struct.pack("<IQQ", version, len(entries), len(metadata))
    header = b"GGUF" + counts + b"".join(metadata) + b"".join(entries)
    return header + b"\0" * (-len(header) % 32 + data)


def key(name: str, kind: int, value: bytes) -> bytes:
    return text(name) + struct.pack("<I", kind) + value


def with_value(name: str, kind: int, value: bytes) -> bytes:
    return file_of(entry(), metadata=(key(name, kind, value),))


def with_list(kind: int, count: int) -> bytes:
    return with_value("k", 9, struct.pack("<IQ", kind, count))


def begun(num_tensors: int, num_entries: int, rest: bytes = b"") -> bytes:
    return b"GGUF" + struct.pack("<IQQ", 3, num_tensors, num_entries) + rest


ALIGNMENT = "general.alignment"
WRONG: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "no GGUF file"),
    "another magic": (b"GGML" + b"\0" * 60, "no GGUF file"),
    "old version": (file_of(entry(), version=1), "version 1"),
    "future version": (file_of(entry(), version=4), "version 4"),
    "other byte order": (file_of(entry(), version=0x03000000), "byte order"),
    "no tensors": (file_of(), "no tensors"),
    "too many tensors": (begun(2**40, 0), "tensors; at most"),
    "too much metadata": (begun(1, 2**40), "metadata; at most"),
    "fewer entries than told": (begun(2, 0, entry()), "cut off"),
    "endless key": (begun(1, 1, struct.pack("<Q", 2**60)), "a key of"),
    "endless text": (with_value("k", 8, struct.pack("<Q", 2**60)), "cut off"),
    "endless list": (with_list(0, 2**60), "a list of"),
    "list beyond the file": (with_list(10, 2**19), "cut off"),
    "texts beyond the file": (with_list(8, 2**19), "cut off"),
    "list of lists": (with_list(9, 1), "a list of the unknown type"),
    "unknown value": (with_value("k", 13, b""), "unknown type 13"),
    "key twice": (file_of(entry(), metadata=(key("k", 7, b"\1"),) * 2), "stands twice"),
    "alignment of zero": (with_value(ALIGNMENT, 4, b"\0" * 4), ALIGNMENT),
    "alignment of three": (with_value(ALIGNMENT, 4, struct.pack("<I", 3)), ALIGNMENT),
    "alignment in words": (with_value(ALIGNMENT, 8, text("32")), ALIGNMENT),
    "endless alignment": (with_value(ALIGNMENT, 10, struct.pack("<Q", 2**62)), ALIGNMENT),
    "long name": (file_of(entry("a" * 300)), "300 bytes"),
    "too many dimensions": (file_of(entry(sides=(1,) * 5)), "5 dimensions"),
    "very many dimensions": (begun(1, 0, text("a") + struct.pack("<I", 2**31)), "dimensions"),
    "unknown type": (file_of(entry(kind=77)), "unknown type 77"),
    "type that is not read": (file_of(entry(sides=(256,), kind=17)), "IQ2_XS"),
    "half a block": (file_of(entry(sides=(31, 2), kind=8)), "impossible shape"),
    "endless shape": (file_of(entry(sides=(2**63, 2**63))), "impossible shape"),
    "shape overflows": (file_of(entry(sides=(2**40, 2**40, 2**40))), "cut off"),
    "too little data": (file_of(entry(), data=16), "the file has 16"),
    "too much data": (file_of(entry(), data=64), "the file has 64"),
    "no data": (file_of(entry(sides=(2,)), data=0), "the file has 0"),
    "overlap": (file_of(entry(), entry("b", offset=16), data=64), "overlap before b"),
    "same place": (file_of(entry(), entry("b"), data=64), "overlap"),
    "hole": (file_of(entry(), entry("b", offset=64), data=96), "hole before b"),
    "hole in front": (file_of(entry(offset=32), data=64), "hole before a"),
    "not aligned": (file_of(entry(sides=(2,)), entry("b", offset=8), data=40), "overlap"),
    "endless offset": (file_of(entry(offset=2**63), data=64), "hole"),
    "name twice": (file_of(entry(), entry(offset=32), data=64), "a stands twice"),
}


@pytest.mark.parametrize("case", WRONG)
def test_headers(case: str, tmp_path: Path) -> None:
    data, message = WRONG[case]
    path = tmp_path / "w.gguf"
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match=message) as caught:
        GgufFile.open(path)
    assert len(str(caught.value)) < 500


def test_a_good_header(tmp_path: Path) -> None:
    """So that what is wrong above is only what is said to be."""
    path = tmp_path / "w.gguf"
    path.write_bytes(file_of(entry(b"\xff"), entry("b", (4, 2), offset=32), data=64))
    with GgufFile.open(path) as file:
        assert [(e.name, e.shape) for e in file.entries] == [("\ufffd", (8,)), ("b", (2, 4))]


def test_limits_of_headers(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gguf_files, "MAX_HEADER_BYTES", 64)
    with pytest.raises(CheckpointError, match="more than 64 bytes"):
        GgufFile.open(small)


def test_cut_everywhere(small: Path, tmp_path: Path) -> None:
    whole, path = small.read_bytes(), tmp_path / "cut.gguf"
    for cut in np.linspace(0, len(whole) - 33, 100).astype(int):
        path.write_bytes(whole[:cut])
        with pytest.raises(CheckpointError, match=r"cut\.gguf"):
            GgufFile.open(path)


def test_cut_while_it_is_read(small: Path) -> None:
    with GgufFile.open(small) as file:
        whole = small.read_bytes()
        small.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(CheckpointError, match="became shorter"):
            list(file.read())


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(position=st.integers(0, 400), byte=st.integers(0, 255))
def test_one_byte_of_a_file_changed(tmp_path: Path, position: int, byte: int) -> None:
    """Either the file still says what it holds, or it is refused."""
    path = tmp_path / "w.gguf"
    metadata = (
        key("k", 9, struct.pack("<IQ", 8, 2) + text("x") + text("y")),
        key("n", 6, b"\0" * 4),
    )
    data = bytearray(file_of(entry(), entry("b", (32, 1), 8, 32), metadata=metadata, data=96))
    data[position % len(data)] = byte
    path.write_bytes(data)
    try:
        with GgufFile.open(path) as file:
            for _, value in file.read():
                assert isinstance(value, Packed)
                assert value.dequantise("cpu").shape == value.shape
    except CheckpointError:
        return
