"""The named colours of synthetic posters: values, names in two languages, and which go together.

Knows nothing of scenes or captions.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

RGB = tuple[int, int, int]

MIN_TEXT_CONTRAST = 3.4  # above the 3:1 that WCAG asks of large text
MIN_SHAPE_DISTANCE = 120.0  # in RGB; below it a shape is hard to tell from its page

_GRADIENT_STEPS = 8


@dataclass(frozen=True, kw_only=True)
class Colour:
    english: str
    chinese: str
    rgb: RGB


def _colour(english: str, chinese: str, rgb: RGB) -> tuple[str, Colour]:
    return english, Colour(english=english, chinese=chinese, rgb=rgb)


COLOURS: dict[str, Colour] = dict(
    (
        _colour("white", "白色", (255, 255, 255)),
        _colour("black", "黑色", (18, 18, 20)),
        _colour("cream", "米色", (244, 224, 182)),
        _colour("yellow", "黄色", (255, 212, 40)),
        _colour("orange", "橙色", (242, 122, 20)),
        _colour("red", "红色", (208, 34, 44)),
        _colour("pink", "粉色", (250, 160, 192)),
        _colour("purple", "紫色", (124, 48, 168)),
        _colour("navy", "深蓝色", (20, 36, 100)),
        _colour("blue", "蓝色", (36, 104, 230)),
        _colour("sky blue", "天蓝色", (138, 204, 246)),
        _colour("green", "绿色", (20, 128, 64)),
    )
)

PAGE_COLOURS = (
    "white", "black", "cream", "yellow", "red", "pink", "purple", "navy", "sky blue", "green",
)  # fmt: skip
TEXT_COLOURS = ("white", "black", "yellow", "orange", "red", "purple", "navy", "green")
SHAPE_COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "pink")


def rgb(name: str) -> RGB:
    return COLOURS[name].rgb


def shades(*names: str) -> tuple[RGB, ...]:
    """One colour, or what a gradient between two passes through."""
    first, last = rgb(names[0]), rgb(names[-1])
    steps = [k / _GRADIENT_STEPS for k in range(_GRADIENT_STEPS + 1)] if first != last else [0.0]
    return tuple(_mixed(first, last, share) for share in steps)


def _mixed(first: RGB, last: RGB, share: float) -> RGB:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, last, strict=True))
    return red, green, blue


def luminance(colour: RGB) -> float:
    """Relative luminance of an sRGB colour."""
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in (value / 255 for value in colour)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: RGB, second: RGB) -> float:
    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


def distance(first: RGB, second: RGB) -> float:
    return sum((a - b) ** 2 for a, b in zip(first, second, strict=True)) ** 0.5


@cache
def text_colours_on(*page: str) -> tuple[str, ...]:
    """The text colours that can be read anywhere on a page of one colour or a gradient of two."""
    return tuple(
        text
        for text in TEXT_COLOURS
        if all(contrast(rgb(text), shade) >= MIN_TEXT_CONTRAST for shade in shades(*page))
    )


@cache
def shape_colours_on(*page: str) -> tuple[str, ...]:
    """The shape colours that stand out anywhere on a page of one colour or a gradient of two."""
    return tuple(
        shape
        for shape in SHAPE_COLOURS
        if all(distance(rgb(shape), shade) >= MIN_SHAPE_DISTANCE for shade in shades(*page))
    )


def nearest(colour: RGB, names: tuple[str, ...]) -> str:
    return min(names, key=lambda name: distance(colour, rgb(name)))
