"""Asks how a picture is to be split into layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtWidgets import QWidget

from app.dialogs.choice import ModelDialog
from app.i18n import translate
from app.widgets.parts import Segment, number
from model.engine.protocol import ModelDescription
from model.requests import MAX_LAYERS, RESOLUTIONS, Caption, Decompose


class SplitDialog(ModelDialog):
    """`values` are fields of a Decompose request."""

    def __init__(
        self,
        models: Sequence[ModelDescription],
        like: Decompose | None = None,
        parent: QWidget | None = None,
    ) -> None:
        """`like` is an earlier request, whose values stand there first."""
        super().__init__(translate("Split", "Split into Layers"), models, None, parent)
        self.count = number(2, MAX_LAYERS)
        self.resolution = Segment(len(RESOLUTIONS))
        self._resolution = 0
        self.resolution.chosen.connect(self._choose)
        self.model.currentIndexChanged.connect(self._show_hint)
        self._fill(like)
        self._show_hint()
        self.lay_out(
            translate(
                "Split",
                "What is seen on the page becomes a group of layers with transparency. A layer of "
                "corrections on top makes them equal the picture exactly.",
            ),
            translate("Split", "Split"),
            (translate("Split", "Layers"), self.count),
            (translate("Split", "Resolution"), self.resolution),
        )

    @property
    def values(self) -> dict[str, Any]:
        return {
            "layers": self.count.value(),
            "resolution": RESOLUTIONS[self._resolution],
            "prompt": self.words,
        }

    @property
    def needs_words(self) -> bool:
        """A model that can write describes the picture by itself."""
        return Caption.task not in self.chosen.tasks

    def _fill(self, like: Decompose | None) -> None:
        self.resolution.set_texts(*(f"{side} px" for side in RESOLUTIONS))
        self.resolution.setToolTip(
            translate("Split", "The size the model works at; its layers are brought to the page's")
        )
        self.count.setValue(Decompose.layers if like is None else like.layers)
        resolution = None if like is None else like.resolution
        self._choose(0 if resolution is None else RESOLUTIONS.index(resolution))
        self.prompt.show_text("" if like is None else like.prompt)

    def _choose(self, index: int) -> None:
        self._resolution = index
        self.resolution.choose(index)

    def _show_hint(self) -> None:
        text = translate("Split", "Empty: the model describes the picture by itself")
        if self.needs_words:
            text = translate("Split", "What the picture shows; this model cannot describe it")
        self.prompt.setPlaceholderText(text)
