"""The edit tree: every generated picture, how it was asked for, and from which it came.

A node keeps only the region in which it differs from its parent; `picture_at` puts them together.
Which node is current is the document's affair; nodes are never removed by undo.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Protocol

from PySide6.QtCore import QObject, QRect, QSize, Signal
from PySide6.QtGui import QImage, QPainter

from app.document.errors import UnknownNode
from app.document.layers import new_id
from app.document.selection import Selection
from app.document.tiles import Mode, PixelKind
from app.i18n import translate
from model.requests import Decompose, Differences, ModelIdentity, Request


class Content(Protocol):
    """The pixels of a node. Those of a file are read when they are asked for, and each of these
    then raises PictureDamaged where they cannot be."""

    @property
    def request(self) -> Request | None:
        """None where the pictures that it used are not at hand."""
        ...

    @property
    def mask(self) -> Selection | None: ...

    @property
    def image(self) -> QImage: ...

    @property
    def layers(self) -> tuple[QImage, ...]:
        """What a picture was taken apart into, the bottom one first; none for any other."""
        ...

    @property
    def is_at_hand(self) -> bool:
        """Whether `image` comes at once, from memory."""
        ...


@dataclass(frozen=True, kw_only=True)
class Made:
    """The content of a picture that was just made."""

    request: Request | None
    mask: Selection | None
    image: QImage
    layers: tuple[QImage, ...] = ()

    @property
    def is_at_hand(self) -> bool:
        return True


@dataclass(frozen=True, kw_only=True)
class Node:
    """One request with its result. Within a picture of `size`, `image` covers `region`.

    `recipe` is what `model.requests.to_recipe` made of the request. `time` is ISO 8601 in UTC.
    `differences` are those of a picture that was not made exactly.
    """

    id: str = field(default_factory=new_id)
    parent: str | None
    name: str
    recipe: Mapping[str, Any]
    content: Content
    region: QRect
    size: QSize
    model: ModelIdentity
    seconds: float
    time: str
    pinned: bool = False
    differences: Differences | None = None

    def __post_init__(self) -> None:
        if not QRect(0, 0, self.size.width(), self.size.height()).contains(self.region):
            raise ValueError(f"node {self.id}: its region lies outside its picture")
        if isinstance(self.content, Made) and self.image.size() != self.region.size():
            raise ValueError(f"node {self.id}: its image has not the size of its region")

    @property
    def request(self) -> Request | None:
        return self.content.request

    @property
    def mask(self) -> Selection | None:
        return self.content.mask

    @property
    def image(self) -> QImage:
        return self.content.image

    @property
    def layers(self) -> tuple[QImage, ...]:
        return self.content.layers

    @property
    def is_split(self) -> bool:
        """Whether it is a picture taken apart: the page looks the same with its layers."""
        return self.recipe.get("task") == Decompose.task

    @property
    def is_whole(self) -> bool:
        """Whether its picture needs nothing from its parent."""
        return self.region.size() == self.size


class EditTree(QObject):
    """All nodes of a document, in the order in which they came."""

    changed = Signal(object)  # the id of the node that is new or different

    def __init__(self, nodes: Iterable[Node] = (), parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._nodes: dict[str, Node] = {}
        for node in nodes:
            self._check(node)
            self._nodes[node.id] = node

    @property
    def nodes(self) -> Mapping[str, Node]:
        return MappingProxyType(self._nodes)

    def node(self, node_id: str) -> Node:
        """Raises UnknownNode."""
        try:
            return self._nodes[node_id]
        except KeyError:
            text = translate("History", "This step is not in the history of the document.")
            raise UnknownNode(text) from None

    def add(self, node: Node) -> None:
        """Raises UnknownNode if its parent is not there yet."""
        self._check(node)
        self._nodes[node.id] = node
        self.changed.emit(node.id)

    def rename(self, node_id: str, name: str) -> None:
        self._replace(dataclasses.replace(self.node(node_id), name=name))

    def pin(self, node_id: str, pinned: bool) -> None:
        self._replace(dataclasses.replace(self.node(node_id), pinned=pinned))

    def read_from(self, nodes: Iterable[Node]) -> None:
        """The same nodes lie in another file now: their pixels come from there."""
        for node in nodes:
            if node.id in self._nodes:
                old = self._nodes[node.id]
                self._nodes[node.id] = dataclasses.replace(old, content=node.content)

    def roots(self) -> tuple[Node, ...]:
        return self.children_of(None)

    def children_of(self, node_id: str | None) -> tuple[Node, ...]:
        """Oldest first; those of None are the roots."""
        return tuple(node for node in self._nodes.values() if node.parent == node_id)

    def path(self, node_id: str) -> tuple[Node, ...]:
        """From the root down to the node, both included. Raises UnknownNode."""
        found = [self.node(node_id)]
        while (parent := found[-1].parent) is not None:
            found.append(self.node(parent))
        return tuple(reversed(found))

    def picture_at(self, node_id: str) -> QImage:
        """The node's whole picture, put together from the regions on its path.

        Raises UnknownNode, and PictureDamaged where one of them cannot be read.
        """
        return compose(self.path(node_id))

    def is_at_hand(self, node_id: str) -> bool:
        """Whether `picture_at` comes at once, with nothing to be read. Raises UnknownNode."""
        return all(node.content.is_at_hand for node in _needed(self.path(node_id)))

    def _replace(self, node: Node) -> None:
        if self._nodes[node.id] != node:
            self._nodes[node.id] = node
            self.changed.emit(node.id)

    def _check(self, node: Node) -> None:
        assert node.id not in self._nodes, f"node {node.id} is there already"
        if node.parent is not None:
            self.node(node.parent)


def compose(path: Iterable[Node]) -> QImage:
    """The picture of the last node of a path. What no region covers is transparent."""
    needed = _needed(path)
    size = needed[0].size
    found = PixelKind.color.blank(size.width(), size.height())
    with QPainter(found) as painter:
        painter.setCompositionMode(Mode.CompositionMode_Source)
        for node in reversed(needed):
            painter.drawImage(node.region.topLeft(), node.image)
    return found


def _needed(path: Iterable[Node]) -> list[Node]:
    """The nodes of which the picture of a path's last node is put together, that one first."""
    found: list[Node] = []
    for node in reversed(tuple(path)):
        if found and node.size != found[-1].size:
            break  # the page had another size then: nothing of it is under this picture
        found.append(node)
        if node.is_whole:
            break
    return found
