"""How the page looks, or looked, with another step of the history in its picture layer."""

from __future__ import annotations

import dataclasses

from PySide6.QtGui import QImage

from app.document.composite import render
from app.document.document import DocumentState
from app.document.edits import make_current
from app.document.history import EditTree, Node


def shown_with(state: DocumentState, node_id: str, picture: QImage) -> QImage:
    """The page as it would be if the node, whose picture this is, were current."""
    return render(make_current(state, node_id, picture).apply(state))


def shown_without(state: DocumentState) -> QImage:
    """The page without its picture, as it was before the first step."""
    layers = tuple(layer for layer in state.layers if layer.id != state.picture)
    return render(dataclasses.replace(state, layers=layers))


def step_before(node: Node) -> str | None:
    """The step whose picture was seen before this one: what was split is what a split shows."""
    return node.id if node.is_split else node.parent


def current_step(state: DocumentState, tree: EditTree) -> Node | None:
    return tree.nodes.get(state.current_node) if state.current_node is not None else None
