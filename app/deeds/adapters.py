"""LoRAs, ControlNets and variants: files are asked for, maps taken from files, layers and the page,
and a person's word about a model remembered."""

from __future__ import annotations

import dataclasses
from functools import partial
from pathlib import Path

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QFileDialog

from app.deeds.pictures import picture_kinds
from app.document.composite import render
from app.document.pictures import to_picture
from app.files.errors import ImportFailed
from app.files.raster import read_picture
from app.i18n import translate
from app.main_window import MainWindow
from app.panels.control import Source
from app.state.making import Making
from model.engine.protocol import AdapterKind
from model.requests import Picture

LAYOUT_MS = 60


class AdapterDeeds:
    def __init__(self, window: MainWindow, making: Making) -> None:
        self._window = window
        self._workspace = window.workspace
        self._making = making
        self._adapters = making.adapters

    def connect(self) -> None:
        extras = self._window.prompt.extras
        self._adapters.added.connect(self._show_added)
        extras.styles.file_wanted.connect(self.ask_lora)
        extras.styles.chosen.connect(partial(self._adapters.add, AdapterKind.lora))
        extras.control.file_wanted.connect(self.ask_control)
        extras.control.chosen.connect(partial(self._adapters.add, AdapterKind.controlnet))
        extras.control.map_wanted.connect(self.ask_map)
        extras.variants.variant_chosen.connect(self.choose_variant)

    def _show_added(self, kind: AdapterKind) -> None:
        """Once the panel has been laid out anew, which takes a round of events a nested layout."""
        prompt = self._window.prompt
        sections = {AdapterKind.lora: prompt.extras.styles}
        section = sections.get(kind, prompt.extras.control)
        show = partial(prompt.scroller.ensureWidgetVisible, section.rows[-1])
        QTimer.singleShot(LAYOUT_MS, section.rows[-1], show)

    def ask_lora(self) -> None:
        title = translate("Adapters", "Add a style (LoRA)")
        kinds = translate("Adapters", "LoRA files ({kinds})").format(kinds="*.safetensors")
        start = str(self._workspace.paths.loras)
        names, _ = QFileDialog.getOpenFileNames(self._window, title, start, kinds)
        for name in names:
            self._adapters.add(AdapterKind.lora, Path(name))

    def ask_control(self) -> None:
        title = translate("Adapters", "Add a ControlNet")
        start = str(self._workspace.paths.models)
        if name := QFileDialog.getExistingDirectory(self._window, title, start):
            self._adapters.add(AdapterKind.controlnet, Path(name))

    def ask_map(self, choice_id: str, source: Source) -> None:
        match source:
            case Source.file:
                self._ask_map_file(choice_id)
            case Source.layer:
                if picture := self._active_layer():
                    self._adapters.follow(choice_id, picture)
            case Source.edges:
                if picture := self._page():
                    self._adapters.trace(choice_id, picture)

    def _ask_map_file(self, choice_id: str) -> None:
        title = translate("Adapters", "The picture to follow")
        start = str(self._workspace.folder)
        name, _ = QFileDialog.getOpenFileName(self._window, title, start, picture_kinds())
        if not name:
            return
        try:
            self._adapters.follow(choice_id, read_picture(Path(name)))
        except ImportFailed as error:
            self._window.refuse(str(error))

    def _active_layer(self) -> Picture | None:
        """As large as the page; with its holes, which some ControlNets fill."""
        state = self._workspace.document.state
        if state.active_layer is None:
            self._window.refuse(translate("Adapters", "No layer is active."))
            return None
        alone = dataclasses.replace(state.active_layer, visible=True)
        image = render(dataclasses.replace(state, layers=(alone,), active=alone.id))
        return to_picture(image, "RGBA")

    def _page(self) -> Picture | None:
        state = self._workspace.document.state
        if not state.layers:
            self._window.refuse(translate("Adapters", "There is nothing on the page yet."))
            return None
        return to_picture(render(state))

    def choose_variant(self, variant: str) -> None:
        """Another row is another model: the engine starts anew."""
        model = self._workspace.generation.model
        if model is None or variant == model.variant:
            return
        if self._making.is_busy:
            self._window.prompt.extras.variants.show_model()
            self._window.refuse(translate("Adapters", "Wait until the picture is made."))
            return
        self._workspace.settings.remember_variant(model.fingerprint, variant)
