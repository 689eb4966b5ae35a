"""The named colours of synthetic posters: values, names in two languages, and which go together.

The plain colours are a dozen, far from each other; the wide palette has those that people name
besides, most by several words. Knows nothing of scenes or captions.
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
    """A value and its names: the first of each language, and the others that people have for it."""

    english: str
    chinese: str
    rgb: RGB
    also: tuple[str, ...] = ()
    also_chinese: tuple[str, ...] = ()


def _colour(english: str, chinese: str, rgb: RGB, also: str = "") -> tuple[str, Colour]:
    """`also`: further names, with commas between them; the languages are told by their letters."""
    names = [name.strip() for name in also.split(",") if name]
    return english, Colour(
        english=english,
        chinese=chinese,
        rgb=rgb,
        also=tuple(name for name in names if name.isascii()),
        also_chinese=tuple(name for name in names if not name.isascii()),
    )


COLOURS: dict[str, Colour] = dict(
    (
        _colour("white", "白色", (255, 255, 255), "light, 浅色, 纯白色"),
        _colour("black", "黑色", (18, 18, 20), "纯黑色"),
        _colour("cream", "米色", (244, 224, 182), "beige, ivory, 米黄色, 奶油色, 米白色"),
        _colour("yellow", "黄色", (255, 212, 40), "bright yellow, 明黄色, 亮黄色"),
        _colour("orange", "橙色", (242, 122, 20), "bright orange, tangerine, 橘色, 橙黄色"),
        _colour("red", "红色", (208, 34, 44), "bright red, crimson, scarlet, 大红色, 鲜红色"),
        _colour("pink", "粉色", (250, 160, 192), "粉红色"),
        _colour("purple", "紫色", (124, 48, 168), "violet, 紫罗兰色"),
        _colour("navy", "深蓝色", (20, 36, 100), "navy blue, dark blue, midnight blue, 藏蓝色"),
        _colour("blue", "蓝色", (36, 104, 230), "bright blue, royal blue, cobalt, 宝蓝色"),
        _colour("sky blue", "天蓝色", (138, 204, 246), "light blue, pale blue, 浅蓝色, 淡蓝色"),
        _colour("green", "绿色", (20, 128, 64), "emerald, bright green, 翠绿色"),
        _colour("coral", "珊瑚色", (255, 120, 92), "salmon, light red, 珊瑚红, 珊瑚红色, 鲑鱼色"),
        _colour("peach", "蜜桃色", (255, 190, 145), "apricot, light orange, 杏色, 桃色, 浅橙色"),
        _colour("light pink", "浅粉色", (255, 216, 226), "pale pink, blush, 淡粉色"),
        _colour("magenta", "玫红色", (230, 46, 142), "hot pink, fuchsia, 洋红色, 品红色, 桃红色"),
        _colour("maroon", "酒红色", (112, 16, 34), "burgundy, dark red, wine, 深红色, 暗红色"),
        _colour("rust", "砖红色", (174, 78, 38), "terracotta, dark orange, copper, 铁锈色, 赤陶色"),
        _colour("brown", "棕色", (112, 68, 42), "chocolate, dark brown, 褐色, 咖啡色, 巧克力色"),
        _colour("tan", "驼色", (200, 160, 116), "sand, camel, light brown, 沙色, 浅棕色, 卡其色"),
        _colour("gold", "金色", (214, 164, 36), "golden, mustard, ochre, 芥末黄, 金黄色, 芥黄色"),
        _colour("light yellow", "浅黄色", (255, 240, 130), "pale yellow, lemon, 柠檬黄, 淡黄色"),
        _colour("lime", "黄绿色", (166, 220, 50), "lime green, neon green, 青柠色, 嫩绿色"),
        _colour("olive", "橄榄色", (112, 116, 38), "olive green, moss, 橄榄绿, 军绿色"),
        _colour("mint", "薄荷色", (162, 228, 188), "light green, mint green, 薄荷绿, 浅绿色"),
        _colour("dark green", "深绿色", (8, 70, 48), "forest green, 墨绿色, 森林绿"),
        _colour("teal", "蓝绿色", (10, 124, 130), "dark teal, 孔雀蓝, 孔雀绿"),
        _colour("turquoise", "青绿色", (64, 206, 190), "aqua, 绿松石色, 湖蓝色"),
        _colour("cyan", "青色", (24, 184, 232), "azure, 青蓝色"),
        _colour("indigo", "靛蓝色", (70, 42, 142), "dark purple, 靛色, 深紫色"),
        _colour("lavender", "薰衣草色", (190, 164, 236), "lilac, light purple, 浅紫色, 淡紫色"),
        _colour("grey", "灰色", (132, 134, 140), "gray, slate"),
        _colour("light grey", "浅灰色", (208, 210, 214), "light gray, silver, 银色, 银灰色"),
        _colour("charcoal", "炭灰色", (58, 60, 68), "dark, dark grey, dark gray, 深色, 深灰色"),
    )
)


@dataclass(frozen=True, kw_only=True)
class Palette:
    """Which colours pages, texts and shapes may have."""

    pages: tuple[str, ...]
    texts: tuple[str, ...]
    shapes: tuple[str, ...]


PAGE_COLOURS = (
    "white", "black", "cream", "yellow", "red", "pink", "purple", "navy", "sky blue", "green",
)  # fmt: skip
TEXT_COLOURS = ("white", "black", "yellow", "orange", "red", "purple", "navy", "green")
SHAPE_COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "pink")
PLAIN, WIDE = "plain", "wide"
PALETTES = {
    PLAIN: Palette(pages=PAGE_COLOURS, texts=TEXT_COLOURS, shapes=SHAPE_COLOURS),
    WIDE: Palette(pages=tuple(COLOURS), texts=tuple(COLOURS), shapes=tuple(COLOURS)),
}


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


def is_readable(text: str, *page: str) -> bool:
    """Whether text of that colour keeps its contrast anywhere on the page."""
    return all(contrast(rgb(text), shade) >= MIN_TEXT_CONTRAST for shade in shades(*page))


@cache
def text_colours_on(*page: str, palette: str = PLAIN) -> tuple[str, ...]:
    """The text colours that can be read anywhere on a page of one colour or a gradient of two."""
    return tuple(text for text in PALETTES[palette].texts if is_readable(text, *page))


@cache
def shape_colours_on(*page: str, palette: str = PLAIN) -> tuple[str, ...]:
    """The shape colours that stand out anywhere on a page of one colour or a gradient of two."""
    return tuple(
        shape
        for shape in PALETTES[palette].shapes
        if all(distance(rgb(shape), shade) >= MIN_SHAPE_DISTANCE for shade in shades(*page))
    )


def nearest(colour: RGB, names: tuple[str, ...]) -> str:
    return min(names, key=lambda name: distance(colour, rgb(name)))
