"""Steps taken out of the history: which go together, what keeps them, and the command.

A pruned node is hidden and stays in the tree, so that undo brings it back; its place in the file is
freed when the project is closed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from app.document.commands import Command
from app.document.errors import CannotPrune
from app.document.history import EditTree, Node
from app.document.state import DocumentState
from app.i18n import translate


@dataclass(frozen=True, kw_only=True)
class PruneNodes(Command):
    nodes: frozenset[str]

    def name(self) -> str:
        return translate("Commands", "Remove %n step(s)", len(self.nodes))

    def apply(self, state: DocumentState) -> DocumentState:
        return dataclasses.replace(state, pruned=state.pruned | self.nodes)


def standing(parents: Mapping[str, str | None], pruned: Collection[str]) -> set[str]:
    """Of nodes with their parents, those that are not pruned, and all that these come from."""
    found: set[str] = set()
    for node in parents:
        step = None if node in pruned else node
        while step is not None and step not in found:
            found.add(step)
            step = parents.get(step)
    return found


def standing_nodes(nodes: Collection[Node], state: DocumentState) -> tuple[Node, ...]:
    """The nodes that the history shows, in their order."""
    kept = standing({node.id: node.parent for node in nodes}, state.pruned)
    return tuple(node for node in nodes if node.id in kept)


def branch(tree: EditTree, state: DocumentState, node_id: str) -> tuple[Node, ...]:
    """The step with all that came from it: what leaves the history together.

    Raises CannotPrune where the page or a pin needs one of them, UnknownNode.
    """
    found = {node_id: tree.node(node_id)}
    for node in standing_nodes(tree.nodes.values(), state):
        if node.parent in found:
            found[node.id] = node
    if state.current_node in found:
        text = translate(
            "History",
            "“{name}” stays: the picture on the page comes from it. "
            "Make a step outside its branch current first.",
        )
        raise CannotPrune(text.format(name=found[node_id].name))
    for node in found.values():
        if node.pinned:
            text = translate("History", "“{name}” is pinned. Unpin it first, then remove it.")
            raise CannotPrune(text.format(name=node.name))
    return tuple(found.values())
