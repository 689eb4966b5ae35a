"""What the dialogs share that ask a model for something: which model, in which frame."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLayout, QVBoxLayout

from app.i18n import translate
from app.theme import SPACE
from app.widgets.parts import Combo
from model.engine.protocol import ModelDescription


class ModelCombo(Combo):
    """Models that can do what is asked, by name."""

    def __init__(self, models: Sequence[ModelDescription], chosen: ModelDescription | None) -> None:
        super().__init__()
        for model in models:
            self.addItem(model.name, model)
            self.setItemData(self.count() - 1, model.path, Qt.ItemDataRole.ToolTipRole)
        if chosen in models:
            self.setCurrentIndex(list(models).index(chosen))
        self.setAccessibleName(translate("Prompt", "Model"))

    @property
    def chosen(self) -> ModelDescription:
        return self.currentData()


def frame(dialog: QDialog, content: QLayout, verb: str) -> None:
    """The content over the button `verb`, which accepts, and Cancel."""
    buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
    accept = buttons.addButton(verb, QDialogButtonBox.ButtonRole.AcceptRole)
    accept.setDefault(True)
    buttons.accepted.connect(dialog.accept)
    buttons.rejected.connect(dialog.reject)
    layout = QVBoxLayout(dialog)
    layout.setContentsMargins(2 * SPACE, 2 * SPACE, 2 * SPACE, 2 * SPACE)
    layout.setSpacing(2 * SPACE)
    layout.addLayout(content)
    layout.addWidget(buttons)
