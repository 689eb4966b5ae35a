"""Live text as pixels: laid out by QTextDocument, drawn once and kept while it stays in use.

Sizes are pixels of the page, whatever the screen. The text is plain: nothing in it is markup.
"""

from __future__ import annotations

import re
from threading import Lock

from PySide6.QtCore import QRect, QRectF, QSizeF, Qt
from PySide6.QtGui import (
    QColor,
    QFont,
    QPainter,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
    QTextOption,
)

from app.document.errors import TextTooLong
from app.document.layers import Align, TextLayer
from app.document.tiles import Mode, Tiles
from app.i18n import translate

KEPT_BYTES = 256 << 20
MAX_DRAWN_PX = 18_432  # a little more than the largest page; what lies beyond is not drawn

MAX_CHARACTERS = 10_000  # as much as a full page of small print; every key lays out all of it

_BREAKS = re.compile("\r\n|[\r\v\f\x85\u2028\u2029\ufdd0\ufdd1]")  # the last two are Qt's own
_UNPRINTABLE = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffc]")

_ALIGNMENTS = {
    Align.left: Qt.AlignmentFlag.AlignLeft,
    Align.center: Qt.AlignmentFlag.AlignHCenter,
    Align.right: Qt.AlignmentFlag.AlignRight,
}


def plain(text: str) -> str:
    """Words as a layer holds them: lines end in `\\n`, and nothing is there that is no letter: no
    control characters, which other formats refuse, and no half of a character, which no file can
    hold. What shapes letters stays: joiners, marks, directions, spaces that do not break.

    >>> plain("a\\r\\nb\\x00c\\u00a0d")
    'a\\nbc\\xa0d'
    """
    return _UNPRINTABLE.sub("", _BREAKS.sub("\n", text))


def check_length(length: int, before: int = 0) -> None:
    """Raises TextTooLong where a layer's words become longer than one can hold."""
    if length > max(MAX_CHARACTERS, before):
        found = translate("Document", "A text layer holds {count} characters at most.")
        raise TextTooLong(found.format(count=MAX_CHARACTERS))


def words_of(document: QTextDocument) -> str:
    """What a document says. Qt's own plain text has lost the spaces that do not break."""
    return plain(document.toRawText())


def text_tiles(layer: TextLayer) -> Tiles:
    """The text's pixels, in the layer's own coordinates: its box begins at (0, 0)."""
    return _DRAWN.get(_content(layer))


def text_box(layer: TextLayer) -> QRect:
    """The layout's box in the layer's own coordinates. Ink may reach a little over it."""
    size = lay_out(layer).size()
    return QRectF(0, 0, size.width(), size.height()).toAlignedRect()


def lay_out(layer: TextLayer) -> QTextDocument:
    """The text laid out, for drawing it in other resolutions and for an editor on the canvas."""
    document = QTextDocument()
    document.setUndoRedoEnabled(False)
    document.setDocumentMargin(0)
    document.setUseDesignMetrics(True)
    document.setPlainText(layer.text)
    dress(document, layer)
    return document


def dress(document: QTextDocument, layer: TextLayer) -> None:
    """Give a document, whatever it says, the layer's font, colour, alignment and width."""
    document.setDefaultFont(_font(layer))
    document.setDefaultTextOption(_option(layer))
    cursor = QTextCursor(document)
    cursor.select(QTextCursor.SelectionType.Document)
    cursor.mergeCharFormat(_ink(layer))
    cursor.mergeBlockFormat(_spacing(layer))
    document.setTextWidth(-1)
    width = layer.width_px if layer.width_px is not None else document.idealWidth()
    document.setTextWidth(width)  # alignment needs a width, that of the longest line too


def _content(layer: TextLayer) -> TextLayer:
    """The layer without what does not change its own pixels: the key under which they are kept."""
    return TextLayer(
        id="",
        text=layer.text,
        family=layer.family,
        size_px=layer.size_px,
        bold=layer.bold,
        italic=layer.italic,
        color=layer.color,
        align=layer.align,
        width_px=layer.width_px,
        line_spacing=layer.line_spacing,
    )


class _Drawn:
    """Texts drawn lately, up to some memory: a dragged size slider leaves many behind."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._tiles: dict[TextLayer, Tiles] = {}
        self._lock = Lock()

    def get(self, content: TextLayer) -> Tiles:
        with self._lock:
            tiles = self._tiles.pop(content, None) or _draw(content)
            self._tiles[content] = tiles  # the newest last
            held = sum(found.memory_bytes for found in self._tiles.values())
            while held > self._limit_bytes and len(self._tiles) > 1:
                held -= self._tiles.pop(next(iter(self._tiles))).memory_bytes
        return tiles


_DRAWN = _Drawn(KEPT_BYTES)


def _draw(layer: TextLayer) -> Tiles:
    document = lay_out(layer)
    rect = _ink_rect(document.size(), layer.size_px)
    reach = layer.size_px

    def draw(painter: QPainter) -> None:
        """Only the lines near the tile: of a long text every tile would draw all of it."""
        tile = painter.transform().inverted()[0].mapRect(QRectF(painter.viewport()))
        document.drawContents(painter, tile.adjusted(-reach, -reach, reach, reach))

    return Tiles.empty().changed(rect, draw, Mode.CompositionMode_SourceOver)


def _ink_rect(size: QSizeF, size_px: int) -> QRect:
    """Italics and accents reach over the box, by less than the size of a letter."""
    box = QRectF(0, 0, size.width(), size.height()).toAlignedRect()
    drawable = QRect(-size_px, -size_px, MAX_DRAWN_PX, MAX_DRAWN_PX)
    return box.adjusted(-size_px, -size_px, size_px, size_px).intersected(drawable)


def _font(layer: TextLayer) -> QFont:
    font = QFont(layer.family) if layer.family else QFont()
    font.setPixelSize(layer.size_px)
    font.setBold(layer.bold)
    font.setItalic(layer.italic)
    font.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    font.setStyleStrategy(QFont.StyleStrategy.NoSubpixelAntialias)
    return font


def _option(layer: TextLayer) -> QTextOption:
    option = QTextOption(_ALIGNMENTS[layer.align])
    wrap = QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere
    option.setWrapMode(wrap if layer.width_px is not None else QTextOption.WrapMode.NoWrap)
    return option


def _ink(layer: TextLayer) -> QTextCharFormat:
    ink = QTextCharFormat()
    ink.setForeground(QColor(layer.color))
    return ink


def _spacing(layer: TextLayer) -> QTextBlockFormat:
    spacing = QTextBlockFormat()
    proportional = QTextBlockFormat.LineHeightTypes.ProportionalHeight
    spacing.setLineHeight(layer.line_spacing * 100, proportional.value)
    return spacing
