"""Pixels by their hash: every form comes back exactly, and no changed byte does."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtGui import QImage

from app.store import schema
from app.store.blobs import IMAGE_FORMATS, BadBlob, Blobs, decode, encode
from model.requests import CHANNELS, Picture
from tests.app.documents import image, plain


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    found = schema.initialise(tmp_path / "a.ink")
    yield found
    found.close()


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 70), st.integers(1, 40), st.sampled_from([1, 3, 4]), st.data())
def test_packing_is_lossless(width: int, height: int, depth: int, data: st.DataObject) -> None:
    count = width * height * depth
    rows = data.draw(st.binary(min_size=count, max_size=count))
    assert decode(encode(rows, width, height, depth), width, height, depth) == rows


def test_flat_and_photographic_tiles_become_small() -> None:
    flat = bytes([1, 2, 3, 4]) * 256 * 256
    assert len(encode(flat, 256, 256, 4)) < len(flat) / 100
    ramp = bytes((x * 3 + y * 2 + c) % 256 for y in range(64) for x in range(64) for c in range(4))
    assert len(encode(ramp, 64, 64, 4)) < len(ramp) / 10


@pytest.mark.parametrize("name", IMAGE_FORMATS)
def test_images_keep_their_format(connection: sqlite3.Connection, name: str) -> None:
    original = image(33, 7).convertToFormat(IMAGE_FORMATS[name])  # rows of odd lengths
    blobs = Blobs(connection)
    address = blobs.put_image(original)
    assert plain(Blobs(connection).image(address)) == plain(original)
    assert blobs.put_image(original.copy()) == address
    assert connection.execute("SELECT count(*) FROM blobs").fetchone() == (1,)


def test_other_formats_keep_their_pixels(connection: sqlite3.Connection) -> None:
    original = image().convertToFormat(QImage.Format.Format_BGR888)
    found = Blobs(connection).image(Blobs(connection).put_image(original))
    assert found.convertToFormat(QImage.Format.Format_BGR888) == original


@pytest.mark.parametrize("mode", CHANNELS)
def test_a_picture_is_known_by_its_own_hash(connection: sqlite3.Connection, mode: str) -> None:
    picture = Picture(width=3, height=2, mode=mode, data=bytes(range(6 * CHANNELS[mode])))
    blobs = Blobs(connection)
    assert blobs.put_picture(picture).hex() == picture.sha256
    assert blobs.picture(bytes.fromhex(picture.sha256)) == picture


CHANGES = {
    "the data": "UPDATE blobs SET data = (SELECT data FROM blobs WHERE id = 2) WHERE id = 1",
    "no data": "UPDATE blobs SET data = '' WHERE id = 1",
    "data of another type": "UPDATE blobs SET data = 5 WHERE id = 1",
    "the width": "UPDATE blobs SET width = 31 WHERE id = 1",
    "a giant": "UPDATE blobs SET width = 1000000000, height = 1000000000 WHERE id = 1",
    "nothing left": "UPDATE blobs SET width = 0 WHERE id = 1",
    "negative": "UPDATE blobs SET height = -20 WHERE id = 1",
    "the form": "UPDATE blobs SET form = 'rgb32' WHERE id = 1",
    "an unknown form": "UPDATE blobs SET form = 'pickle' WHERE id = 1",
    "plain bytes": "UPDATE blobs SET form = 'bytes' WHERE id = 1",
    "the row": "DELETE FROM blobs WHERE id = 1",
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_row_is_noticed(connection: sqlite3.Connection, change: str) -> None:
    blobs = Blobs(connection)
    address = blobs.put_image(image(30, 20, 1))
    blobs.put_image(image(30, 20, 2))
    connection.execute(CHANGES[change])
    with pytest.raises(BadBlob):
        Blobs(connection).image(address)


def test_kinds_are_not_mixed_up(connection: sqlite3.Connection) -> None:
    blobs = Blobs(connection)
    picture = blobs.put_picture(Picture(width=1, height=1, mode="RGBA", data=b"abcd"))
    data = blobs.put_bytes(b"list")
    for read in (blobs.image, blobs.plain):
        with pytest.raises(BadBlob):
            read(picture)
    for read in (blobs.image, blobs.picture):
        with pytest.raises(BadBlob):
            read(data)


def test_what_was_rolled_back_is_put_again(connection: sqlite3.Connection) -> None:
    blobs, original = Blobs(connection), image()
    connection.execute("BEGIN")
    address = blobs.put_image(original)
    connection.execute("ROLLBACK")
    blobs.settle(written=False)
    assert not blobs.has(address)
    assert blobs.put_image(original) == address
    assert plain(Blobs(connection).image(address)) == plain(original)
