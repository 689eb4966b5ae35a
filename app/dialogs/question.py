"""One question before something that is not a matter of course."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox, QWidget

from app.i18n import translate


def ask(
    parent: QWidget, *, title: str, text: str, verb: str, then: Callable[[], object]
) -> QMessageBox:
    """Opens the question and goes on; `then` follows on the button `verb`, nothing on any other."""
    box = QMessageBox(parent)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.setWindowTitle("Inkstone")
    box.setText(title)
    box.setInformativeText(text)
    yes = box.addButton(verb, QMessageBox.ButtonRole.AcceptRole)
    no = box.addButton(translate("Question", "Cancel"), QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(yes)
    box.setEscapeButton(no)
    yes.clicked.connect(then)
    box.open()
    return box
