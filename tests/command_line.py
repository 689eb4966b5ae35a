"""What tests of the command line share: an outcome, and pictures read back."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from app.files.raster import read_picture


@dataclass(frozen=True, kw_only=True)
class Outcome:
    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def refusal(self) -> str:
        """The one line of a mistake."""
        assert self.status == 2, self
        assert self.out == ""
        # Which of several models a folder was taken for is told before, and is no refusal.
        (line,) = [line for line in self.err.splitlines() if "--variant NAME says" not in line]
        return line


Run = Callable[..., Outcome]


def pixels(path: Path) -> bytes:
    return read_picture(path).data


def array(path: Path) -> np.ndarray:
    """[H, W, 3] bytes."""
    found = read_picture(path)
    return np.frombuffer(found.data, np.uint8).reshape(found.height, found.width, 3)
