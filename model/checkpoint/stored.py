"""What files hold for a network, whatever their format: weights by name and shape, as numbers or
packed. `gguf_files` and `packed_files` provide it, `weights` reads it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor

from model.checkpoint.safetensors_files import Room
from model.quantize.packed import Packed

Value = Tensor | Packed

PREFIXES = ("model.diffusion_model.", "diffusion_model.")
"""What ComfyUI puts before a transformer's names."""
TIMESTEP_ZERO = "__index_timestep_zero__"
"""ComfyUI's mark of `zero_cond_t`."""
MARKS = (TIMESTEP_ZERO, "scaled_fp8")
"""Tensors that say something about the whole file, and hold no weights."""


def bare(name: str) -> str:
    """Without what ComfyUI puts in front."""
    for prefix in PREFIXES:
        if name.startswith(prefix):
            return name.removeprefix(prefix)
    return name


@dataclass(frozen=True, kw_only=True)
class StoredWeight:
    """`scheme` says how it is stored, in the format's own word: BF16, Q4_K, int8_tensorwise."""

    name: str
    shape: tuple[int, ...]
    scheme: str


class Source(Protocol):
    """The open files of one network."""

    @property
    def weights(self) -> tuple[StoredWeight, ...]:
        """All that there are, known from the headers."""
        ...

    @property
    def marks(self) -> frozenset[str]:
        """Those of `MARKS` that are there."""
        ...

    @property
    def metadata(self) -> Mapping[str, Any]: ...

    def samples(self) -> Iterator[bytes]:
        """Enough of the files to know them by, read in a moment."""
        ...

    def read(self) -> Iterator[tuple[str, Value]]:
        """Each weight once, in the order of the files."""
        ...

    def read_one(self, name: str, room: Room | None = None) -> Value:
        """Nothing else is read. CheckpointError when there is none of this name. In `room`, where
        one is given and the format allows it, the value lasts until the next one."""
        ...

    def form(self, name: str) -> Value:
        """What `read_one` returns, on the device without memory; nothing is read."""
        ...

    def hashes(self) -> dict[str, str]:
        """Of whole files, by their names, once `read` has run to its end."""
        ...
