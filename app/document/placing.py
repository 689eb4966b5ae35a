"""The commands that put a generated picture into its layer, and go from one to another."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from app.document.commands import Command
from app.document.layers import GroupLayer, PixelLayer, has_layer, insert_layer, replace_layer
from app.document.state import DocumentState
from app.i18n import translate


@dataclass(frozen=True, kw_only=True)
class PlaceResult(Command):
    """Puts a result into the picture layer and makes its node current: one step of undo.

    `layer` is the picture layer with its new pixels, or the group that a picture was split into; it
    takes the place of the one with its id, or is new, at `index` of the root. `hides` are layers of
    the root that do not show any more. `app.document.edits` and `splitting` make this command.
    """

    node: str
    layer: PixelLayer | GroupLayer
    index: int | None = None
    hides: frozenset[str] = frozenset()

    def name(self) -> str:
        return translate("Commands", "Place result")

    def apply(self, state: DocumentState) -> DocumentState:
        active = state.active
        layers = tuple(
            dataclasses.replace(layer, visible=False) if layer.id in self.hides else layer
            for layer in state.layers
        )
        if self.index is None:
            layers = replace_layer(layers, self.layer.id, lambda _: self.layer)
        else:
            layers = insert_layer(layers, self.layer, None, self.index)
            active = self.layer.id if active in (None, state.picture) else active
        if active is not None and not has_layer(
            layers, active
        ):  # it lay in the group that was here
            active = self.layer.id
        return dataclasses.replace(
            state, layers=layers, picture=self.layer.id, current_node=self.node, active=active
        )


@dataclass(frozen=True, kw_only=True)
class PlaceSplit(PlaceResult):
    """Shows the layers that a picture was split into."""

    def name(self) -> str:
        return translate("Commands", "Split into layers")


@dataclass(frozen=True, kw_only=True)
class SetCurrentNode(PlaceResult):
    """Shows another node's picture in the picture layer. It deletes nothing."""

    def name(self) -> str:
        return translate("Commands", "Go to step in history")
