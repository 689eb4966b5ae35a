"""Asks what the picture shows, that it may be continued to the edges of the page."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QDialog, QFormLayout, QWidget

from app.dialogs.choice import ModelCombo, frame
from app.document.extending import Margins
from app.i18n import translate
from app.theme import SPACE
from app.widgets.parts import column, label, note
from app.widgets.prompt_edit import PromptEdit
from model.engine.protocol import ModelDescription

PROMPT_PX = 72


class ExtendDialog(QDialog):
    """`words` are what the model is told, which must not be empty."""

    def __init__(
        self,
        models: Sequence[ModelDescription],
        chosen: ModelDescription | None,
        missing: Margins,
        prompt: str,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(translate("Extend", "Extend Picture to Page"))
        self.prompt = PromptEdit(PROMPT_PX)
        self.model = ModelCombo(models, chosen)
        self.problem = note("", "warning")
        self._lay_out(missing)
        self.prompt.show_text(prompt)

    @property
    def words(self) -> str:
        return self.prompt.text.strip()

    def accept(self) -> None:
        """Refused in words while nothing is said."""
        if self.words:
            super().accept()
        else:
            self.problem.setText(translate("Extend", "Say in a few words what the picture shows."))
            self.problem.show()
            self.prompt.setFocus()

    def _lay_out(self, missing: Margins) -> None:
        self.prompt.setFixedHeight(PROMPT_PX)
        self.prompt.setPlaceholderText(translate("Extend", "What the whole picture shows"))
        self.prompt.submitted.connect(self.accept)
        self.problem.hide()
        form = QFormLayout()
        form.setSpacing(SPACE)
        for name, field in (
            (translate("Extend", "Description"), self.prompt),
            (translate("Prompt", "Model"), self.model),
        ):
            form.addRow(name, field)
            field.setAccessibleName(name)
        text = note(f"{_missing_text(missing)} {_promise()}")
        title = label(self.windowTitle(), "title")
        frame(self, column(title, text, form, self.problem), translate("Extend", "Extend"))
        self.resize(460, 0)


def _missing_text(missing: Margins) -> str:
    sides = (
        (missing.left, translate("Extend", "{px} px at the left")),
        (missing.right, translate("Extend", "{px} px at the right")),
        (missing.top, translate("Extend", "{px} px at the top")),
        (missing.bottom, translate("Extend", "{px} px at the bottom")),
    )
    found = translate("Extend", ", ").join(text.format(px=px) for px, text in sides if px)
    return translate("Extend", "The page is larger than the picture: {sides}.").format(sides=found)


def _promise() -> str:
    return translate(
        "Extend",
        "The model paints what is missing; the picture itself stays as it is, bit for bit.",
    )
