"""Asks for a change by name: a preset, its fields, and the instruction that they make."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPlainTextEdit,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from app.i18n import mark, translate
from app.presets import MAX_FIELD_CHARS, PRESETS, Field, Preset
from app.theme import SPACE
from app.widgets.parts import Combo, column, label, number, row
from model.requests import RequestError

LIST_PX, TEXT_PX = 232, 96

TITLES = {
    "depth": mark("Presets", "Depth map"),
    "edges": mark("Presets", "Edges"),
    "segment": mark("Presets", "Segment an object"),
    "boxes": mark("Presets", "Boxes around objects"),
    "view": mark("Presets", "Another view"),
    "enlarge": mark("Presets", "Sharpen and add detail"),
    "style": mark("Presets", "Change the style"),
    "background": mark("Presets", "Replace the background"),
    "add": mark("Presets", "Add an object"),
    "remove": mark("Presets", "Remove an object"),
    "replace": mark("Presets", "Replace an object"),
    "pose": mark("Presets", "Change a pose"),
    "text": mark("Presets", "Replace text"),
    "material": mark("Presets", "Change a material"),
}
FIELDS = {
    "object": mark("Presets", "Object"),
    "degrees": mark("Presets", "Degrees"),
    "direction": mark("Presets", "Direction"),
    "style": mark("Presets", "Style"),
    "background": mark("Presets", "Background"),
    "place": mark("Presets", "Place"),
    "new": mark("Presets", "New"),
    "old": mark("Presets", "Old"),
    "person": mark("Presets", "Person"),
    "pose": mark("Presets", "Pose"),
    "material": mark("Presets", "Material"),
}
CHOICES = {
    "left": mark("Presets", "left"),
    "right": mark("Presets", "right"),
    "up": mark("Presets", "up"),
    "down": mark("Presets", "down"),
}
DEGREES = 45


class PresetDialog(QDialog):
    """`instruction` is what was chosen; `makes` whether it shall be made at once."""

    def __init__(self, language: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(translate("PresetDialog", "Change by Preset"))
        self._language = language
        self.makes = False
        self.list = QListWidget()
        self.form = QFormLayout()
        self.fields: dict[str, QWidget] = {}
        self.text = QPlainTextEdit()
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        roles = QDialogButtonBox.ButtonRole
        put, make = (
            translate("PresetDialog", "Put in the Prompt"),
            translate("PresetDialog", "Change the Picture"),
        )
        self.put = self.buttons.addButton(put, roles.ActionRole)
        self.make = self.buttons.addButton(make, roles.AcceptRole)
        self._lay_out()
        self._connect()
        self.list.setCurrentRow(0)

    @property
    def preset(self) -> Preset:
        return self.list.currentItem().data(Qt.ItemDataRole.UserRole)

    @property
    def instruction(self) -> str:
        """Raises RequestError where a field is empty or wrong."""
        values = {name: _value(widget) for name, widget in self.fields.items()}
        return self.preset.instruction(values, self._language)

    def _lay_out(self) -> None:
        self.list.setObjectName("Boxed")
        self.list.ensurePolished()  # rows are measured as soon as one is chosen
        for preset in PRESETS.values():
            item = QListWidgetItem(translate("Presets", TITLES[preset.name]))
            item.setData(Qt.ItemDataRole.UserRole, preset)
            self.list.addItem(item)
        self.list.setMinimumSize(LIST_PX, 348)
        self.list.setAccessibleName(translate("PresetDialog", "Presets"))
        self.text.setReadOnly(True)
        self.text.setFixedHeight(TEXT_PX)
        self.text.setAccessibleName(translate("PresetDialog", "Instruction"))
        self.form.setSpacing(SPACE)
        self.make.setDefault(True)
        heading = label(translate("PresetDialog", "The model is told"), "muted")
        side = column(self.form, None, heading, self.text)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * SPACE, 2 * SPACE, 2 * SPACE, 2 * SPACE)
        layout.setSpacing(2 * SPACE)
        layout.addLayout(row(self.list, side, spacing=2 * SPACE))
        layout.addWidget(self.buttons)

    def _connect(self) -> None:
        self.list.currentItemChanged.connect(self._show_fields)
        self.put.clicked.connect(self.accept)
        self.make.clicked.connect(self._accept_and_make)
        self.buttons.rejected.connect(self.reject)

    def _accept_and_make(self) -> None:
        self.makes = True
        self.accept()

    def _show_fields(self) -> None:
        while self.form.rowCount():
            self.form.removeRow(0)
        self.fields = {field.name: self._field(field) for field in self.preset.fields}
        for name, widget in self.fields.items():
            title = translate("Presets", FIELDS[name])
            widget.setAccessibleName(title)
            self.form.addRow(title, widget)
        self._show_instruction()

    def _field(self, field: Field) -> QWidget:
        if field.choices is not None:
            choices = Combo()
            for choice in field.choices:
                choices.addItem(translate("Presets", CHOICES[choice]), choice)
            choices.setCurrentIndex(choices.findData(field.default))
            choices.currentIndexChanged.connect(self._show_instruction)
            return choices
        if field.low is not None and field.high is not None:
            box = number(field.low, field.high)
            box.setValue(min(max(DEGREES, field.low), field.high))
            box.valueChanged.connect(self._show_instruction)
            return box
        line = QLineEdit()
        line.setMaxLength(MAX_FIELD_CHARS)
        line.textChanged.connect(self._show_instruction)
        return line

    def _show_instruction(self) -> None:
        try:
            text, is_whole = self.instruction, True
        except RequestError:
            text = translate("PresetDialog", "Fill in every field.")
            is_whole = False
        self.text.setPlainText(text)
        self.put.setEnabled(is_whole)
        self.make.setEnabled(is_whole)


def _value(widget: QWidget) -> str:
    if isinstance(widget, QSpinBox):
        return str(widget.value())
    if isinstance(widget, Combo):
        return widget.currentData()
    assert isinstance(widget, QLineEdit)
    return widget.text()
