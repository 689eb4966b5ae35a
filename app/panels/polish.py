"""Words of the model as they are written, and the choice to use them or to keep one's own."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QTextCursor
from PySide6.QtWidgets import QFrame, QPlainTextEdit

from app.i18n import translate
from app.state.polishing import Phase
from app.widgets.parts import button, column, note, row

TEXT_PX = 120


class PolishPreview(QFrame):
    """Hidden while there is nothing to show. `taken` and `kept` are the user's choice."""

    taken = Signal()
    kept = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._phase, self._is_description = Phase.idle, False
        self.line = note()
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setFixedHeight(TEXT_PX)
        self.take, self.keep = button("", "primary"), button()
        self.take.clicked.connect(self.taken)
        self.keep.clicked.connect(self.kept)
        layout = column(self.line, self.text, row(self.take, self.keep, None))
        layout.setContentsMargins(0, 0, 0, 0)
        self.setLayout(layout)
        self.show_polished(Phase.idle, "")

    def show_polished(self, phase: Phase, text: str, *, is_description: bool = False) -> None:
        self._phase, self._is_description = phase, is_description
        if text != self.text.toPlainText():
            self.text.setPlainText(text)
            self.text.moveCursor(QTextCursor.MoveOperation.End)
        self.text.setVisible(phase is not Phase.unchanged)
        self.take.setVisible(phase is not Phase.unchanged)
        self.take.setEnabled(phase is Phase.ready)
        self.setVisible(phase is not Phase.idle)
        self.retranslate()

    def retranslate(self) -> None:
        self.line.setText(
            {
                Phase.idle: "",
                Phase.writing: translate("Polish", "The model is writing…"),
                Phase.ready: translate("Polish", "What the model sees on the page:")
                if self._is_description
                else translate("Polish", "The model's wording of your prompt:"),
                Phase.unchanged: translate(
                    "Polish", "No rewriting was faithful to your prompt, so it stays as it is."
                ),
            }[self._phase]
        )
        self.text.setAccessibleName(translate("Polish", "Polished prompt"))
        self.take.setText(translate("Polish", "Use it"))
        self.take.setToolTip(translate("Polish", "Undo in the prompt brings yours back"))
        is_over = self._phase is Phase.unchanged
        self.keep.setText(
            translate("Polish", "Close") if is_over else translate("Polish", "Keep mine")
        )
