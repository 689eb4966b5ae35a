"""The one icon set: outlines of the Phosphor font, drawn in the theme's colour at any size.

The glyphs are read from the font that qtawesome ships; qtawesome itself is not imported, which
would cost a quarter of the time the window may take to appear.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QIconEngine, QPainter, QPainterPath, QPixmap, QRawFont

from app.theme import Theme

EM = 256.0


class Icons:
    """Makes icons by Phosphor name; they follow the theme by themselves."""

    def __init__(self, theme: Theme) -> None:
        self._theme = theme

    def __call__(self, name: str, tint: str = "text") -> QIcon:
        """`tint` is the name of a colour of the theme."""
        return QIcon(_GlyphEngine(name, tint, self._theme))


class _GlyphEngine(QIconEngine):
    def __init__(self, name: str, tint: str, theme: Theme) -> None:
        super().__init__()
        self._name, self._tint, self._theme = name, tint, theme

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        side = min(rect.width(), rect.height())
        centre = QRectF(rect).center()
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.translate(centre - QPointF(side / 2, side / 2))
        painter.scale(side / EM, side / EM)
        painter.fillPath(outline(self._name), self._colour(mode, state))
        painter.restore()

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        if size.isEmpty():  # a widget that has no room yet
            return QPixmap()
        result = QPixmap(size)
        result.fill(Qt.GlobalColor.transparent)
        painter = QPainter(result)
        self.paint(painter, QRect(0, 0, size.width(), size.height()), mode, state)
        painter.end()
        return result

    def scaledPixmap(
        self, size: QSize, mode: QIcon.Mode, state: QIcon.State, scale: float
    ) -> QPixmap:
        del scale  # `size` is in device pixels already
        return self.pixmap(size, mode, state)

    def clone(self) -> QIconEngine:
        return _GlyphEngine(self._name, self._tint, self._theme)

    def _colour(self, mode: QIcon.Mode, state: QIcon.State) -> QColor:
        tokens = self._theme.tokens
        colour = QColor(getattr(tokens, self._tint))
        if mode == QIcon.Mode.Disabled:
            colour = QColor(tokens.muted)
            colour.setAlpha(130)
        elif state == QIcon.State.On and self._tint == "text":
            colour = QColor(tokens.accent)
        return colour


@cache
def outline(name: str) -> QPainterPath:
    """The glyph as a path in a square of EM units."""
    font, codes = _font()
    glyph = font.glyphIndexesForString(chr(int(codes[name], 16)))[0]
    path = font.pathForGlyph(glyph)
    path.translate(0, font.ascent())
    return path


@cache
def _font() -> tuple[QRawFont, dict[str, str]]:
    spec = find_spec("qtawesome")
    assert spec is not None, "qtawesome is a dependency"
    assert spec.submodule_search_locations is not None
    folder = Path(spec.submodule_search_locations[0]) / "fonts"
    codes = json.loads(next(folder.glob("phosphor-charmap-*.json")).read_text("utf-8"))
    face = next(p for p in folder.glob("phosphor-*.ttf"))
    return QRawFont(str(face), EM), codes
