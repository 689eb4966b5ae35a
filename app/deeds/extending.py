"""Painting what the page has beyond the picture: bleed, or a page that grew."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from app.dialogs.extend import ExtendDialog
from app.document.extending import (
    beyond,
    extension_hindrance,
    margins,
    picture_area,
    source_for_extension,
)
from app.document.pictures import to_picture
from app.i18n import translate
from app.main_window import MainWindow
from app.state.making import Making
from app.state.messages import Kind, Message
from model.engine.protocol import ModelDescription
from model.requests import (
    Decompose,
    Edit,
    ImageToImage,
    Outpaint,
    Request,
    RequestError,
    TextToImage,
)

DESCRIBING = (TextToImage.task, ImageToImage.task, Outpaint.task, Decompose.task)
"""Tasks whose words say what the whole picture shows."""


class ExtendDeeds:
    def __init__(self, window: MainWindow, making: Making) -> None:
        self._window = window
        self._workspace = window.workspace
        self._making = making

    def handlers(self) -> dict[str, Callable[[], object]]:
        return {"extend": self.ask}

    def ask(self) -> None:
        self._ask(self._description())

    def ask_again(self, request: Request) -> None:
        """With the words of an earlier request."""
        self._ask(request.prompt)

    def offer(self) -> None:
        """After the page became larger: what can be done about the picture."""
        if extension_hindrance(self._workspace.document.state):
            return
        action = self._window.actions_table["extend"]
        deed = (translate("Extend", "Extend Picture…"), action.trigger)
        title = translate("Extend", "The page is larger than the picture on it.")
        self._window.show_message(Message(kind=Kind.notice, title=title, deeds=(deed,)))

    def _ask(self, prompt: str) -> None:
        state, generation = self._workspace.document.state, self._workspace.generation
        hindrance = extension_hindrance(state)
        models = generation.models_for(Outpaint.task)
        if hindrance or not models:
            self._window.refuse(hindrance or _no_model())
            return
        area, page = picture_area(state), state.page.rect
        found = margins(area, page)
        chosen = generation.model if generation.model in models else models[0]
        words = prompt or _usual_words(chosen)
        dialog = ExtendDialog(models, chosen, found, words, self._window)
        is_accepted = dialog.exec() == ExtendDialog.DialogCode.Accepted
        dialog.deleteLater()
        if not is_accepted:
            return
        model = dialog.chosen
        try:
            request = Outpaint(
                image=to_picture(source_for_extension(state, area)),
                prompt=dialog.words,
                seed=generation.next_seed(),
                **dataclasses.asdict(found),
                **self._numbers(model),
            )
        except RequestError as error:
            self._window.refuse(str(error))
            return
        self._making.ask(request, model.path, mask=beyond(area, page))

    def _numbers(self, model: ModelDescription) -> dict[str, Any]:
        """The prompt panel's, if they are for this model; else the model's own."""
        make = self._workspace.generation
        if model != make.model:
            return {}
        return {
            "steps": make.steps,
            "guidance": make.guidance,
            "negative": make.negative or None,
        }

    def _description(self) -> str:
        """What the picture was last said to show, if it was."""
        tree, current = self._workspace.tree, self._workspace.document.state.current_node
        path = tree.path(current) if current is not None and current in tree.nodes else ()
        for node in reversed(path):
            if node.recipe.get("task") in DESCRIBING:
                words = str(node.recipe.get("request", {}).get("prompt", "")).strip()
                if words:
                    return words
        return ""


def _usual_words(model: ModelDescription) -> str:
    """For a picture that nobody described: an instruction, where the model follows them."""
    if Edit.task not in model.tasks:
        return ""
    return translate("Extend", "Continue the picture beyond its edges")


def _no_model() -> str:
    return translate(
        "Extend",
        "None of the models that are there can extend a picture. Add a folder with Qwen-Image in "
        "the settings.",
    )
