"""Safetensors files in which weights may be packed: which of their tensors belong together.

A packed weight has further tensors beside it, and a word about its scheme: in a tensor of JSON
(ComfyUI's `comfy_quant`, bitsandbytes' `quant_state`), in the header's metadata, or in its own type
alone. The schemes themselves are in `packed_schemes`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from model.checkpoint.packed_schemes import NF4_STATE, Bundle, Stored, bundle
from model.checkpoint.safetensors_files import DTYPE_NAMES, Room, TensorEntry, TensorFile
from model.checkpoint.stored import MARKS, StoredWeight, Value, bare
from model.checkpoint.strict_json import parse_object
from model.errors import CheckpointError

MAX_STATE_BYTES = 4096

_METADATA, _STATE = "_quantization_metadata", ".comfy_quant"
_UNUSED = (".scale_input", ".input_scale")
"""Scales of what a linear layer takes in, for kernels that multiply in fp8."""


class PackedFiles:
    """The weights in open safetensors files of one network; marks and scales are none."""

    def __init__(self, files: Sequence[TensorFile]) -> None:
        """CheckpointError where tensors that belong together do not fit, or for a scheme that is
        not read."""
        self._files = tuple(files)
        self._found = {entry.name: (file, entry) for file in files for entry in file.entries}
        self._words = _words(files)
        entries = {entry.name: entry for file in files for entry in file.entries}
        self._bundles: dict[str, Bundle] = {}
        for name, (file, entry) in self._found.items():
            stored = Stored(entry, entries, f"{file.path}: {name}")
            if found := bundle(stored, self._word(name), self._nf4(name)):
                self._bundles[name] = found
        self._sides = {side for found in self._bundles.values() for side in found.sides}

    @property
    def weights(self) -> tuple[StoredWeight, ...]:
        entries = [entry for file in self._files for entry in file.entries]
        return tuple(self._stored(entry) for entry in entries if self._is_weight(entry.name))

    @property
    def marks(self) -> frozenset[str]:
        return frozenset(map(bare, self._found)) & frozenset(MARKS)

    @property
    def metadata(self) -> Mapping[str, str]:
        """Of the first file."""
        return self._files[0].metadata

    def samples(self) -> Iterator[bytes]:
        for file in self._files:
            yield from file.samples()

    def read(self) -> Iterator[tuple[str, Value]]:
        for file in self._files:
            for name, tensor in file.tensors():
                if self._is_weight(name):
                    yield name, self._value(name, tensor)

    def read_one(self, name: str, room: Room | None = None) -> Value:
        """CheckpointError when there is none of this name. Of a packed weight only what is beside
        it lies outside `room`."""
        return self._value(name, self._tensor(name, room))

    def form(self, name: str) -> Value:
        return self._value(name, self._empty(name), self._empty)

    def hashes(self) -> dict[str, str]:
        return {file.path.name: file.sha256 or "" for file in self._files}

    def _is_weight(self, name: str) -> bool:
        is_word = name.endswith((*_UNUSED, _STATE, NF4_STATE)) or bare(name) in MARKS
        return not is_word and name not in self._sides

    def _stored(self, entry: TensorEntry) -> StoredWeight:
        found = self._bundles.get(entry.name)
        if found is None:
            return StoredWeight(name=entry.name, shape=entry.shape, scheme=DTYPE_NAMES[entry.dtype])
        return StoredWeight(name=entry.name, shape=found.shape, scheme=found.scheme)

    def _value(
        self, name: str, tensor: Tensor, side: Callable[[str], Tensor] | None = None
    ) -> Value:
        """`side` gives what is beside a packed weight."""
        found = self._bundles.get(name)
        if found is None:
            return tensor
        return found.packed((tensor, *map(side or self._tensor, found.sides)))

    def _empty(self, name: str) -> Tensor:
        _, entry = self._found[name]
        return torch.empty(entry.shape, dtype=entry.dtype, device="meta")

    def _tensor(self, name: str, room: Room | None = None) -> Tensor:
        if name not in self._found:
            raise CheckpointError(f"{self._files[0].path} lacks {name}; download the model again")
        file, entry = self._found[name]
        return file.read_entry(entry, room)

    def _word(self, weight: str) -> Mapping[str, Any] | None:
        """What ComfyUI's files say of a weight's scheme."""
        module = weight.removesuffix(".weight")
        if module == weight:
            return None
        if module + _STATE in self._found:
            return self._json(module + _STATE)
        return self._words.get(bare(module))

    def _nf4(self, weight: str) -> Mapping[str, Any] | None:
        return self._json(weight + NF4_STATE) if weight + NF4_STATE in self._found else None

    def _json(self, name: str) -> dict[str, Any]:
        file, entry = self._found[name]
        if entry.dtype is not torch.uint8 or entry.end - entry.begin > MAX_STATE_BYTES:
            raise CheckpointError(f"{file.path}: {name} is no short text")
        data = bytes(file.read_entry(entry).flatten().tolist())
        return parse_object(data.rstrip(b"\0"), f"{file.path}: {name}")


def _words(files: Sequence[TensorFile]) -> dict[str, Mapping[str, Any]]:
    """What the headers' metadata say of modules, by their bare names."""
    found: dict[str, Mapping[str, Any]] = {}
    for file in files:
        if _METADATA not in file.metadata:
            continue
        where = f"{file.path}: {_METADATA}"
        layers = parse_object(file.metadata[_METADATA].encode(), where).get("layers")
        if not isinstance(layers, dict) or not all(isinstance(v, dict) for v in layers.values()):
            raise CheckpointError(f"{where}: has no table of layers")
        found |= {bare(module): word for module, word in layers.items()}
    return found
