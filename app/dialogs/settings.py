"""Settings: language and theme, models and device, keys. Every choice counts at once."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QListWidget,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from app.dialogs.keys import KeysEditor
from app.dialogs.memory import CHOICE_LETTERS, MemoryChoice
from app.i18n import LANGUAGES, translate
from app.settings import Settings
from app.theme import SPACE
from app.widgets.parts import Combo, button, column, label, note, row
from model.engine.protocol import ModelDescription

MODELS = 1
"""The number of their tab."""
_LABELS = ("language", "theme", "folders", "device", "memory")


class SettingsDialog(QDialog):
    """Writes into Settings; whoever cares listens there."""

    def __init__(
        self,
        settings: Settings,
        devices: tuple[str, ...],
        parent: QWidget | None = None,
        *,
        room: int = 0,
        model: ModelDescription | None = None,
        scheme: str = "",
    ) -> None:
        """`room` is how much memory models may take at most; `model` and `scheme` are what is told
        how it fits."""
        super().__init__(parent)
        self._settings = settings
        self._devices = devices
        self.language, self.theme, self.device = Combo(), Combo(), Combo()
        self.motion = QCheckBox()
        self.folders = QListWidget()
        self.add, self.remove = button(), button()
        self.keys = KeysEditor(settings)
        self.folders_note, self.device_note = note(), note()
        self.memory = MemoryChoice(settings, room, model, scheme)
        self.tabs = QTabWidget()
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        self._labels = {name: label("") for name in _LABELS}
        self._lay_out()
        self._fill()
        self.retranslate()
        self._connect()

    def retranslate(self) -> None:
        self.setWindowTitle(translate("Settings", "Settings"))
        names = (translate("Settings", "General"), translate("Settings", "Models"),
                 translate("Settings", "Keys"))  # fmt: skip
        for index, name in enumerate(names):
            self.tabs.setTabText(index, name)
        texts = {
            "language": translate("Settings", "Language"),
            "theme": translate("Settings", "Theme"),
            "folders": translate("Settings", "Model folders"),
            "device": translate("Settings", "Device"),
            "memory": translate("Settings", "Memory for models"),
        }
        for name, text in texts.items():
            self._labels[name].setText(text)
            getattr(self, name).setAccessibleName(text)
        self.language.setItemText(0, translate("Settings", "As the computer"))
        for index, text in enumerate(
            (
                translate("Settings", "As the computer"),
                translate("Settings", "Light"),
                translate("Settings", "Dark"),
            )
        ):
            self.theme.setItemText(index, text)
        self.device.setItemText(0, translate("Settings", "The best one"))
        self.motion.setText(translate("Settings", "Less motion: nothing fades or marches"))
        self.add.setText(translate("Settings", "Add Folder…"))
        self.remove.setText(translate("Settings", "Remove"))
        self.folders_note.setText(
            translate("Settings", "Folders that hold published Qwen-Image models, one folder a "
                      "model. Nothing is copied.")
        )  # fmt: skip
        self.device_note.setText(
            translate("Settings", "A change of these starts the engine anew; a picture that is "
                      "being made is stopped.")
        )  # fmt: skip
        self.memory.retranslate()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()

    def _fill(self) -> None:
        settings = self._settings
        self.language.addItem("", "")
        for code, name in LANGUAGES.items():
            self.language.addItem(name, code)
        for code in ("", "light", "dark"):
            self.theme.addItem("", code)
        self.device.addItem("", "")
        for device in self._devices:
            self.device.addItem(device, device)
        for combo, value in (
            (self.language, settings.language),
            (self.theme, settings.theme),
            (self.device, settings.device),
        ):
            combo.setCurrentIndex(max(0, combo.findData(value)))
        self.motion.setChecked(settings.reduced_motion)
        self.folders.addItems(list(settings.model_folders))

    def _connect(self) -> None:
        settings = self._settings
        for combo, name in (
            (self.language, "language"),
            (self.theme, "theme"),
            (self.device, "device"),
        ):
            combo.activated.connect(
                lambda _, combo=combo, name=name: setattr(settings, name, combo.currentData())
            )
        self.motion.toggled.connect(lambda is_on: setattr(settings, "reduced_motion", is_on))
        self.add.clicked.connect(self._add_folder)
        self.remove.clicked.connect(self._remove_folder)
        self.buttons.rejected.connect(self.reject)
        self.finished.connect(self.memory.keep)

    def _add_folder(self) -> None:
        title = translate("Settings", "Folder of models")
        found = QFileDialog.getExistingDirectory(self, title)
        if found and found not in self._settings.model_folders:
            self.folders.addItem(str(Path(found)))
            self._keep_folders()

    def _remove_folder(self) -> None:
        if self.folders.currentRow() >= 0:
            self.folders.takeItem(self.folders.currentRow())
            self._keep_folders()

    def _keep_folders(self) -> None:
        names = (self.folders.item(row).text() for row in range(self.folders.count()))
        self._settings.model_folders = tuple(names)

    def _lay_out(self) -> None:
        self.folders.setObjectName("Boxed")
        self.device.setMinimumContentsLength(CHOICE_LETTERS)
        general = QFormLayout()
        general.setSpacing(SPACE)
        general.addRow(self._labels["language"], self.language)
        general.addRow(self._labels["theme"], self.theme)
        general.addRow("", self.motion)
        form = QFormLayout()
        form.setSpacing(SPACE)
        form.setContentsMargins(0, SPACE, 0, 0)
        form.addRow(self._labels["device"], row(self.device, None))
        form.addRow(self._labels["memory"], self.memory)
        models = column(
            self._labels["folders"],
            self.folders_note,
            self.folders,
            row(self.add, self.remove, None, spacing=SPACE),
            form,
            self.device_note,
        )
        for content in (column(general, None), models, column(self.keys)):
            page = QWidget()
            page.setLayout(content)
            content.setContentsMargins(SPACE, 2 * SPACE, SPACE, SPACE)
            self.tabs.addTab(page, "")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * SPACE, SPACE, 2 * SPACE, 2 * SPACE)
        layout.addWidget(self.tabs)
        layout.addWidget(self.buttons)
        self.resize(640, 520)
