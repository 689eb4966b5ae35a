"""What is done to steps of the history: looked at, made current, pinned, taken out."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication

from app.dialogs.question import ask
from app.document.errors import CannotPrune, PictureDamaged
from app.document.history import Node, compose
from app.document.pruning import PruneNodes, branch
from app.i18n import translate
from app.main_window import MainWindow
from app.panels.history_rows import shrunk
from app.state.comparing import before_of, shown_with
from app.state.making import Making


class Thumbnails(QObject):
    """`made` carries a step's id and its small picture, None if it cannot be read.

    It lives as long as the workspace: an answer that comes after the window has gone reaches
    nobody.
    """

    made = Signal(str, object)


class HistoryDeeds:
    """Each deed gets the id of a step, or acts on the one that is marked in the panel."""

    def __init__(self, window: MainWindow, making: Making) -> None:
        self._window = window
        self._workspace = window.workspace
        self._making = making
        self._thumbnails = Thumbnails(window.workspace)

    def handlers(self) -> dict[str, Callable[[], object]]:
        return {
            "use_settings": partial(self._with_marked, self.use_settings),
            "node_rename": self._window.history.edit_name,
            "node_pin": partial(self._with_marked, self._toggle_pin),
            "node_prune": partial(self._with_marked, self.prune),
        }

    def connect(self) -> None:
        history, document = self._window.history, self._workspace.document
        history.shown.connect(self.peek)
        history.made_current.connect(self.make_current)
        history.renamed.connect(self._making.rename)
        history.pinned.connect(self._making.pin)
        history.pruned.connect(self.prune)
        history.settings_wanted.connect(self.use_settings)
        history.copied.connect(self.copy_prompt)
        history.compare.connect(self.compare)
        history.model.thumbnail_wanted.connect(self.make_thumbnail)
        self._thumbnails.made.connect(history.model.set_thumbnail)
        self._window.compare_held.connect(self.compare)
        document.changed.connect(self.stop_peeking)
        self._workspace.opened.connect(self.stop_peeking)

    def _with_marked(self, deed: Callable[[str], object]) -> None:
        node = self._window.history.selected
        if node is not None:
            deed(node.id)

    def _toggle_pin(self, node_id: str) -> None:
        self._making.pin(node_id, not self._workspace.tree.node(node_id).pinned)

    def use_settings(self, node_id: str) -> None:
        self._window.attempt(lambda: self._making.use_settings(node_id))

    # --- looking ---

    def peek(self, node_id: str) -> None:
        """Show a step without making it current."""
        if node_id == self._workspace.document.state.current_node:
            self.stop_peeking()
        else:
            self._window.attempt(lambda: self._peek(node_id))

    def _peek(self, node_id: str) -> None:
        workspace, window = self._workspace, self._window
        image = shown_with(workspace.document.state, workspace.tree, node_id)
        name = workspace.tree.node(node_id).name
        window.canvas.show_before(image, translate("Status", "Step: {name}").format(name=name))
        window.status.show_work(
            translate("Status", "Shown only: a double click makes this step current")
        )
        window.follow_situation()

    def stop_peeking(self) -> None:
        self._window.canvas.show_before(None)
        if not self._making.is_busy:
            self._window.status.show_work("")
        self._window.follow_situation()

    def make_current(self, node_id: str) -> None:
        self._window.attempt(lambda: self._making.make_current(node_id))
        self.stop_peeking()

    def compare(self, is_held: bool) -> None:
        """Before, while a key is held; after, when it is let go."""
        if is_held:
            self._window.attempt(self._show_before)
        else:
            self._window.canvas.show_before(None)

    def _show_before(self) -> None:
        image = before_of(self._workspace.document.state, self._workspace.tree)
        if image is not None:
            self._window.canvas.show_before(image)

    def make_thumbnail(self, node_id: str) -> None:
        """Off the window's thread: a step's pictures may still have to be read from the file."""
        path = self._workspace.tree.path(node_id)
        show = partial(self._thumbnails.made.emit, node_id)
        if self._workspace.writer is not None:
            self._workspace.run(lambda _: _thumbnail(path), show, lambda _: show(None))

    def copy_prompt(self, node_id: str) -> None:
        fields = self._workspace.tree.node(node_id).recipe.get("request", {})
        QApplication.clipboard().setText(str(fields.get("prompt", "")))

    # --- taking out ---

    def prune(self, node_id: str) -> None:
        """The step with all that came from it, after one question."""
        self._window.attempt(lambda: self._ask_to_prune(node_id))

    def _ask_to_prune(self, node_id: str) -> None:
        gone = self._prunable(node_id)
        count = len(gone)
        ask(
            self._window,
            title=translate("History", "Remove %n step(s) from the history?", count),
            text=translate(
                "History",
                "“{name}” and every step that came from it leave the history. Undo brings them "
                "back as long as the project is open; then their space is freed.",
            ).format(name=gone[0].name),
            verb=translate("History", "Remove"),
            then=lambda: self._window.attempt(lambda: self._prune(node_id)),
        )

    def _prune(self, node_id: str) -> None:
        """What came from the step while the question stood goes with it."""
        gone = self._prunable(node_id)
        self._workspace.document.do(PruneNodes(nodes=frozenset(node.id for node in gone)))

    def _prunable(self, node_id: str) -> tuple[Node, ...]:
        """Raises CannotPrune where the page, a pin or a picture in the making needs one."""
        found = branch(self._workspace.tree, self._workspace.document.state, node_id)
        jobs = self._workspace.jobs
        parents = {job.parent for job in (jobs.current, *jobs.waiting) if job is not None}
        if any(node.id in parents for node in found):
            text = translate(
                "History", "A picture is being made from “{name}”. Wait for it, or cancel it first."
            )
            raise CannotPrune(text.format(name=found[0].name))
        return found


def _thumbnail(path: tuple[Node, ...]) -> QImage | None:
    """None for a picture that cannot be read."""
    try:
        return shrunk(compose(path))
    except PictureDamaged:
        return None
