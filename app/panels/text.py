"""The options of the active text layer: words, font, size, colour, alignment.

Shows a TextLayer; every change leaves as an EditText command, typing as one step of undo.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSignalBlocker, QSize, Signal
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QFontComboBox

from app.document.commands import EditText
from app.document.layers import Align, TextLayer, new_id
from app.i18n import translate
from app.widgets.icons import Icons
from app.widgets.parts import Panel, Segment, button, number, row, tool
from app.widgets.prompt_edit import PromptEdit
from app.widgets.swatch import ask_color, swatch

ALIGNS = (Align.left, Align.center, Align.right)


class TextPanel(Panel):
    """Hidden while no text layer is active. `wish` carries a command."""

    wish = Signal(object)

    def __init__(self, icons: Icons) -> None:
        super().__init__()
        self._icons = icons
        self._layer: TextLayer | None = None
        self._typing = ""
        self.words = PromptEdit(48)
        self.words.setMaximumHeight(56)
        self.family = QFontComboBox()
        self.size_px = number(1, 4096, " px")
        self.bold, self.italic = tool(), tool()
        self.color = button()
        self.align = Segment(3)
        self._lay_out()
        self._connect()
        self.retranslate()
        self.hide()

    def show_layer(self, layer: TextLayer | None) -> None:
        if layer is None or self._layer is None or layer.id != self._layer.id:
            self._typing = new_id()
        self._layer = layer
        self.setVisible(layer is not None)
        if layer is not None:
            self._show_values(layer)

    def retranslate(self) -> None:
        self.set_title(translate("Text", "Text"))
        for widget, name in (
            (self.words, translate("Text", "Words")),
            (self.family, translate("Text", "Font")),
            (self.size_px, translate("Text", "Size")),
            (self.bold, translate("Text", "Bold")),
            (self.italic, translate("Text", "Italic")),
            (self.color, translate("Text", "Colour")),
        ):
            widget.setToolTip(name)
            widget.setAccessibleName(name)
        self.words.setPlaceholderText(translate("Text", "Write the headline here"))
        self.align.set_icons(
            (self._icons("text-align-left"), translate("Text", "Left")),
            (self._icons("text-align-center"), translate("Text", "Centred")),
            (self._icons("text-align-right"), translate("Text", "Right")),
        )

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()

    def _lay_out(self) -> None:
        for toggle, icon in ((self.bold, "text-bolder"), (self.italic, "text-italic")):
            toggle.setIcon(self._icons(icon))
            toggle.setCheckable(True)
        self.family.setMinimumContentsLength(8)
        self.family.setSizeAdjustPolicy(
            QFontComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.size_px.setFixedWidth(84)
        self.color.setIconSize(QSize(28, 16))
        self.align.setFixedWidth(96)
        self.body.addWidget(self.words)
        self.body.addLayout(row(self.family, self.size_px))
        self.body.addLayout(row(self.bold, self.italic, self.color, None, self.align))

    def _connect(self) -> None:
        self.words.textChanged.connect(self._type)
        self.family.currentFontChanged.connect(lambda font: self._edit(family=font.family()))
        self.size_px.valueChanged.connect(lambda size: self._edit(size_px=size))
        self.bold.toggled.connect(lambda is_on: self._edit(bold=is_on))
        self.italic.toggled.connect(lambda is_on: self._edit(italic=is_on))
        self.align.chosen.connect(lambda index: self._edit(align=ALIGNS[index]))
        self.color.clicked.connect(self._choose_color)

    def _type(self) -> None:
        self._edit(text=self.words.text, gesture=self._typing)
        if self._layer is not None and self.words.text != self._layer.text:  # it was refused
            blocker = QSignalBlocker(self.words)
            self.words.show_text(self._layer.text)
            blocker.unblock()

    def _edit(self, **changes: object) -> None:
        if self._layer is not None and any(
            getattr(self._layer, name, None) != value for name, value in changes.items()
        ):
            self.wish.emit(EditText(layer_id=self._layer.id, **changes))  # type: ignore[arg-type]

    def _choose_color(self) -> None:
        if self._layer is None:
            return
        gesture, before = new_id(), self._layer.color
        title = translate("Text", "Text colour")
        found = ask_color(
            before, title, self, lambda color: self._edit(color=color, gesture=gesture)
        )
        self._edit(color=found or before, gesture=gesture)

    def _show_values(self, layer: TextLayer) -> None:
        widgets = (self.words, self.family, self.size_px, self.bold, self.italic)
        blockers = [QSignalBlocker(widget) for widget in widgets]
        self.words.show_text(layer.text)
        if layer.family:
            self.family.setCurrentFont(QFont(layer.family))
        self.size_px.setValue(layer.size_px)
        self.bold.setChecked(layer.bold)
        self.italic.setChecked(layer.italic)
        self.align.choose(ALIGNS.index(layer.align))
        self.color.setIcon(swatch(layer.color))
        for blocker in blockers:
            blocker.unblock()
