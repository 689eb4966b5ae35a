"""Everything that is edited, as one frozen value. Knows nothing of how it changes."""

from __future__ import annotations

from dataclasses import dataclass

from app.document.geometry import Page
from app.document.layers import Layer, Layers, find_layer, has_layer
from app.document.selection import Selection


@dataclass(frozen=True, kw_only=True)
class DocumentState:
    """A snapshot of a document is a reference to its state.

    `layers` is bottom first. `picture` is the layer that generated results replace, and
    `current_node` the node of the edit tree whose picture it shows. `painted_mask` is the layer
    whose mask the brush paints while that layer is the active one. `pruned` are nodes that were
    taken out of the history.
    """

    page: Page
    layers: Layers = ()
    selection: Selection | None = None
    active: str | None = None
    picture: str | None = None
    current_node: str | None = None
    painted_mask: str | None = None
    pruned: frozenset[str] = frozenset()

    @property
    def active_layer(self) -> Layer | None:
        return self._layer(self.active)

    @property
    def picture_layer(self) -> Layer | None:
        return self._layer(self.picture)

    @property
    def masked_layer(self) -> Layer | None:
        """The layer whose mask the brush paints; None: it paints the selection."""
        layer = self.active_layer if self.active == self.painted_mask else None
        return layer if layer is not None and layer.mask is not None else None

    def _layer(self, layer_id: str | None) -> Layer | None:
        if layer_id is None or not has_layer(self.layers, layer_id):
            return None
        return find_layer(self.layers, layer_id)
