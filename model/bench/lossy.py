"""Lossy modes against the exact run on the CPU: what each saves, and how far it is off.

Times are processor seconds on one thread, the median of some samples; all modes take turns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean

import torch

from model import loader
from model.bench.timing import interleaved
from model.fidelity import likeness
from model.requests import Request, Result, TextToImage

SAMPLES = 3
STEPS = 20
SEED = 5
PROMPTS = (
    'A navy poster with "SUMMER" and "SALE" in white at the top',
    'A yellow poster with "OPEN" in black in the middle',
    "一张红色的海报，顶部是白色的“SALE”",
    "A green poster with a white circle at the left",
)
MODES: dict[str, dict[str, float | str]] = {
    **{f"step cache {t:g}": {"step_cache": t} for t in (0.05, 0.1, 0.15, 0.2, 0.3)},
    "fp8 attention, emulated": {"attention": "fp8"},
}


@dataclass(kw_only=True)
class Row:
    """One mode over all prompts."""

    reused: list[int] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)
    differences: list[float] = field(default_factory=list)
    decibels: list[float] = field(default_factory=list)

    def cells(self, steps: int) -> str:
        off = f"{100 * fmean(self.differences):.1f} %" if self.differences else ""
        return (
            f"{fmean(self.reused):.1f} of {steps} | {fmean(self.ratios):.2f} | {off} "
            f"| {fmean(self.decibels):.1f} dB | {min(self.decibels):.1f} dB"
        )


def table(folder: Path, samples: int, steps: int) -> str:
    """The comparison as Markdown."""
    torch.set_num_threads(1)
    model = loader.load(folder)
    rows = {name: Row() for name in MODES}
    for prompt in PROMPTS:
        exact = TextToImage(prompt=prompt, steps=steps, seed=SEED)
        requests = [exact, *(replace(exact, **mode) for mode in MODES.values())]
        runs = [_run(model, request) for request in requests]
        plain, *times = interleaved(tuple(run for run, _ in runs), samples)
        (picture,) = runs[0][1][-1].pictures
        for row, seconds, (_, results) in zip(rows.values(), times, runs[1:], strict=True):
            result = results[-1]
            (found,) = result.differences
            row.ratios.append(seconds / plain)
            row.reused.append(found.reused)
            checks = [c for c in (found.step_cache, found.attention) if c is not None]
            row.differences += [check.difference for check in checks]
            row.decibels.append(likeness(picture, result.pictures[0])[0])
    lines = [
        "| mode | steps reused | seconds, to exact | velocity off | PSNR, mean | PSNR, least |",
        "|---|---:|---:|---:|---:|---:|",
        *(f"| {name} | {row.cells(steps)} |" for name, row in rows.items()),
        "",
        f"Means over {len(PROMPTS)} prompts; {folder.name}, float32, one thread, torch "
        f"{torch.__version__}, medians of {samples} interleaved samples.",
    ]
    return "\n".join(lines)


def _run(model: loader.Model, request: Request) -> tuple[Callable[[], object], Sequence[Result]]:
    """What makes it again and again, and what it has made."""
    made: list[Result] = []
    return lambda: made.append(model.run(request)), made
