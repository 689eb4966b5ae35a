"""safetensors files: our own header check, index files, and reading through the same handle.

No library sees a file's bytes before they are checked, and what was checked is what is read: the
file is opened once, and hashed while it is read. Knows nothing of networks.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Self

import torch
from torch import Tensor

from model.checkpoint.opened import Hash, fill, open_file, samples
from model.checkpoint.strict_json import parse_object, read_object
from model.errors import CheckpointError

MAX_HEADER_BYTES = 16 * 2**20
MAX_METADATA_BYTES = 2**20
MAX_TENSORS = 100_000
MAX_NAME_CHARS = 256
MAX_DIMS = 8
MAX_SHARDS = 1000

DTYPES = {
    "BOOL": torch.bool,
    "U8": torch.uint8,
    "I8": torch.int8,
    "F8_E5M2": torch.float8_e5m2,
    "F8_E4M3": torch.float8_e4m3fn,
    "I16": torch.int16,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I32": torch.int32,
    "F32": torch.float32,
    "I64": torch.int64,
    "F64": torch.float64,
}
DTYPE_NAMES = {dtype: name for name, dtype in DTYPES.items()}

_SHARD_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,200}\.safetensors")
_FOREIGN_STARTS = {
    b"PK\x03\x04": "a zip archive, as pickled PyTorch weights are",
    b"\x80\x02": "a Python pickle",
    b"\x80\x03": "a Python pickle",
    b"\x80\x04": "a Python pickle",
    b"\x80\x05": "a Python pickle",
    b"GGUF": "a GGUF file",
    b"version https://git-lfs": "a git-lfs pointer instead of the file it stands for",
}


@dataclass(frozen=True, kw_only=True)
class TensorEntry:
    """One tensor of a header: where it lies in the data section, in bytes."""

    name: str
    dtype: torch.dtype
    shape: tuple[int, ...]
    begin: int
    end: int


class Room:
    """Memory that one tensor after the other is read into, so that none is asked of the system."""

    def __init__(self) -> None:
        self._bytes = torch.empty(0, dtype=torch.uint8)

    def take(self, size: int) -> Tensor:
        if size > len(self._bytes):
            self._bytes = torch.empty(size, dtype=torch.uint8)
        return self._bytes[:size]


@dataclass(kw_only=True)
class TensorFile:
    """An open, checked safetensors file. `entries` are in the order of their bytes."""

    path: Path
    entries: tuple[TensorEntry, ...]
    metadata: dict[str, str]
    _file: BinaryIO = field(repr=False)
    _header: bytes = field(repr=False)
    sha256: str | None = None
    """Hash of the whole file, known once `tensors` has run to its end."""

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open and check; raises CheckpointError, and leaves nothing open when it does."""
        file = open_file(path)
        try:
            size = os.fstat(file.fileno()).st_size
            header = _read_header(file, size, path)
            entries, metadata = check_header(header[8:], size - len(header), str(path))
        except BaseException:
            file.close()
            raise
        return cls(path=path, entries=entries, metadata=metadata, _file=file, _header=header)

    def tensors(self) -> Iterator[tuple[str, Tensor]]:
        """Name and tensor, in the order of the file, each read into memory of its own."""
        with Hash() as digest:
            digest.update(self._header)
            for entry in self.entries:
                buffer = self._bytes_of(entry)
                digest.update(buffer.numpy().data)
                yield entry.name, buffer.view(entry.dtype).reshape(entry.shape)
            self.sha256 = digest.hexdigest()

    def samples(self) -> Iterator[bytes]:
        """The header, and the data's first, middle and last bytes: enough to know the file by."""
        yield from samples(self._file, len(self._header), self.path)

    def read(self, name: str) -> Tensor:
        """One tensor into memory of its own; nothing else of the data is read, or hashed.

        Raises CheckpointError when there is none of this name.
        """
        entry = next((entry for entry in self.entries if entry.name == name), None)
        if entry is None:
            raise CheckpointError(f"{self.path} lacks {name}; download the model again")
        return self.read_entry(entry)

    def read_entry(self, entry: TensorEntry, room: Room | None = None) -> Tensor:
        """In `room`, the tensor lasts until that is used again."""
        return self._bytes_of(entry, room).view(entry.dtype).reshape(entry.shape)

    def _bytes_of(self, entry: TensorEntry, room: Room | None = None) -> Tensor:
        self._file.seek(len(self._header) + entry.begin)
        size = entry.end - entry.begin
        buffer = torch.empty(size, dtype=torch.uint8) if room is None else room.take(size)
        fill(self._file, buffer.numpy().data, self.path, entry.name)
        return buffer

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def shard_paths(folder: Path, stem: str) -> tuple[list[Path], dict[str, str] | None]:
    """The weight files of `folder` and, where there is an index, which tensor is in which."""
    index = folder / f"{stem}.safetensors.index.json"
    single = folder / f"{stem}.safetensors"
    if index.exists():
        weight_map = _read_index(index)
        return [folder / name for name in sorted(set(weight_map.values()))], weight_map
    if not single.exists() and any(folder.glob("*.bin")):
        raise CheckpointError(
            f"{folder} holds only pickled weights (.bin), which can run code and are never "
            "opened; get the safetensors files of this model"
        )
    return [single], None


