"""A line on a terminal that grows with the steps of a run, or with the words that are written."""

from __future__ import annotations

import shutil
import sys
import time
import unicodedata
from typing import Protocol, TextIO

from model.requests import Picture

WIDTH = 30


def terminal(*, is_quiet: bool) -> TextIO | None:
    """Where progress may be shown: on standard error, if a person sees it and wants to."""
    return sys.stderr if sys.stderr.isatty() and not is_quiet else None


class Clock(Protocol):
    """Knows how long steps take."""

    def tick(self, step: int, now: float) -> None: ...

    def seconds_left(self, step: int, total: int) -> float | None: ...


class ProgressBar:
    """
    poster.png  12/20 [##################            ] 3 s left

    Gone at the end. Without a terminal to write to, nothing is written.
    """

    def __init__(self, name: str, terminal: TextIO | None, clock: Clock) -> None:
        self._name = name
        self._terminal = terminal
        self._clock = clock

    def __enter__(self) -> ProgressBar:
        self.write(f"{self._name}  …")
        return self

    def __exit__(self, *_: object) -> None:
        self.write("")

    def on_step(self, step: int, total: int, preview: Picture | None) -> None:
        del preview
        self._clock.tick(step, time.monotonic())
        bar = "#" * (WIDTH * step // max(total, 1))
        left = self._clock.seconds_left(step, total)
        rest = "" if left is None else f" {left:.0f} s left"
        self.write(f"{self._name}  {step}/{total} [{bar:<{WIDTH}}]{rest}")

    def write(self, text: str) -> None:
        if self._terminal is not None:
            columns = shutil.get_terminal_size().columns
            self._terminal.write(f"\r\x1b[K{text[: columns - 1]}")
            self._terminal.flush()


class Transfer(Protocol):
    """How far something has come, in bytes."""

    @property
    def stage(self) -> str: ...

    @property
    def done(self) -> int: ...

    @property
    def total(self) -> int: ...

    @property
    def bytes_per_s(self) -> float | None: ...

    @property
    def seconds_left(self) -> float | None: ...


class TransferBar:
    """
    Qwen-Image-2512  12.3 of 57.7 GB [######                ] 41.5 MB/s, 18 min left

    Gone at the end. Without a terminal to write to, nothing is written.
    """

    def __init__(self, name: str, terminal: TextIO | None) -> None:
        self._name = name
        self._line = ProgressBar(name, terminal, _NoClock())

    def __enter__(self) -> TransferBar:
        self._line.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._line.__exit__()

    def show(self, transfer: Transfer) -> None:
        if not transfer.total:
            return
        bar = "#" * (WIDTH * transfer.done // transfer.total)
        size = f"{transfer.done / 1e9:.1f} of {transfer.total / 1e9:.1f} GB"
        rest = " checking what is here" if transfer.stage == "checking" else ""
        if transfer.bytes_per_s is not None:
            rest = f" {transfer.bytes_per_s / 1e6:.1f} MB/s"
        if transfer.seconds_left is not None:
            rest += f", {transfer.seconds_left / 60:.0f} min left"
        self._line.write(f"{self._name}  {size} [{bar:<{WIDTH}}]{rest}")


class _NoClock:
    def tick(self, step: int, now: float) -> None:
        """Bytes are timed where they come from."""

    def seconds_left(self, step: int, total: int) -> float | None:
        return None


class TailLine:
    """The newest words of a text that grows, on one line; gone at the end. Without a terminal to
    write to, nothing is written."""

    def __init__(self, terminal: TextIO | None) -> None:
        self._terminal = terminal

    def __enter__(self) -> TailLine:
        self.show("…")
        return self

    def __exit__(self, *_: object) -> None:
        self.show("")

    def show(self, text: str) -> None:
        if self._terminal is not None:
            room = shutil.get_terminal_size().columns - 1
            self._terminal.write(f"\r\x1b[K{tail(text, room)}")
            self._terminal.flush()


def tail(text: str, columns: int) -> str:
    """The end of a text on one line of so many columns, of which a Chinese character takes two.

    >>> tail("one two 三", 4)
    'o 三'
    """
    shown = "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))
    for at in range(len(shown) - 1, -1, -1):
        columns -= 2 if unicodedata.east_asian_width(shown[at]) in "WF" else 1
        if columns < 0:
            return shown[at + 1 :]
    return shown
