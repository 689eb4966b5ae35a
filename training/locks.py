"""One training program at a time in a run's folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from model.locks import Held, lock
from training.errors import TrainingError

LOCK_NAME = ".lock"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds the folder, or says who else does."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / LOCK_NAME).touch()
    except OSError as error:
        raise TrainingError(f"{folder}: cannot be written ({error.strerror})") from None
    try:
        with lock(folder / LOCK_NAME):
            yield
    except Held:
        raise TrainingError(
            f"{folder}: another training program is at work there; stop it first, "
            "or give this run another name"
        ) from None
