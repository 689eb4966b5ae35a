"""One document's page on the screen: its picture, its selection, and what it was before.

Follows document states and says which page pixels look different. Knows no widget.
"""

from __future__ import annotations

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QImage, QPainter

from app.canvas.palette import Palette
from app.canvas.pyramid import Pyramid
from app.canvas.screen import PageScreen
from app.canvas.selection_screen import SelectionScreen
from app.document.compositor import Compositor
from app.document.state import DocumentState


class Sheet:
    """A page of one size; another size is another sheet."""

    def __init__(self, state: DocumentState, palette: Palette, ratio: float) -> None:
        self.page = state.page
        self._compositor = Compositor(state)
        pyramid = Pyramid(state.page.rect.size(), self._pixels)
        self._now = PageScreen(pyramid, is_opaque=state.page.background is not None)
        self._before: PageScreen | None = None
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
        pixels = self._compositor.update(state)
        self._now.invalidate(pixels)
        return pixels.united(self.selection.set_selection(state.selection))

    def show_before(self, image: QImage | None) -> None:
        """Show another picture in the page's place, or with None the page again."""
        self._before = None
        if image is None:
            return
        form = QImage.Format.Format_ARGB32_Premultiplied
        ignore = Qt.AspectRatioMode.IgnoreAspectRatio
        smooth = Qt.TransformationMode.SmoothTransformation
        picture = image.scaled(self.page.rect.size(), ignore, smooth).convertToFormat(form)
        pyramid = Pyramid(self.page.rect.size(), picture.copy)
        self._before = PageScreen(pyramid, is_opaque=False)
        self._before.set_look(self._palette, self._ratio)

    @property
    def is_before(self) -> bool:
        return self._before is not None

    def paint(self, painter: QPainter, zoom: float, clip: QRect, deadline: float) -> QRect:
        """In device pixels from the page's corner; gives back what is not made yet."""
        return (self._before or self._now).paint(painter, zoom, clip, deadline)

    def _pixels(self, rect: QRect) -> QImage:
        return self._compositor.image.copy(rect)
