"""What Inkstone is and on whose work it stands; and how to get models for real work."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QTextBrowser, QVBoxLayout, QWidget

from app.i18n import translate
from app.theme import SPACE
from app.widgets.parts import button, column, label, note, row

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


class ModelsDialog(QDialog):
    """How to get models for real work, and where to put them."""

    def __init__(
        self,
        folder: Path,
        parent: QWidget | None = None,
        *,
        repository: str = "Qwen/Qwen-Image-2512",
        text: str = "",
    ) -> None:
        """`text` says what the model of the repository is for."""
        super().__init__(parent)
        self.setWindowTitle(translate("Models", "Real Models"))
        self._folder = folder
        text = text or translate(
            "Models",
            "The starter model is for trying out: small pictures, a few words, flat shapes. For "
            "real posters use the open Qwen-Image models (Apache-2.0, free for commercial work). "
            "They need about 60 GB on disk and a strong graphics card.",
        )
        steps = note(translate("Models", "1. Download a model as a folder, for example with:"), "")
        command = QTextBrowser()
        command.setObjectName("Boxed")
        place = folder / repository.partition("/")[2]
        command.setPlainText(f'hf download {repository} --local-dir "{place}"')
        command.setFixedHeight(64)
        then = note(
            translate("Models", "2. Start Inkstone again, or add the folder in the settings. The "
                      "model can then be chosen."), ""
        )  # fmt: skip
        open_folder = button(translate("Models", "Open the Models Folder"))
        open_folder.clicked.connect(self._open)
        content = column(
            label(self.windowTitle(), "title"),
            note(text, ""),
            steps,
            command,
            then,
            row(open_folder, None),
            None,
        )
        _frame(self, content)
        self.resize(540, 380)

    def _open(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._folder)))


def _frame(dialog: QDialog, content: QVBoxLayout) -> None:
    buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
    buttons.rejected.connect(dialog.reject)
    layout = QVBoxLayout(dialog)
    layout.setContentsMargins(2 * SPACE, 2 * SPACE, 2 * SPACE, 2 * SPACE)
    layout.setSpacing(2 * SPACE)
    layout.addLayout(content)
    layout.addWidget(buttons)
