"""Options as frozen dataclasses: read from tables, strictly checked, refused by name.

Knows how options are checked; not what any of them does.
"""

from __future__ import annotations

import dataclasses
import math
import types
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

from training.errors import ConfigError

T = TypeVar("T")


@dataclass(frozen=True)
class Range:
    """Both ends are allowed."""

    low: float
    high: float


@dataclass(frozen=True)
class Choice:
    """One of a few words."""

    words: tuple[str, ...]


Positive = Annotated[int, Range(1, 10**9)]
Count = Annotated[int, Range(0, 10**9)]
Share = Annotated[float, Range(0.0, 1.0)]


@dataclass(frozen=True, kw_only=True)
class Options:
    """Base of every group of options: checks types and ranges of its fields when it is made."""

    def __post_init__(self) -> None:
        hints = get_type_hints(type(self), include_extras=True)
        for field in dataclasses.fields(self):
            _check(field.name, getattr(self, field.name), hints[field.name])


def from_table(cls: type[T], table: Any, where: str = "") -> T:
    """A dataclass from a TOML table: unknown and missing options are refused by name."""
    if not isinstance(table, dict):
        raise ConfigError(f"{where.rstrip('.') or 'the file'} must be a table of options")
    fields = {f.name: f for f in dataclasses.fields(cls) if f.init}  # type: ignore[arg-type]
    unknown = sorted(set(table) - set(fields))
    if unknown:
        raise ConfigError(f"unknown option {where}{unknown[0]}; known: {', '.join(fields)}")
    missing = [name for name, f in fields.items() if name not in table and _is_required(f)]
    if missing:
        raise ConfigError(f"option {where}{missing[0]} is missing")
    hints = get_type_hints(cls, include_extras=True)
    try:
        return cls(**{k: _value(v, hints[k], f"{where}{k}") for k, v in table.items()})
    except ConfigError:
        raise
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{where}{error}") from None


def _is_required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _value(value: Any, hint: Any, where: str) -> Any:
    """TOML's value in the field's own type: tables become dataclasses, lists become tuples."""
    base = _plain(hint)
    if dataclasses.is_dataclass(base) and isinstance(base, type):
        return from_table(base, value, f"{where}.")
    if get_origin(base) is tuple and isinstance(value, list):
        args = get_args(base)
        inner = args[:1] * len(value) if args[-1] is Ellipsis else args
        if len(inner) != len(value):
            raise ConfigError(f"{where} must be a list of {len(inner)} values")
        value = tuple(_value(v, h, where) for v, h in zip(value, inner, strict=True))
    elif base is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    _check(where, value, hint)
    return value


def _check(name: str, value: Any, hint: Any) -> None:
    base, rules = _plain(hint), getattr(hint, "__metadata__", ())
    if get_origin(base) is tuple:
        _check_tuple(name, value, get_args(base))
    elif not _is_instance(value, base):
        raise ConfigError(f"{name} must be {getattr(base, '__name__', base)}, got {value!r}")
    for rule in rules:
        if isinstance(rule, Range) and not rule.low <= value <= rule.high:  # refuses NaN too
            raise ConfigError(f"{name} is {value}; allowed is {rule.low}…{rule.high}")
        if isinstance(rule, Choice) and value not in rule.words:
            raise ConfigError(f"{name} is {value!r}; choose one of {', '.join(rule.words)}")


def _check_tuple(name: str, value: Any, args: tuple[Any, ...]) -> None:
    if not isinstance(value, tuple) or not value:
        raise ConfigError(f"{name} must be a list with at least one value, got {value!r}")
    for item in value:
        _check(name, item, args[0])


def _is_instance(value: Any, base: Any) -> bool:
    if get_origin(base) in (Union, types.UnionType):
        return any(_is_instance(value, _plain(arm)) for arm in get_args(base))
    if base is float:
        return isinstance(value, float) and math.isfinite(value)
    if base is int:
        return isinstance(value, int) and not isinstance(value, bool)
    origin = get_origin(base) or base
    return isinstance(value, origin) if isinstance(origin, type) else True


def _plain(hint: Any) -> Any:
    return get_args(hint)[0] if get_origin(hint) is Annotated else hint
