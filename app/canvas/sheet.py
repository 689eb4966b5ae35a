"""One document's page on the screen: its picture, its selection, and what it was before.

Follows document states and says which page pixels look different. Knows no widget.
"""

from __future__ import annotations

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QImage, QPainter

from app.canvas.lifted import Lifted
from app.canvas.palette import Palette
from app.canvas.pyramid import Pyramid
from app.canvas.screen import PageScreen
from app.canvas.selection_screen import SelectionScreen
from app.document.compositor import Compositor
from app.document.state import DocumentState
from app.document.tiles import tile_rect


class Sheet:
    """A page of one size; another size is another sheet."""

    def __init__(self, state: DocumentState, palette: Palette, ratio: float) -> None:
        self.page = state.page
        self._compositor = Compositor(state)
        pyramid = Pyramid(state.page.rect, self._compositor.tile)
        self._now = PageScreen(pyramid, is_opaque=state.page.background is not None)
        self._before: PageScreen | None = None
        self._lifted: Lifted | None = None
        self._rough = QRect()
        self.selection = SelectionScreen(state.page)
        self.selection.set_selection(state.selection)
        self.set_look(palette, ratio)

    def set_look(self, palette: Palette, ratio: float) -> None:
        self._palette, self._ratio = palette, ratio
        self._now.set_look(palette, ratio)
        self.selection.set_look(palette.mask, ratio)
        if self._before is not None:
            self._before.set_look(palette, ratio)

    def follow(self, state: DocumentState) -> QRect:
        """Gives back the page pixels that look different now."""
        before = self._compositor.state
        pixels = self._compositor.update(state)
        self._now.invalidate(pixels)
        if self._lift(before, state):
            self._rough = self._rough.united(pixels)
        else:
            pixels = pixels.united(self.settle())
        return pixels.united(self.selection.set_selection(state.selection))

    def _lift(self, before: DocumentState, state: DocumentState) -> bool:
        """Whether the active layer was only moved: then it is shown as lifted out."""
        if before.layers == state.layers:
            return False
        if self._lifted is None or not self._lifted.can_show(state):
            self._lifted = Lifted.of(self._compositor, before)
        if self._lifted is None or not self._lifted.can_show(state):
            self._lifted = None
            return False
        self._lifted.show(state)
        self._now.lifted = self._lifted
        return True

    @property
    def is_rough(self) -> bool:
        """Whether what shows is good enough for a drag only."""
        return not self._rough.isEmpty()

    def settle(self) -> QRect:
        """Show every pixel as it is. Gives back those that were rough."""
        rough, self._rough = self._rough, QRect()
        self._now.lifted = None
        self._now.renew(rough)
        return rough

    def prepare(self, zoom: float, rect: QRect, deadline: float) -> bool:
        """Make ready for a drag of the active layer within `rect`; whether all of it is done."""
        if not self._compositor.prepare(rect, deadline):
            return False
        if self._lifted is None:
            self._lifted = Lifted.of(self._compositor, self._compositor.state)
        if self._lifted is None or zoom >= 1.0:
            return True
        return self._lifted.prepare(zoom, rect, deadline)

    def show_before(self, image: QImage | None) -> None:
        """Show another picture in the page's place, or with None the page again."""
        self._before = None
        if image is None:
            return
        form = QImage.Format.Format_ARGB32_Premultiplied
        ignore = Qt.AspectRatioMode.IgnoreAspectRatio
        smooth = Qt.TransformationMode.SmoothTransformation
        picture = image.scaled(self.page.rect.size(), ignore, smooth).convertToFormat(form)
        pyramid = Pyramid(self.page.rect, lambda key: picture.copy(tile_rect(key)))
        self._before = PageScreen(pyramid, is_opaque=False)
        self._before.set_look(self._palette, self._ratio)

    @property
    def is_before(self) -> bool:
        return self._before is not None

    def paint(self, painter: QPainter, zoom: float, clip: QRect, deadline: float) -> QRect:
        """In device pixels from the page's corner; gives back what is not made yet."""
        return (self._before or self._now).paint(painter, zoom, clip, deadline)
