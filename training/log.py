"""The log of a run: one JSON object a line, flushed as it is written, readable after any kill.

Knows nothing of what is logged; `training` programs and the window read it back with `read`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

LOG_NAME = "log.jsonl"


class Log:
    """Appends records to a run's log and says them on the terminal."""

    def __init__(self, folder: Path, say: Callable[[str], None] | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / LOG_NAME
        self._say = say or _say_on_terminal
        self._end_cut_line()

    def write(self, event: str, **values: Any) -> None:
        """`values` must be JSON; numbers that are none (NaN) are written as text."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        record = {"time": now, "event": event} | {k: _plain(v) for k, v in values.items()}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n")
        shown = {k: v for k, v in values.items() if not isinstance(v, dict)}
        self._say(f"{event:<10} " + "  ".join(f"{k} {_short(v)}" for k, v in shown.items()))

    def _end_cut_line(self) -> None:
        """A kill may have left half a line; the next record starts on its own."""
        if not self.path.exists() or self.path.stat().st_size == 0:
            return
        with self.path.open("rb+") as file:
            file.seek(-1, 2)
            if file.read(1) != b"\n":
                file.write(b"\n")


def read(folder: Path) -> Iterator[dict[str, Any]]:
    """Every whole record of a run's log, oldest first; a line cut by a kill is left out."""
    path = folder / LOG_NAME
    if not path.exists():
        return
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict):
            yield record


def _say_on_terminal(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _plain(value: Any) -> Any:
    if isinstance(value, float) and (value != value or value in (float("inf"), -float("inf"))):
        return str(value)
    return value


def _short(value: Any) -> str:
    return f"{value:.5g}" if isinstance(value, float) else str(value)
