"""Reads the pictures of steps from the project file, off the window's thread.

Lives as long as the workspace: an answer that comes after the window has gone reaches nobody.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage

from app.document.errors import PictureDamaged
from app.document.history import Node, compose
from app.state.workspace import Workspace
from app.store.errors import StoreError


class StepReader(QObject):
    """`read` carries the id of a step that was asked for, and its picture or an error to be told;
    `reduced` its thumbnail, None if it cannot be read."""

    read = Signal(str, object)
    reduced = Signal(str, object)

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._workspace = workspace
        self._wanted: str | None = None

    def ask(self, node_id: str) -> None:
        """Of several steps that were asked for, only the last is still read. Raises UnknownNode."""
        path = self._workspace.tree.path(node_id)
        self._wanted = node_id
        tell = partial(self._tell, node_id)
        self._run(lambda: self._read(path), tell, tell)

    def forget(self) -> None:
        """What was asked for and is not read yet need not be."""
        self._wanted = None

    def fetch(self, node_id: str) -> None:
        """Read what the step's picture needs, so that it is at hand. Raises UnknownNode."""
        path = self._workspace.tree.path(node_id)
        if not self._workspace.tree.is_at_hand(node_id):
            self._run(lambda: _fetch(path))

    def reduce(self, node_id: str, shrink: Callable[[QImage], QImage]) -> None:
        """Make a small picture of the step. Raises UnknownNode."""
        path = self._workspace.tree.path(node_id)
        tell = partial(self.reduced.emit, node_id)
        self._run(lambda: _reduced(path, shrink), tell, lambda _: tell(None))

    def _run(
        self,
        work: Callable[[], object],
        done: Callable[[object], object] = lambda _: None,
        failed: Callable[[StoreError], object] = lambda _: None,
    ) -> None:
        if self._workspace.writer is not None:
            self._workspace.run(lambda _: work(), done, failed)

    def _read(self, path: tuple[Node, ...]) -> QImage | PictureDamaged | None:
        """In the thread of the file. None: another step, or none, is wanted by now."""
        if self._wanted != path[-1].id:
            return None
        try:
            return compose(path)
        except PictureDamaged as error:
            return error

    def _tell(self, node_id: str, found: object) -> None:
        if found is not None:
            self.read.emit(node_id, found)


def _fetch(path: tuple[Node, ...]) -> None:
    with contextlib.suppress(PictureDamaged):  # told when the step is looked at
        compose(path)


def _reduced(path: tuple[Node, ...], shrink: Callable[[QImage], QImage]) -> QImage | None:
    try:
        return shrink(compose(path))
    except PictureDamaged:
        return None
