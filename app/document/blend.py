"""Blend modes: what QPainter does for each, and how other programs call it.

Only modes that leave the picture alone where the layer is transparent are here; the others of
QPainter (source, destination in, clear and the like) are steps of compositing, not layer modes.
"""

from __future__ import annotations

from enum import Enum

from PySide6.QtGui import QPainter

Mode = QPainter.CompositionMode


class Blend(Enum):
    """Value: the name in our files. `psd`: the key in a PSD. `ora`: the name in an OpenRaster file.

    `add` is exact in OpenRaster; Photoshop clips before it applies the layer's alpha, we after.
    """

    normal = "normal"
    multiply = "multiply"
    screen = "screen"
    overlay = "overlay"
    darken = "darken"
    lighten = "lighten"
    color_dodge = "color_dodge"
    color_burn = "color_burn"
    hard_light = "hard_light"
    soft_light = "soft_light"
    difference = "difference"
    exclusion = "exclusion"
    add = "add"

    @property
    def mode(self) -> Mode:
        return _ROWS[self.value][0]

    @property
    def psd(self) -> bytes:
        return _ROWS[self.value][1]

    @property
    def ora(self) -> str:
        return _ROWS[self.value][2]

    @staticmethod
    def from_psd(key: bytes) -> Blend:
        """The mode of a PSD's key; normal for one that we do not have."""
        return next((blend for blend in Blend if blend.psd == key), Blend.normal)


_ROWS = {
    "normal": (Mode.CompositionMode_SourceOver, b"norm", "svg:src-over"),
    "multiply": (Mode.CompositionMode_Multiply, b"mul ", "svg:multiply"),
    "screen": (Mode.CompositionMode_Screen, b"scrn", "svg:screen"),
    "overlay": (Mode.CompositionMode_Overlay, b"over", "svg:overlay"),
    "darken": (Mode.CompositionMode_Darken, b"dark", "svg:darken"),
    "lighten": (Mode.CompositionMode_Lighten, b"lite", "svg:lighten"),
    "color_dodge": (Mode.CompositionMode_ColorDodge, b"div ", "svg:color-dodge"),
    "color_burn": (Mode.CompositionMode_ColorBurn, b"idiv", "svg:color-burn"),
    "hard_light": (Mode.CompositionMode_HardLight, b"hLit", "svg:hard-light"),
    "soft_light": (Mode.CompositionMode_SoftLight, b"sLit", "svg:soft-light"),
    "difference": (Mode.CompositionMode_Difference, b"diff", "svg:difference"),
    "exclusion": (Mode.CompositionMode_Exclusion, b"smud", "svg:exclusion"),
    "add": (Mode.CompositionMode_Plus, b"lddg", "svg:plus"),
}
