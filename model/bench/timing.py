"""Two sides in turns, and the line of a table that says how they compare."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

HEAD = "| what | ours | diffusers | ratio | goal |\n|---|---:|---:|---:|---:|"


@dataclass(frozen=True, kw_only=True)
class Row:
    """`goal` is the ratio we want to stay under."""

    name: str
    ours: float
    reference: float
    unit: str
    goal: float | None = None

    def __str__(self) -> str:
        ratio = self.ours / self.reference
        goal = "" if self.goal is None else f"{self.goal:.2f}"
        return (
            f"| {self.name} | {self.ours:.1f} {self.unit} | {self.reference:.1f} {self.unit} "
            f"| {ratio:.2f} | {goal} |"
        )


def interleaved(sides: tuple[Callable[[], object], ...], samples: int) -> list[float]:
    """Median processor seconds of each side; the sides take turns, after one round to warm up."""
    times: list[list[float]] = [[] for _ in sides]
    for number in range(samples + 1):
        for side, taken in zip(sides, times, strict=True):
            began = time.process_time()
            side()
            if number:
                taken.append(time.process_time() - began)
    return [median(taken) for taken in times]


def timed(
    name: str,
    sides: tuple[Callable[[], object], Callable[[], object]],
    samples: int,
    goal: float | None = None,
) -> Row:
    """Ours, then the reference's."""
    ours, reference = interleaved(sides, samples)
    return Row(name=name, ours=1000 * ours, reference=1000 * reference, unit="ms", goal=goal)
