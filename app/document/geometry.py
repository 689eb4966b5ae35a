"""Pages: size in pixels and millimetres, resolution, bleed, the presets, and how sizes fit.

Values in, values out. Knows nothing of layers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPoint, QRect, QSize

from app.document.errors import BadPage
from app.i18n import mark, translate

MM_PER_INCH = 25.4
MAX_SIDE_PX = 16_384
MAX_AREA_PX = 100_000_000  # a flat picture of it takes 400 MB; A1 at 300 dpi has 70 million
MAX_DPI = 2400


@dataclass(frozen=True, kw_only=True)
class Page:
    """Width and height are of the whole sheet, bleed included. No background: transparent."""

    width: int
    height: int
    dpi: float = 300.0
    bleed_mm: float = 0.0
    background: str | None = "#ffffff"

    def __post_init__(self) -> None:
        _check_size(self.width, self.height)
        if not 1 <= self.dpi <= MAX_DPI:
            text = translate("Document", "A resolution of {dpi} dpi is outside 1…{most}.")
            raise BadPage(text.format(dpi=f"{self.dpi:g}", most=MAX_DPI))
        if not 0 <= self.bleed_mm <= 1000 or self.trim.isEmpty():
            text = translate("Document", "A bleed of {bleed} mm leaves nothing of the page.")
            raise BadPage(text.format(bleed=f"{self.bleed_mm:g}"))

    @property
    def rect(self) -> QRect:
        return QRect(0, 0, self.width, self.height)

    @property
    def bleed_px(self) -> int:
        return to_px(self.bleed_mm, self.dpi) if self.bleed_mm else 0

    @property
    def trim(self) -> QRect:
        """Where the sheet will be cut: what is outside is bleed."""
        bleed = self.bleed_px
        return self.rect.adjusted(bleed, bleed, -bleed, -bleed)

    @property
    def size_mm(self) -> tuple[float, float]:
        return to_mm(self.width, self.dpi), to_mm(self.height, self.dpi)


@dataclass(frozen=True, kw_only=True)
class Preset:
    """A size to start from, in `unit` "px" or "mm", without bleed. Show its name translated."""

    name: str
    width: float
    height: float
    unit: str
    dpi: float

    def page(self, *, dpi: float | None = None, bleed_mm: float = 0.0) -> Page:
        """Its page; a bleed is added around it."""
        dpi = self.dpi if dpi is None else dpi
        if self.unit == "mm":
            return page_from_mm(self.width, self.height, dpi=dpi, bleed_mm=bleed_mm)
        around = 2 * (to_px(bleed_mm, dpi) if bleed_mm else 0)
        width, height = round(self.width) + around, round(self.height) + around
        return Page(width=width, height=height, dpi=dpi, bleed_mm=bleed_mm)


def presets() -> tuple[Preset, ...]:
    """Sizes offered for a new page: screens and the models' own first, then paper."""
    px = (
        (mark("Pages", "Starter square"), 256, 256),
        (mark("Pages", "Square"), 1328, 1328),
        (mark("Pages", "Poster portrait 3:4"), 1104, 1472),
        (mark("Pages", "Poster portrait 2:3"), 1056, 1584),
        (mark("Pages", "Widescreen 16:9"), 1664, 928),
        (mark("Pages", "Story 9:16"), 1080, 1920),
        (mark("Pages", "Feed portrait 4:5"), 1080, 1350),
    )
    mm = (
        (mark("Pages", "A5"), 148, 210),
        (mark("Pages", "A4"), 210, 297),
        (mark("Pages", "A3"), 297, 420),
        (mark("Pages", "A2"), 420, 594),
        (mark("Pages", "US Letter"), 215.9, 279.4),
        (mark("Pages", "Poster 50 × 70 cm"), 500, 700),
    )
    return (
        *(Preset(name=n, width=w, height=h, unit="px", dpi=72) for n, w, h in px),
        *(Preset(name=n, width=w, height=h, unit="mm", dpi=300) for n, w, h in mm),
    )


def to_px(mm: float, dpi: float) -> int:
    """Whole pixels for a length on paper.

    >>> to_px(297, 300), to_px(25.4, 72)
    (3508, 72)
    """
    return math.floor(mm / MM_PER_INCH * dpi + 0.5)


def to_mm(px: float, dpi: float) -> float:
    return px / dpi * MM_PER_INCH


def page_from_mm(width_mm: float, height_mm: float, *, dpi: float, bleed_mm: float = 0.0) -> Page:
    """The page of a sheet cut to this size, the bleed added around it."""
    bleed = to_px(bleed_mm, dpi) if bleed_mm else 0
    width, height = to_px(width_mm, dpi) + 2 * bleed, to_px(height_mm, dpi) + 2 * bleed
    return Page(width=width, height=height, dpi=dpi, bleed_mm=bleed_mm)


def shift(old: Page, new: Page, across: float, down: float) -> QPoint:
    """Where the old page's corner comes to lie on the new one, when the point of the trimmed sheet
    at these shares of its width and height stays where it is. Bleed grows on all sides."""
    before, after = old.trim, new.trim
    x = math.floor((after.width() - before.width()) * across)
    y = math.floor((after.height() - before.height()) * down)
    return after.topLeft() - before.topLeft() + QPoint(x, y)


def fitted(size: QSize, into: QRect) -> QRect:
    """The largest rect of the size's shape inside `into`, in its middle.

    >>> fitted(QSize(200, 100), QRect(0, 0, 100, 100))
    PySide6.QtCore.QRect(0, 25, 100, 50)
    """
    return _centred(size, into, min(into.width() / size.width(), into.height() / size.height()))


def covering(size: QSize, over: QRect) -> QRect:
    """The smallest rect of the size's shape that covers `over`, around its middle."""
    return _centred(size, over, max(over.width() / size.width(), over.height() / size.height()))


def closest_size(page: Page, sizes: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """The size whose shape is nearest to the page's; of equals, the one nearest in area."""

    def distance(size: tuple[int, int]) -> tuple[float, float]:
        shape = abs(math.log(size[0] / size[1] * page.height / page.width))
        area = abs(math.log(size[0] * size[1] / (page.width * page.height)))
        return round(shape, 6), area

    return min(sizes, key=distance)


def _centred(size: QSize, around: QRect, scale: float) -> QRect:
    width, height = max(1, round(size.width() * scale)), max(1, round(size.height() * scale))
    left = around.left() + (around.width() - width) // 2
    top = around.top() + (around.height() - height) // 2
    return QRect(left, top, width, height)


def _check_size(width: int, height: int) -> None:
    fits = 1 <= width <= MAX_SIDE_PX and 1 <= height <= MAX_SIDE_PX
    if fits and width * height <= MAX_AREA_PX:
        return
    text = translate(
        "Document",
        "A page of {width} × {height} px is too large or too small: each side from 1 to {side}, "
        "at most {area} million pixels in all. Choose a smaller size or a lower resolution.",
    )
    numbers = {"side": MAX_SIDE_PX, "area": MAX_AREA_PX // 1_000_000}
    raise BadPage(text.format(width=width, height=height, **numbers))
