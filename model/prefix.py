"""What stands before the target in Qwen-Image-2.1's one sequence: runs of text, and references.

Text is causal; a reference sees itself whole and all before it. Split into runs, that needs no mask
over the whole sequence: a run's keys are all tokens up to its own end.

Shapes: B batch, T text states (image slots included), N prefix tokens, L target tokens, d head
dimension.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

import torch
from torch import Tensor

from model.rope import MAX_POSITION_21, Grid, image_table, text_table

TOKENS_PER_SLOT = 4
"""A slot of the text encoder covers 32 x 32 px, a token 16 x 16."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """Tokens `start`…`stop` of the prefix: text, or one reference with its grid. `states` are their
    places among the text states."""

    start: int
    stop: int
    states: slice
    grid: Grid | None = None

    @property
    def length(self) -> int:
        return self.stop - self.start

    @property
    def positions(self) -> int:
        """How far the run moves the position of what follows."""
        return self.length if self.grid is None else max(self.grid[1:])


def prefix_runs(is_slot: Sequence[bool], references: Iterable[Grid]) -> tuple[Run, ...]:
    """The runs of a sequence whose states are text or, where `is_slot`, places of the references.

    References without text between them are runs of their own: where one ends, its grid says.
    ValueError if the slots are not those of the references.

    >>> [run.length for run in prefix_runs([False, True, True, False], [(1, 2, 4)])]
    [1, 8, 1]
    """
    runs: list[Run] = []
    grids = iter(references)
    state = start = 0
    for slot, group in groupby(is_slot):
        end = state + len(list(group))
        while state < end:
            grid = next(grids, None) if slot else None
            states = _slots_of(grid) if slot else end - state
            if state + states > end:
                break
            length = states * TOKENS_PER_SLOT if slot else states
            places = slice(state, state + states)
            runs.append(Run(start=start, stop=start + length, states=places, grid=grid))
            state, start = state + states, start + length
    if state != len(is_slot) or next(grids, None) is not None:
        raise ValueError("the pictures' slots in the text are not those of the references")
    return tuple(runs)


def _slots_of(grid: Grid | None) -> int:
    """Without a reference for a slot, more than there can be."""
    return 2**31 if grid is None else grid[0] * grid[1] * grid[2] // TOKENS_PER_SLOT


def end_of(is_slot: Sequence[bool], references: Iterable[Grid]) -> int:
    """The position behind the prefix, which is the target's."""
    return sum(run.positions for run in prefix_runs(is_slot, references))


def sequence_tables(
    runs: Sequence[Run], target: Grid, axes_dims: Sequence[int]
) -> tuple[Tensor, Tensor]:
    """Rotations of the prefix [N, d/2] and of the target [L, d/2].

    Text counts its positions on all three axes; an image stands at one frame position, its rows and
    columns centred on zero, and moves what follows by its longer side.
    """
    position = 0
    tables: list[Tensor] = []
    for run in runs:
        if run.grid is None:
            tables.append(text_table(position, run.length, axes_dims, MAX_POSITION_21))
        else:
            tables.append(image_table(run.grid, position, axes_dims, MAX_POSITION_21))
        position += run.positions
    return torch.cat(tables), image_table(target, position, axes_dims, MAX_POSITION_21)


def valid_tokens(runs: Sequence[Run], valid: Tensor) -> Tensor:
    """Which prefix tokens count [B, N], from the states that do [B, T]; references always do."""
    parts = [
        valid[:, run.states].bool()
        if run.grid is None
        else valid.new_ones(len(valid), run.length, dtype=torch.bool)
        for run in runs
    ]
    return torch.cat(parts, dim=1)


def run_masks(
    runs: Sequence[Run], valid: Tensor | None, device: torch.device
) -> tuple[Tensor | None, ...]:
    """For each run, which keys up to its end its tokens see; None where they see all of them.

    `valid` [B, N] marks the prefix tokens that count; None means all.
    """
    masks: list[Tensor | None] = []
    for run in runs:
        mask = None if valid is None else valid[:, None, None, : run.stop]
        if run.grid is None:
            causal = torch.ones(run.length, run.stop, dtype=torch.bool, device=device)
            causal = causal.tril(diagonal=run.start)
            mask = causal if mask is None else mask & causal
        masks.append(mask)
    return tuple(masks)
