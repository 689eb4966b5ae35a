"""How much of the picture may change, for models that paint anew what is described; and how what is
selected fades into the rest.

Shows a Generation; hidden where there is nothing to say.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QGridLayout, QWidget

from app.i18n import translate
from app.state.generation import WHOLE, Generation
from app.state.observable import bind
from app.theme import SPACE
from app.widgets.amount import Amount
from app.widgets.parts import label, number
from model.requests import MAX_FEATHER_PX, MAX_SIDE_PX

LEAST = 0.05


class StrengthForm(QWidget):
    def __init__(self, generation: Generation) -> None:
        super().__init__()
        self._generation = generation
        self.strength = Amount((LEAST, 1.0), (LEAST, 1.0))
        self.margin = number(WHOLE, MAX_SIDE_PX, " px")
        self.feather = number(0, MAX_FEATHER_PX, " px")
        self.captions = [label("", "muted") for _ in range(3)]
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(SPACE)
        grid.setVerticalSpacing(SPACE)
        for line, field in enumerate((self.strength, self.margin, self.feather)):
            grid.addWidget(self.captions[line], line, 0)
            grid.addWidget(field, line, 1)
        grid.setColumnStretch(1, 1)
        bind(generation, "margin", self.margin.setValue, self.margin.valueChanged)
        bind(generation, "feather", self.feather.setValue, self.feather.valueChanged)
        self.strength.changed.connect(self._take)
        generation.changed.connect(self._follow)
        self.retranslate()

    def retranslate(self) -> None:
        texts = (
            translate("Strength", "Strength"),
            translate("Strength", "Context"),
            translate("Strength", "Feather"),
        )
        tips = (
            translate("Strength", "How much may change; 1 keeps nothing of what was there"),
            translate("Strength", "How far around the selection the model looks"),
            translate("Strength", "Over how many pixels the new fades into the old, inwards"),
        )
        fields = (self.strength, self.margin, self.feather)
        for caption, field, text, tip in zip(self.captions, fields, texts, tips, strict=True):
            caption.setText(text)
            field.setToolTip(tip)
            field.setAccessibleName(text)
        self.strength.set_name(texts[0])
        self.margin.setSpecialValueText(translate("Strength", "Whole page"))
        self._show()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()

    def _take(self, strength: float) -> None:
        name = "mask_strength" if self._generation.has_mask else "strength"
        setattr(self._generation, name, strength)

    def _follow(self, name: str) -> None:
        if name in ("model", "is_change", "has_mask", "strength", "mask_strength"):
            self._show()

    def _show(self) -> None:
        make = self._generation
        paints = not make.follows_instructions
        shown = (paints, paints and make.has_mask, make.has_mask)
        fields = (self.strength, self.margin, self.feather)
        for caption, field, is_shown in zip(self.captions, fields, shown, strict=True):
            caption.setVisible(is_shown)
            field.setVisible(is_shown)
        self.strength.show_value(make.mask_strength if make.has_mask else make.strength)
        self.setVisible(make.is_change and any(shown))
