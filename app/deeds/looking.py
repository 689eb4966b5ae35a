"""Steps of the history on the canvas: looked at, compared with, made current.

What has to be read from the file first is read off the window's thread. Until it is there its
thumbnail stands for it, with words that say so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QObject, QSize, Qt
from PySide6.QtGui import QImage

from app.document.changes import Change
from app.document.document import DocumentState
from app.document.history import EditTree, Node
from app.i18n import translate
from app.main_window import MainWindow
from app.panels.history_rows import shrunk
from app.state.comparing import current_step, shown_with, shown_without, step_before
from app.state.making import Making
from app.state.step_reader import StepReader


@dataclass(frozen=True, kw_only=True)
class _Wish:
    """What is to be done with a step's picture when it is there. A look ends when the document
    changes."""

    node_id: str
    then: Callable[[QImage], object]
    is_look: bool = True


class Looking(QObject):
    """At most one step at a time is waited for."""

    def __init__(self, window: MainWindow, making: Making) -> None:
        super().__init__(window)
        self._window = window
        self._workspace = window.workspace
        self._making = making
        self._reader = StepReader(window.workspace)
        self._wish: _Wish | None = None

    def connect_signals(self) -> None:
        history, workspace = self._window.history, self._workspace
        history.shown.connect(self.peek)
        history.made_current.connect(self.make_current)
        history.compare.connect(self.compare)
        history.model.thumbnail_wanted.connect(self.make_thumbnail)
        self._reader.reduced.connect(history.model.set_thumbnail)
        self._reader.read.connect(self._take)
        self._window.compare_held.connect(self.compare)
        workspace.document.changed.connect(self._follow)
        workspace.opened.connect(self._begin)

    def peek(self, node_id: str) -> None:
        """Show a step without making it current."""
        if node_id == self._state.current_node:
            self.stop()
        else:
            show = partial(self._show_step, node_id)
            self._window.attempt(lambda: self._want(_Wish(node_id=node_id, then=show)))

    def stop(self) -> None:
        """Show the page again."""
        self._forget()
        self._window.canvas.show_before(None)
        if not self._making.is_busy:
            self._window.status.show_work("")
        self._window.follow_situation()

    def make_current(self, node_id: str) -> None:
        """A double click: the step comes onto the page as soon as it is read."""
        self.when_read(node_id, partial(self._make_current, node_id))

    def when_read(self, node_id: str, then: Callable[[QImage], object]) -> None:
        """Do something with a step's picture as soon as it is there, whatever is looked at."""
        wish = _Wish(node_id=node_id, then=then, is_look=False)
        self._window.attempt(lambda: self._want(wish))

    def compare(self, is_held: bool) -> None:
        """Before, while a key is held; after, when it is let go."""
        node = current_step(self._state, self._tree)
        if not is_held:
            self._forget()
            self._window.canvas.show_before(None)
        elif node is not None and (before := step_before(node)) is not None:
            wish = _Wish(node_id=before, then=partial(self._show_before, before))
            self._window.attempt(lambda: self._want(wish))
        elif node is not None:
            self._window.canvas.show_before(shown_without(self._state))

    def make_thumbnail(self, node_id: str) -> None:
        self._reader.reduce(node_id, shrunk)

    @property
    def _state(self) -> DocumentState:
        return self._workspace.document.state

    @property
    def _tree(self) -> EditTree:
        return self._workspace.tree

    # --- waiting ---

    def _want(self, wish: _Wish) -> None:
        """Raises UnknownNode."""
        self._wish = wish
        if self._tree.is_at_hand(wish.node_id):
            self._fulfil(self._tree.picture_at(wish.node_id))
        else:
            self._show_waiting(self._tree.node(wish.node_id))
            self._reader.ask(wish.node_id)

    def _take(self, node_id: str, found: object) -> None:
        """What the reader found, which may be wanted no more."""
        if self._wish is None or self._wish.node_id != node_id:
            return
        if isinstance(found, QImage):
            self._window.attempt(lambda: self._fulfil(found))
        else:
            self.stop()
            self._window.refuse(str(found))

    def _fulfil(self, picture: QImage) -> None:
        wish = self._wish
        self._forget()
        if wish is not None:
            wish.then(picture)

    def _forget(self) -> None:
        self._wish = None
        self._reader.forget()

    def _follow(self, change: Change) -> None:
        """The page changed: it is what is looked at from now on."""
        waiting = self._wish if self._wish is not None and not self._wish.is_look else None
        self.stop()
        if waiting is not None and waiting.node_id in self._tree.nodes:
            self._window.attempt(lambda: self._want(waiting))
        if change.history:
            self._fetch_before()

    def _begin(self) -> None:
        self.stop()
        self._fetch_before()

    def _fetch_before(self) -> None:
        """Before and after are compared often: what was before is read while nobody waits."""
        node = current_step(self._state, self._tree)
        if node is not None and (before := step_before(node)) is not None:
            self._reader.fetch(before)

    # --- showing ---

    def _show_step(self, node_id: str, picture: QImage) -> None:
        text = translate("Status", "Step: {name}").format(name=self._tree.node(node_id).name)
        self._window.canvas.show_before(shown_with(self._state, node_id, picture), text)
        self._window.status.show_work(
            translate("Status", "Shown only: a double click makes this step current")
        )
        self._window.follow_situation()

    def _show_before(self, node_id: str, picture: QImage) -> None:
        self._window.canvas.show_before(shown_with(self._state, node_id, picture))

    def _make_current(self, node_id: str, picture: QImage) -> None:
        self._making.make_current(node_id, picture)
        self.stop()

    def _show_waiting(self, node: Node) -> None:
        """Without a thumbnail the canvas stays as it is."""
        text = translate("Status", "Reading step “{name}”…").format(name=node.name)
        self._window.status.show_work(text)
        small = self._window.history.model.thumbnail(node.id)
        if small is not None:
            page = shown_with(self._state, node.id, _stretched(small.toImage(), node.size))
            self._window.canvas.show_before(page, text)
        self._window.follow_situation()


def _stretched(image: QImage, size: QSize) -> QImage:
    ignore, smooth = (
        Qt.AspectRatioMode.IgnoreAspectRatio,
        Qt.TransformationMode.SmoothTransformation,
    )
    return image.scaled(size, ignore, smooth)
