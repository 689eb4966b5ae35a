"""The text encoder's output layer in its files: whether it is there, and reading
it when it is wanted. Conditioning does without, so loading a model leaves it where it is."""

from __future__ import annotations

import contextlib
from pathlib import Path

from torch import Tensor

from model.checkpoint.keys import HEAD
from model.checkpoint.layout import STEMS
from model.checkpoint.weights import holds_tensor, read_tensor
from model.errors import CheckpointError

PART = "text_encoder"


def has_head(place: Path) -> bool:
    """Of the text encoder's folder or file; one that cannot be read has none."""
    with contextlib.suppress(CheckpointError):
        return holds_tensor(place, STEMS[PART], HEAD)
    return False


def read_head(place: Path, embedding: Tensor) -> Tensor:
    """Of the text encoder's folder or file: [V, D], on the device and in the type of the word
    embedding [V, D].

    Raises CheckpointError when it is not there or does not fit.
    """
    shape = (embedding.shape[0], embedding.shape[1])
    return read_tensor(
        place, STEMS[PART], HEAD, shape, dtype=embedding.dtype, device=embedding.device
    )
