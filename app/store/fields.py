"""Reading JSON objects field by field, each with its type. Knows nothing of what they describe."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, TypeVar

Choice = TypeVar("Choice", bound=Enum)
MAX_WHOLE = 1 << 31


class Fields:
    """The fields of one JSON object. A missing one, or one of another type, is a ValueError."""

    def __init__(self, value: Any, what: str) -> None:
        if not isinstance(value, dict):
            raise ValueError(f"{what}: not an object")
        self._values: Mapping[str, Any] = value
        self._what = what

    def any(self, name: str) -> Any:
        if name not in self._values:
            raise ValueError(f"{self._what}: no {name}")
        return self._values[name]

    def text(self, name: str) -> str:
        return self._typed(name, str)

    def flag(self, name: str) -> bool:
        return self._typed(name, bool)

    def items(self, name: str) -> list[Any]:
        return self._typed(name, list)

    def mapping(self, name: str) -> dict[str, Any]:
        return self._typed(name, dict)

    def whole(self, name: str) -> int:
        value = self._typed(name, int)
        if isinstance(value, bool) or not -MAX_WHOLE <= value < MAX_WHOLE:
            raise ValueError(f"{self._what}: {name} is {value!r}")
        return value

    def number(self, name: str) -> float:
        value = self.any(name)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ValueError(f"{self._what}: {name} is {value!r}")
        return float(value)

    def choice(self, name: str, kind: type[Choice]) -> Choice:
        return kind(self.text(name))

    def optional_text(self, name: str) -> str | None:
        return None if self.any(name) is None else self.text(name)

    def later_any(self, name: str) -> Any:
        """Of a field that older records do not have."""
        return self._values.get(name)

    def later_text(self, name: str) -> str | None:
        """Of a field that older records do not have."""
        return self.optional_text(name) if name in self._values else None

    def later_texts(self, name: str) -> list[str]:
        """Of a field that older records do not have."""
        found = self.items(name) if name in self._values else []
        if not all(isinstance(item, str) for item in found):
            raise ValueError(f"{self._what}: {name} holds more than texts")
        return found

    def optional_whole(self, name: str) -> int | None:
        return None if self.any(name) is None else self.whole(name)

    def _typed(self, name: str, kind: type[Any]) -> Any:
        value = self.any(name)
        if not isinstance(value, kind):
            raise ValueError(f"{self._what}: {name} is {type(value).__name__}")
        return value
