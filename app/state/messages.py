"""What is told to the user without stopping them: what happened, what was kept, what to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum


class Kind(Enum):
    """An error waits to be closed; a notice leaves by itself."""

    error = "error"
    warning = "warning"
    notice = "notice"


@dataclass(frozen=True, kw_only=True)
class Message:
    """`deeds` are what can be done about it: (text, what a click does)."""

    kind: Kind
    title: str
    text: str = ""
    deeds: tuple[tuple[str, Callable[[], object]], ...] = field(default=(), compare=False)
