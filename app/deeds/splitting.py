"""Splitting the picture into layers: asked with which model and how, and told how well it went."""

from __future__ import annotations

from collections.abc import Callable

from app.dialogs.split import SplitDialog
from app.document.edits import source_for_edit
from app.document.pictures import to_picture
from app.document.splitting import Split
from app.i18n import translate
from app.main_window import MainWindow
from app.state.making import Making
from app.state.messages import Kind, Message
from app.widgets.words import percent
from model.requests import Decompose, Request

LAYERED = "Qwen-Image-Layered"


class SplitDeeds:
    """`get_model` shows where a model is got, `model_folders` the settings where one is added."""

    def __init__(
        self,
        window: MainWindow,
        making: Making,
        get_model: Callable[[str], object],
        model_folders: Callable[[], object],
    ) -> None:
        self._window = window
        self._workspace = window.workspace
        self._making = making
        self._get_model, self._model_folders = get_model, model_folders
        self._last: Decompose | None = None

    def handlers(self) -> dict[str, Callable[[], object]]:
        return {"split": self.ask}

    def ask(self) -> None:
        self._ask(self._last)

    def ask_again(self, request: Request) -> None:
        """With the values of an earlier request."""
        assert isinstance(request, Decompose)
        self._ask(request)

    def show_outcome(self, found: Split) -> None:
        """How much the correction layer holds; what to do about a poor split."""
        status = self._window.status
        status.show_correction(found.share, found.visible, is_poor=found.is_poor)
        if not found.is_poor:
            return
        text = translate(
            "Split",
            "Without the correction layer {share} of the picture would look different. Split it "
            "again with a description that names its parts, or into another number of layers.",
        ).format(share=percent(found.visible))
        again = (translate("Split", "Split Again…"), self.ask)
        title = translate("Split", "This is a poor split: the layers miss much of the picture.")
        self._window.show_message(
            Message(kind=Kind.warning, title=title, text=text, deeds=(again,))
        )

    def _ask(self, like: Decompose | None) -> None:
        generation = self._workspace.generation
        models = generation.models_for(Decompose.task)
        if not models:
            self._tell_what_is_needed()
            return
        dialog = SplitDialog(models, like, self._window)
        is_accepted = dialog.exec() == SplitDialog.DialogCode.Accepted
        dialog.deleteLater()
        if is_accepted:
            image = to_picture(source_for_edit(self._workspace.document.state))
            request = Decompose(image=image, seed=generation.next_seed(), **dialog.values)
            self._last = request
            self._making.ask(request, dialog.chosen.path)

    def _tell_what_is_needed(self) -> None:
        if not self._workspace.generation.models:
            self._window.refuse(
                translate("Split", "The engine is still looking for models. Try again in a moment.")
            )
            return
        title = translate("Split", "Splitting a picture needs a Layered model.")
        text = translate(
            "Split",
            "Get {model} (Apache-2.0, free for commercial work), or add its folder in the "
            "settings.",
        ).format(model=LAYERED)
        deeds = (
            (translate("Split", "Get It…"), lambda: self._get_model(LAYERED)),
            (translate("Split", "Model Folders…"), self._model_folders),
        )
        self._window.show_message(Message(kind=Kind.notice, title=title, text=text, deeds=deeds))
