"""A picture that was taken apart, put together again, and what the layers leave out.

Pure functions over images and layers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint
from PySide6.QtGui import QImage

from app.document.composite import background, flatten, paint
from app.document.geometry import Page
from app.document.layers import GroupLayer, PixelLayer
from app.document.pictures import over_white, sized
from app.document.tiles import PixelKind, Tiles
from app.i18n import translate

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

VISIBLE = 16
"""Beyond so many of 255 steps of a channel, a difference is seen rather than measured."""


@dataclass(frozen=True, kw_only=True)
class Recomposed:
    """The layers, the bottom one first, and the correction that lies over them all.

    The correction holds the source where the layers give something else, and nothing elsewhere.
    `share` is how much of the page it covers. Every autoencoder changes most pixels a little, so
    that what tells of a bad split is `visible`: the share whose difference is seen.
    """

    layers: tuple[QImage, ...]
    correction: QImage
    share: float
    visible: float

    def group(self, name: str) -> GroupLayer:
        """A group that shows exactly the source."""
        children = [
            _pixel_layer(translate("Layers", "Layer {number}").format(number=number), image)
            for number, image in enumerate(self.layers, start=1)
        ]
        if self.share:
            children.append(_pixel_layer(translate("Layers", "Correction"), self.correction))
        return GroupLayer(name=name, children=tuple(children))


def recompose(layers: Sequence[QImage], source: QImage) -> Recomposed:
    """Layers of any one size, brought to the source's. A source that lets through is on white."""
    images = tuple(sized(image, source.size()) for image in layers)
    wanted = over_white(source).convertToFormat(PixelKind.color.value)
    return _corrected(images, wanted)


def _corrected(layers: tuple[QImage, ...], wanted: QImage) -> Recomposed:
    import numpy as np

    from app.document.arrays import color_values

    page = Page(width=wanted.width(), height=wanted.height(), background=None)
    stack = tuple(_pixel_layer("", image) for image in layers)
    shown = paint(flatten(stack), page.rect, page.rect, background(page))
    source, found = color_values(wanted), color_values(shown.convertToFormat(wanted.format()))
    differs = source != found
    values = np.where(differs, source, 0).astype(np.uint32)
    image = QImage(
        values.tobytes(), page.width, page.height, 4 * page.width, PixelKind.color.value
    ).copy()
    return Recomposed(
        layers=layers,
        correction=image,
        share=float(differs.mean()),
        visible=float(_is_seen(source, found).mean()),
    )


def _is_seen(one: NDArray[np.uint32], other: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Where two pictures, a word a pixel, are further apart than VISIBLE in any channel."""
    import numpy as np

    a, b = (words.view(np.uint8).reshape(*words.shape, 4) for words in (one, other))
    return np.any(np.maximum(a, b) - np.minimum(a, b) > VISIBLE, axis=-1)


def _pixel_layer(name: str, image: QImage) -> PixelLayer:
    return PixelLayer(name=name, tiles=Tiles.from_image(image, QPoint(0, 0)))
