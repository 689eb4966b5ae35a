"""A caret over live text: keys, pointer and input methods change words, and nothing is drawn twice.

The canvas shows the text itself, with what an input method is composing; this widget lies exactly
over it and shows the caret and what is selected. Knows no document of layers and no commands.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QGuiApplication,
    QInputMethodEvent,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QTextCharFormat,
    QTextCursor,
    QTextDocumentFragment,
    QWheelEvent,
)
from PySide6.QtWidgets import (
    QFrame,
    QGraphicsScene,
    QGraphicsTextItem,
    QGraphicsView,
    QStyle,
    QStyleOptionGraphicsItem,
    QWidget,
)

from app.document.errors import TextTooLong
from app.document.layers import TextLayer
from app.document.text import check_length, dress, lay_out, plain, words_of

CARET_PX = 2
Standard = QKeySequence.StandardKey


class TextEditor(QGraphicsView):
    """`typed` carries the words with what is being composed; `left` says that Esc was pressed;
    `refused` why nothing was pasted."""

    typed = Signal(str)
    left = Signal()
    refused = Signal(str)

    def __init__(self, parent: QWidget, layer: TextLayer) -> None:
        super().__init__(parent)
        self._layer = layer
        self._is_dressing = False
        self._words = lay_out(layer)
        self.setScene(QGraphicsScene(self))
        self._item = self._new_item()
        self._be_clear()
        self._dress()
        self._words.contentsChanged.connect(self._tell)
        self._item.setFocus()

    @property
    def text(self) -> str:
        """The words, with what an input method is composing at the caret."""
        caret = self._item.textCursor()
        composed = caret.block().layout().preeditAreaText()
        if not composed:
            return words_of(self._words)
        head = QTextCursor(self._words)  # positions are Qt's, for which an emoji counts twice
        head.setPosition(caret.position(), QTextCursor.MoveMode.KeepAnchor)
        before, found = head.selectedText(), self._words.toRawText()
        return plain(before + composed + found[len(before) :])

    def select_all(self) -> None:
        cursor = self._item.textCursor()
        cursor.select(QTextCursor.SelectionType.Document)
        self._item.setTextCursor(cursor)

    def to_end(self) -> None:
        cursor = self._item.textCursor()
        cursor.movePosition(QTextCursor.MoveOperation.End)
        self._item.setTextCursor(cursor)

    def caret_to(self, point: QPointF) -> None:
        """To the letter nearest to a point of the layer."""
        exactness = Qt.HitTestAccuracy.FuzzyHit
        cursor = self._item.textCursor()
        cursor.setPosition(max(0, self._words.documentLayout().hitTest(point, exactness)))
        self._item.setTextCursor(cursor)

    def show_layer(self, layer: TextLayer) -> None:
        """The layer in a new state; words that come from elsewhere replace those here."""
        if layer == self._layer:
            return
        self._layer = layer
        if layer.text != self.text:
            self.show_words(layer.text)
        self._dress()

    def show_words(self, text: str) -> None:
        """These instead of what was typed."""
        self._is_dressing = True
        self._words.setPlainText(text)
        self._is_dressing = False
        self._dress()
        self.to_end()

    def commit(self) -> None:
        """What an input method is composing becomes words."""
        if self.hasFocus():
            QGuiApplication.inputMethod().commit()

    def place(self, geometry: QRect, at: QPointF, scale: float) -> None:
        """Over `geometry` of the parent, the layer's corner `at` it, `scale` times its size."""
        self.setGeometry(geometry)
        self.setSceneRect(QRectF(0, 0, geometry.width(), geometry.height()))
        self._item.setScale(scale)
        self._item.setPos(at - geometry.topLeft())
        width = max(1, round(CARET_PX / scale))
        self._words.documentLayout().setProperty("cursorWidth", width)

    def _new_item(self) -> _Words:
        item = _Words()
        item.setDocument(self._words)
        item.setTextInteractionFlags(Qt.TextInteractionFlag.TextEditorInteraction)
        item.setTabChangesFocus(True)
        self.scene().addItem(item)
        return item

    def _renew_item(self) -> None:
        """An item keeps the palette that the application had when it was made."""
        old, self._item = self._item, self._new_item()
        self._item.setScale(old.scale())
        self._item.setPos(old.pos())
        self._item.setTextCursor(old.textCursor())
        self.scene().removeItem(old)
        self._item.setFocus()

    def _be_clear(self) -> None:
        self.setObjectName("TextEditor")
        self.setStyleSheet("#TextEditor { background: transparent; border: none; padding: 0; }")
        self.viewport().setAutoFillBackground(False)
        self.viewport().setCursor(Qt.CursorShape.IBeamCursor)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAcceptDrops(False)

    def _dress(self) -> None:
        """As the layer looks, but with letters that do not show: the canvas shows them."""
        self._is_dressing = True
        dress(self._words, self._layer)
        clear = QTextCharFormat()
        clear.setForeground(QColor(0, 0, 0, 0))
        cursor = QTextCursor(self._words)
        cursor.select(QTextCursor.SelectionType.Document)
        cursor.mergeCharFormat(clear)
        self._is_dressing = False

    def _underlined(self, event: QInputMethodEvent) -> QInputMethodEvent:
        """What is being composed is underlined in the text's colour: its letters do not show."""
        kinds = QInputMethodEvent.AttributeType
        look = QTextCharFormat()
        look.setForeground(QColor(0, 0, 0, 0))
        look.setUnderlineStyle(QTextCharFormat.UnderlineStyle.SingleUnderline)
        look.setUnderlineColor(QColor(self._layer.color))
        composed = event.preeditString()
        rest = [each for each in event.attributes() if each.type is not kinds.TextFormat]
        line = QInputMethodEvent.Attribute(kinds.TextFormat, 0, len(composed), look)
        found = QInputMethodEvent(composed, [line, *rest])
        replaced = event.replacementStart(), event.replacementLength()
        found.setCommitString(event.commitString(), *replaced)
        return found

    def _tell(self) -> None:
        if not self._is_dressing:
            self._dress()
            self.typed.emit(self.text)

    def inputMethodEvent(self, event: QInputMethodEvent) -> None:
        super().inputMethodEvent(self._underlined(event))
        if self.text != self._layer.text:
            self.typed.emit(self.text)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and self.scene() is not None:
            self._renew_item()

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            if event.key() == Qt.Key.Key_Escape:
                event.accept()
                return True
            if event.matches(Standard.Undo) or event.matches(Standard.Redo):
                event.ignore()  # the document's own, which knows this edit as one step
                return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.left.emit()
        elif event.matches(Standard.Paste):
            self._paste()
        elif event.matches(Standard.Copy) or event.matches(Standard.Cut):
            self._copy(is_cut=event.matches(Standard.Cut))
        else:
            super().keyPressEvent(event)
        event.accept()  # an arrow at the end of the text must not move the layer

    def _paste(self) -> None:
        """Words only; those that do not fit are told of and change nothing."""
        data = QGuiApplication.clipboard().mimeData()
        text = data.text()
        if not text and data.hasHtml():
            text = QTextDocumentFragment.fromHtml(data.html()).toPlainText()
        self._insert(plain(text))

    def _insert(self, text: str) -> None:
        cursor, before = self._item.textCursor(), len(self.text)
        try:
            check_length(before - len(cursor.selectedText()) + len(text), before)
        except TextTooLong as error:
            self.refused.emit(str(error))
        else:
            cursor.insertText(text)

    def _copy(self, *, is_cut: bool) -> None:
        """Words only: with their format they would be as invisible elsewhere as they are here."""
        cursor = self._item.textCursor()
        if not cursor.hasSelection():
            return
        QGuiApplication.clipboard().setText(plain(cursor.selectedText()))
        if is_cut:
            cursor.removeSelectedText()

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        super().keyReleaseEvent(event)
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            super().mousePressEvent(event)
        else:
            event.ignore()  # the canvas's: it pans with the middle button

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        event.ignore()


class _Words(QGraphicsTextItem):
    """Without the dashes that a scene puts around an item with the focus."""

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionGraphicsItem,
        widget: QWidget | None = None,
    ) -> None:
        option.state &= ~QStyle.StateFlag.State_HasFocus  # type: ignore[attr-defined]
        super().paint(painter, option, widget)  # type: ignore[arg-type]
