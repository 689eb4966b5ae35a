"""Results in the project file: each node of the edit tree with its pixels and its whole recipe.

A record is written once; name and pin are columns of their own, because they may change.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QRect, QSize

from app.document.history import Node
from app.store.blobs import BadBlob, Blobs
from app.store.encoding import decode_selection, encode_selection
from app.store.fields import Fields
from app.store.pixels import PixelReader, PixelWriter
from app.store.records import seal, unseal
from model.requests import ModelIdentity, Picture, Request, RequestError, from_recipe

NodeRow = tuple[str, str, int, str, bytes]


class Results:
    """The table `nodes`, inside the transactions of the caller."""

    def __init__(self, connection: sqlite3.Connection, blobs: Blobs) -> None:
        self._connection = connection
        self._blobs = blobs

    def add(self, node: Node) -> None:
        record, sha256 = seal(encode_node(node, PixelWriter(self._blobs)))
        self._connection.execute(
            "INSERT INTO nodes (node, name, pinned, record, sha256) VALUES (?, ?, ?, ?, ?)",
            (node.id, node.name, int(node.pinned), record, sha256),
        )

    def update(self, node: Node) -> None:
        """Store the node's name and pin."""
        self._connection.execute(
            "UPDATE nodes SET name = ?, pinned = ? WHERE node = ?",
            (node.name, int(node.pinned), node.id),
        )

    def all(self) -> tuple[Node, ...]:
        """Oldest first. Raises ValueError (BadRecord, BadBlob) where one cannot be read."""
        reader = PixelReader(self._blobs)
        return tuple(decode_node(row, reader) for row in self.rows())

    def rows(self) -> list[NodeRow]:
        """Id, name, pin, record and its hash, oldest first."""
        return self._connection.execute(
            "SELECT node, name, pinned, record, sha256 FROM nodes ORDER BY id"
        ).fetchall()


def encode_node(node: Node, pixels: PixelWriter) -> dict[str, Any]:
    region = node.region
    record = {
        "parent": node.parent,
        "recipe": dict(node.recipe),
        "pictures": encode_pictures(node.request, pixels),
        "mask": encode_selection(node.mask, pixels),
        "region": [region.x(), region.y(), region.width(), region.height()],
        "image": pixels.image(node.image),
        "size": [node.size.width(), node.size.height()],
        "model": {
            "name": node.model.name,
            "sha256": node.model.sha256,
            "licence": node.model.licence,
        },
        "seconds": node.seconds,
        "time": node.time,
    }
    return {**record, "needs": pixels.needs}


def decode_node(row: NodeRow, pixels: PixelReader) -> Node:
    """Raises ValueError (BadRecord, BadBlob among them)."""
    node_id, name, pinned, text, sha256 = row
    fields = Fields(unseal(text, sha256), "result")
    model = Fields(fields.any("model"), "model")
    recipe = fields.mapping("recipe")
    return Node(
        id=node_id,
        parent=fields.optional_text("parent"),
        name=name,
        request=decode_request(recipe, fields.items("pictures"), pixels),
        recipe=recipe,
        mask=decode_selection(fields.optional_text("mask"), pixels),
        region=QRect(*_whole_numbers(fields, "region", 4)),
        image=pixels.image(fields.text("image")),
        size=QSize(*_whole_numbers(fields, "size", 2)),
        model=ModelIdentity(
            name=model.text("name"), sha256=model.text("sha256"), licence=model.text("licence")
        ),
        seconds=fields.number("seconds"),
        time=fields.text("time"),
        pinned=bool(pinned),
    )


def encode_pictures(request: Request | None, pixels: PixelWriter) -> list[str]:
    """The pictures a request carries, so that it can be run again."""
    return [] if request is None else [pixels.picture(picture) for picture in request.pictures]


def decode_request(
    recipe: Mapping[str, Any], addresses: list[Any], pixels: PixelReader
) -> Request | None:
    """The request again; None for a recipe of a newer form: it can be shown, only not run.

    Raises BadBlob for a lost picture, unless `pixels` is lenient.
    """
    try:
        pictures: dict[str, Picture] = {name: pixels.picture(name) for name in addresses}
        return from_recipe(recipe, pictures)
    except RequestError:
        return None
    except BadBlob:
        if not pixels.lenient:
            raise
        pixels.lost += 1
        return None


def _whole_numbers(fields: Fields, name: str, count: int) -> list[int]:
    found = fields.items(name)
    whole = all(isinstance(item, int) and not isinstance(item, bool) for item in found)
    if len(found) != count or not whole:
        raise ValueError(f"{name}: {found!r}")
    return found
