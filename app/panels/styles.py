"""The section of LoRAs in the prompt panel: which are at work, and how strongly."""

from __future__ import annotations

from app.i18n import translate
from app.panels.adapters import AdapterRow, AdapterSection
from app.state.choices import LoraChoice
from app.state.generation import Generation
from app.widgets.amount import Amount
from app.widgets.icons import Icons
from model.engine.protocol import AdapterKind
from model.requests import FEW_STEPS, MAX_LORA_WEIGHT

SLID = (0.0, 2.0)


class LoraRow(AdapterRow[LoraChoice]):
    def __init__(self, icons: Icons) -> None:
        super().__init__(icons)
        self.weight = Amount(SLID, (-MAX_LORA_WEIGHT, MAX_LORA_WEIGHT))
        self.weight.changed.connect(lambda weight: self.change(weight=weight))
        self.content.addWidget(self.weight)
        self.content.addWidget(self.line)

    def show_choice(self, choice: LoraChoice) -> None:
        super().show_choice(choice)
        self.weight.show_value(choice.weight)
        self.weight.setEnabled(choice.is_used)
        self.weight.set_name(translate("Adapters", "Weight of {name}").format(name=choice.name))
        self.weight.setToolTip(
            translate("Adapters", "How strongly it counts; below 0 it works the other way")
        )

    def remark(self, choice: LoraChoice) -> str:
        if choice.schedule:
            return schedule_name(choice.schedule)
        return super().remark(choice)


class StylesSection(AdapterSection[LoraChoice]):
    def __init__(self, generation: Generation, icons: Icons) -> None:
        self._row_icons = icons
        super().__init__(generation, icons, AdapterKind.lora, "loras")

    def title(self) -> str:
        return translate("Adapters", "Styles")

    def words(self) -> tuple[str, str, str]:
        return (
            translate("Adapters", "Add a style (LoRA)"),
            translate("Adapters", "From a file…"),
            translate("Adapters", "Styles are LoRAs: small files that teach the model a look. "
                      "Add one with +, or drop it here."),
        )  # fmt: skip

    def make_row(self) -> LoraRow:
        return LoraRow(self._row_icons)

    def choices(self) -> tuple[LoraChoice, ...]:
        return self.generation.loras

    def put(self, choices: tuple[LoraChoice, ...]) -> None:
        self.generation.change_loras(choices)


def schedule_name(schedule: str) -> str:
    """`Lightning, 4 steps`; of the empty one, the model's usual."""
    if schedule not in FEW_STEPS:
        return translate("Adapters", "As usual")
    text = translate("Adapters", "Lightning, %n step(s)", FEW_STEPS[schedule])
    return text
