"""Properties that signal when they change, and a two-way tie between one of them and a widget.

class Counter(Observable):
    value = Property(0)

counter.changed.connect(print)      # prints the name of the property that changed
bind(counter, "value", spin_box.setValue, spin_box.valueChanged)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

from PySide6.QtCore import QObject, QSignalBlocker, Signal, SignalInstance

T = TypeVar("T")


class Observable(QObject):
    """Base of everything with properties. `changed` carries the property's name."""

    changed = Signal(str)


class Property(Generic[T]):
    """A value of an Observable; assigning an equal value is no change."""

    def __init__(self, default: T) -> None:
        self.default = default
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, owner: None, kind: type) -> Property[T]: ...
    @overload
    def __get__(self, owner: Observable, kind: type) -> T: ...
    def __get__(self, owner: Observable | None, kind: type) -> T | Property[T]:
        if owner is None:
            return self
        return owner.__dict__.get(self.name, self.default)

    def __set__(self, owner: Observable, value: T) -> None:
        if owner.__dict__.get(self.name, self.default) == value:
            return
        owner.__dict__[self.name] = value
        owner.changed.emit(self.name)


def property_names(kind: type) -> tuple[str, ...]:
    """The properties of a class, its bases' first."""
    found: dict[str, None] = {}
    for base in reversed(kind.__mro__):
        found.update(dict.fromkeys(n for n, v in vars(base).items() if isinstance(v, Property)))
    return tuple(found)


def watch(model: Observable, name: str, react: Callable[[Any], object]) -> None:
    """Call `react` with the property's value now and after every change."""

    def on_change(changed: str) -> None:
        if changed == name:
            react(getattr(model, name))

    model.changed.connect(on_change)
    react(getattr(model, name))


def bind(
    model: Observable, name: str, show: Callable[[Any], object], edited: SignalInstance
) -> None:
    """Tie a property to a widget: `show` displays it, `edited` brings back the user's value."""
    widget = getattr(show, "__self__", None)

    def display(value: Any) -> None:
        if not isinstance(widget, QObject):
            show(value)
            return
        blocker = QSignalBlocker(widget)
        show(value)
        blocker.unblock()

    watch(model, name, display)
    edited.connect(lambda value: setattr(model, name, value))
