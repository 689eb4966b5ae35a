"""How the page looks, or looked, with another step of the history in its picture layer."""

from __future__ import annotations

import dataclasses

from PySide6.QtGui import QImage

from app.document.composite import render
from app.document.document import DocumentState
from app.document.edits import make_current
from app.document.history import EditTree


def shown_with(state: DocumentState, tree: EditTree, node_id: str) -> QImage:
    """The page as it would be if the node were current. Raises UnknownNode."""
    command = make_current(state, node_id, tree.picture_at(node_id))
    return render(command.apply(state))


def before_of(state: DocumentState, tree: EditTree) -> QImage | None:
    """The page before the current step; without its picture if it was the first. None: no step."""
    if state.current_node not in tree.nodes or state.current_node is None:
        return None
    parent = tree.node(state.current_node).parent
    if parent is not None:
        return shown_with(state, tree, parent)
    layers = tuple(layer for layer in state.layers if layer.id != state.picture)
    return render(dataclasses.replace(state, layers=layers))
