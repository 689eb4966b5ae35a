"""Pictures beside the page: from files, drops, the clipboard, layers and steps of the history."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from PySide6.QtWidgets import QFileDialog

from app.deeds.looking import Looking
from app.deeds.pictures import picture_kinds, read_dropped
from app.document.layers import PixelLayer
from app.document.pictures import to_picture
from app.i18n import translate
from app.main_window import MainWindow
from app.widgets.drops import Dropped


class ReferenceDeeds:
    def __init__(self, window: MainWindow, looking: Looking) -> None:
        self._window = window
        self._workspace = window.workspace
        self._looking = looking

    def handlers(self) -> dict[str, Callable[[], object]]:
        return {"layer_reference": self.add_layer, "node_reference": self._add_marked}

    def connect(self) -> None:
        prompt, history = self._window.prompt, self._window.history
        prompt.add.clicked.connect(self.ask)
        prompt.pictures_dropped.connect(self.add)
        history.reference_wanted.connect(self.add_step)

    def ask(self) -> None:
        names, _ = QFileDialog.getOpenFileNames(
            self._window,
            translate("Files", "Add Pictures"),
            str(self._workspace.folder),
            picture_kinds(),
        )
        self.add([Path(name) for name in names])

    def add_layer(self) -> None:
        """The active layer's own pixels, on white."""
        layer = self._workspace.document.state.active_layer
        if isinstance(layer, PixelLayer) and not layer.tiles.is_empty:
            self.add([layer.tiles.image(layer.tiles.bounds())])

    def add_step(self, node_id: str) -> None:
        """A step of the history, as soon as it is read."""
        self._looking.when_read(node_id, lambda picture: self.add([picture]))

    def _add_marked(self) -> None:
        node = self._window.history.selected
        if node is not None:
            self.add_step(node.id)

    def add(self, pictures: Iterable[Dropped]) -> None:
        """More pictures beside the page; a model that takes one makes a new picture after it."""
        read = [read_dropped(self._window, picture) for picture in pictures]
        found = tuple(to_picture(image) for image in read if image is not None)
        make = self._workspace.generation
        if found and (make.model is None or make.model.max_references < 2):
            make.switch(False)
        make.references = (*make.references, *found)
