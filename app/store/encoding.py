"""States of the document as records: JSON for what they say, addresses for their pixels.

The tree is written as a flat list, each layer with the number of its group, so that no depth of
groups is too deep to be read. Reading trusts nothing: ValueError for what makes no sense.

Fields that came after version 1 may be missing when read, and a program that does not know them
loses nothing that is seen: they need no other version.
"""

from __future__ import annotations

from typing import Any

from app.document.blend import Blend
from app.document.geometry import Page
from app.document.layers import Align, GroupLayer, Layer, LayerMask, Layers, PixelLayer, TextLayer
from app.document.selection import Selection
from app.document.state import DocumentState
from app.document.tiles import PixelKind
from app.store.fields import Fields
from app.store.pixels import PixelReader, PixelWriter

MAX_LAYERS = 10_000


def encode_state(state: DocumentState, pixels: PixelWriter) -> dict[str, Any]:
    page = state.page
    layers: list[dict[str, Any]] = []
    _encode_layers(state.layers, None, pixels, layers)
    record = {
        "page": {
            "width": page.width,
            "height": page.height,
            "dpi": page.dpi,
            "bleed_mm": page.bleed_mm,
            "background": page.background,
        },
        "layers": layers,
        "selection": encode_selection(state.selection, pixels),
        "active": state.active,
        "picture": state.picture,
        "current_node": state.current_node,
        "painted_mask": state.painted_mask,
        "pruned": sorted(state.pruned),
    }
    return {**record, "needs": pixels.needs}


def decode_state(record: Any, pixels: PixelReader) -> DocumentState:
    """Raises ValueError, BadBlob among them."""
    fields = Fields(record, "document")
    page = Fields(fields.any("page"), "page")
    return DocumentState(
        page=Page(
            width=page.whole("width"),
            height=page.whole("height"),
            dpi=page.number("dpi"),
            bleed_mm=page.number("bleed_mm"),
            background=page.optional_text("background"),
        ),
        layers=_decode_layers(fields.items("layers"), pixels),
        selection=decode_selection(fields.any("selection"), pixels),
        active=fields.optional_text("active"),
        picture=fields.optional_text("picture"),
        current_node=fields.optional_text("current_node"),
        painted_mask=fields.later_text("painted_mask"),
        pruned=frozenset(fields.later_texts("pruned")),
    )


def encode_selection(selection: Selection | None, pixels: PixelWriter) -> str | None:
    return None if selection is None else pixels.tiles(selection.tiles)


def decode_selection(address: str | None, pixels: PixelReader) -> Selection | None:
    return None if address is None else Selection(pixels.tiles(address, PixelKind.grey))


def _encode_layers(
    layers: Layers, group: int | None, pixels: PixelWriter, found: list[dict[str, Any]]
) -> None:
    for layer in layers:
        number = len(found)
        found.append({"group": group, **_encode_layer(layer, pixels)})
        if isinstance(layer, GroupLayer):
            _encode_layers(layer.children, number, pixels, found)


def _encode_layer(layer: Layer, pixels: PixelWriter) -> dict[str, Any]:
    mask = layer.mask
    return {
        "id": layer.id,
        "name": layer.name,
        "visible": layer.visible,
        "locked": layer.locked,
        "opacity": layer.opacity,
        "blend": layer.blend.value,
        "mask": mask and {"tiles": pixels.tiles(mask.tiles), "enabled": mask.enabled},
        "x": layer.x,
        "y": layer.y,
        **_encode_kind(layer, pixels),
    }


def _encode_kind(layer: Layer, pixels: PixelWriter) -> dict[str, Any]:
    match layer:
        case PixelLayer():
            return {"kind": "pixel", "tiles": pixels.tiles(layer.tiles)}
        case TextLayer():
            return {
                "kind": "text",
                "text": layer.text,
                "family": layer.family,
                "size_px": layer.size_px,
                "bold": layer.bold,
                "italic": layer.italic,
                "color": layer.color,
                "align": layer.align.value,
                "width_px": layer.width_px,
                "line_spacing": layer.line_spacing,
            }
        case GroupLayer():
            return {"kind": "group"}
    raise AssertionError(f"no form for {type(layer).__name__}")


def _decode_layers(rows: list[Any], pixels: PixelReader) -> Layers:
    """From the last to the first: a group's layers stand behind it, so they are ready before it."""
    if len(rows) > MAX_LAYERS:
        raise ValueError(f"{len(rows)} layers; at most {MAX_LAYERS}")
    children: dict[int | None, list[Layer]] = {}
    names: set[str] = set()
    for number in reversed(range(len(rows))):
        fields = Fields(rows[number], f"layer {number}")
        layer = _decode_layer(fields, tuple(reversed(children.pop(number, []))), pixels)
        if layer.id in names:
            raise ValueError(f"layer {number}: the id {layer.id} is another's")
        names.add(layer.id)
        group = fields.optional_whole("group")
        if group is not None and not 0 <= group < number:
            raise ValueError(f"layer {number}: its group {group} does not stand before it")
        children.setdefault(group, []).append(layer)
    return tuple(reversed(children.pop(None, [])))


def _decode_layer(fields: Fields, children: Layers, pixels: PixelReader) -> Layer:
    shared: dict[str, Any] = {
        "id": fields.text("id"),
        "name": fields.text("name"),
        "visible": fields.flag("visible"),
        "locked": fields.flag("locked"),
        "opacity": fields.number("opacity"),
        "blend": fields.choice("blend", Blend),
        "mask": _decode_mask(fields.any("mask"), pixels),
        "x": fields.whole("x"),
        "y": fields.whole("y"),
    }
    kind = fields.text("kind")
    if children and kind != "group":
        raise ValueError(f"a {kind} layer with layers in it")
    match kind:
        case "pixel":
            return PixelLayer(tiles=pixels.tiles(fields.text("tiles")), **shared)
        case "text":
            return _decode_text(fields, shared)
        case "group":
            return GroupLayer(children=children, **shared)
    raise ValueError(f"unknown kind of layer {kind!r}")


def _decode_mask(value: Any, pixels: PixelReader) -> LayerMask | None:
    if value is None:
        return None
    fields = Fields(value, "mask")
    tiles = pixels.tiles(fields.text("tiles"), PixelKind.grey)
    return LayerMask(tiles=tiles, enabled=fields.flag("enabled"))


def _decode_text(fields: Fields, shared: dict[str, Any]) -> TextLayer:
    return TextLayer(
        text=fields.text("text"),
        family=fields.text("family"),
        size_px=fields.whole("size_px"),
        bold=fields.flag("bold"),
        italic=fields.flag("italic"),
        color=fields.text("color"),
        align=fields.choice("align", Align),
        width_px=fields.optional_whole("width_px"),
        line_spacing=fields.number("line_spacing"),
        **shared,
    )
