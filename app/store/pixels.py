"""What records say of pixels: addresses of images, pictures and lists of tiles, and back.

A writer notes what its record needs, so that nobody else has to understand records to know which
blobs are in use. Knows nothing of layers.
"""

from __future__ import annotations

import struct
from typing import Any

from PySide6.QtGui import QImage

from app.document.tiles import TILE_PX, PixelKind, Tiles
from app.store.blobs import BadBlob, Blobs
from app.store.fields import Fields
from model.requests import Picture

TILE_ROW = struct.Struct("<ii32s")  # column, row, address


class PixelWriter:
    """Puts pixels for one record, and notes them."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self._lists: dict[str, None] = {}
        self._singles: dict[str, None] = {}

    def tiles(self, tiles: Tiles) -> str:
        rows = (TILE_ROW.pack(*key, self._blobs.put_image(image)) for key, image in tiles.items())
        address = self._blobs.put_bytes(b"".join(rows)).hex()
        self._lists[address] = None
        return address

    def image(self, image: QImage) -> str:
        return self._single(self._blobs.put_image(image))

    def picture(self, picture: Picture) -> str:
        return self._single(self._blobs.put_picture(picture))

    @property
    def needs(self) -> dict[str, Any]:
        """For the record's field of that name; `Needs` reads it."""
        return {"tiles": list(self._lists), "blobs": list(self._singles)}

    def _single(self, address: bytes) -> str:
        self._singles[address.hex()] = None
        return address.hex()


class PixelReader:
    """Reads pixels for records; equal tiles become one object. Raises BadBlob.

    A lenient one takes unreadable tiles as blank, and counts them.
    """

    def __init__(self, blobs: Blobs, *, lenient: bool = False) -> None:
        self._blobs = blobs
        self._tiles: dict[bytes, QImage] = {}
        self._pictures: dict[bytes, Picture] = {}
        self.lenient = lenient
        self.lost = 0

    def tiles(self, address: str, kind: PixelKind = PixelKind.color) -> Tiles:
        found = {}
        for column, row, tile in self._rows(address):
            image = self._tile(tile, kind)
            if image is not None:
                found[column, row] = image
        return Tiles(kind, found)

    def image(self, address: str) -> QImage:
        return self._blobs.image(from_hex(address))

    def picture(self, address: str) -> Picture:
        key = from_hex(address)
        if key not in self._pictures:
            self._pictures[key] = self._blobs.picture(key)
        return self._pictures[key]

    def _rows(self, address: str) -> list[tuple[int, int, bytes]]:
        try:
            return tile_rows(self._blobs, from_hex(address))
        except BadBlob:
            if not self.lenient:
                raise
            self.lost += 1
            return []

    def _tile(self, address: bytes, kind: PixelKind) -> QImage | None:
        if address in self._tiles:
            return self._tiles[address]
        try:
            image = self._blobs.image(address)
            if image.format() != kind.value or image.width() != TILE_PX != image.height():
                raise BadBlob(f"{address.hex()[:12]} is no tile of kind {kind.name}")
        except BadBlob:
            if not self.lenient:
                raise
            self.lost += 1
            return None
        self._tiles[address] = image
        return image


class Needs:
    """The addresses that a record needs: `tiles` are lists of further ones."""

    def __init__(self, record: Any) -> None:
        fields = Fields(Fields(record, "record").any("needs"), "needs")
        self.tiles = [from_hex(item) for item in fields.items("tiles")]
        self.blobs = [from_hex(item) for item in fields.items("blobs")]

    def all(self, blobs: Blobs) -> set[bytes]:
        """Every address, those in the lists too. Raises BadBlob where a list cannot be read."""
        found = {*self.tiles, *self.blobs}
        for address in self.tiles:
            found.update(row[2] for row in tile_rows(blobs, address))
        return found


def tile_rows(blobs: Blobs, address: bytes) -> list[tuple[int, int, bytes]]:
    """Column, row and address of each tile in a list. Raises BadBlob."""
    data = blobs.plain(address)
    if len(data) % TILE_ROW.size:
        raise BadBlob(f"{address.hex()[:12]} is no list of tiles")
    return list(TILE_ROW.iter_unpack(data))


def from_hex(text: Any) -> bytes:
    if not isinstance(text, str) or len(text) != 64:
        raise ValueError(f"{text!r} is no address")
    return bytes.fromhex(text)
