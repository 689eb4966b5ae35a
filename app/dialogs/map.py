"""Asks how a picture that is a map shall be used: threshold, invert, grow; as what."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QImage, QPixmap
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLabel,
    QVBoxLayout,
    QWidget,
)

from app.document.maps import MAX_GROW_PX, Reading, read_map
from app.document.selection import Selection
from app.i18n import translate
from app.theme import SPACE
from app.widgets.parts import Combo, column, note, number, row

PREVIEW = QSize(320, 320)


class Use(Enum):
    selection = "selection"
    mask = "mask"
    layer = "layer"


class MapDialog(QDialog):
    """`image` is the map, of the page's size. `layers` are those that may get a mask: (id, name),
    the likeliest first. `has_source`: the map is an answer, and its picture can come back."""

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
        self.threshold = number(1, 255)
        self.inverts = QCheckBox(translate("MapDialog", "Invert"))
        self.grow = number(-MAX_GROW_PX, MAX_GROW_PX)
        self.goes_back = QCheckBox(translate("MapDialog", "Bring back the picture it was made of"))
        self.picture, self.summary = QLabel(), note()
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
        self.goes_back.setChecked(has_source)
        self.goes_back.setVisible(has_source)

    def _connect(self) -> None:
        self.use.currentIndexChanged.connect(self._show_targets)
        self.is_hard.toggled.connect(self.threshold.setEnabled)
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
        self.layer.setEnabled(self.chosen is Use.mask)

    def _show(self) -> None:
        """The map as it would be used, small; how much of the page it takes, in words."""
        from app.document.arrays import grey_values

        image = self.found.image(self._image.rect())
        values = grey_values(image)
        small = image.scaled(
            PREVIEW, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
        )
        self.picture.setPixmap(QPixmap.fromImage(small))
        share = f"{values.mean() / 255:.0%}"
        text = translate("MapDialog", "White is what counts: {share} of the page.")
        if not values.any():
            text = translate("MapDialog", "Nothing is white: lower the threshold, or invert.")
        self.summary.setText(text.format(share=share))
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(bool(values.any()))

    def _lay_out(self) -> None:
        self.picture.setFixedSize(PREVIEW)
        self.picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.picture.setAccessibleName(translate("MapDialog", "What counts, in white"))
        form = QFormLayout()
        form.setSpacing(SPACE)
        for name, field in (
            (translate("MapDialog", "Use as"), self.use),
            (translate("MapDialog", "Layer"), self.layer),
            ("", row(self.is_hard, self.threshold, None)),
            (translate("MapDialog", "Grow"), self.grow),
            ("", self.inverts),
        ):
            form.addRow(name, field)
        self.threshold.setAccessibleName(translate("MapDialog", "Threshold"))
        side = column(form, None, self.summary, self.goes_back)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * SPACE, 2 * SPACE, 2 * SPACE, 2 * SPACE)
        layout.setSpacing(2 * SPACE)
        layout.addLayout(row(self.picture, side, spacing=2 * SPACE))
        layout.addWidget(self.buttons)
