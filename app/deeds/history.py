"""What is done to steps of the history: used again, pinned, taken out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from PySide6.QtWidgets import QApplication

from app.deeds.looking import Looking
from app.dialogs.question import ask
from app.document.errors import CannotPrune
from app.document.history import Node
from app.document.pruning import PruneNodes, branch
from app.i18n import translate
from app.main_window import MainWindow
from app.state.making import Making
from model.requests import Request

Again = Mapping[type[Request], Callable[[Request], object]]


class HistoryDeeds:
    """Each deed gets the id of a step, or acts on the one that is marked in the panel."""

    def __init__(self, window: MainWindow, making: Making, again: Again) -> None:
        """`again`: tasks whose settings are used in a dialog of their own."""
        self._again = again
        self._window = window
        self._workspace = window.workspace
        self._making = making
        self.looking = Looking(window, making)

    def handlers(self) -> dict[str, Callable[[], object]]:
        return {
            "use_settings": partial(self._with_marked, self.use_settings),
            "node_rename": self._window.history.edit_name,
            "node_pin": partial(self._with_marked, self._toggle_pin),
            "node_prune": partial(self._with_marked, self.prune),
        }

    def connect(self) -> None:
        self.looking.connect_signals()
        history = self._window.history
        history.renamed.connect(self._making.rename)
        history.pinned.connect(self._making.pin)
        history.pruned.connect(self.prune)
        history.settings_wanted.connect(self.use_settings)
        history.copied.connect(self.copy_prompt)

    def _with_marked(self, deed: Callable[[str], object]) -> None:
        node = self._window.history.selected
        if node is not None:
            deed(node.id)

    def _toggle_pin(self, node_id: str) -> None:
        self._making.pin(node_id, not self._workspace.tree.node(node_id).pinned)

    def use_settings(self, node_id: str) -> None:
        self._window.attempt(lambda: self._use_settings(node_id))

    def _use_settings(self, node_id: str) -> None:
        """Raises PictureDamaged where a picture that the request used cannot be read."""
        request = self._workspace.tree.node(node_id).request
        if request is not None and type(request) in self._again:
            self._again[type(request)](request)
        elif request is not None:
            self._making.use_settings(node_id)

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
