"""Two small choices about the model, shown where they arise: which published one it is, where its
files do not tell; and the schedule, where weights say that they were distilled to few steps."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Signal
from PySide6.QtWidgets import QWidget

from app.i18n import translate
from app.panels.styles import schedule_name
from app.state.generation import Generation
from app.state.observable import watch
from app.theme import SPACE
from app.widgets.parts import Combo, label, row
from model.requests import SCHEDULES


class VariantChoice(Combo):
    """`variant_chosen` carries the name of a published model."""

    variant_chosen = Signal(str)

    def __init__(self, generation: Generation) -> None:
        super().__init__()
        self._generation = generation
        self.activated.connect(lambda: self.variant_chosen.emit(self.currentData()))
        watch(generation, "model", lambda _: self.show_model())

    def show_model(self) -> None:
        model = self._generation.model
        self.clear()
        self.setVisible(model is not None and bool(model.variants))
        if model is None:
            return
        for name in model.variants:
            is_proposed = name == model.proposed_variant
            proposed = translate("Prompt", "{name} (proposed)").format(name=name)
            self.addItem(proposed if is_proposed else name, name)
        self.setCurrentIndex(self.findData(model.variant))
        self.setAccessibleName(translate("Prompt", "Which model it is"))
        self.setToolTip(
            translate("Prompt", "Its files do not tell which of these models it is. "
                      "The choice is remembered for these weights.")
        )  # fmt: skip

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.show_model()


class ScheduleChoice(QWidget):
    """Hidden where nothing says that few steps are enough."""

    def __init__(self, generation: Generation) -> None:
        super().__init__()
        self._generation = generation
        self.caption = label("", "muted")
        self.schedules = Combo()
        layout = row(self.caption, self.schedules, spacing=SPACE)
        layout.setStretch(1, 1)
        self.setLayout(layout)
        self.schedules.activated.connect(
            lambda: generation.change_schedule(self.schedules.currentData())
        )
        for name in ("model", "loras", "schedule"):
            watch(generation, name, lambda _: self._show())

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self._show()

    def _show(self) -> None:
        make = self._generation
        found, current = make.found_schedule, make.effective_schedule
        self.caption.setText(translate("Prompt", "Schedule"))
        self.schedules.setAccessibleName(self.caption.text())
        self.schedules.clear()
        for schedule in SCHEDULES:
            self.schedules.addItem(schedule_name(schedule), schedule)
        self.schedules.setCurrentIndex(SCHEDULES.index(current))
        text = translate("Prompt", "“{name}” is made for few steps without guidance")
        self.schedules.setToolTip(text.format(name=self._source()) if found else "")
        self.setVisible(bool(found or current))

    def _source(self) -> str:
        """What says so."""
        make = self._generation
        used = (lora for lora in make.loras if lora.is_used and lora.weight and lora.schedule)
        own = make.model.name if make.model else ""
        return next((lora.name for lora in used), own)
