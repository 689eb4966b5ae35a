"""Nine places of a page: which of them stays where it is while the page changes its size."""

from __future__ import annotations

from PySide6.QtCore import QSize, Signal
from PySide6.QtWidgets import QButtonGroup, QGridLayout, QToolButton, QWidget

from app.i18n import mark, translate

CELL_PX = 24
MIDDLE = 4
NAMES = (
    mark("Anchor", "Top left"),
    mark("Anchor", "Top"),
    mark("Anchor", "Top right"),
    mark("Anchor", "Left"),
    mark("Anchor", "Middle"),
    mark("Anchor", "Right"),
    mark("Anchor", "Bottom left"),
    mark("Anchor", "Bottom"),
    mark("Anchor", "Bottom right"),
)
_ARROWS = {
    (-1, -1): "↖", (0, -1): "↑", (1, -1): "↗",
    (-1, 0): "←", (0, 0): "●", (1, 0): "→",
    (-1, 1): "↙", (0, 1): "↓", (1, 1): "↘",
}  # fmt: skip


class AnchorGrid(QWidget):
    """Arrows show to which sides the page grows. `place` is its shares across and down, 0…1."""

    chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._group = QButtonGroup(self)
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(1)
        for index, name in enumerate(NAMES):
            layout.addWidget(self._button(index, translate("Anchor", name)), index // 3, index % 3)
        layout.setColumnStretch(3, 1)
        self._group.idClicked.connect(self.choose)
        self.choose(MIDDLE)

    @property
    def place(self) -> tuple[float, float]:
        index = self._group.checkedId()
        return index % 3 / 2, index // 3 / 2

    def choose(self, index: int) -> None:
        """By its number in NAMES."""
        self._group.button(index).setChecked(True)
        for other in range(len(NAMES)):
            across, down = other % 3 - index % 3, other // 3 - index // 3
            self._group.button(other).setText(_ARROWS.get((across, down), ""))
        self.chosen.emit(index)

    def _button(self, index: int, name: str) -> QToolButton:
        button = QToolButton()
        button.setCheckable(True)
        button.setFixedSize(QSize(CELL_PX, CELL_PX))
        button.setToolTip(name)
        button.setAccessibleName(name)
        self._group.addButton(button, index)
        return button
