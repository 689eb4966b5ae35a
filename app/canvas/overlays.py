"""What is drawn over and around the page, in logical pixels: shadow, frames, labels, hint.

Plain functions over a painter; they know neither document nor tools.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen

from app.canvas.palette import Palette
from app.i18n import translate

SHADOW_PX = 12
SHADOW = 0.035  # the opacity of one step of it
CHIP_PADDING = QSizeF(10, 5)
BAR_PX = 4
HINT_ROOM = QSizeF(180, 90)


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far the making of a picture is; `total` 0 means that nobody knows."""

    step: int = 0
    total: int = 0
    text: str = ""

    @property
    def part(self) -> float:
        return min(1.0, self.step / self.total) if self.total else 0.0


def draw_surround(painter: QPainter, view: QRectF, page: QRectF, palette: Palette) -> None:
    """What lies around the page: a plain ground, a soft shadow a little lower than the page, and a
    hairline at its edge. The page's own pixels, all but the outermost, stay as they are.
    """
    color, shadow = QColor(palette.surround), QColor(palette.shadow)
    lowered = page.translated(0, SHADOW_PX / 4)
    with _whole_pixels(painter):
        # A pixel inside, for where a page ends between two.
        _fill_around(painter, view, page.adjusted(1, 1, -1, -1), color)
        for reach in range(SHADOW_PX, 0, -2):
            # On a ground of one colour, the shadow is plain colours too: QPainter shares what it
            # blends among threads, and waiting for them took 2 ms of every frame.
            color = _mixed(color, shadow, SHADOW)
            _fill_around(painter, lowered.adjusted(-reach, -reach, reach, reach), page, color)
        _fill_around(painter, page.adjusted(-1, -1, 1, 1), page, QColor(palette.edge))


def _mixed(below: QColor, above: QColor, alpha: float) -> QColor:
    """`above` at an opacity of `alpha` over `below`."""

    def mixed(old: float, new: float) -> float:
        return old + (new - old) * alpha

    return QColor.fromRgbF(
        mixed(below.redF(), above.redF()),
        mixed(below.greenF(), above.greenF()),
        mixed(below.blueF(), above.blueF()),
    )


