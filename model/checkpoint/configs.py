"""From published JSON to our dataclasses: known fields only, types and ranges checked.

Fields that a dataclass does not name are passed over, whatever they hold; nothing in a config can
name code to run.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from model.config import ConfigError
from model.errors import CheckpointError

MAX_INT = 2**31
MAX_ITEMS = 1024
MAX_TEXT_CHARS = 4096
MAX_LAYERS = 1024
"""Above every model there is; a larger number would only keep us busy building modules."""

_COUNTS_OF_MODULES = {"num_layers", "num_hidden_layers", "depth", "num_res_blocks"}

T = TypeVar("T")


def read_config(cls: type[T], values: Mapping[str, Any], where: str) -> T:
    """An instance of dataclass `cls` from the fields that it shares with `values`."""
    hints = typing.get_type_hints(cls)
    found: dict[str, Any] = {}
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]
        if field.name in values:
            value = values[field.name]
            found[field.name] = _convert(value, hints[field.name], f"{where}: {field.name}")
            if field.name in _COUNTS_OF_MODULES and found[field.name] > MAX_LAYERS:
                raise CheckpointError(f"{where}: {field.name} {value} is above {MAX_LAYERS}")
    try:
        return cls(**found)
    except ConfigError as error:
        raise CheckpointError(f"{where}: {error}") from None
    except TypeError:  # a field without default is missing
        lacking = [f.name for f in dataclasses.fields(cls) if f.name not in found]  # type: ignore[arg-type]
        raise CheckpointError(f"{where}: lacks one of {', '.join(lacking)}") from None


def check_class(values: Mapping[str, Any], allowed: tuple[str, ...], where: str) -> None:
    """`_class_name`, if there is one, is a class whose files we know how to read."""
    name = values.get("_class_name", allowed[0])
    if name not in allowed:
        raise CheckpointError(
            f"{where}: is for {str(name)[:80]!r}; this version reads {' or '.join(allowed)}"
        )


def _convert(value: Any, hint: Any, where: str) -> Any:
    origin = typing.get_origin(hint)
    if origin in (types.UnionType, typing.Union):
        return _convert_optional(value, typing.get_args(hint), where)
    if origin is tuple:
        return _convert_tuple(value, typing.get_args(hint), where)
    if hint is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        if abs(value) > 1e12:
            raise CheckpointError(f"{where} {str(value)[:40]} is out of range")
        return float(value)
    if hint is int and isinstance(value, int) and not isinstance(value, bool):
        if not -MAX_INT < value < MAX_INT:
            raise CheckpointError(f"{where} {str(value)[:40]} is out of range")
        return value
    if hint is bool and isinstance(value, bool):
        return value
    if hint is str and isinstance(value, str) and len(value) <= MAX_TEXT_CHARS:
        return value
    raise CheckpointError(f"{where} is {str(value)[:60]!r}, which is no {_word(hint)}")


def _convert_optional(value: Any, hints: tuple[Any, ...], where: str) -> Any:
    if value is None and type(None) in hints:
        return None
    (hint,) = [h for h in hints if h is not type(None)]
    return _convert(value, hint, where)


def _convert_tuple(value: Any, hints: tuple[Any, ...], where: str) -> tuple[Any, ...]:
    if not isinstance(value, list) or len(value) > MAX_ITEMS:
        raise CheckpointError(f"{where} is {str(value)[:60]!r}, which is no list")
    if hints[-1] is Ellipsis:
        return tuple(_convert(item, hints[0], where) for item in value)
    if len(value) != len(hints):
        raise CheckpointError(f"{where} has {len(value)} entries instead of {len(hints)}")
    return tuple(_convert(item, h, where) for item, h in zip(value, hints, strict=True))


def _word(hint: Any) -> str:
    words = {int: "whole number", float: "number", bool: "true or false", str: "short text"}
    return words.get(hint, "value of its kind")
