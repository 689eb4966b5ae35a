"""Exact, or quicker with another picture. What is quicker on this computer is offered, and what the
settings of an earlier step say."""

from __future__ import annotations

from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QWidget

from app.i18n import translate
from app.state.generation import STEP_CACHE, Generation
from app.state.observable import watch
from app.theme import SPACE
from app.widgets.parts import Combo, label, row
from model.requests import EXACT

Mode = tuple[float, str]
"""Threshold of the step cache, and kind of attention."""


class SpeedChoice(QWidget):
    def __init__(self, generation: Generation) -> None:
        super().__init__()
        self._generation = generation
        self.caption = label("", "muted")
        self.modes = Combo()
        layout = row(self.caption, self.modes, spacing=SPACE)
        layout.setStretch(1, 1)
        self.setLayout(layout)
        self.modes.activated.connect(lambda: self._take(self.modes.currentData()))
        for name in ("attentions", "step_cache", "attention"):
            watch(generation, name, lambda _: self._show())

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self._show()

    def _take(self, mode: Mode) -> None:
        self._generation.step_cache, self._generation.attention = mode

    def _show(self) -> None:
        make = self._generation
        current = (make.step_cache, make.attention)
        modes = [(0.0, EXACT), (STEP_CACHE, EXACT), *((0.0, kind) for kind in make.attentions)]
        if current not in modes:
            modes.append(current)
        self.caption.setText(translate("Speed", "Speed"))
        self.modes.setAccessibleName(self.caption.text())
        self.modes.clear()
        for mode in modes:
            self.modes.addItem(mode_name(mode), mode)
        self.modes.setCurrentIndex(modes.index(current))
        self.modes.setToolTip(
            translate("Speed", "All but Exact take less time and change the picture; how far they "
                      "are off is measured in every run and shown at the step")
        )  # fmt: skip


def mode_name(mode: Mode) -> str:
    """`Step cache (inexact)`"""
    threshold, attention = mode
    parts = []
    if threshold == STEP_CACHE:
        parts.append(translate("Speed", "Step cache"))
    elif threshold:
        text = translate("Speed", "Step cache {threshold}")
        parts.append(text.format(threshold=f"{threshold:g}"))
    if attention != EXACT:
        parts.append(attention_name(attention))
    if not parts:
        return translate("Speed", "Exact")
    text = translate("Speed", "{modes} (inexact)")
    return text.format(modes=" + ".join(parts))


def attention_name(kind: str) -> str:
    if kind == "sage":
        return translate("Speed", "Sage attention")
    return translate("Speed", "8-bit attention")
