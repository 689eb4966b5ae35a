"""Asks how a picture is to be split into layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtWidgets import QDialog, QFormLayout, QWidget

from app.dialogs.choice import ModelCombo, frame
from app.i18n import translate
from app.theme import SPACE
from app.widgets.parts import Segment, column, label, note, number
from app.widgets.prompt_edit import PromptEdit
from model.engine.protocol import ModelDescription
from model.requests import MAX_LAYERS, RESOLUTIONS, Decompose

PROMPT_PX = 72


class SplitDialog(QDialog):
    """`values` are fields of a Decompose request; `model` is what it is sent to."""

    def __init__(
        self,
        models: Sequence[ModelDescription],
        chosen: ModelDescription | None,
        like: Decompose | None = None,
        parent: QWidget | None = None,
    ) -> None:
        """`like` is an earlier request, whose values stand there first."""
        super().__init__(parent)
        self.setWindowTitle(translate("Split", "Split into Layers"))
        self.count = number(2, MAX_LAYERS)
        self.resolution = Segment(len(RESOLUTIONS))
        self.prompt = PromptEdit(PROMPT_PX)
        self.model = ModelCombo(models, chosen)
        self._resolution = 0
        self.resolution.chosen.connect(self._choose)
        self._lay_out()
        self._fill(like)

    @property
    def values(self) -> dict[str, Any]:
        return {
            "layers": self.count.value(),
            "resolution": RESOLUTIONS[self._resolution],
            "prompt": self.prompt.text.strip(),
        }

    def _fill(self, like: Decompose | None) -> None:
        self.count.setValue(like.layers if like is not None else Decompose.layers)
        resolution = like.resolution if like is not None else None
        self._choose(RESOLUTIONS.index(resolution) if resolution is not None else 0)
        self.prompt.show_text(like.prompt if like is not None else "")

    def _choose(self, index: int) -> None:
        self._resolution = index
        self.resolution.choose(index)

    def _lay_out(self) -> None:
        self.resolution.set_texts(*(f"{side} px" for side in RESOLUTIONS))
        self.resolution.setToolTip(
            translate("Split", "The size the model works at; its layers are brought to the page's")
        )
        self.prompt.setFixedHeight(PROMPT_PX)
        self.prompt.setPlaceholderText(
            translate("Split", "Empty: the model describes the picture by itself")
        )
        self.prompt.submitted.connect(self.accept)
        form = QFormLayout()
        form.setSpacing(SPACE)
        for name, field in (
            (translate("Split", "Layers"), self.count),
            (translate("Split", "Resolution"), self.resolution),
            (translate("Split", "Description"), self.prompt),
            (translate("Prompt", "Model"), self.model),
        ):
            form.addRow(name, field)
            field.setAccessibleName(name)
        text = note(
            translate(
                "Split",
                "What is seen on the page becomes a group of layers with transparency. A layer of "
                "corrections on top makes them equal the picture exactly.",
            )
        )
        title = label(self.windowTitle(), "title")
        frame(self, column(title, text, form), translate("Split", "Split"))
        self.resize(460, 0)
