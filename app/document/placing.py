"""The commands that put a generated picture into its layer, and go from one to another."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from app.document.commands import Command
from app.document.layers import PixelLayer, insert_layer, replace_layer
from app.document.state import DocumentState
from app.i18n import translate


@dataclass(frozen=True, kw_only=True)
class PlaceResult(Command):
    """Puts a result into the picture layer and makes its node current: one step of undo.

    `layer` is the picture layer with its new pixels; it takes the place of the one with its id, or
    is new, at `index` of the root. `app.document.edits` decides which, and makes this command.
    """

    node: str
    layer: PixelLayer
    index: int | None = None

    def name(self) -> str:
        return translate("Commands", "Place result")

    def apply(self, state: DocumentState) -> DocumentState:
        active = state.active
        if self.index is None:
            layers = replace_layer(state.layers, self.layer.id, lambda _: self.layer)
        else:
            layers = insert_layer(state.layers, self.layer, None, self.index)
            active = self.layer.id if active in (None, state.picture) else active
        return dataclasses.replace(
            state, layers=layers, picture=self.layer.id, current_node=self.node, active=active
        )


@dataclass(frozen=True, kw_only=True)
class SetCurrentNode(PlaceResult):
    """Shows another node's picture in the picture layer. It deletes nothing."""

    def name(self) -> str:
        return translate("Commands", "Go to step in history")
