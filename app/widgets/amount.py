"""A number by a slider, or typed beside it; typed, it may lie beyond the slider's ends."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QSlider, QWidget

from app.theme import SPACE
from app.widgets.parts import decimal, row

STEPS = 100  # of the slider, in a unit


class Amount(QWidget):
    """`changed` carries a person's value; `show_value` is silent. `slid` are the slider's ends,
    `typed` those of the number."""

    changed = Signal(float)

    def __init__(self, slid: tuple[float, float], typed: tuple[float, float]) -> None:
        super().__init__()
        self.slider = _CalmSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(round(slid[0] * STEPS), round(slid[1] * STEPS))
        self.slider.setSingleStep(5)
        self.slider.setPageStep(20)
        self.box = decimal(*typed, 0.05, decimals=2)
        self.box.setMinimumWidth(68)
        layout = row(self.slider, self.box, spacing=SPACE)
        layout.setStretch(0, 1)
        self.setLayout(layout)
        self.slider.valueChanged.connect(lambda value: self._take(value / STEPS))
        self.box.valueChanged.connect(self._take)

    def show_value(self, value: float) -> None:
        blockers = QSignalBlocker(self.slider), QSignalBlocker(self.box)
        self.slider.setValue(round(value * STEPS))
        if self.box.value() != value:
            self.box.setValue(value)
        for blocker in blockers:
            blocker.unblock()

    def set_name(self, name: str) -> None:
        """For those who do not see it."""
        self.slider.setAccessibleName(name)
        self.box.setAccessibleName(name)

    def _take(self, value: float) -> None:
        self.show_value(value)
        self.changed.emit(value)


class _CalmSlider(QSlider):
    """The wheel scrolls the panel under it."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()
