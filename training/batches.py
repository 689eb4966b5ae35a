"""Batches by position: example i is always the same, so that a position is all a resume needs."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import torch
from torch.utils.data import DataLoader, Dataset, Sampler


class Examples(Protocol):
    """Endless examples, each a function of its index."""

    def __getitem__(self, index: int, /) -> Any: ...


Collate = Callable[[Any], Any]


def batches(
    examples: Examples, collate: Collate, first: int, size: int, count: int, workers: int
) -> Iterator[Any]:
    """`count` batches of `size` examples from example `first` on, drawn by `workers` processes."""
    loader = DataLoader(
        _Sized(examples, first + size * count),
        batch_sampler=_Positions(first, size, count),
        num_workers=workers,
        collate_fn=collate,
        worker_init_fn=_ignore_interrupt,
        # Its own generator: the loader must not draw from the state that a resume restores.
        generator=torch.Generator().manual_seed(0),
        prefetch_factor=4 if workers else None,
    )
    return iter(loader)


class _Sized(Dataset[Any]):
    """Examples with the length that the loader asks for."""

    def __init__(self, examples: Examples, length: int) -> None:
        self.examples, self.length = examples, length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Any:
        return self.examples[index]


class _Positions(Sampler[list[int]]):
    """Consecutive indices, a batch at a time."""

    def __init__(self, first: int, size: int, count: int) -> None:
        self.first, self.size, self.count = first, size, count

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[list[int]]:
        for i in range(self.count):
            start = self.first + i * self.size
            yield list(range(start, start + self.size))


def _ignore_interrupt(_worker: int) -> None:
    """Ctrl+C reaches every process of a terminal; the run's own decides what it means."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
