"""JSON as the project file and the pictures hold it, read without trust.

No NaN, no repeated keys, no deep nesting, no lone surrogates. It knows nothing of what is meant.
"""

from __future__ import annotations

import json
from typing import Any

MAX_DEPTH = 64


def dumps(value: Any) -> str:
    """Compact JSON, the same text for the same value. NaN is our own mistake.

    Half of a surrogate pair, which Qt lets into a text, becomes a question mark.
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode("utf-8", "replace").decode()


def loads(text: str | bytes, *, max_bytes: int) -> Any:
    """The value of `text`; ValueError says what is wrong with it."""
    data = text.encode("utf-8", "strict") if isinstance(text, str) else text
    if len(data) > max_bytes:
        raise ValueError(f"{len(data)} bytes of JSON; at most {max_bytes}")
    try:
        value = json.loads(
            data.decode("utf-8", "strict"),
            object_pairs_hook=_object,
            parse_constant=_refuse_constant,
        )
        _check_depth(value)
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()  # finds lone surrogates
    except RecursionError:
        raise ValueError("JSON nested too deeply") from None
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("JSON with a key given twice")
    return found


def _refuse_constant(name: str) -> float:
    raise ValueError(f"JSON with {name}, which is no number")


def _check_depth(value: Any) -> None:
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [
            child
            for item in level
            if isinstance(item, (dict, list))
            for child in (item.values() if isinstance(item, dict) else item)
        ]
        if not level:
            return
    raise ValueError(f"JSON nested deeper than {MAX_DEPTH}")