def check_index(weight_map: dict[str, str], files: list[TensorFile], folder: Path) -> None:
    """Every tensor stands in the file the index names, and in no other."""
    stored = {entry.name: file.path.name for file in files for entry in file.entries}
    total = sum(len(file.entries) for file in files)
    wrong = sorted(
        name for name in stored.keys() | weight_map if stored.get(name) != weight_map.get(name)
    )
    if total != len(stored):
        raise CheckpointError(f"{folder}: a tensor stands in two of its files")
    if wrong:
        raise CheckpointError(
            f"{folder}: the index and the files disagree about {len(wrong)} tensor(s), "
            f"first {wrong[0]}; download the model again"
        )


def check_header(
    header: bytes, data_bytes: int, where: str
) -> tuple[tuple[TensorEntry, ...], dict[str, str]]:
    """The entries of a header's JSON, proved to tile `data_bytes` exactly, and its metadata."""
    values = parse_object(header, where)
    metadata = _check_metadata(values.pop("__metadata__", {}), where)
    if len(values) > MAX_TENSORS:
        raise CheckpointError(f"{where}: {len(values)} tensors; at most {MAX_TENSORS}")
    entries = sorted(
        (_check_entry(name, value, where) for name, value in values.items()),
        key=lambda entry: (entry.begin, entry.end),
    )
    position = 0
    for entry in entries:
        if entry.begin != position:
            kind = "overlap" if entry.begin < position else "leave a hole"
            raise CheckpointError(f"{where}: the bytes of tensors {kind} before {entry.name}")
        position = entry.end
    if position != data_bytes:
        raise CheckpointError(
            f"{where}: its header tells of {position} bytes of data, the file has {data_bytes}; "
            "it is cut off or damaged: download it again"
        )
    return tuple(entries), metadata


def _read_header(file: BinaryIO, size: int, path: Path) -> bytes:
    """The length field and the JSON behind it, within limits."""
    start = file.read(32)
    length = int.from_bytes(start[:8], "little")
    if len(start) < 8 or length > size - 8:
        for magic, kind in _FOREIGN_STARTS.items():
            if start.startswith(magic):
                raise CheckpointError(f"{path} is {kind}, not safetensors; it was not opened")
        raise CheckpointError(f"{path} is cut off or no safetensors file; download it again")
    if length > MAX_HEADER_BYTES:
        raise CheckpointError(f"{path}: header of {length} bytes; at most {MAX_HEADER_BYTES}")
    file.seek(0)
    header = file.read(8 + length)
    if len(header) != 8 + length:
        raise CheckpointError(f"{path} became shorter while it was read")
    return header


def _check_metadata(value: Any, where: str) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
        raise CheckpointError(f"{where}: metadata is not a table of texts")
    if sum(len(k) + len(v) for k, v in value.items()) > MAX_METADATA_BYTES:
        raise CheckpointError(f"{where}: more than {MAX_METADATA_BYTES} bytes of metadata")
    return value


def _check_entry(name: str, value: Any, where: str) -> TensorEntry:
    if len(name) > MAX_NAME_CHARS:
        raise CheckpointError(f"{where}: a tensor's name has {len(name)} characters")
    if not isinstance(value, dict) or set(value) != {"dtype", "shape", "data_offsets"}:
        raise CheckpointError(f"{where}: {name} lacks dtype, shape or data_offsets")
    dtype = DTYPES.get(value["dtype"]) if isinstance(value["dtype"], str) else None
    if dtype is None:
        raise CheckpointError(f"{where}: {name} has the unknown type {str(value['dtype'])[:40]!r}")
    shape, offsets = value["shape"], value["data_offsets"]
    if not _are_counts(shape) or len(shape) > MAX_DIMS:
        raise CheckpointError(f"{where}: {name} has an impossible shape")
    if not _are_counts(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:
        raise CheckpointError(f"{where}: {name} has impossible offsets")
    begin, end = offsets
    if math.prod(shape) * dtype.itemsize != end - begin:
        raise CheckpointError(
            f"{where}: {name} of shape {shape} does not fill its {end - begin} bytes"
        )
    return TensorEntry(name=name, dtype=dtype, shape=tuple(shape), begin=begin, end=end)


def _are_counts(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(n, int) and not isinstance(n, bool) and 0 <= n < 2**48 for n in value
    )


def _read_index(path: Path) -> dict[str, str]:
    weight_map = read_object(path).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise CheckpointError(f"{path}: has no weight_map")
    names = set()
    for tensor, name in weight_map.items():
        if not isinstance(name, str) or not _SHARD_NAME.fullmatch(name):
            raise CheckpointError(
                f"{path}: {tensor} is said to be in {str(name)[:80]!r}, "
                "which is not a plain .safetensors name"
            )
        names.add(name)
    if len(names) > MAX_SHARDS or len({name.casefold() for name in names}) != len(names):
        raise CheckpointError(f"{path}: its file names are too many or differ only by case")
    return weight_map
