"""What a request can carry beyond words and numbers, in the prompt panel: strength, LoRAs,
ControlNets. Each part shows itself where it has something to say."""

from __future__ import annotations

from PySide6.QtWidgets import QGridLayout, QWidget

from app.panels.control import ControlSection
from app.panels.precision import PrecisionChoice
from app.panels.speed import SpeedChoice
from app.panels.strength import StrengthForm
from app.panels.styles import StylesSection
from app.panels.variants import ScheduleChoice, VariantChoice
from app.state.generation import Generation
from app.state.observable import watch
from app.theme import HALF
from app.widgets.icons import Icons
from app.widgets.parts import column


class Extras(QWidget):
    def __init__(self, generation: Generation, icons: Icons) -> None:
        super().__init__()
        self.variants = VariantChoice(generation)  # these two stand beside the model
        self.precision = PrecisionChoice(generation)
        self.schedule = ScheduleChoice(generation)
        self.speed = SpeedChoice(generation)
        self.strength = StrengthForm(generation)
        self.styles = StylesSection(generation, icons)
        self.control = ControlSection(generation, icons)
        self._sections = QGridLayout()
        self._sections.setSpacing(HALF)
        self.setLayout(column(self.schedule, self.speed, self.strength, self._sections))
        self.styles.folded.connect(self._arrange)
        self.control.folded.connect(self._arrange)
        # A change begins from the page; a ControlNet's map is another beginning.
        watch(generation, "is_change", lambda is_change: self.control.setVisible(not is_change))
        self._arrange()

    def align(self, width: int) -> None:
        """Fields begin where those above them do, whose captions are `width` px wide."""
        for caption in (self.schedule.caption, self.speed.caption, *self.strength.captions):
            caption.setMinimumWidth(width)

    def _arrange(self) -> None:
        """Side by side while both are folded, which saves a line."""
        is_side_by_side = not (self.styles.is_open or self.control.is_open)
        for index, section in enumerate((self.styles, self.control)):
            self._sections.removeWidget(section)
            if is_side_by_side:
                self._sections.addWidget(section, 0, index)
            else:
                self._sections.addWidget(section, index, 0, 1, 2)
