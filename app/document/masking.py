"""What is done to a layer's own mask: painted on, turned off and on, applied for good."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF

from app.document.commands import Command, SetMask, check_unlocked, with_layer
from app.document.composite import apply_mask
from app.document.errors import DocumentError
from app.document.layers import Layer, LayerMask, PixelLayer
from app.document.selection import Selection, brushed
from app.document.state import DocumentState
from app.document.tiles import PixelKind, Tiles, tile_rect
from app.i18n import translate


@dataclass(frozen=True, kw_only=True)
class PaintMask(SetMask):
    """One move of a stroke: `mask` is the mask after it."""

    def name(self) -> str:
        return translate("Commands", "Paint mask")


@dataclass(frozen=True, kw_only=True)
class EnableMask(Command):
    """Whether the mask hides anything. Its pixels stay."""

    layer_id: str
    enabled: bool

    def name(self) -> str:
        if self.enabled:
            return translate("Commands", "Turn mask on")
        return translate("Commands", "Turn mask off")

    def apply(self, state: DocumentState) -> DocumentState:
        check_unlocked(state.layers, self.layer_id)
        return with_layer(state, self.layer_id, self._switched)

    def _switched(self, layer: Layer) -> Layer:
        return dataclasses.replace(layer, mask=self._enabled(layer.mask))

    def _enabled(self, mask: LayerMask | None) -> LayerMask | None:
        return mask and dataclasses.replace(mask, enabled=self.enabled)


@dataclass(frozen=True, kw_only=True)
class ApplyMask(Command):
    """What the mask hides is taken out of the layer's pixels, and the mask goes: it looks the
    same."""

    layer_id: str

    def name(self) -> str:
        return translate("Commands", "Apply mask")

    def apply(self, state: DocumentState) -> DocumentState:
        check_unlocked(state.layers, self.layer_id)
        return with_layer(state, self.layer_id, _applied)


def can_apply_mask(layer: Layer | None) -> bool:
    """Text and groups have no pixels of their own; a mask that is off hides nothing."""
    return isinstance(layer, PixelLayer) and layer.mask is not None and layer.mask.enabled


def brushed_mask(
    layer: Layer, points: Sequence[QPointF], diameter_px: float, *, reveal: bool
) -> LayerMask:
    """The layer's mask with a round brush drawn through the points, which are in page pixels."""
    assert layer.mask is not None
    local = [point - QPointF(layer.x, layer.y) for point in points]
    found = brushed(Selection(layer.mask.tiles), local, diameter_px, add=reveal)
    return dataclasses.replace(layer.mask, tiles=found.tiles)


def _applied(layer: Layer) -> Layer:
    if not isinstance(layer, PixelLayer) or layer.mask is None or not layer.mask.enabled:
        text = translate("Document", "Only a mask that is on, of a pixel layer, can be applied.")
        raise DocumentError(text)
    return dataclasses.replace(layer, tiles=_masked(layer.tiles, layer.mask.tiles), mask=None)


def _masked(tiles: Tiles, mask: Tiles) -> Tiles:
    """Tiles that the mask leaves whole stay the same objects."""
    found, blank = {}, PixelKind.color.blank()
    for key, old in tiles.items():
        new = old.copy()
        apply_mask(new, mask.image(tile_rect(key)))
        if new != blank:
            found[key] = old if new == old else new
    return Tiles(PixelKind.color, found)
