"""A picture that was split into layers: into the project file first, then onto the page.

Bringing layers to a page takes time on a large one, so it is done off the window's thread. Knows no
widgets.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage

from app.document.errors import PictureDamaged
from app.document.history import Node
from app.document.placing import SetCurrentNode
from app.document.splitting import Split, place_split, split
from app.state.results import Outcome, taken_apart
from app.state.workspace import Workspace
from app.store.errors import StoreError
from app.store.jobs import Job, JobStatus
from app.store.project import Project
from model.requests import Result


class Splitting(QObject):
    """`placed` carries the Outcome of a split, `refused` why a step's layers cannot be had."""

    placed = Signal(object)
    refused = Signal(str)

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._workspace = workspace

    def finish(self, job: Job, result: Result, lost: Callable[[StoreError], object]) -> None:
        """Store what the model made, then show it; `lost` where it could not be stored."""
        workspace = self._workspace
        page, tree = workspace.document.state.page, workspace.tree
        path = tree.path(job.parent) if job.parent in tree.nodes and job.parent else ()

        def work(project: Project) -> tuple[Node, Split]:
            node, found = taken_apart(page, path, job, result)
            project.add_node(node)
            project.set_job(job.id, JobStatus.done)
            return node, found

        def show(made: tuple[Node, Split]) -> None:
            node, found = made
            if workspace.tree is not tree:  # another project was opened meanwhile
                return
            tree.add(node)
            then = partial(self._place, node, result.seconds)
            if workspace.document.state.page == page:
                then(found)
            else:
                self._fit(node, found.picture, then)

        workspace.run(work, show, lost)

    def make_current(self, node: Node, picture: QImage) -> None:
        """Put the layers of a step of the history on the page again."""
        self._fit(node, picture, partial(self._go_to, node.id))

    def _place(self, node: Node, seconds: float, found: Split) -> None:
        document = self._workspace.document
        document.do(dataclasses.replace(place_split(document.state, found), node=node.id))
        outcome = Outcome(seconds=seconds, split=found, differences=node.differences)
        self.placed.emit(outcome)

    def _go_to(self, node_id: str, found: Split) -> None:
        document = self._workspace.document
        placing = place_split(document.state, found)
        document.do(
            SetCurrentNode(
                node=node_id, layer=placing.layer, index=placing.index, hides=placing.hides
            )
        )

    def _fit(self, node: Node, picture: QImage, then: Callable[[Split], object]) -> None:
        """Bring a step's layers to the page as it is by the time that this is done."""
        workspace = self._workspace
        page = workspace.document.state.page

        def work(_: Project) -> Split | PictureDamaged:
            try:
                return split(page, picture, node.layers)
            except PictureDamaged as error:
                return error

        def done(found: Split | PictureDamaged) -> None:
            if isinstance(found, PictureDamaged):
                self.refused.emit(str(found))
            elif workspace.document.state.page != page:
                self._fit(node, picture, then)
            else:
                then(found)

        workspace.run(work, done, lambda error: self.refused.emit(str(error)))
