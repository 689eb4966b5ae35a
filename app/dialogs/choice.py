"""What the dialogs share that ask a model for something: with which words, and which model."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QFormLayout, QVBoxLayout, QWidget

from app.i18n import translate
from app.theme import SPACE
from app.widgets.parts import Combo, column, label, note
from app.widgets.prompt_edit import PromptEdit
from model.engine.protocol import ModelDescription

WIDTH_PX, PROMPT_PX = 460, 72


class ModelDialog(QDialog):
    """A description and one of the models that can do what is asked; more rows are a subclass's."""

    def __init__(
        self,
        title: str,
        models: Sequence[ModelDescription],
        chosen: ModelDescription | None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.prompt = PromptEdit(PROMPT_PX)
        self.prompt.setFixedHeight(PROMPT_PX)
        self.prompt.submitted.connect(self.accept)
        self.model = Combo()
        for model in models:
            self.model.addItem(model.name, model)
            self.model.setItemData(self.model.count() - 1, model.path, Qt.ItemDataRole.ToolTipRole)
        self.model.setCurrentIndex(models.index(chosen) if chosen in models else 0)
        self.problem = note("", "warning")
        self.problem.hide()

    @property
    def words(self) -> str:
        return self.prompt.text.strip()

    @property
    def chosen(self) -> ModelDescription:
        return self.model.currentData()

    @property
    def needs_words(self) -> bool:
        return True

    def accept(self) -> None:
        """Refused in words while something has to be said and is not."""
        if self.words or not self.needs_words:
            super().accept()
            return
        text = translate("ModelDialog", "Say in a few words what the picture shows.")
        self.problem.setText(text)
        self.problem.show()
        self.prompt.setFocus()
        self._fit()

    def lay_out(self, text: str, verb: str, *rows: tuple[str, QWidget]) -> None:
        """The rows over words and model; the button `verb` accepts."""
        form = QFormLayout()
        form.setSpacing(SPACE)
        for name, field in (
            *rows,
            (translate("ModelDialog", "Description"), self.prompt),
            (translate("ModelDialog", "Model"), self.model),
        ):
            form.addRow(name, field)
            field.setAccessibleName(name)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        accept = buttons.addButton(verb, QDialogButtonBox.ButtonRole.AcceptRole)
        accept.setDefault(True)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * SPACE, 2 * SPACE, 2 * SPACE, 2 * SPACE)
        layout.setSpacing(2 * SPACE)
        title = label(self.windowTitle(), "title")
        layout.addLayout(column(title, note(text), form, self.problem))
        layout.addWidget(buttons)
        self.resize(WIDTH_PX, 0)
        self._fit()

    def _fit(self) -> None:
        """As high as its sentences need at this width."""
        layout = self.layout()
        if layout is not None:
            self.resize(self.width(), layout.totalHeightForWidth(self.width()))
