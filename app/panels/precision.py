"""In how many bits a model works, beside the model in the prompt panel: what all of it takes of
memory, and how it would run with what there is."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtWidgets import QWidget

from app.i18n import translate
from app.state.generation import Generation
from app.state.observable import watch
from app.theme import HALF
from app.widgets.needs import enough, loss, precision, way_text
from app.widgets.parts import Combo, column, note, set_role
from app.widgets.words import memory
from model.engine.protocol import Way


class PrecisionChoice(QWidget):
    """`chosen` carries a scheme. Hidden for models that nothing is known of, or that are packed
    anyway."""

    chosen = Signal(str)

    def __init__(self, generation: Generation) -> None:
        super().__init__()
        self._generation = generation
        self.schemes, self.way = Combo(), note()
        self.setLayout(column(self.schemes, self.way, spacing=HALF))
        self.schemes.activated.connect(lambda: self.chosen.emit(self.schemes.currentData()))
        for name in ("model", "scheme", "room"):
            watch(generation, name, lambda _: self._show())

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self._show()

    def _show(self) -> None:
        make = self._generation
        needs = make.model.needs if make.model else ()
        self.setVisible(bool(needs))
        self.schemes.clear()
        self.schemes.setAccessibleName(translate("Prompt", "Precision"))
        for index, need in enumerate(needs):
            size = memory(enough(need.whole))
            self.schemes.addItem(f"{precision(need.scheme)} · {size}", need.scheme)
            tip = f"{way_text(need, make.room)}.\n{loss(need.scheme)}"
            self.schemes.setItemData(index, tip, Qt.ItemDataRole.ToolTipRole)
            if need.scheme == make.scheme:
                self.schemes.setCurrentIndex(index)
                self.schemes.setToolTip(tip)
                self.way.setText(way_text(need, make.room))
                fits = not make.room or need.way(make.room) is not Way.none
                set_role(self.way, "muted" if fits else "warning")
