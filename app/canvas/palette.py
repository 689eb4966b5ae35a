"""The colours of the canvas, by what they are for, as #rrggbb. Knows no theme; it is given one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Palette:
    """`surround` lies around the page; `mask` tints what may change."""

    surround: str
    shadow: str
    edge: str
    checker_light: str
    checker_dark: str
    accent: str
    on_accent: str
    mask: str
    hint: str


LIGHT = Palette(
    surround="#d5d8dd",
    shadow="#1c1f24",
    edge="#b9bec6",
    checker_light="#ffffff",
    checker_dark="#dfe2e7",
    accent="#2459c5",
    on_accent="#ffffff",
    mask="#e5484d",
    hint="#1c1f24",
)
DARK = Palette(
    surround="#131416",
    shadow="#000000",
    edge="#34373d",
    checker_light="#8b8f96",
    checker_dark="#767a81",
    accent="#5b8def",
    on_accent="#0b1220",
    mask="#ff5a5f",
    hint="#1c1f24",
)
