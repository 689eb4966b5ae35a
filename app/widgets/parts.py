"""Small building blocks: a panel with a title, a choice of two, a busy spot, rows of buttons."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from PySide6.QtCore import QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QAction, QIcon, QKeyEvent, QWheelEvent
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QButtonGroup,
    QComboBox,
    QDoubleSpinBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLayout,
    QPushButton,
    QSizePolicy,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.theme import HALF, ICON_PX, SPACE

Box = TypeVar("Box", bound=QAbstractSpinBox)


class Panel(QFrame):
    """A rounded surface with a title and, at its right, room for buttons."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("Panel")
        self.title = label("", "heading")
        self.header = row(self.title, None)
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(SPACE + HALF, SPACE, SPACE + HALF, SPACE + HALF)
        self.body.setSpacing(SPACE)
        self.body.addLayout(self.header)

    def set_title(self, text: str) -> None:
        self.title.setText(text)
        self.setAccessibleName(text)


class Segment(QFrame):
    """A choice among a few words, all of them visible."""

    chosen = Signal(int)

    def __init__(self, count: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("Segment")
        self._group = QButtonGroup(self)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(1, 1, 1, 1)
        layout.setSpacing(1)
        for index in range(count):
            layout.addWidget(self._button(index), 1)
        self._group.idClicked.connect(self.chosen)

    def _button(self, index: int) -> QToolButton:
        button = QToolButton(self)
        button.setCheckable(True)
        button.setSizePolicy(expanding())
        self._group.addButton(button, index)
        return button

    def set_texts(self, *texts: str) -> None:
        for index, text in enumerate(texts):
            self._group.button(index).setText(text)

    def set_icons(self, *faces: tuple[QIcon, str]) -> None:
        set_role(self, "icons")
        for index, (icon, tip) in enumerate(faces):
            button = self._group.button(index)
            button.setIconSize(QSize(ICON_PX, ICON_PX))
            button.setIcon(icon)
            button.setToolTip(tip)
            button.setAccessibleName(tip)

    def choose(self, index: int) -> None:
        self._group.button(index).setChecked(True)

    def enable(self, index: int, is_enabled: bool) -> None:
        self._group.button(index).setEnabled(is_enabled)


class Combo(QComboBox):
    """A list that the wheel does not change by accident while a panel is scrolled."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(6)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


def number(low: int, high: int, suffix: str = "") -> QSpinBox:
    box = QSpinBox()
    box.setRange(low, high)
    box.setSuffix(suffix)
    return _calm(box)


class MixedNumber(QSpinBox):
    """A number that several things have, or a dash while they have different ones."""

    def __init__(self, low: int, high: int, suffix: str = "") -> None:
        super().__init__()
        self._low = low
        self._first = low
        self.setRange(low, high)
        self.setSuffix(suffix)
        _calm(self)

    @property
    def is_mixed(self) -> bool:
        return self.minimum() < self._low

    def show_value(self, value: int, *, is_mixed: bool) -> None:
        """`valueChanged` stays silent. A step away from a mixed value begins at `value`."""
        blocker = QSignalBlocker(self)
        self._first = value
        self.setMinimum(self._low - is_mixed)  # the dash stands for the number below the least
        self.setSpecialValueText("—" if is_mixed else "")
        self.setValue(self.minimum() if is_mixed else value)
        blocker.unblock()

    def stepBy(self, steps: int) -> None:
        if self.is_mixed:
            self.setValue(max(self._low, self._first + steps))
        else:
            super().stepBy(steps)

    def stepEnabled(self) -> QAbstractSpinBox.StepEnabledFlag:
        flags = QAbstractSpinBox.StepEnabledFlag
        both = flags.StepUpEnabled | flags.StepDownEnabled
        return both if self.is_mixed else super().stepEnabled()


def decimal(low: float, high: float, step: float, decimals: int = 1) -> QDoubleSpinBox:
    box = QDoubleSpinBox()
    box.setDecimals(decimals)
    box.setRange(low, high)
    box.setSingleStep(step)
    return _calm(box)


def _calm(box: Box) -> Box:
    box.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    box.setKeyboardTracking(False)
    box.lineEdit().setTextMargins(HALF, 0, 0, 0)
    return box


def label(text: str, role: str = "") -> QLabel:
    result = QLabel(text)
    result.setWordWrap(False)
    if role:
        result.setProperty("role", role)
    return result


def note(text: str = "", role: str = "muted") -> QLabel:
    """A sentence that breaks into lines."""
    result = label(text, role)
    result.setWordWrap(True)
    return result


def set_role(widget: QWidget, role: str) -> None:
    """Change what a style sheet sees in a widget."""
    if widget.property("role") != role:
        widget.setProperty("role", role)
        widget.style().unpolish(widget)
        widget.style().polish(widget)


def button(text: str = "", role: str = "") -> QPushButton:
    result = QPushButton(text)
    result.setAutoDefault(False)  # Enter in a dialog is not for whichever button comes first
    if role:
        result.setProperty("role", role)
    return result


def tool(action: QAction | None = None) -> QToolButton:
    """A button that shows an icon; with an action it follows that action."""
    result = QToolButton()
    result.setIconSize(QSize(ICON_PX, ICON_PX))
    result.setAutoRaise(True)
    if action is not None:
        result.setDefaultAction(action)
        result.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
        action.changed.connect(lambda: result.setAccessibleName(action.toolTip()))
        result.setAccessibleName(action.toolTip())
    return result


def row(*parts: QWidget | QLayout | None, spacing: int = HALF) -> QHBoxLayout:
    """Widgets side by side; `None` is stretch."""
    layout = QHBoxLayout()
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(spacing)
    _fill(layout, parts)
    return layout


def column(*parts: QWidget | QLayout | None, spacing: int = SPACE) -> QVBoxLayout:
    """Widgets under each other; `None` is stretch."""
    layout = QVBoxLayout()
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(spacing)
    _fill(layout, parts)
    return layout


def _fill(layout: QHBoxLayout | QVBoxLayout, parts: Iterable[QWidget | QLayout | None]) -> None:
    for part in parts:
        if part is None:
            layout.addStretch(1)
        elif isinstance(part, QWidget):
            layout.addWidget(part)
        else:
            layout.addLayout(part)


def expanding() -> QSizePolicy:
    return QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)


def is_submit(event: QKeyEvent) -> bool:
    """Ctrl+Enter, which some text fields would swallow."""
    wanted = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
    return event.key() in wanted and bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
