"""Polishing: its action, its button beside the prompt, and what becomes of the text."""

from __future__ import annotations

from collections.abc import Callable

from app.main_window import MainWindow
from app.state.observable import watch
from app.state.polishing import Polishing


class PolishDeeds:
    def __init__(self, window: MainWindow, polishing: Polishing) -> None:
        self._window = window
        self._polishing = polishing
        self._action = window.actions_table["polish"]

    def handlers(self) -> dict[str, Callable[[], object]]:
        return {"polish": self._polishing.start, "describe": self._polishing.describe}

    def connect(self) -> None:
        polishing, panel = self._polishing, self._window.prompt
        panel.polish.clicked.connect(self._action.trigger)
        panel.preview.taken.connect(polishing.take)
        panel.preview.kept.connect(polishing.discard)
        polishing.taken.connect(panel.prompt.replace_text)
        polishing.told.connect(self._window.show_message)
        self._action.changed.connect(self._show_button)
        watch(polishing, "text", lambda _: self._show_text())
        watch(polishing, "phase", lambda _: (self._show_text(), self._follow()))
        watch(self._window.workspace.generation, "model", lambda _: self._follow())

    def _show_text(self) -> None:
        polishing = self._polishing
        self._window.prompt.preview.show_polished(
            polishing.phase, polishing.text, is_description=polishing.is_description
        )

    def _follow(self) -> None:
        self._window.follow_situation()
        self._show_button()

    def _show_button(self) -> None:
        """Beside the prompt as in the menu; disabled, it says why."""
        describe = self._window.actions_table["describe"]
        describe.setStatusTip(self._polishing.description_hindrance)
        tip = self._polishing.hindrance or self._action.toolTip()
        self._window.prompt.show_polish(self._action.isEnabled(), tip)
