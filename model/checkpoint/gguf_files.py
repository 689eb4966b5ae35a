"""GGUF files: our own check of the header, and reading through the same handle.

As with safetensors, no library sees a file's bytes before they are checked, the file is opened
once, and hashed while it is read. Knows nothing of networks.
"""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, BinaryIO, Self

import torch

from model.checkpoint.opened import Hash, fill, open_file, samples
from model.checkpoint.safetensors_files import MAX_NAME_CHARS, MAX_TENSORS, Room
from model.checkpoint.stored import MARKS, StoredWeight, Value, bare
from model.errors import CheckpointError
from model.quantize import ggml
from model.quantize.packed import Packed

MAGIC = b"GGUF"
VERSIONS = (2, 3)
MAX_HEADER_BYTES = 32 * 2**20
"""A text encoder's vocabulary is in here."""
MAX_ENTRIES = 10_000
MAX_ITEMS = 2**20
"""Of a list."""
MAX_DIMS = 4
DEFAULT_ALIGNMENT = 32
MAX_ALIGNMENT = 2**16

_NUMBERS = {
    0: "B",
    1: "b",
    2: "H",
    3: "h",
    4: "I",
    5: "i",
    6: "f",
    7: "?",
    10: "Q",
    11: "q",
    12: "d",
}
_TEXT, _LIST = 8, 9
_OTHER_TYPES = {
    9: "Q8_1", 15: "Q8_K", 16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S", 21: "IQ3_S",
    22: "IQ2_S", 24: "I8", 25: "I16", 26: "I32", 27: "I64", 28: "F64", 29: "IQ1_M", 34: "TQ1_0",
    35: "TQ2_0", 39: "MXFP4", 40: "NVFP4",
}  # fmt: skip
"""Types that exist and are not read."""
_CHUNK_BYTES = 8 * 2**20


@dataclass(frozen=True, kw_only=True)
class GgufEntry:
    """One tensor: its shape in the order of PyTorch, and its bytes in the data section."""

    name: str
    kind: ggml.BlockType
    shape: tuple[int, ...]
    begin: int
    end: int


