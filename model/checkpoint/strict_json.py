"""JSON from foreign files, read strictly: UTF-8, no duplicate keys, finite numbers, bounded depth.

Knows nothing of what the values mean.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from model.errors import CheckpointError

MAX_DEPTH = 64
MAX_CONFIG_BYTES = 16 * 2**20


def read_object(path: Path, *, limit_bytes: int = MAX_CONFIG_BYTES) -> dict[str, Any]:
    """The object in a small JSON file; CheckpointError names the file and what is wrong in it."""
    return parse_object(read_bytes(path, limit_bytes=limit_bytes), str(path))


def read_bytes(path: Path, *, limit_bytes: int = MAX_CONFIG_BYTES) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(limit_bytes + 1)
    except FileNotFoundError:
        raise CheckpointError(f"{path} is missing; download the model again") from None
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        raise CheckpointError(f"{path} cannot be read: {error}") from error
    if len(data) > limit_bytes:
        raise CheckpointError(f"{path} is larger than {limit_bytes} bytes; it is no such file")
    return data


def parse_object(data: bytes, where: str) -> dict[str, Any]:
    value = parse_value(data, where)
    if not isinstance(value, dict):
        raise CheckpointError(f"{where}: holds {type(value).__name__}, not a JSON object")
    return value


def parse_value(data: bytes, where: str) -> Any:
    """As `parse_object`, where any JSON value may stand."""
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_refuse,
            parse_float=_finite,
        )
        _check_tree(value, MAX_DEPTH)
    except RecursionError:
        raise CheckpointError(f"{where}: JSON nested deeper than {MAX_DEPTH} levels") from None
    except ValueError as error:  # also UnicodeError and JSONDecodeError
        raise CheckpointError(f"{where}: not valid JSON: {error}") from None
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    seen: set[str] = set()
    twice = next(key for key, _ in pairs if key in seen or seen.add(key))
    raise ValueError(f"the key {twice[:80]!r} stands twice")


def _refuse(text: str) -> Any:
    raise ValueError(f"{text} is not a number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:40]} is too large")
    return number


def _check_tree(value: Any, depth: int) -> None:
    if isinstance(value, str):
        value.encode("utf-8")  # refuses lone surrogates
        return
    if not isinstance(value, (dict, list)):
        return
    if depth == 0:
        raise ValueError(f"nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, dict):
        for key in value:
            key.encode("utf-8")
    for item in value.values() if isinstance(value, dict) else value:
        _check_tree(item, depth - 1)
