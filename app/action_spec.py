"""What an action of the window is, and what it may depend on. Knows no Qt and no deeds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

CONTEXT = "Actions"


@dataclass(frozen=True, kw_only=True)
class Situation:
    """What an action may depend on, as it is now."""

    can_undo: bool = False
    can_redo: bool = False
    has_picture: bool = False
    has_layer: bool = False
    is_locked: bool = False
    has_group: bool = False
    is_text: bool = False
    is_pixels: bool = False
    has_mask: bool = False
    can_apply_mask: bool = False
    has_selection: bool = False
    has_node: bool = False
    is_busy: bool = False
    can_polish: bool = False
    can_describe: bool = False
    extension_hindrance: str = ""
    is_peeking: bool = False
    is_mask_alone: bool = False
    is_writable: bool = True


When = Callable[[Situation], bool]
Why = Callable[[Situation], str]


@dataclass(frozen=True, kw_only=True)
class ActionSpec:
    """One row: `text` is the English source, `keys` the default shortcuts. `why` says in the
    language of the interface what stands against it while it is disabled."""

    id: str
    menu: str
    text: str
    keys: tuple[str, ...] = ()
    icon: str = ""
    when: When = lambda now: True
    why: Why = lambda now: ""
    checkable: bool = False
    group: str = ""
    separated: bool = False
    context: str = CONTEXT


def row(id: str, menu: str, text: str, *keys: str, **rest: object) -> ActionSpec:
    return ActionSpec(id=id, menu=menu, text=text, keys=keys, **rest)  # type: ignore[arg-type]