@contextmanager
def _whole_pixels(painter: QPainter) -> Iterator[None]:
    """Long strips with smoothed edges took half a frame."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    yield
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)


def _fill_around(painter: QPainter, outer: QRectF, inner: QRectF, color: QColor) -> None:
    for strip in _around(outer, inner):
        painter.fillRect(strip, color)


def _around(outer: QRectF, inner: QRectF) -> tuple[QRectF, ...]:
    """What `outer` has around `inner`. Filling the page as well would cost a frame."""
    left, right = outer.left(), outer.right()
    return (
        QRectF(QPointF(left, outer.top()), QPointF(right, inner.top())),
        QRectF(QPointF(left, inner.bottom()), QPointF(right, outer.bottom())),
        QRectF(QPointF(left, inner.top()), QPointF(inner.left(), inner.bottom())),
        QRectF(QPointF(inner.right(), inner.top()), QPointF(right, inner.bottom())),
    )


def draw_frame(painter: QPainter, rect: QRectF, palette: Palette, *, is_dashed: bool) -> None:
    """A line around something, to be seen on every picture."""
    under = QColor(palette.on_accent)
    under.setAlphaF(0.7)
    if not is_dashed:
        with _whole_pixels(painter):
            for width, color in ((2, under), (1, QColor(palette.accent))):
                outer = rect.adjusted(-width, -width, width, width)
                _fill_around(painter, outer, rect.adjusted(width, width, -width, -width), color)
        return
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(under, 3))
    painter.drawRect(rect)
    pen = QPen(QColor(palette.accent), 1.5, Qt.PenStyle.CustomDashLine)
    pen.setDashPattern([5, 4])
    painter.setPen(pen)
    painter.drawRect(rect)


def draw_chip(painter: QPainter, at: QPointF, text: str, palette: Palette) -> QRectF:
    """A label with its top left at `at`; gives back where it lies."""
    metrics = QFontMetricsF(painter.font())
    size = QSizeF(metrics.horizontalAdvance(text), metrics.height()) + CHIP_PADDING * 2
    rect = QRectF(at, size)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(palette.accent))
    painter.drawRoundedRect(rect, 5, 5)
    painter.setPen(QColor(palette.on_accent))
    painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, text)
    return rect


def draw_corner_chip(painter: QPainter, view: QRectF, text: str, palette: Palette) -> None:
    """A label at the lower left of what is seen, shortened to fit."""
    metrics = QFontMetricsF(painter.font())
    room = view.width() - 2 * (10 + CHIP_PADDING.width())
    text = metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, room)
    height = metrics.height() + 2 * CHIP_PADDING.height()
    draw_chip(painter, view.bottomLeft() + QPointF(10, -10 - height), text, palette)


def draw_progress(
    painter: QPainter, rect: QRectF, view: QRectF, progress: Progress, palette: Palette
) -> None:
    """A dashed frame with a label and a bar: something is being made here and is not there yet."""
    draw_frame(painter, rect, palette, is_dashed=True)
    seen = rect & view
    if seen.isEmpty():
        return
    draw_chip(painter, seen.topLeft() + QPointF(10, 10), progress_text(progress), palette)
    if progress.total:
        _draw_bar(painter, seen, progress.part, palette)


def progress_text(progress: Progress) -> str:
    """What the label of a preview says."""
    title = progress.text or translate("Canvas", "Preview")
    if not progress.total:
        return title
    text = translate("Canvas", "{title} · step {step} of {total}")
    return text.format(title=title, step=progress.step, total=progress.total)


def draw_draft(painter: QPainter, rect: QRectF, view: QRectF, text: str, palette: Palette) -> None:
    """A rectangle being drawn, its size written below it, or inside where there is no room."""
    draw_frame(painter, rect, palette, is_dashed=False)
    if not text:
        return
    room = QFontMetricsF(painter.font()).height() + 2 * CHIP_PADDING.height() + 8
    has_room = rect.bottom() + room < view.bottom()
    at = rect.bottomLeft() + QPointF(0, 8 if has_room else -room)
    draw_chip(painter, at, text, palette)


def draw_hint(painter: QPainter, room: QRectF, background: QColor, palette: Palette) -> None:
    """What to do with an empty page, on the page; nothing where it would not fit."""
    if room.width() < HINT_ROOM.width() or room.height() < HINT_ROOM.height():
        return
    is_dark = background.alpha() > 0 and background.lightnessF() < 0.5
    color = QColor("white") if is_dark else QColor(palette.hint)
    title, body = translate("Canvas", "Describe your poster"), hint_body()
    font = QFont(painter.font())
    big = QFont(font)
    big.setPixelSize(round(QFontMetricsF(font).height() * 1.35))
    big.setWeight(QFont.Weight.DemiBold)
    wrapped = Qt.AlignmentFlag.AlignHCenter | Qt.TextFlag.TextWordWrap
    inner = room.adjusted(16, 0, -16, 0)
    high = QFontMetricsF(big).boundingRect(inner, int(wrapped), title).height()
    low = QFontMetricsF(font).boundingRect(inner, int(wrapped), body).height()
    top = inner.center().y() - (high + 8 + low) / 2
    painter.setPen(color)
    painter.setFont(big)
    painter.drawText(QRectF(inner.left(), top, inner.width(), high), int(wrapped), title)
    color.setAlphaF(0.72)
    painter.setPen(color)
    painter.setFont(font)
    painter.drawText(QRectF(inner.left(), top + high + 8, inner.width(), low), int(wrapped), body)


def hint_body() -> str:
    return translate(
        "Canvas", "Write what it shows and press Ctrl+Enter, or drop a picture onto the page."
    )


def _draw_bar(painter: QPainter, rect: QRectF, part: float, palette: Palette) -> None:
    track = QRectF(rect.left() + 10, rect.bottom() - 10 - BAR_PX, rect.width() - 20, BAR_PX)
    ground = QColor(palette.on_accent)
    ground.setAlphaF(0.75)
    painter.setPen(Qt.PenStyle.NoPen)
    for color, width in ((ground, track.width()), (QColor(palette.accent), track.width() * part)):
        painter.setBrush(color)
        painter.drawRoundedRect(QRectF(track.topLeft(), QSizeF(width, BAR_PX)), 2, 2)
