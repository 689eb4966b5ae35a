"""Pixels in sparse squares that are shared and never changed, so that a snapshot is a reference.

A missing tile is transparent (colour) or 0 (grey). Coordinates are those of the layer: any whole
numbers, negative ones too. Knows nothing of layers and pages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, KeysView, Mapping
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QRect
from PySide6.QtGui import QColor, QImage, QPainter

if TYPE_CHECKING:  # numpy must not cost the window's start
    import numpy as np

    from app.document.arrays import GreyArray

TILE_PX = 256

Key = tuple[int, int]
Mode = QPainter.CompositionMode


class PixelKind(Enum):
    """How a pixel is stored: colour with premultiplied alpha, or one grey byte (masks)."""

    color = QImage.Format.Format_ARGB32_Premultiplied
    grey = QImage.Format.Format_Grayscale8

    def blank(self, width: int = TILE_PX, height: int = TILE_PX) -> QImage:
        """Pixels that are all 0; a null image if there are none."""
        image = QImage(max(width, 0), max(height, 0), self.value)
        if image.isNull() and width > 0 and height > 0:
            raise MemoryError(f"no memory for an image of {width}x{height} px")
        image.fill(0)
        return image


class Tiles:
    """Immutable pixels. The images that `items` gives are shared: read them, never paint on them.

    >>> red = Tiles.empty().filled(QRect(0, 0, 300, 10), QColor("red"))
    >>> sorted(key for key, image in red.items())
    [(0, 0), (1, 0)]
    >>> red.filled(QRect(0, 0, 10, 10), QColor("blue")).tile((1, 0)) is red.tile((1, 0))
    True
    """

    def __init__(self, kind: PixelKind, tiles: Mapping[Key, QImage]) -> None:
        """Raises ValueError for an image that is no tile of this kind."""
        for key, image in tiles.items():
            fits = image.width() == image.height() == TILE_PX
            if not fits or image.format() != kind.value:
                raise ValueError(f"tile {key}: not {TILE_PX}x{TILE_PX} px of kind {kind.name}")
        self.kind = kind
        self._tiles = dict(tiles)

    @classmethod
    def _of(cls, kind: PixelKind, tiles: dict[Key, QImage]) -> Tiles:
        """Of tiles made here, without the check: a stroke makes a new set at every move."""
        found = cls(kind, {})
        found._tiles = tiles
        return found

    @staticmethod
    def empty(kind: PixelKind = PixelKind.color) -> Tiles:
        return Tiles._of(kind, {})

    @staticmethod
    def from_image(
        image: QImage,
        at: QPoint = QPoint(),  # noqa: B008  never changed here
        kind: PixelKind = PixelKind.color,
        like: Tiles | None = None,
    ) -> Tiles:
        """The image, its top left at `at`. Tiles equal to those of `like` are shared with it."""
        source = image.convertToFormat(kind.value)
        blank = kind.blank()
        found: dict[Key, QImage] = {}
        for key in keys_over(QRect(at, image.size())):
            tile = source.copy(tile_rect(key).translated(-at))
            if tile == blank:
                continue
            old = like.tile(key) if like is not None else None
            found[key] = old if old is not None and old == tile else tile
        return Tiles._of(kind, found)

    def items(self) -> Iterator[tuple[Key, QImage]]:
        """Tile number (column, row) and image, in a fixed order."""
        yield from sorted(self._tiles.items(), key=lambda item: item[0])

    @property
    def keys(self) -> KeysView[Key]:
        return self._tiles.keys()

    def tile(self, key: Key) -> QImage | None:
        return self._tiles.get(key)

    def tiles_in(self, rect: QRect) -> Iterator[tuple[Key, QImage]]:
        """Those that meet `rect`; cheap for a small rect and for few tiles."""
        wanted = rect.intersected(self.tile_bounds)
        for key in keys_over(wanted):
            if image := self._tiles.get(key):
                yield key, image

    def image(self, rect: QRect) -> QImage:
        """A new image of what lies in `rect`."""
        found = self.kind.blank(rect.width(), rect.height())
        if found.isNull():
            return found
        with QPainter(found) as painter:
            painter.setCompositionMode(Mode.CompositionMode_Source)
            painter.translate(-rect.topLeft())
            for key, tile in self.tiles_in(rect):
                painter.drawImage(tile_rect(key).topLeft(), tile)
        return found

    def painted(
        self, image: QImage, at: QPoint, mode: Mode = Mode.CompositionMode_SourceOver
    ) -> Tiles:
        """With `image` composited by `mode`, its top left at `at`; nothing changes around it."""
        rect = QRect(at, image.size())
        return self.changed(rect, lambda painter: painter.drawImage(at, image), mode)

    def filled(self, rect: QRect, color: QColor) -> Tiles:
        """With every pixel of `rect` set to `color`; for grey tiles its brightness counts."""

        def fill(painter: QPainter) -> None:
            # Smoothed, the last row of some rectangles comes out one of 255 too dark.
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
            painter.fillRect(rect, color)

        return self.changed(rect, fill, Mode.CompositionMode_Source)

    def erased(self, rect: QRect) -> Tiles:
        """With nothing left in `rect`."""
        return self.filled(rect, QColor(0, 0, 0, 0 if self.kind is PixelKind.color else 255))

    def changed(self, rect: QRect, draw: Callable[[QPainter], object], mode: Mode) -> Tiles:
        """With what `draw` paints inside `rect`. Tiles that stay equal stay the same objects."""
        tiles = dict(self._tiles)
        blank = self.kind.blank()
        for key in keys_over(rect):
            old = tiles.get(key, blank)
            new = old.copy()
            with QPainter(new) as painter:
                painter.setRenderHint(QPainter.RenderHint.Antialiasing)
                painter.setCompositionMode(mode)
                painter.translate(-tile_rect(key).topLeft())
                painter.setClipRect(rect)
                draw(painter)
            if new == blank:
                tiles.pop(key, None)
            elif new != old:
                tiles[key] = new
        return Tiles._of(self.kind, tiles)

    def values(self, rect: QRect) -> GreyArray:
        """The bytes of grey tiles in `rect`: `image`, many times as fast."""
        import numpy as np

        from app.document.arrays import grey_view

        found = np.zeros((rect.height(), rect.width()), np.uint8)
        for key, tile in self.tiles_in(rect):
            square = tile_rect(key)
            part = square.intersected(rect)
            found[_slices(part, rect)] = grey_view(tile)[_slices(part, square)]
        return found

    def merged(self, rect: QRect, values: GreyArray, merge: np.ufunc) -> Tiles:
        """Grey tiles with `merge` of their bytes and of `values`, those of `rect`, in `rect`.

        Tiles that stay equal stay the same objects.
        """
        from app.document.arrays import grey_image, grey_values, grey_view

        tiles = dict(self._tiles)
        blank = self.kind.blank()
        for key in keys_over(rect):
            old, square = tiles.get(key, blank), tile_rect(key)
            part = square.intersected(rect)
            inside = _slices(part, square)
            before = grey_view(old)[inside]
            after = merge(before, values[_slices(part, rect)])
            if (after == before).all():
                continue
            new = grey_values(old)
            new[inside] = after
            if new.any():
                tiles[key] = grey_image(new)
            else:
                del tiles[key]
        return Tiles._of(self.kind, tiles)

    def cropped(self, rect: QRect, like: Tiles | None = None) -> Tiles:
        """Only what lies in `rect`; tiles with nothing outside are shared.

        Nor has a tile of `like` anything outside: it was cropped before.
        """
        found, keys = {}, []
        for key, tile in self._tiles.items():
            is_known = like is not None and like.tile(key) is tile
            if is_known or rect.contains(tile_rect(key)):
                found[key] = tile
            else:
                keys.append(key)
        for key in keys:
            part = tile_rect(key).intersected(rect)
            if not part.isEmpty():
                cut = Tiles.from_image(self.image(part), part.topLeft(), self.kind, like=self)
                found.update(cut._tiles)
        return Tiles._of(self.kind, found)

    @cached_property
    def tile_bounds(self) -> QRect:
        """The rect of all tiles: quick, and at most a tile too large at each side."""
        if not self._tiles:
            return QRect()
        columns = [key[0] for key in self._tiles]
        rows = [key[1] for key in self._tiles]
        first = tile_rect((min(columns), min(rows)))
        return first.united(tile_rect((max(columns), max(rows))))

    def bounds(self) -> QRect:
        """The smallest rect that holds every pixel that is not blank."""
        return QRect(self._bounds)

    @cached_property
    def _bounds(self) -> QRect:
        found = QRect()
        for key, tile in self._tiles.items():
            if not found.contains(tile_rect(key)):
                found = found.united(_used_rect(tile).translated(tile_rect(key).topLeft()))
        return found

    @property
    def is_empty(self) -> bool:
        return not self._tiles

    @property
    def memory_bytes(self) -> int:
        """What its own tiles hold, each counted once, though others may share them."""
        return sum(tile_sizes(self).values())

    def __eq__(self, other: object) -> bool:
        """The same tile objects in the same places: quick, and never a comparison of pixels."""
        if not isinstance(other, Tiles):
            return NotImplemented
        if self is other:
            return True
        return (
            self.kind is other.kind
            and self._tiles.keys() == other._tiles.keys()
            and all(tile is other._tiles[key] for key, tile in self._tiles.items())
        )

    def __hash__(self) -> int:
        return hash((self.kind, frozenset((key, id(tile)) for key, tile in self._tiles.items())))

    def __repr__(self) -> str:
        return f"Tiles({self.kind.name}, {len(self._tiles)} tiles)"


def tile_rect(key: Key) -> QRect:
    return QRect(key[0] * TILE_PX, key[1] * TILE_PX, TILE_PX, TILE_PX)


def keys_over(rect: QRect) -> Iterator[Key]:
    """The numbers of the tiles that `rect` meets.

    >>> list(keys_over(QRect(-1, 0, 258, 1)))
    [(-1, 0), (0, 0), (1, 0)]
    """
    if rect.isEmpty():
        return
    for row in range(rect.top() // TILE_PX, rect.bottom() // TILE_PX + 1):
        for column in range(rect.left() // TILE_PX, rect.right() // TILE_PX + 1):
            yield column, row


def tile_rows(rect: QRect) -> Iterator[QRect]:
    """The parts of `rect` in each row of tiles, from the top."""
    for _, row in keys_over(QRect(0, rect.top(), min(rect.width(), 1), rect.height())):
        yield rect.intersected(QRect(rect.left(), row * TILE_PX, rect.width(), TILE_PX))


def changed_rect(old: Tiles, new: Tiles) -> QRect:
    """The rect of the tiles in which the two differ, by identity."""
    found = QRect()
    if old is new:
        return found
    for key in old.keys | new.keys:
        if old.tile(key) is not new.tile(key):
            found = found.united(tile_rect(key))
    return found


def tile_sizes(tiles: Tiles) -> dict[int, int]:
    """Bytes of each tile by its identity, for counting what several snapshots share."""
    size = TILE_PX * TILE_PX * (4 if tiles.kind is PixelKind.color else 1)
    return dict.fromkeys(map(id, tiles._tiles.values()), size)


def _slices(rect: QRect, of: QRect) -> tuple[slice, slice]:
    """The rows and columns of `rect` in an array of the pixels of `of`."""
    top, left = rect.top() - of.top(), rect.left() - of.left()
    return slice(top, top + rect.height()), slice(left, left + rect.width())


def _used_rect(tile: QImage) -> QRect:
    """The smallest rect of a tile that holds its pixels other than 0."""
    from app.document.arrays import bounding_rect, color_values, grey_values

    values = color_values if tile.depth() == 32 else grey_values
    return bounding_rect(values(tile) != 0)
