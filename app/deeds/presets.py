"""Changes by name, and maps put to use: as a selection, a mask or a layer."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from PySide6.QtGui import QImage

from app.dialogs.map import MapDialog, Use
from app.dialogs.preset import PresetDialog
from app.document.commands import Command
from app.document.composite import render
from app.document.edits import make_current
from app.document.errors import PictureDamaged
from app.document.layers import PixelLayer, walk
from app.document.maps import UseMap, as_layer, as_mask, as_selection
from app.document.placing import SetCurrentNode
from app.document.selection import Selection
from app.document.stacking import set_each
from app.document.state import DocumentState
from app.i18n import shown_language, translate
from app.main_window import MainWindow
from app.presets import gives_map
from app.state.making import Making
from app.state.messages import Kind, Message


class PresetDeeds:
    def __init__(self, window: MainWindow, making: Making) -> None:
        self._window = window
        self._workspace = window.workspace
        self._making = making

    def handlers(self) -> dict[str, Callable[[], object]]:
        return {"preset": self.choose, "layer_as_map": self.use_layer}

    def connect(self) -> None:
        self._window.prompt.presets.clicked.connect(self._window.actions_table["preset"].trigger)

    def choose(self) -> None:
        """The instruction of a preset into the prompt, or at once to the model."""
        dialog = PresetDialog(shown_language(), self._window)
        if dialog.exec():
            generation = self._workspace.generation
            generation.switch(True)
            generation.prompt = dialog.instruction
            if dialog.makes:
                self._making.generate()
        dialog.deleteLater()

    def offer_map(self) -> None:
        """After an answer that is a map."""
        deed = (translate("Maps", "Use as mask or selection…"), self._use_answer)
        title = translate("Maps", "The answer is a map. It can become a mask or a selection.")
        self._window.show_message(Message(kind=Kind.notice, title=title, deeds=(deed,)))

    def _use_answer(self) -> None:
        picture = self._state.picture
        if picture is not None:
            self._workspace.document.activate(picture)
            self.use_layer()

    @property
    def _state(self) -> DocumentState:
        return self._workspace.document.state

    def use_layer(self) -> None:
        """The active layer as a map. If it is a model's answer, its picture may come back."""
        state, layer = self._state, self._state.active_layer
        if not isinstance(layer, PixelLayer):
            return
        back = self._back(state) if layer.id == state.picture else None
        image = layer.tiles.image(state.page.rect.translated(-layer.x, -layer.y))
        targets = _targets(state, layer, has_source=back is not None)
        dialog = MapDialog(image, targets, has_source=back is not None, parent=self._window)

        cleared = back or set_each((layer.id,), visible=False)

        @cache
        def page(clears: bool) -> QImage:
            return render(cleared.apply(state) if clears else state)

        if self._ask(dialog, lambda: page(dialog.clears.isChecked())):
            begin = cleared if dialog.clears.isChecked() else None
            self._window.attempt(lambda: self._use(state, layer, dialog, begin))
        dialog.deleteLater()

    def _ask(self, dialog: MapDialog, page: Callable[[], QImage]) -> bool:
        """Beside the canvas, which shows what would come of it on that page."""
        canvas, side = self._window.canvas, self._window.side_panel

        def show() -> None:
            name = translate("Maps", "Preview: {use}").format(use=dialog.use.currentText())
            canvas.show_before(dialog.preview(page()), name)

        self._window.history.select(self._state.current_node)
        dialog.adjustSize()
        corner = side.mapToGlobal(side.rect().topRight())
        dialog.move(corner.x() - dialog.width(), corner.y())
        dialog.changed.connect(show)
        show()
        is_accepted = bool(dialog.exec())
        canvas.show_before(None)
        return is_accepted

    def _back(self, state: DocumentState) -> SetCurrentNode | None:
        """What brings back the step before the current one, where that one is a map; None where
        there is none that can be read."""
        tree, current = self._workspace.tree, state.current_node
        node = tree.nodes.get(current) if current else None
        if node is None or node.parent is None:
            return None
        asked = node.recipe.get("request", {}).get("prompt", "")
        if not gives_map(str(asked)):
            return None
        try:
            return make_current(state, node.parent, tree.picture_at(node.parent))
        except PictureDamaged:
            return None

    def _use(
        self, state: DocumentState, layer: PixelLayer, dialog: MapDialog, begin: Command | None
    ) -> None:
        """What the dialog says, after `begin`. Raises DocumentError."""
        use, found, target = dialog.chosen, dialog.found, dialog.layer.currentData()
        if found.is_empty:  # the preview is smaller, and may show what is lost in the large
            self._window.refuse(translate("Maps", "Nothing is chosen, so nothing was changed."))
            return
        if isinstance(begin, SetCurrentNode) and target == layer.id:
            target = begin.layer.id
        after = begin.apply(state) if begin is not None else state
        commands = filter(None, (begin, _command(use, after, found, target)))
        self._workspace.document.do(UseMap(commands=tuple(commands)))


def _command(use: Use, state: DocumentState, found: Selection, target: str) -> Command:
    if use is Use.selection:
        return as_selection(found)
    return as_mask(state, found, target) if use is Use.mask else as_layer(state, found)


def _targets(state: DocumentState, layer: PixelLayer, *, has_source: bool) -> list[tuple[str, str]]:
    """Layers that may get a mask, the likeliest first: the one below the map, or the picture."""
    layers = list(walk(state.layers))
    here = layers.index(layer)
    near = sorted(layers, key=lambda other: abs(layers.index(other) - here + 0.5))
    found = [(other.id, other.name) for other in near if other.id != layer.id]
    return [(layer.id, layer.name), *found] if has_source else found
