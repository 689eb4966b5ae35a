"""A picture split into layers, in its place in the document: one group, in front of what it shows.

Pure functions over document states. The group shows exactly the picture that was split, so that the
page looks the same before and after.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QSize
from PySide6.QtGui import QImage

from app.document.edits import fitted_to_page, is_plain, shows_in
from app.document.geometry import Page
from app.document.layers import GroupLayer
from app.document.pictures import sized
from app.document.placing import PlaceSplit
from app.document.recomposing import recompose
from app.document.state import DocumentState
from app.i18n import translate

POOR = 0.2
"""The share of pixels that the layers alone show visibly otherwise, beyond which a split is called
a poor one."""


@dataclass(frozen=True, kw_only=True)
class Split:
    """`group` shows exactly `picture`, of a page's size. `share` of its pixels are the
    correction's; without it, `visible` of them differ visibly."""

    picture: QImage
    group: GroupLayer
    share: float
    visible: float

    @property
    def is_poor(self) -> bool:
        return self.visible > POOR


def split(page: Page, picture: QImage, layers: Sequence[QImage]) -> Split:
    """The picture and the layers of it, of any size, brought to the page's."""
    size = picture.size()
    whole = fitted_to_page(picture, page)
    found = recompose([_fitted(layer, size, page) for layer in layers], whole)
    group = found.group(translate("Layers", "Split picture"))
    return Split(picture=whole, group=group, share=found.share, visible=found.visible)


def place_split(state: DocumentState, found: Split) -> PlaceSplit:
    """The group in place of the picture layer, where nothing else shows on the page.

    Otherwise it lies on top of all, and what it shows is hidden below it. The node is the caller's.
    """
    shown = [layer for layer in state.layers if layer.visible]
    picture = state.picture_layer
    others = [layer for layer in shown if layer is not picture]
    is_alone = picture in shown and not any(shows_in(other, state.page.rect) for other in others)
    if picture is not None and is_alone and is_plain(picture) and not picture.locked:
        group = dataclasses.replace(found.group, id=picture.id)
        return PlaceSplit(node="", layer=group)
    hidden = frozenset(layer.id for layer in shown)
    return PlaceSplit(node="", layer=found.group, index=len(state.layers), hides=hidden)


def _fitted(layer: QImage, size: QSize, page: Page) -> QImage:
    """The layer as the picture of that size is brought to the page."""
    return fitted_to_page(sized(layer, size), page)
