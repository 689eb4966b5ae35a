"""The pixels of nodes in a project file, read when they are asked for.

Opening a project reads the records of its nodes and proves that what they need is there; the bytes
of a picture are proved when it is read. Knows nothing of records.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from PySide6.QtCore import QSize
from PySide6.QtGui import QImage

from app.document.errors import PictureDamaged
from app.document.selection import Selection
from app.i18n import translate
from app.store.blobs import BadBlob, Blobs
from app.store.encoding import decode_selection
from app.store.pixels import PixelReader
from app.store.requests import decode_request
from model.requests import Request

KEPT_BYTES = 256 << 20

Read = TypeVar("Read")


class NodePixels:
    """Reads in turn with all else that is done with the file; keeps the images read last, which
    may be had at any time."""

    def __init__(
        self, turn: threading.RLock, blobs: Callable[[], Blobs], kept_bytes: int = KEPT_BYTES
    ) -> None:
        self._turn = turn
        self._blobs = blobs
        self._room = kept_bytes
        self._kept: OrderedDict[str, QImage] = OrderedDict()
        self._keeping = threading.Lock()  # held for a moment only, unlike the turn

    def has(self, address: str) -> bool:
        """Whether the image is kept: then it can be had without waiting for the file."""
        with self._keeping:
            return address in self._kept

    def read(self, use: Callable[[PixelReader], Read]) -> Read:
        """Raises ValueError (BadBlob) and sqlite3.Error."""
        with self._turn:
            return use(PixelReader(self._blobs()))

    def image(self, address: str) -> QImage:
        found = self._kept_image(address)
        if found is not None:
            return found
        with self._turn:
            found = self._kept_image(address)  # another thread may have read it meanwhile
            if found is None:
                found = self.read(lambda pixels: pixels.image(address))
                self._keep(address, found)
            return found

    def _kept_image(self, address: str) -> QImage | None:
        with self._keeping:
            if address in self._kept:
                self._kept.move_to_end(address)
            return self._kept.get(address)

    def _keep(self, address: str, image: QImage) -> None:
        with self._keeping:
            self._kept[address] = image
            self._room -= image.sizeInBytes()
            while self._room < 0 and len(self._kept) > 1:
                self._room += self._kept.popitem(last=False)[1].sizeInBytes()


@dataclass(frozen=True, kw_only=True, eq=False)
class Stored:
    """The content of a node in the file. `name` is the node's, for telling of damage."""

    pixels: NodePixels
    name: str
    picture: str
    size: QSize
    selection: str | None
    recipe: Mapping[str, Any]
    pictures: list[Any]
    parts: list[str]

    @property
    def is_at_hand(self) -> bool:
        return self.pixels.has(self.picture)

    @property
    def image(self) -> QImage:
        found = self._whole(lambda: self.pixels.image(self.picture))
        if found.size() != self.size:
            raise self._damage() from None
        return found

    @property
    def layers(self) -> tuple[QImage, ...]:
        return self._whole(
            lambda: self.pixels.read(lambda pixels: tuple(map(pixels.image, self.parts)))
        )

    @property
    def mask(self) -> Selection | None:
        return self._whole(
            lambda: self.pixels.read(lambda pixels: decode_selection(self.selection, pixels))
        )

    @property
    def request(self) -> Request | None:
        return self._whole(
            lambda: self.pixels.read(
                lambda pixels: decode_request(self.recipe, self.pictures, pixels)
            )
        )

    def _whole(self, read: Callable[[], Read]) -> Read:
        try:
            return read()
        except (BadBlob, ValueError, sqlite3.Error) as error:
            raise self._damage() from error

    def _damage(self) -> PictureDamaged:
        text = translate(
            "Store",
            "The step “{name}” is damaged in the file and cannot be read. The page and the other "
            "steps are as they were; an older copy of the file may still have it.",
        )
        return PictureDamaged(text.format(name=self.name))
