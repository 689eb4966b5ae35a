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
    """One measure: what came out, what was aimed at, and the same measure on true pictures.

    `decoded` is that of true pictures that went through the model's VAE: no more can come out.
    """

    name: str
    got: Share
    aim: float | None = None
    truth: Share | None = None
    decoded: Share | None = None


def share(found: Iterable[bool | None]) -> Share:
    """Of those that apply; None does not."""
    applying = [value for value in found if value is not None]
    return Share(right=sum(applying), count=len(applying))


def table(rows: Iterable[Row]) -> str:
    """Markdown."""
    heads = ("measure", "right", "of", "share", "aim", "true pictures", "after the VAE")
    lines = [_line(heads), _line(["---"] * len(heads))]
    for row in rows:
        got, aim = row.got, "" if row.aim is None else f"≥ {row.aim:.2f}"
        numbers = (str(got.right), str(got.count), f"{got.value:.3f}", aim)
        lines.append(_line((row.name, *numbers, _value(row.truth), _value(row.decoded))))
    return "\n".join(lines) + "\n"


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _value(found: Share | None) -> str:
    return "" if found is None else f"{found.value:.3f}"


def as_json(rows: Iterable[Row], extra: Mapping[str, Any]) -> dict[str, Any]:
    measures = {
        row.name: {
            "right": row.got.right,
            "count": row.got.count,
            "share": round(row.got.value, 4),
            "aim": row.aim,
            "truth": _rounded(row.truth),
            "decoded": _rounded(row.decoded),
        }
        for row in rows
    }
    return {"version": 1, **extra, "measures": measures}


def _rounded(found: Share | None) -> float | None:
    return None if found is None else round(found.value, 4)
