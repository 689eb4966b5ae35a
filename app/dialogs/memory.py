"""How much memory models may take: what is free, or at most so much; and what that means for the
chosen model."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from app.i18n import translate
from app.settings import Settings
from app.theme import HALF, SPACE
from app.widgets.needs import advice, precision, way_text
from app.widgets.parts import Combo, column, decimal, note, row, set_role
from app.widgets.words import memory
from model.engine.protocol import ModelDescription

GB = 10**9
LEAST_GB, MOST_GB = 0.5, 1000.0
USUAL_GB = 8.0
AUTOMATIC, AT_MOST = 0, 1
CHOICE_LETTERS = 12


class MemoryChoice(QWidget):
    """Writes into Settings once a number is entered: every change starts the engine anew."""

    def __init__(
        self, settings: Settings, room: int, model: ModelDescription | None, scheme: str
    ) -> None:
        super().__init__()
        self._settings, self._room, self._model, self._scheme = settings, room, model, scheme
        most_gb = max(room / GB, LEAST_GB) if room else MOST_GB
        self.kind, self.most = Combo(), decimal(LEAST_GB, most_gb, 0.5)
        self.kind.addItems(["", ""])
        self.kind.setMinimumContentsLength(CHOICE_LETTERS)
        self.meaning = note()
        self.setLayout(
            column(row(self.kind, self.most, None, spacing=SPACE), self.meaning, spacing=HALF)
        )
        limit = settings.budget_bytes
        self.kind.setCurrentIndex(AT_MOST if limit else AUTOMATIC)
        self.most.setValue(limit / GB if limit else min(USUAL_GB, most_gb))
        self.kind.activated.connect(self.keep)
        self.most.valueChanged.connect(self._show)
        self.most.editingFinished.connect(self.keep)
        self.retranslate()

    def retranslate(self) -> None:
        self.kind.setItemText(AUTOMATIC, translate("Settings", "Automatic"))
        self.kind.setItemText(AT_MOST, translate("Settings", "At most"))
        self.most.setSuffix(" GB")
        self.most.setAccessibleName(translate("Settings", "The most memory for models"))
        self._show()

    @property
    def _limit(self) -> int:
        is_limited = self.kind.currentIndex() == AT_MOST
        return round(self.most.value() * GB) if is_limited else 0

    def keep(self) -> None:
        self._settings.budget_bytes = self._limit
        self._show()

    def _show(self) -> None:
        self.most.setVisible(bool(self._limit))
        text, is_enough = self._text()
        self.meaning.setText(text)
        self.meaning.setVisible(bool(text))
        set_role(self.meaning, "muted" if is_enough else "warning")

    def _text(self) -> tuple[str, bool]:
        """How the chosen model would run, or what would help; and whether it would."""
        room, model = self._limit or self._room, self._model
        need = next((n for n in (model.needs if model else ()) if n.scheme == self._scheme), None)
        if model is None or need is None or not room:
            text = translate("Settings", "What is free: about {size}").format(size=memory(room))
            return (text if room and not self._limit else ""), True
        if hindrance := advice(model.needs, self._scheme, room):
            return f"{model.name} · {hindrance}", False
        return f"{model.name} · {precision(self._scheme)} · {way_text(need, room)}", True
