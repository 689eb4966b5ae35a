"""Shares of what was right, as a table for people and as JSON for programs.

Knows names and yes or no; neither posters nor models.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Share:
    """`right` of `count` cases."""

    right: int
    count: int

    @property
    def value(self) -> float:
        return self.right / self.count if self.count else 0.0


@dataclass(frozen=True, kw_only=True)
class Row:
    """One measure: what came out, what was aimed at, and the same measure on true pictures."""

    name: str
    got: Share
    aim: float | None = None
    truth: Share | None = None


def share(found: Iterable[bool | None]) -> Share:
    """Of those that apply; None does not."""
    applying = [value for value in found if value is not None]
    return Share(right=sum(applying), count=len(applying))


def table(rows: Iterable[Row]) -> str:
    """Markdown."""
    lines = ["| measure | right | of | share | aim | true pictures |", "|---|---|---|---|---|---|"]
    for row in rows:
        aim = "" if row.aim is None else f"≥ {row.aim:.2f}"
        truth = "" if row.truth is None else f"{row.truth.value:.3f}"
        got = row.got
        lines.append(
            f"| {row.name} | {got.right} | {got.count} | {got.value:.3f} | {aim} | {truth} |"
        )
    return "\n".join(lines) + "\n"


def as_json(rows: Iterable[Row], extra: Mapping[str, Any]) -> dict[str, Any]:
    measures = {
        row.name: {
            "right": row.got.right,
            "count": row.got.count,
            "share": round(row.got.value, 4),
            "aim": row.aim,
            "truth": None if row.truth is None else round(row.truth.value, 4),
        }
        for row in rows
    }
    return {"version": 1, **extra, "measures": measures}