@dataclass(kw_only=True)
class GgufFile:
    """An open, checked GGUF file. `entries` are in the order of their bytes; `metadata` holds
    numbers, texts and lists of texts or numbers."""

    path: Path
    entries: tuple[GgufEntry, ...]
    metadata: dict[str, Any]
    _file: BinaryIO = field(repr=False)
    _start: int
    sha256: str | None = None
    """Hash of the whole file, known once `read` has run to its end."""

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open and check; raises CheckpointError, and leaves nothing open when it does."""
        file = open_file(path)
        try:
            size = os.fstat(file.fileno()).st_size
            metadata, entries, start = _read_header(file, size, str(path))
        except BaseException:
            file.close()
            raise
        return cls(path=path, entries=entries, metadata=metadata, _file=file, _start=start)

    @property
    def weights(self) -> tuple[StoredWeight, ...]:
        return tuple(
            StoredWeight(name=entry.name, shape=entry.shape, scheme=entry.kind.name)
            for entry in self.entries
            if bare(entry.name) not in MARKS
        )

    @property
    def marks(self) -> frozenset[str]:
        return frozenset(bare(entry.name) for entry in self.entries) & frozenset(MARKS)

    def samples(self) -> Iterator[bytes]:
        yield from samples(self._file, self._start, self.path)

    def read(self) -> Iterator[tuple[str, Value]]:
        """Name and packed weight, in the order of the file, each in memory of its own."""
        position = 0
        with Hash() as digest:
            for entry in self.entries:
                self._hash(digest, position, self._start + entry.begin)
                packed = _packed(entry, self._bytes_of(entry, Room()))
                digest.update(packed.parts[0].numpy().data)
                position = self._start + entry.end
                if bare(entry.name) not in MARKS:
                    yield entry.name, packed
            self._hash(digest, position, None)
            self.sha256 = digest.hexdigest()

    def read_one(self, name: str, room: Room | None = None) -> Value:
        """CheckpointError when there is none of this name."""
        entry = self._entry(name)
        return _packed(entry, self._bytes_of(entry, room or Room()))

    def form(self, name: str) -> Value:
        entry = self._entry(name)
        data = torch.empty(entry.end - entry.begin, dtype=torch.uint8, device="meta")
        return _packed(entry, data)

    def hashes(self) -> dict[str, str]:
        return {self.path.name: self.sha256 or ""}

    @cached_property
    def _by_name(self) -> dict[str, GgufEntry]:
        return {entry.name: entry for entry in self.entries}

    def _entry(self, name: str) -> GgufEntry:
        if name not in self._by_name:
            raise CheckpointError(f"{self.path} lacks {name}; download the file again")
        return self._by_name[name]

    def _bytes_of(self, entry: GgufEntry, room: Room) -> torch.Tensor:
        self._file.seek(self._start + entry.begin)
        data = room.take(entry.end - entry.begin)
        fill(self._file, data.numpy().data, self.path, entry.name)
        return data

    def _hash(self, digest: Hash, begin: int, end: int | None) -> None:
        """The header, or what pads a tensor; `None` means to the end of the file."""
        self._file.seek(begin)
        left = end - begin if end is not None else None
        while left is None or left > 0:
            chunk = self._file.read(_CHUNK_BYTES if left is None else min(left, _CHUNK_BYTES))
            if not chunk:
                break
            digest.update(chunk)
            left = left - len(chunk) if left is not None else None

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def is_gguf(path: Path) -> bool:
    """By its first bytes; a file that cannot be read is none."""
    try:
        with path.open("rb") as file:
            return file.read(4) == MAGIC
    except (OSError, ValueError):
        return False


def _packed(entry: GgufEntry, data: torch.Tensor) -> Packed:
    return Packed(
        scheme=entry.kind.name,
        shape=entry.shape,
        parts=(data,),
        unpack=partial(ggml.dequantise, kind=entry.kind),
        by_row=1 if len(entry.shape) == 2 else 0,
    )


class _Cursor:
    """A place in the header that moves on as it is read, and never beyond its end."""

    def __init__(self, data: bytes, where: str, *, is_whole: bool) -> None:
        self.data, self.position = data, 0
        self._where, self._is_whole = where, is_whole

    def take(self, count: int) -> int:
        """The position of the next `count` bytes, which are passed over."""
        start = self.position
        if count > len(self.data) - start:
            if self._is_whole:
                raise CheckpointError(
                    f"{self._where} is cut off or damaged within its header; download it again"
                )
            raise CheckpointError(f"{self._where}: header of more than {MAX_HEADER_BYTES} bytes")
        self.position = start + count
        return start

    def number(self, form: str) -> Any:
        start = self.take(struct.calcsize("<" + form))
        return struct.unpack_from("<" + form, self.data, start)[0]

    def text(self, limit: int | None = None, what: str = "a text") -> str:
        length = self.number("Q")
        if limit is not None and length > limit:
            raise CheckpointError(f"{self._where}: {what} of {length} bytes; at most {limit}")
        start = self.take(length)
        return self.data[start : start + length].decode("utf-8", errors="replace")


def _read_header(
    file: BinaryIO, size: int, where: str
) -> tuple[dict[str, Any], tuple[GgufEntry, ...], int]:
    """Metadata, entries, and where the data begin; all proved to fit the file's size."""
    data = file.read(MAX_HEADER_BYTES)
    if data[:4] != MAGIC:
        raise CheckpointError(f"{where} is no GGUF file, or cut off; download it again")
    cursor = _Cursor(data, where, is_whole=len(data) == size)
    cursor.take(4)
    _check_version(cursor.number("I"), where)
    num_tensors, num_entries = cursor.number("Q"), cursor.number("Q")
    if num_tensors > MAX_TENSORS:
        raise CheckpointError(f"{where}: {num_tensors} tensors; at most {MAX_TENSORS}")
    if num_entries > MAX_ENTRIES:
        raise CheckpointError(f"{where}: {num_entries} entries of metadata; at most {MAX_ENTRIES}")
    metadata = _read_metadata(cursor, num_entries, where)
    if not num_tensors:
        raise CheckpointError(f"{where} holds no tensors")
    alignment = metadata.get("general.alignment", DEFAULT_ALIGNMENT)
    if not _is_power_of_two(alignment) or alignment > MAX_ALIGNMENT:
        raise CheckpointError(f"{where}: general.alignment is {str(alignment)[:40]!r}")
    entries = [_reshaped(_read_entry(cursor, where), metadata) for _ in range(num_tensors)]
    start = _padded(cursor.position, alignment)
    return metadata, _check_places(entries, size - start, alignment, where), start


