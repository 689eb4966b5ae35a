"""Getting models: the dialog, and what is told when one has arrived."""

from __future__ import annotations

from collections.abc import Callable

from app.dialogs.models import ModelsDialog
from app.i18n import translate
from app.main_window import MainWindow
from app.state.making import Making
from app.state.messages import Kind, Message


class ModelDeeds:
    def __init__(self, window: MainWindow, making: Making) -> None:
        self._window, self._making = window, making
        self.downloads = window.workspace.downloads
        self.dialog: ModelsDialog | None = None

    def handlers(self) -> dict[str, Callable[[], object]]:
        return {"models": self.open}

    def connect(self) -> None:
        self.downloads.arrived.connect(self._arrived)
        self.downloads.failed.connect(self._failed)

    def open(self, name: str = "") -> None:
        """The dialog stays beside the work; downloads go on when it is closed. `name`: the model
        that is wanted."""
        if self.dialog is None:
            workspace = self._window.workspace
            self.dialog = ModelsDialog(
                self.downloads, workspace.settings, workspace.paths.models, self._window
            )
        self.dialog.point_to(name)
        self.downloads.refresh()
        self.dialog.show()
        self.dialog.raise_()

    def _arrived(self, name: str, path: str) -> None:
        """It stands in the list as soon as the engine has looked again."""
        self._making.start_engine()
        title = translate("Models", "{model} is here.").format(model=name)
        text = translate("Models", "It stands in the list of models of the prompt panel.")
        self._window.show_message(Message(kind=Kind.notice, title=title, text=text))

    def _failed(self, name: str, reason: str) -> None:
        again = (translate("Models", "Go On"), lambda: self.downloads.get(name))
        title = translate("Models", "The download of {model} has stopped.").format(model=name)
        self._window.show_message(
            Message(kind=Kind.warning, title=title, text=reason, deeds=(again,))
        )
