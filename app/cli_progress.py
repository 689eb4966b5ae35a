"""A line on the terminal that grows with the steps of a run. Elsewhere it writes nothing."""

from __future__ import annotations

import shutil
import time
from typing import TextIO

from model.engine.estimate import StepClock
from model.requests import Picture

WIDTH = 30


class ProgressBar:
    """
    poster.png  12/20 [##################            ] 3 s left
    """

    def __init__(self, name: str, stream: TextIO, *, is_wanted: bool = True) -> None:
        self._name = name
        self._stream = stream
        self._is_shown = is_wanted and stream.isatty()
        self._clock = StepClock()

    def __enter__(self) -> ProgressBar:
        self._write(f"{self._name}  …")
        return self

    def __exit__(self, *_: object) -> None:
        self._write("")

    def on_step(self, step: int, total: int, preview: Picture | None) -> None:
        del preview
        self._clock.tick(step, time.monotonic())
        bar = "#" * (WIDTH * step // max(total, 1))
        left = self._clock.seconds_left(step, total)
        rest = "" if left is None else f" {left:.0f} s left"
        self._write(f"{self._name}  {step}/{total} [{bar:<{WIDTH}}]{rest}")

    def _write(self, text: str) -> None:
        if self._is_shown:
            columns = shutil.get_terminal_size().columns
            self._stream.write(f"\r\x1b[K{text[: columns - 1]}")
            self._stream.flush()
