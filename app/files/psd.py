"""Layered files for Photoshop and its kin: layers, groups, masks, names, and the merged picture.

Text becomes pixels under its layer's name; the page's colour becomes the lowest layer. Knows
nothing of how a document is painted beyond asking for it.
"""

from __future__ import annotations

import copy
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QRect
from PySide6.QtGui import QColor, QImage

from app.document.composite import content, render
from app.document.geometry import Page
from app.document.layers import GroupLayer, Layer, LayerMask, Layers
from app.document.pictures import over_white
from app.document.state import DocumentState
from app.document.tiles import Tiles
from app.files.errors import ExportFailed
from app.files.raster import to_pil
from app.i18n import translate
from app.store.atomic import write_file
from app.store.errors import WriteFailed

if TYPE_CHECKING:
    from PIL import Image
    from psd_tools import PSDImage
    from psd_tools.api.layers import Group

MAX_NAME_UNITS = 255  # of UTF-16, as the format counts
MAX_BYTES = (1 << 31) - 1
DOTS_PER_INCH = 1  # the format's number for that unit
INCHES = 1


def write_psd(path: Path, state: DocumentState) -> None:
    """Write the document with all its layers. Raises ExportFailed."""
    data = psd_bytes(state)
    if len(data) > MAX_BYTES:
        text = translate(
            "Files",
            "{name} was not written: the layers need more than the 2 GB that a PSD can hold. "
            "Merge or remove some layers, or export a PNG.",
        )
        raise ExportFailed(text.format(name=path.name))
    try:
        write_file(path, data)
    except WriteFailed as error:
        raise ExportFailed(str(error)) from error


def psd_bytes(state: DocumentState) -> bytes:
    """The file that `write_psd` writes."""
    from psd_tools import PSDImage

    page = state.page
    psd = PSDImage.new("RGBA", (page.width, page.height))
    if page.background is not None:
        _add_background(psd, page, page.background)
    _add_layers(psd, state.layers)
    psd._update_record()  # the layers as they are now
    _set_resolution(psd, page.dpi)
    _set_merged(psd, render(state))
    out = io.BytesIO()
    # The library's own save() would composite once more, by its rules and in floats.
    psd._record.write(out)
    return out.getvalue()


def _add_layers(parent: PSDImage | Group, layers: Layers) -> None:
    """Bottom first, as both sides count."""
    from psd_tools.constants import BlendMode

    for layer in layers:
        common = {"opacity": round(layer.opacity * 255), "blend_mode": BlendMode(layer.blend.psd)}
        if isinstance(layer, GroupLayer):
            made = parent.create_group(name="group", **common)
            # The library gives both ends of a group one list, which a mask would lengthen twice.
            made._bounding_channels = copy.deepcopy(made._bounding_channels)
            _add_layers(made, layer.children)
        else:
            image, rect = _pixels(content(layer))
            rect.translate(layer.x, layer.y)
            made = parent.create_pixel_layer(
                image.convert("RGBA"), name="layer", top=rect.top(), left=rect.left(), **common
            )
        _set_properties(made, layer)


def _set_properties(made: Any, layer: Layer) -> None:
    from psd_tools.constants import ProtectedFlags, Tag

    made.name = _short_name(layer.name)  # after creation: as an argument it would have to be ASCII
    made.visible = layer.visible
    if layer.locked:
        made.tagged_blocks.set_data(Tag.PROTECTED_SETTING, ProtectedFlags.COMPLETE)
    if layer.mask is not None:
        _set_mask(made, layer, layer.mask)


def _set_mask(made: Any, layer: Layer, mask: LayerMask) -> None:
    """Black outside its rect, as ours is outside its tiles."""
    image, rect = _pixels(mask.tiles)
    rect.translate(layer.x, layer.y)
    made.create_mask(image, top=rect.top(), left=rect.left())
    made._record.mask_data.flags.mask_disabled = not mask.enabled


def _pixels(tiles: Tiles) -> tuple[Image.Image, QRect]:
    """What is not blank, and where; a single blank pixel where nothing is."""
    bounds = tiles.bounds()
    rect = QRect(0, 0, 1, 1) if bounds.isEmpty() else bounds
    return to_pil(tiles.image(rect)), rect


def _add_background(psd: PSDImage, page: Page, color: str) -> None:
    image = QImage(page.width, page.height, QImage.Format.Format_RGB32)
    image.fill(QColor(color))
    made = psd.create_pixel_layer(to_pil(image).convert("RGBA"), name="page")
    made.name = _short_name(translate("Files", "Page"))


def _set_resolution(psd: PSDImage, dpi: float) -> None:
    from psd_tools.constants import Resource
    from psd_tools.psd.image_resources import ImageResource, ResoulutionInfo

    fixed = round(dpi * 65_536)
    found = ResoulutionInfo(
        horizontal=fixed,
        horizontal_unit=DOTS_PER_INCH,
        width_unit=INCHES,
        vertical=fixed,
        vertical_unit=DOTS_PER_INCH,
        height_unit=INCHES,
    )
    key = Resource.RESOLUTION_INFO
    psd.image_resources[key] = ImageResource(key=key, data=found)  # pyright: ignore


def _set_merged(psd: PSDImage, image: QImage) -> None:
    """What programs show that read no layers. By custom its colours lie over white, and its alpha
    says beside them how much of that white to take away again."""
    from psd_tools.constants import Compression
    from psd_tools.psd.image_data import ImageData

    alpha = to_pil(image).convert("RGBA").getchannel("A")
    colors = to_pil(over_white(image)).split()
    planes = [plane.tobytes() for plane in (*colors, alpha)]
    merged = ImageData(compression=Compression.RLE)
    merged.set_data(planes, psd._record.header)
    psd._record.image_data = merged
    layers = psd._record.layer_and_mask_information.layer_info
    if layers is not None:  # a negative count says that the fourth plane is the page's alpha
        layers.layer_count = -abs(layers.layer_count)


def _short_name(name: str) -> str:
    units = name.encode("utf-16-le", "replace")[: 2 * MAX_NAME_UNITS]
    return units.decode("utf-16-le", "ignore")
