"""Asks how a picture that is a map shall be used: threshold, invert, grow; as what."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from app.document.maps import MAX_GROW_PX, MapPreview, Reading, read_map
from app.document.selection import Selection
from app.i18n import translate
from app.theme import SPACE
from app.widgets.parts import Combo, note, number, row

WIDTH_PX = 296


class Use(Enum):
    selection = "selection"
    mask = "mask"
    layer = "layer"


class MapDialog(QDialog):
    """`image` is the map, of the page's size. `layers` are those that may get a mask: (id, name),
    the likeliest first. `has_source`: the map is an answer, and its picture can come back. Else
    the map can be hidden; either is what `clears` says.

    `changed` comes whenever `preview` shows something else.
    """

    changed = Signal()

    def __init__(
        self,
        image: QImage,
        layers: Sequence[tuple[str, str]],
        *,
        has_source: bool,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(translate("MapDialog", "Use as Mask or Selection"))
        self._image = image
        self.use = Combo()
        self.layer = Combo()
        self.is_hard = QCheckBox(translate("MapDialog", "Black and white, from"))
        self.threshold, self.slider = number(1, 255), QSlider(Qt.Orientation.Horizontal)
        self.inverts = QCheckBox(translate("MapDialog", "Invert"))
        self.grow = number(-MAX_GROW_PX, MAX_GROW_PX)
        self.clears = QCheckBox(
            translate("MapDialog", "Bring back the picture it was made of")
            if has_source
            else translate("MapDialog", "Hide the map")
        )
        self.summary, self.form = note(), QFormLayout()
        self._preview = MapPreview(image)
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        self._fill(layers, has_source)
        self._lay_out()
        self._connect()
        self._show()

    @property
    def reading(self) -> Reading:
        return Reading(
            threshold=self.threshold.value() if self.is_hard.isChecked() else None,
            inverts=self.inverts.isChecked(),
            grow_px=self.grow.value(),
        )

    @property
    def found(self) -> Selection:
        return read_map(self._image, self.reading)

    @property
    def chosen(self) -> Use:
        return self.use.currentData()

    def preview(self, page: QImage) -> QImage:
        """What would come of it: the map alone, or the page with a veil over what is not chosen."""
        if self.chosen is Use.layer:
            return self._shown
        return self._preview.over(page, self._shown)

    def _fill(self, layers: Sequence[tuple[str, str]], has_source: bool) -> None:
        self.use.addItem(translate("MapDialog", "Selection"), Use.selection)
        if layers:
            self.use.addItem(translate("MapDialog", "Mask of a layer"), Use.mask)
        self.use.addItem(translate("MapDialog", "New layer"), Use.layer)
        for layer_id, name in layers:
            self.layer.addItem(name, layer_id)
        self.is_hard.setChecked(True)
        self.threshold.setValue(128)
        self.grow.setValue(0)
        self.grow.setSuffix(" px")
        self.clears.setChecked(bool(layers))

    def _connect(self) -> None:
        self.slider.setRange(1, 255)
        self.slider.setValue(self.threshold.value())
        self.slider.valueChanged.connect(self.threshold.setValue)
        self.threshold.valueChanged.connect(self.slider.setValue)
        self.use.currentIndexChanged.connect(self._show_targets)
        self.clears.toggled.connect(self.changed)
        for field in (self.threshold, self.slider):
            self.is_hard.toggled.connect(field.setEnabled)
        for changed in (
            self.is_hard.toggled,
            self.inverts.toggled,
            self.threshold.valueChanged,
            self.grow.valueChanged,
        ):
            changed.connect(self._show)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self._show_targets()

    def _show_targets(self) -> None:
        self.form.setRowVisible(self.layer, self.chosen is Use.mask)
        self.changed.emit()

    def _show(self) -> None:
        """How much of the page it takes, in words; the picture of it is elsewhere."""
        from app.document.arrays import grey_view

        self._shown = self._preview.read(self.reading)
        values = grey_view(self._shown)
        text = translate("MapDialog", "{share} of the page is chosen.")
        if not values.any():
            text = translate("MapDialog", "Nothing is chosen: lower the threshold, or invert.")
        self.summary.setText(text.format(share=f"{values.mean() / 255:.0%}"))
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(bool(values.any()))
        self.changed.emit()

    def _lay_out(self) -> None:
        self.setMinimumWidth(WIDTH_PX)
        self.threshold.setAccessibleName(translate("MapDialog", "Threshold"))
        self.slider.setAccessibleName(translate("MapDialog", "Threshold"))
        self.form.setSpacing(SPACE)
        for name, field in (
            (translate("MapDialog", "Use as"), self.use),
            (translate("MapDialog", "Layer"), self.layer),
        ):
            self.form.addRow(name, field)
        self.form.addRow(self.is_hard)
        self.form.addRow(row(self.slider, self.threshold))
        self.form.addRow(translate("MapDialog", "Grow"), self.grow)
        self.form.addRow(self.inverts)
        self.form.addRow(self.clears)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * SPACE, 2 * SPACE, 2 * SPACE, 2 * SPACE)
        layout.setSpacing(SPACE)
        layout.addLayout(self.form)
        layout.addWidget(self.summary)
        layout.addStretch(1)
        layout.addWidget(self.buttons)