def _check_version(version: int, where: str) -> None:
    if version not in VERSIONS:
        swapped = int.from_bytes(version.to_bytes(4, "little"), "big")
        what = "of the other byte order" if swapped in VERSIONS else f"of version {version}"
        raise CheckpointError(f"{where}: a GGUF file {what}; this version reads 2 and 3")


def _read_metadata(cursor: _Cursor, count: int, where: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for _ in range(count):
        key = cursor.text(MAX_NAME_CHARS, "a key")
        if key in found:
            raise CheckpointError(f"{where}: the key {key[:80]!r} stands twice")
        found[key] = _read_value(cursor, cursor.number("I"), f"{where}: {key[:80]}")
    return found


def _read_value(cursor: _Cursor, kind: int, where: str) -> Any:
    if kind == _TEXT:
        return cursor.text()
    if kind in _NUMBERS:
        return cursor.number(_NUMBERS[kind])
    if kind != _LIST:
        raise CheckpointError(f"{where}: a value of the unknown type {kind}")
    item, count = cursor.number("I"), cursor.number("Q")
    if count > MAX_ITEMS:
        raise CheckpointError(f"{where}: a list of {count} items; at most {MAX_ITEMS}")
    if item == _TEXT:
        return [cursor.text() for _ in range(count)]
    if item not in _NUMBERS:
        raise CheckpointError(f"{where}: a list of the unknown type {item}")
    width = struct.calcsize("<" + _NUMBERS[item])
    start = cursor.take(count * width)
    return list(struct.unpack_from(f"<{count}{_NUMBERS[item]}", cursor.data, start))


def _read_entry(cursor: _Cursor, where: str) -> GgufEntry:
    name = cursor.text(MAX_NAME_CHARS, "a tensor's name")
    num_dims = cursor.number("I")
    if num_dims > MAX_DIMS:
        raise CheckpointError(f"{where}: {name} has {num_dims} dimensions; at most {MAX_DIMS}")
    sides = [cursor.number("Q") for _ in range(num_dims)]
    number, begin = cursor.number("I"), cursor.number("Q")
    kind = ggml.TYPES.get(number)
    if kind is None:
        what = _OTHER_TYPES.get(number, f"the unknown type {number}")
        known = ", ".join(t.name for t in ggml.TYPES.values())
        raise CheckpointError(f"{where}: {name} is of {what}; this version reads {known}")
    if any(side >= 2**48 for side in sides) or (sides or [1])[0] % kind.numbers:
        raise CheckpointError(f"{where}: {name} of {kind.name} has the impossible shape {sides}")
    num_bytes = math.prod(sides) // kind.numbers * kind.num_bytes
    shape = tuple(reversed(sides))
    return GgufEntry(name=name, kind=kind, shape=shape, begin=begin, end=begin + num_bytes)


def _reshaped(entry: GgufEntry, metadata: dict[str, Any]) -> GgufEntry:
    """ComfyUI's converter stores some weights in another shape, and their own beside it."""
    shape = metadata.get(f"comfy.gguf.orig_shape.{entry.name}")
    if not isinstance(shape, list) or len(shape) > MAX_DIMS + 1:
        return entry
    if not all(type(side) is int and side > 0 for side in shape):
        return entry
    if math.prod(shape) != math.prod(entry.shape):
        return entry
    return replace(entry, shape=tuple(shape))


def _check_places(
    entries: list[GgufEntry], data_bytes: int, alignment: int, where: str
) -> tuple[GgufEntry, ...]:
    """In the order of their bytes; one behind the other, with padding alone between them."""
    names: set[str] = set()
    position = 0
    entries = sorted(entries, key=lambda entry: (entry.begin, entry.end))
    for entry in entries:
        if entry.name in names:
            raise CheckpointError(f"{where}: {entry.name} stands twice")
        names.add(entry.name)
        expected = _padded(position, alignment)
        if entry.begin != expected:
            kind = "overlap" if entry.begin < expected else "leave a hole"
            raise CheckpointError(f"{where}: the bytes of tensors {kind} before {entry.name}")
        position = entry.end
    if not position <= data_bytes <= _padded(position, alignment):
        raise CheckpointError(
            f"{where}: its header tells of {position} bytes of data, the file has "
            f"{max(0, data_bytes)}; it is cut off or damaged: download it again"
        )
    return tuple(entries)


def _padded(position: int, alignment: int) -> int:
    return -(-position // alignment) * alignment


def _is_power_of_two(value: Any) -> bool:
    return type(value) is int and value > 0 and value & (value - 1) == 0
