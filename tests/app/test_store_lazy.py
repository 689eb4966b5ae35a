"""Nodes are read when they are looked at; damage is then told, and nothing good is lost by it."""

from __future__ import annotations

import contextlib
import dataclasses
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QRect, QSize
from PySide6.QtGui import QImage

from app.document.errors import PictureDamaged
from app.document.history import Node
from app.document.selection import rectangle
from app.store import blobs as stored_blobs
from app.store.node_pixels import NodePixels
from app.store.project import Project
from tests.app.documents import edit_request, image, node, plain, simple_state

SIZE = QSize(64, 48)


def whole(name: str, parent: str | None, seed: int) -> Node:
    """A picture that needs nothing of its parent."""
    rect = QRect(0, 0, SIZE.width(), SIZE.height())
    picture = image(SIZE.width(), SIZE.height(), seed)
    mask = rectangle(QRect(seed, 0, 9, 9))
    content = {"image": picture, "mask": mask}
    return node(parent, seed, edit_request(seed), id=name, size=SIZE, region=rect, **content)


def patch(name: str, parent: str, seed: int) -> Node:
    """A picture that differs from its parent in a corner."""
    return node(parent, seed, id=name, size=SIZE, region=QRect(2, 3, 30, 20))


@pytest.fixture
def path(qapp: object, tmp_path: Path) -> Path:
    """a - b - c, of which c is a patch on b; the page shows a."""
    found = tmp_path / "a.ink"
    state = dataclasses.replace(simple_state(), current_node="a")
    opened = Project.create(found, state)
    for made in (whole("a", None, 1), whole("b", "a", 2), patch("c", "b", 3)):
        opened.add_node(made)
    opened.close()
    return found


@contextlib.contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[int, int]]]:
    """The sizes of all images that are decoded meanwhile."""
    found: list[tuple[int, int]] = []
    decode = stored_blobs.decode

    def counting(data: bytes, width: int, height: int, depth: int) -> bytes:
        found.append((width, height))
        return decode(data, width, height, depth)

    monkeypatch.setattr(stored_blobs, "decode", counting)
    yield found


def spoil(path: Path, picture: QImage) -> None:
    """Change the stored bytes of an image, as a bad disk does."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(
            "SELECT id, data FROM blobs WHERE width = ? AND height = ?",
            (picture.width(), picture.height()),
        ).fetchall()
        for number, data in rows:
            rows_of = stored_blobs.decode(data, picture.width(), picture.height(), 4)
            if rows_of == bytes(picture.constBits()):
                connection.execute("UPDATE blobs SET data = x'00' WHERE id = ?", (number,))
        assert connection.total_changes == 1
        connection.commit()


def test_opening_reads_the_page_and_the_current_step(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with counted(monkeypatch) as decoded:
        opened = Project.open(path)
        assert decoded.count((SIZE.width(), SIZE.height())) == 1
        assert (5, 3) not in decoded  # a picture that a request used
        assert (30, 20) not in decoded
        before = len(decoded)
        assert opened.nodes[1].image == whole("b", "a", 2).image
        assert len(decoded) == before + 1
        opened.tree.picture_at("b")
        assert len(decoded) == before + 1  # kept
    assert opened.nodes[1].mask is not None
    assert opened.nodes[1].request == edit_request(2)
    opened.close()


def test_images_are_kept_within_a_limit(path: Path) -> None:
    opened = Project.open(path)
    size = SIZE.width() * SIZE.height() * 4
    pixels = NodePixels(opened._turn, lambda: opened._blobs, kept_bytes=size)
    first, second = (found.content.picture for found in opened.nodes[:2])  # type: ignore[attr-defined]
    one = pixels.image(first)
    assert pixels.image(first).cacheKey() == one.cacheKey()
    pixels.image(second)
    assert pixels.image(first).cacheKey() != one.cacheKey()
    opened.close()


def test_damage_is_told_when_it_is_reached_and_costs_nothing_else(path: Path) -> None:
    spoil(path, whole("b", "a", 2).image)
    opened = Project.open(path)
    assert not opened.read_only
    for name in ("b", "c"):  # c lies on b
        with pytest.raises(PictureDamaged, match="“结果 2” is damaged"):
            opened.tree.picture_at(name)
    assert opened.tree.picture_at("a") == whole("a", None, 1).image
    opened.write(simple_state(5))
    opened.update_node(dataclasses.replace(opened.nodes[0], name="renamed"))
    copy = opened.save_as(path.with_name("copy.ink"))
    opened.close()
    for found in (Project.open(path), copy):
        assert plain(found.state) == plain(simple_state(5))
        assert [each.name for each in found.nodes] == ["renamed", "结果 2", "结果 3"]
        assert found.nodes[0].image == whole("a", None, 1).image
        assert found.nodes[2].image == patch("c", "b", 3).image
        with pytest.raises(PictureDamaged):
            found.tree.picture_at("c")
        found.close()


def test_a_damaged_current_step_leaves_the_file_untouched(path: Path) -> None:
    spoil(path, whole("a", None, 1).image)
    before = path.read_bytes()
    opened = Project.open(path)
    assert opened.read_only
    assert opened.notice is not None
    assert "lost" in opened.notice.text
    opened.close()
    assert path.read_bytes() == before


def test_damage_that_nobody_has_seen_is_never_relied_on(path: Path) -> None:
    """The same pixels come again: they are stored, though the file seems to have them."""
    lost = whole("b", "a", 2)
    spoil(path, lost.image)
    opened = Project.open(path)
    opened.add_node(dataclasses.replace(lost, id="again", parent=None))
    opened.close()
    again = Project.open(path)
    assert again.tree.picture_at("again") == lost.image
    assert again.tree.picture_at("b") == lost.image  # healed by it
    again.close()


def test_a_failed_transaction_does_not_make_damage_good(path: Path) -> None:
    lost = whole("b", "a", 2)
    spoil(path, lost.image)
    opened = Project.open(path)
    with pytest.raises(Exception, match="UNIQUE"):
        opened.add_node(dataclasses.replace(lost, id="a"))
    with pytest.raises(PictureDamaged):
        opened.tree.picture_at("b")
    opened.add_node(dataclasses.replace(lost, id="again", parent=None))
    assert opened.tree.picture_at("b") == lost.image
    opened.close()


def test_what_is_missing_is_noticed_at_once(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("DELETE FROM blobs WHERE width = 30")
        connection.commit()
    opened = Project.open(path)
    assert opened.read_only
    assert [found.id for found in opened.nodes] == ["a", "b"]
    opened.close()
