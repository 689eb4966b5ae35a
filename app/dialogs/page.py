"""Asks for a page: a preset or a size in px or mm, resolution, bleed and background."""

from __future__ import annotations

import dataclasses

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QListWidget,
    QListWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.document.errors import BadPage
from app.document.geometry import Page, Preset, page_from_mm, presets, to_mm, to_px
from app.i18n import translate
from app.theme import SPACE
from app.widgets.anchor import AnchorGrid
from app.widgets.parts import Segment, button, column, decimal, note, row
from app.widgets.swatch import ask_color, swatch

PRESET_LIST_PX = 272
PX, MM = 0, 1


class PageDialog(QDialog):
    """`chosen` is the page when it was accepted; a page that cannot be is refused in words.

    With content on the page, `anchor` says where it stays while the page changes around it.
    """

    def __init__(
        self,
        page: Page,
        title: str,
        parent: QWidget | None = None,
        *,
        has_content: bool = False,
    ) -> None:
        super().__init__(parent)
        self._has_content = has_content
        self.anchor = AnchorGrid()
        self.setWindowTitle(title)
        self._dpi_of_px = page.dpi
        self._background = page.background or "#ffffff"
        self.presets = QListWidget()
        self.unit = Segment(2)
        self.width_box = decimal(1, 100_000, 1, 1)
        self.height_box = decimal(1, 100_000, 1, 1)
        self.turn = button(translate("PageDialog", "Swap"))
        self.dpi = decimal(1, 2400, 1, 0)
        self.bleed = decimal(0, 100, 1, 1)
        self.transparent = QCheckBox(translate("PageDialog", "Transparent background"))
        self.color = button()
        self.summary = note()
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        self._is_mm = False
        self._lay_out()
        self._fill(page)
        self._connect()
        self._describe()

    @property
    def chosen(self) -> Page:
        """Raises BadPage."""
        background = None if self.transparent.isChecked() else self._background
        dpi, bleed = self.dpi.value(), self.bleed.value()
        width, height = self.width_box.value(), self.height_box.value()
        if self._is_mm:
            page = page_from_mm(width, height, dpi=dpi, bleed_mm=bleed)
        else:
            around = 2 * (to_px(bleed, dpi) if bleed else 0)
            page = Page(
                width=round(width) + around, height=round(height) + around, dpi=dpi, bleed_mm=bleed
            )
        return dataclasses.replace(page, background=background)

    def _fill(self, page: Page) -> None:
        for preset in presets():
            item = QListWidgetItem(f"{translate('Pages', preset.name)}  ·  {_size(preset)}")
            item.setData(Qt.ItemDataRole.UserRole, preset)
            self.presets.addItem(item)
        self.unit.choose(PX)
        self.width_box.setValue(page.trim.width())
        self.height_box.setValue(page.trim.height())
        self.dpi.setValue(page.dpi)
        self.bleed.setValue(page.bleed_mm)
        self.transparent.setChecked(page.background is None)
        self.color.setIcon(swatch(self._background))
        self._show_unit()

    def _connect(self) -> None:
        self.presets.itemSelectionChanged.connect(self._take_selected)
        self.presets.itemDoubleClicked.connect(lambda item: self.accept())
        self.unit.chosen.connect(lambda index: self._use_unit(index == MM))
        self.turn.clicked.connect(self._swap)
        for box in (self.width_box, self.height_box, self.dpi, self.bleed):
            box.valueChanged.connect(self._describe)
        self.transparent.toggled.connect(self._describe)
        self.color.clicked.connect(self._choose_color)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)

    def _take_selected(self) -> None:
        """A list that only gets the focus has a current item, which nobody chose."""
        for item in self.presets.selectedItems():
            self._take(item)

    def _take(self, item: QListWidgetItem) -> None:
        preset: Preset = item.data(Qt.ItemDataRole.UserRole)
        self._is_mm = preset.unit == "mm"
        self.unit.choose(MM if self._is_mm else PX)
        self.dpi.setValue(preset.dpi)
        self._show_unit()
        self.width_box.setValue(preset.width)
        self.height_box.setValue(preset.height)

    def _use_unit(self, is_mm: bool) -> None:
        if is_mm == self._is_mm:
            return
        self._is_mm = is_mm
        dpi = self.dpi.value()
        sizes = [self.width_box.value(), self.height_box.value()]
        width, height = (to_mm(s, dpi) if is_mm else to_px(s, dpi) for s in sizes)
        self._show_unit()
        self.width_box.setValue(width)
        self.height_box.setValue(height)

    def _show_unit(self) -> None:
        for box in (self.width_box, self.height_box):
            box.setDecimals(1 if self._is_mm else 0)
            box.setSuffix(" mm" if self._is_mm else " px")

    def _swap(self) -> None:
        width, height = self.width_box.value(), self.height_box.value()
        self.width_box.setValue(height)
        self.height_box.setValue(width)

    def _choose_color(self) -> None:
        found = ask_color(self._background, translate("PageDialog", "Page colour"), self)
        if found is not None:
            self._background = found
            self.color.setIcon(swatch(found))
            self.transparent.setChecked(False)

    def _describe(self) -> None:
        accept = self.buttons.button(QDialogButtonBox.StandardButton.Ok)
        try:
            page = self.chosen
        except BadPage as error:
            self.summary.setText(str(error))
            accept.setEnabled(False)
            return
        width, height = page.size_mm
        text = translate("PageDialog", "{w} × {h} px with bleed, {mmw} × {mmh} mm at {dpi} dpi")
        self.summary.setText(
            text.format(w=page.width, h=page.height, mmw=f"{width:.0f}", mmh=f"{height:.0f}",
                        dpi=f"{page.dpi:g}")
        )  # fmt: skip
        accept.setEnabled(True)

    def _lay_out(self) -> None:
        self.presets.setObjectName("Boxed")
        self.presets.setMinimumSize(PRESET_LIST_PX, 280)
        self.presets.setAccessibleName(translate("PageDialog", "Sizes to start from"))
        self.unit.set_texts("px", "mm")
        self.color.setIconSize(QSize(28, 16))
        self.bleed.setSuffix(" mm")
        self.dpi.setSuffix(" dpi")
        form = QFormLayout()
        form.setSpacing(SPACE)
        anchor = (translate("PageDialog", "Anchor"), self.anchor)
        for name, field in (
            (translate("PageDialog", "Unit"), self.unit),
            (translate("PageDialog", "Width"), self.width_box),
            (translate("PageDialog", "Height"), self.height_box),
            ("", row(self.turn, None)),
            (translate("PageDialog", "Resolution"), self.dpi),
            (translate("PageDialog", "Bleed"), self.bleed),
            *((anchor,) if self._has_content else ()),
            (translate("PageDialog", "Background"), row(self.color, None)),
            ("", self.transparent),
        ):
            form.addRow(name, field)
        side = column(form, None, self.summary)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * SPACE, 2 * SPACE, 2 * SPACE, 2 * SPACE)
        layout.setSpacing(2 * SPACE)
        layout.addLayout(row(self.presets, side, spacing=2 * SPACE))
        layout.addWidget(self.buttons)


def _size(preset: Preset) -> str:
    return f"{preset.width:g} × {preset.height:g} {preset.unit}"
