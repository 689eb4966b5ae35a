"""What Inkstone is and on whose work it stands."""

from __future__ import annotations

from PySide6.QtWidgets import QDialog, QDialogButtonBox, QTextBrowser, QVBoxLayout, QWidget

from app.i18n import translate
from app.theme import SPACE
from app.widgets.parts import column, label, note

LICENCES = (
    ("Qt for Python (PySide6)", "LGPL-3.0-only"),
    ("PyTorch", "BSD-3-Clause"),
    ("Transformers, safetensors, huggingface-hub", "Apache-2.0"),
    ("NumPy", "BSD-3-Clause"),
    ("Pillow", "MIT-CMU"),
    ("psd-tools", "MIT"),
    ("QtAwesome", "MIT"),
    ("Phosphor Icons", "MIT"),
)


class AboutDialog(QDialog):
    """Name, version and licences."""

    def __init__(self, version: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(translate("About", "About Inkstone"))
        title = label(f"Inkstone {version}", "title")
        text = note(
            translate("About", "Posters on your own computer, with the open Qwen-Image models. "
                      "Nothing you make leaves it."), ""
        )  # fmt: skip
        licence = note(translate("About", "Inkstone is free software under the Apache License 2.0. "
                                 "It stands on the work of others:"))  # fmt: skip
        others = QTextBrowser()
        others.setObjectName("Boxed")
        rows = "".join(f"<tr><td>{n}&nbsp;&nbsp;</td><td>{lic}</td></tr>" for n, lic in LICENCES)
        others.setHtml(f"<table cellspacing=4>{rows}</table>")
        others.setAccessibleName(translate("About", "Licences"))
        _frame(self, column(title, text, licence, others))
        self.resize(480, 420)


def _frame(dialog: QDialog, content: QVBoxLayout) -> None:
    buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
    buttons.rejected.connect(dialog.reject)
    layout = QVBoxLayout(dialog)
    layout.setContentsMargins(2 * SPACE, 2 * SPACE, 2 * SPACE, 2 * SPACE)
    layout.setSpacing(2 * SPACE)
    layout.addLayout(content)
    layout.addWidget(buttons)
