"""A headed part of a panel that folds away, with a button that adds to it."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QToolButton, QVBoxLayout, QWidget

from app.theme import HALF, ICON_PX, SPACE
from app.widgets.icons import Icons
from app.widgets.parts import row, set_role, tool

CARET_PX = 12


class Section(QWidget):
    """Folded at first. `content` is the layout of what is folded away. `folded` comes when it is
    folded or unfolded."""

    folded = Signal()

    def __init__(self, icons: Icons) -> None:
        super().__init__()
        self._icons = icons
        self.head = QToolButton()
        self.head.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.head.setIconSize(QSize(CARET_PX, CARET_PX))
        set_role(self.head, "section")
        self.add = tool()
        self.add.setIcon(icons("plus"))
        self.add.setIconSize(QSize(ICON_PX - 2, ICON_PX - 2))
        self.body = QWidget()
        self.content = QVBoxLayout(self.body)
        self.content.setContentsMargins(HALF, 0, 0, 0)
        self.content.setSpacing(SPACE)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(HALF)
        layout.addLayout(row(self.head, None, self.add))
        layout.addWidget(self.body)
        self.head.clicked.connect(lambda: self.unfold(not self.is_open))
        self.unfold(False)

    @property
    def is_open(self) -> bool:
        return not self.body.isHidden()

    def unfold(self, is_open: bool = True) -> None:
        self.body.setVisible(is_open)
        self.folded.emit()
        self.head.setIcon(self._icons("caret-down" if is_open else "caret-right"))

    def set_title(self, text: str, count: int = 0) -> None:
        """With how many there are, so that a folded section hides nothing."""
        self.head.setText(f"{text} ({count})" if count else text)
