"""An edit tree drawn as a list: one row a node, oldest first, branches in lanes of their own.

    0 ●        first picture
    1 ├╮       an edit of it
    2 │●       another edit of the first: a branch
    3 ●        an edit of row 1

Values in, values out; knows nothing of widgets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Row:
    """`passing` are lanes drawn straight through, `children` those that begin below the dot."""

    id: str
    lane: int
    has_parent: bool
    passing: tuple[int, ...]
    children: tuple[int, ...]


def lay_out(nodes: Sequence[tuple[str, str | None]]) -> list[Row]:
    """`nodes` are (id, parent id) in the order of their making; an unknown parent is none."""
    index = {id: row for row, (id, _) in enumerate(nodes)}
    parents = [index.get(parent) if parent is not None else None for _, parent in nodes]
    children: list[list[int]] = [[] for _ in nodes]
    for row, parent in enumerate(parents):
        if parent is not None:
            children[parent].append(row)
    lanes = _lanes(parents, children)
    return [
        Row(
            id=id,
            lane=lanes[row],
            has_parent=parents[row] is not None,
            passing=tuple(
                sorted(
                    lanes[child]
                    for child, parent in enumerate(parents)
                    if parent is not None and parent < row < child
                )
            ),
            children=tuple(lanes[child] for child in children[row]),
        )
        for row, (id, _) in enumerate(nodes)
    ]


def _lanes(parents: Sequence[int | None], children: Sequence[Sequence[int]]) -> list[int]:
    """The first child goes on in its parent's lane; every other takes one free for all its rows."""
    lanes: list[int] = []
    used_until: dict[int, int] = {}
    for row, parent in enumerate(parents):
        first = parent is not None and children[parent][0] == row
        start = row if parent is None else parent
        lane = lanes[parent] if parent is not None and first else _free(used_until, start)
        lanes.append(lane)
        used_until[lane] = max(used_until.get(lane, row), _line_end(row, children))
    return lanes


def _line_end(row: int, children: Sequence[Sequence[int]]) -> int:
    """The last row of the straight line that begins here."""
    while children[row]:
        row = children[row][0]
    return row


def _free(used_until: dict[int, int], start: int) -> int:
    lane = 0
    while used_until.get(lane, -1) >= start:
        lane += 1
    return lane
