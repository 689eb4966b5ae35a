"""A field for words of any script, with the keys that every prompt has."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QMimeData, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence, QTextCursor
from PySide6.QtWidgets import QPlainTextEdit

from app.document.text import words_of
from app.widgets.drops import Dropped, dropped_pictures
from app.widgets.parts import is_submit


class PromptEdit(QPlainTextEdit):
    """Words of any script on several lines; Alt+Up and Alt+Down walk through earlier ones.
    `pictured` carries pictures that were dropped or pasted here."""

    submitted = Signal()
    recalled = Signal(int)
    pictured = Signal(list)

    def __init__(self, height_px: int) -> None:
        super().__init__()
        self.setTabChangesFocus(True)
        self.setMinimumHeight(height_px)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def sizeHint(self) -> QSize:
        """No taller than it must be: what is left over it gets by its stretch."""
        return QSize(super().sizeHint().width(), self.minimumHeight())

    @property
    def text(self) -> str:
        return words_of(self.document())

    def show_text(self, text: str) -> None:
        if text != self.text:
            self.setPlainText(text)
            self.moveCursor(QTextCursor.MoveOperation.End)

    def replace_text(self, text: str) -> None:
        """Another text in place of this one, as one step that can be undone here."""
        cursor = self.textCursor()
        cursor.beginEditBlock()
        cursor.select(QTextCursor.SelectionType.Document)
        cursor.insertText(text)
        cursor.endEditBlock()
        self.setTextCursor(cursor)

    def canInsertFromMimeData(self, source: QMimeData) -> bool:
        return bool(_pictures(source)) or super().canInsertFromMimeData(source)

    def insertFromMimeData(self, source: QMimeData) -> None:
        if pictures := _pictures(source):
            self.pictured.emit(pictures)
        else:
            super().insertFromMimeData(source)

    def event(self, event: QEvent) -> bool:
        """With nothing to be undone in the words, Ctrl+Z is the document's."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            words, keys = self.document(), QKeySequence.StandardKey
            is_undo, is_redo = event.matches(keys.Undo), event.matches(keys.Redo)
            if (is_undo and not words.isUndoAvailable()) or (
                is_redo and not words.isRedoAvailable()
            ):
                event.ignore()
                return False
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}
        if is_submit(event):
            self.submitted.emit()
        elif event.modifiers() & Qt.KeyboardModifier.AltModifier and event.key() in steps:
            self.recalled.emit(steps[Qt.Key(event.key())])
        else:
            super().keyPressEvent(event)


def _pictures(source: QMimeData) -> list[Dropped]:
    """None where there are words too, as on a page of the web: here it is they that are meant."""
    return [] if source.hasText() and not source.hasUrls() else dropped_pictures(source)
