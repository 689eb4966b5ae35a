"""Results in the project file: each node of the edit tree with its pixels and its whole recipe.

A record is written once; name and pin are columns of their own, because they may change.
"""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Iterable
from typing import Any

from PySide6.QtCore import QRect, QSize

from app.document.history import Node
from app.store.blobs import BadBlob, Blobs
from app.store.encoding import encode_selection
from app.store.fields import Fields
from app.store.node_pixels import NodePixels, Stored
from app.store.pixels import Needs, PixelWriter
from app.store.records import seal, unseal
from app.store.requests import encode_pictures
from model.requests import Checked, Differences, ModelIdentity

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

    def all(self, pixels: NodePixels) -> tuple[Node, ...]:
        """Oldest first; what they show is read when it is asked for.

        Raises ValueError: BadRecord, or BadBlob where something that one needs is not there.
        """
        return tuple(decode_node(row, self._blobs, pixels) for row in self.rows())

    def remove(self, node_ids: Iterable[str]) -> None:
        self._connection.executemany(
            "DELETE FROM nodes WHERE node = ?", [(node_id,) for node_id in node_ids]
        )

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
        "layers": [pixels.image(layer) for layer in node.layers],
        "size": [node.size.width(), node.size.height()],
        "model": {
            "name": node.model.name,
            "sha256": node.model.sha256,
            "licence": node.model.licence,
            "quantization": node.model.quantization,
        },
        "seconds": node.seconds,
        "differences": node.differences and dataclasses.asdict(node.differences),
        "time": node.time,
    }
    return {**record, "needs": pixels.needs}


def decode_node(row: NodeRow, blobs: Blobs, pixels: NodePixels) -> Node:
    """Raises ValueError (BadRecord, BadBlob among them)."""
    node_id, name, pinned, text, sha256 = row
    record = unseal(text, sha256)
    fields = Fields(record, "result")
    _check_needs(record, blobs)
    model = Fields(fields.any("model"), "model")
    recipe = fields.mapping("recipe")
    region = QRect(*_whole_numbers(fields, "region", 4))
    content = Stored(
        pixels=pixels,
        name=name,
        picture=fields.text("image"),
        size=region.size(),
        selection=fields.optional_text("mask"),
        recipe=recipe,
        pictures=fields.items("pictures"),
        parts=fields.later_texts("layers"),
    )
    return Node(
        id=node_id,
        parent=fields.optional_text("parent"),
        name=name,
        recipe=recipe,
        content=content,
        region=region,
        size=QSize(*_whole_numbers(fields, "size", 2)),
        model=ModelIdentity(
            name=model.text("name"),
            sha256=model.text("sha256"),
            licence=model.text("licence"),
            quantization=model.later_text("quantization") or "",
        ),
        seconds=fields.number("seconds"),
        time=fields.text("time"),
        pinned=bool(pinned),
        differences=_differences(fields.later_any("differences")),
    )


def _differences(record: Any) -> Differences | None:
    if record is None:
        return None
    fields = Fields(record, "differences")
    return Differences(
        steps=fields.whole("steps"),
        reused=fields.whole("reused"),
        step_cache=_checked(fields.any("step_cache")),
        attention=_checked(fields.any("attention")),
    )


def _checked(record: Any) -> Checked | None:
    if record is None:
        return None
    fields = Fields(record, "checked")
    return Checked(step=fields.whole("step"), difference=fields.number("difference"))


def _check_needs(record: Any, blobs: Blobs) -> None:
    missing = [address for address in Needs(record).all(blobs) if not blobs.has(address)]
    if missing:
        raise BadBlob(f"{missing[0].hex()[:12]} is missing")


def _whole_numbers(fields: Fields, name: str, count: int) -> list[int]:
    found = fields.items(name)
    whole = all(isinstance(item, int) and not isinstance(item, bool) for item in found)
    if len(found) != count or not whole:
        raise ValueError(f"{name}: {found!r}")
    return found
