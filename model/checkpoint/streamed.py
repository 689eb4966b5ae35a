"""Files written so that nobody sees half of one, and safetensors files tensor by tensor."""

from __future__ import annotations

import json
import math
import os
import struct
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import torch
from torch import Tensor

from model.checkpoint.safetensors_files import DTYPE_NAMES
from model.system import sync_folder

Form = tuple[torch.dtype, tuple[int, ...]]
"""Type and shape of a tensor."""


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A new file's temporary place beside `path`, whose place it takes at the end; on a fault it is
    deleted, and `path` is what it was. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.new-{uuid.uuid4().hex[:8]}")
    try:
        yield new
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
    sync_folder(path.parent)


class TensorWriter:
    """A safetensors file whose tensors are all known by their forms, and come in any order.

    Those of wide numbers lie first, so that each is aligned to its type as other readers want it.
    """

    def __init__(
        self, file: BinaryIO, forms: Mapping[str, Form], metadata: Mapping[str, str]
    ) -> None:
        self._file = file
        self._forms = forms
        self._places: dict[str, int] = {}
        header: dict[str, object] = {"__metadata__": {**metadata, "format": "pt"}}
        position = 0
        for name in sorted(forms, key=lambda name: (-forms[name][0].itemsize, name)):
            dtype, shape = forms[name]
            end = position + num_bytes(forms[name])
            header[name] = {
                "dtype": DTYPE_NAMES[dtype],
                "shape": list(shape),
                "data_offsets": [position, end],
            }
            self._places[name], position = position, end
        encoded = json.dumps(header, separators=(",", ":")).encode()
        encoded += b" " * (-len(encoded) % 8)
        self._start = 8 + len(encoded)
        file.write(struct.pack("<Q", len(encoded)) + encoded)
        file.truncate(self._start + position)

    def write(self, name: str, tensor: Tensor) -> None:
        """Once for every name; on any device."""
        assert (tensor.dtype, tuple(tensor.shape)) == self._forms[name], name
        self._file.seek(self._start + self._places.pop(name))
        plain = tensor.detach().to("cpu").contiguous()
        self._file.write(plain.reshape(-1).view(torch.uint8).numpy().data)

    def finish(self) -> None:
        """All of it reaches the disk."""
        assert not self._places, f"{len(self._places)} tensors were not written"
        self._file.flush()
        os.fsync(self._file.fileno())


def num_bytes(form: Form) -> int:
    return form[0].itemsize * math.prod(form[1])
