"""The real window for tests: built as the program builds it, over a scripted or the real engine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QDialog
from pytestqt.qtbot import QtBot

from app.engine.client import EngineClient
from app.paths import Paths
from app.run import Root, build
from tests.fakes import FakeEngine

Dialog = TypeVar("Dialog", bound=QDialog)

PATIENCE_MS = 20_000
REAL_PATIENCE_MS = 120_000  # a cold start of the real engine on a busy machine


class Studio:
    """One window after another over the same folders, as a user opens and closes them."""

    def __init__(self, home: Path, qtbot: QtBot, app: QApplication) -> None:
        self.home = home
        self.qtbot = qtbot
        self._app = app
        self.root: Root | None = None

    @property
    def paths(self) -> Paths:
        return Paths(
            config=self.home / "config", data=self.home / "data", cache=self.home / "cache"
        )

    def open(
        self,
        *starts: dict[str, Any],
        path: Path | None = None,
        real: bool = False,
        wait: bool = True,
    ) -> Root:
        """A new window. `starts` scripts the engine; `real` takes the program's own."""
        client = None if real else EngineClient(FakeEngine.write(self.home, *starts).command)
        root = self.root = build(self._app, self.paths, client)
        root.workspace.start(path)
        root.window.show()
        if wait:
            patience = REAL_PATIENCE_MS if real else PATIENCE_MS
            self.wait(lambda: root.workspace.generation.model is not None, patience)
        return root

    def close(self) -> None:
        """Close the window as its button does."""
        root = self.root
        if root is None:
            return
        self.root = None
        root.window.close()
        root.workspace.shutdown()
        self._app.removeEventFilter(root.window)
        root.languages.use("en")
        root.window.deleteLater()

    def wait(self, condition: Callable[[], bool], ms: int = PATIENCE_MS) -> None:
        self.qtbot.waitUntil(condition, timeout=ms)

    def make(self, prompt: str) -> str:
        """Type a prompt and start it; the id of the node it became."""
        assert self.root is not None
        workspace = self.root.workspace
        before = len(workspace.tree.nodes)
        self.root.window.prompt.prompt.setPlainText(prompt)
        self.root.window.actions_table["generate"].trigger()
        self.wait(lambda: len(workspace.tree.nodes) > before and not workspace.jobs.is_busy)
        return list(workspace.tree.nodes)[-1]

    def trigger(self, action: str) -> None:
        assert self.root is not None
        found = self.root.window.actions_table[action]
        assert found.isEnabled(), f"{action} is not enabled"
        found.trigger()

    def written(self) -> None:
        """Wait until everything is on disk."""
        assert self.root is not None
        workspace = self.root.workspace
        self.wait(lambda: workspace.writer is not None and not workspace.writer.is_dirty)
        self.wait(lambda: not workspace.is_dirty)


def accept(kind: type[Dialog], fill: Callable[[Dialog], object]) -> list[Dialog]:
    """Fill in and accept the next dialog of a kind, which stops whoever opens it. The list holds it
    as soon as it was accepted."""
    found: list[Dialog] = []

    def look() -> None:
        dialog = QApplication.activeModalWidget()
        if isinstance(dialog, kind):
            fill(dialog)
            found.append(dialog)
            dialog.accept()
        else:
            QTimer.singleShot(20, look)

    QTimer.singleShot(0, look)
    return found
