"""The button that starts work and, while it runs, stops it; with progress and estimated time."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QProgressBar, QWidget

from app.i18n import translate
from app.theme import CONTROL_PX, SPACE
from app.widgets.icons import Icons
from app.widgets.parts import button, column, note, set_role
from app.widgets.words import duration, memory
from model.engine.protocol import Outlook


class GenerateBar(QWidget):
    """Knows two states: ready, and at work with a step of a total."""

    generate = Signal()
    cancel = Signal()

    def __init__(self, icons: Icons) -> None:
        super().__init__()
        self._icons = icons
        self._is_busy = False
        self._is_change = False
        self._outlook = Outlook()
        self.button = button("", "primary")
        self.button.setMinimumHeight(CONTROL_PX + SPACE)
        self.button.clicked.connect(self._click)
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.line = note()
        self.setLayout(column(self.progress, self.button, self.line))
        self.show_ready()

    def show_ready(self) -> None:
        self._is_busy = False
        self.progress.setRange(0, 1)
        self.progress.setValue(0)
        self.retranslate()

    def show_work(self, step: int, total: int, seconds_left: float | None) -> None:
        """A total of 0 is work of unknown length: loading, waiting."""
        self._is_busy = True
        self.progress.setRange(0, total)
        self.progress.setValue(step)
        self.retranslate()
        self.line.setText(progress_text(step, total, seconds_left))

    def show_outlook(self, outlook: Outlook) -> None:
        self._outlook = outlook
        if not self._is_busy:
            self.retranslate()

    def set_change(self, is_change: bool) -> None:
        self._is_change = is_change
        self.retranslate()

    def retranslate(self) -> None:
        if self._is_busy:
            self.button.setText(translate("Prompt", "Cancel"))
            self.button.setToolTip(translate("Prompt", "Stop this work  (Esc)"))
            self.button.setIcon(self._icons("stop-circle"))
            set_role(self.button, "")
            return
        make = translate("Prompt", "Generate")
        change = translate("Prompt", "Change the picture")
        self.button.setText(change if self._is_change else make)
        self.button.setToolTip(translate("Prompt", "Start  (Ctrl+Enter)"))
        self.button.setIcon(self._icons("sparkle", "on_accent"))
        set_role(self.button, "primary")
        hint = translate("Prompt", "Ctrl+Enter starts it anywhere")
        self.line.setText(outlook_text(self._outlook) or hint)
        self.line.setToolTip(self._outlook.problem)
        set_role(self.line, "warning" if self._outlook.problem else "muted")

    def _click(self) -> None:
        (self.cancel if self._is_busy else self.generate).emit()


def outlook_text(outlook: Outlook) -> str:
    """`Fits: 7.9 GB of 12.0 GB · about 41 s`, as far as it is known."""
    if outlook.problem:
        return outlook.problem
    parts = []
    if outlook.peak_bytes is not None and outlook.budget_bytes is not None:
        text = translate("Prompt", "Fits: {peak} of {budget}")
        sizes = {"peak": memory(outlook.peak_bytes), "budget": memory(outlook.budget_bytes)}
        parts.append(text.format(**sizes))
    if outlook.seconds is not None:
        time = duration(outlook.seconds)
        parts.append(translate("Prompt", "About {time}").format(time=time))
    return " · ".join(parts)


def progress_text(step: int, total: int, seconds_left: float | None) -> str:
    """`Step 3 of 20 · 8 s left`"""
    if not total:
        return translate("Progress", "Preparing…")
    text = translate("Progress", "Step {step} of {total}").format(step=step, total=total)
    if seconds_left is None:
        return text
    left = translate("Progress", "{time} left").format(time=duration(seconds_left))
    return f"{text} · {left}"
