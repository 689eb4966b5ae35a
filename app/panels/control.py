"""The section of ControlNets in the prompt panel: what each follows, how strongly, and when."""

from __future__ import annotations

from enum import StrEnum, auto
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QIcon, QPixmap
from PySide6.QtWidgets import QMenu, QToolButton

from app.document.pictures import to_image
from app.i18n import translate
from app.panels.adapters import AdapterRow, AdapterSection
from app.state.choices import ControlChoice
from app.state.generation import Generation
from app.widgets.amount import Amount
from app.widgets.icons import Icons
from app.widgets.parts import label, number, row
from model.engine.protocol import AdapterKind
from model.requests import Picture

MAP_PX = 48
SLID = (0.0, 2.0)
MOST = 4.0


class Source(StrEnum):
    """Where a map comes from."""

    file = auto()
    layer = auto()
    edges = auto()


class ControlRow(AdapterRow[ControlChoice]):
    """`map_wanted` carries where the map shall come from."""

    map_wanted = Signal(object)

    def __init__(self, icons: Icons) -> None:
        super().__init__(icons)
        self._icons = icons
        self._map: Picture | None = None
        self.map, self.menu = QToolButton(), QMenu(self)
        self.map.setIconSize(QSize(MAP_PX, MAP_PX))
        self.map.setMenu(self.menu)
        self.map.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.strength = Amount(SLID, (0.0, MOST))
        self.span = label("", "muted")
        self.start, self.end = number(0, 99, " %"), number(1, 100, " %")
        self.strength.changed.connect(lambda strength: self.change(strength=strength))
        self.start.valueChanged.connect(self._change_start)
        self.end.valueChanged.connect(self._change_end)
        self.content.addWidget(self.strength)
        self.content.addLayout(row(self.map, self.span, None, self.start, label("–"), self.end))
        self.content.addWidget(self.line)

    def show_choice(self, choice: ControlChoice) -> None:
        super().show_choice(choice)
        self.strength.show_value(choice.strength)
        for box, share in ((self.start, choice.start), (self.end, choice.end)):
            blocked = box.blockSignals(True)
            box.setValue(round(share * 100))
            box.blockSignals(blocked)
        for part in (self.strength, self.start, self.end, self.map):
            part.setEnabled(choice.is_used)
        self._show_map(choice.map)
        self._show_words(choice)

    def remark(self, choice: ControlChoice) -> str:
        if choice.sha256 and choice.map is None:
            return translate("Adapters", "Choose the picture that it follows.")
        return super().remark(choice)

    def _show_map(self, picture: Picture | None) -> None:
        if picture is None:
            self.map.setIcon(self._icons("image"))
        elif picture is not self._map:
            image = to_image(picture).scaled(
                MAP_PX,
                MAP_PX,
                Qt.AspectRatioMode.KeepAspectRatio,
                Qt.TransformationMode.SmoothTransformation,
            )
            self.map.setIcon(QIcon(QPixmap.fromImage(image)))
        self._map = picture

    def _show_words(self, choice: ControlChoice) -> None:
        self.strength.set_name(translate("Adapters", "Strength of {name}").format(name=choice.name))
        self.strength.setToolTip(translate("Adapters", "How closely the map is followed"))
        self.span.setText(translate("Adapters", "Counts"))
        when = translate("Adapters", "From when to when it counts, in shares of the steps")
        for box in (self.start, self.end):
            box.setToolTip(when)
            box.setAccessibleName(when)
        tip = translate("Adapters", "The map: the picture that it follows")
        self.map.setToolTip(tip)
        self.map.setAccessibleName(tip)
        self.menu.clear()
        for source, text in (
            (Source.file, translate("Adapters", "From a file…")),
            (Source.layer, translate("Adapters", "The active layer")),
            (Source.edges, translate("Adapters", "Edges of the page")),
        ):
            self.menu.addAction(text).triggered.connect(
                lambda _=False, source=source: self.map_wanted.emit(source)
            )

    def _change_start(self, percent: int) -> None:
        """Never after the end."""
        self.change(start=percent / 100, end=max(self.end.value(), percent + 1) / 100)

    def _change_end(self, percent: int) -> None:
        self.change(start=min(self.start.value(), percent - 1) / 100, end=percent / 100)


class ControlSection(AdapterSection[ControlChoice]):
    """`map_wanted` carries the choice's id and where its map shall come from."""

    map_wanted = Signal(str, object)

    def __init__(self, generation: Generation, icons: Icons) -> None:
        self._row_icons = icons
        super().__init__(generation, icons, AdapterKind.controlnet, "controls")

    def title(self) -> str:
        return translate("Adapters", "Control")

    def words(self) -> tuple[str, str, str]:
        return (
            translate("Adapters", "Add a ControlNet"),
            translate("Adapters", "From a folder…"),
            translate("Adapters", "A ControlNet lets the new picture follow edges, depth or a pose "
                      "of another one. Add one with +, or drop its folder here."),
        )  # fmt: skip

    def make_row(self) -> ControlRow:
        made = ControlRow(self._row_icons)
        made.map_wanted.connect(lambda source: self._want_map(made, source))
        return made

    def choices(self) -> tuple[ControlChoice, ...]:
        return self.generation.controls

    def put(self, choices: tuple[ControlChoice, ...]) -> None:
        self.generation.controls = choices

    def is_wanted(self, path: Path) -> bool:
        return super().is_wanted(path) or path.is_dir()

    def _want_map(self, asking: ControlRow, source: Source) -> None:
        if asking.choice is not None:
            self.map_wanted.emit(asking.choice.id, source)
