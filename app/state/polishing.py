"""Words that the model writes: a better prompt, or a description of the page as one.

They are held until the user decides; nothing changes before. Knows no widgets.
"""

from __future__ import annotations

import random
from enum import Enum, auto

from PySide6.QtCore import Signal

from app.document.edits import source_for_edit
from app.document.pictures import to_picture
from app.i18n import shown_language, translate
from app.state.generation import SHOWN_SEED_LIMIT
from app.state.messages import Kind, Message
from app.state.observable import Observable, Property
from app.state.workspace import Workspace
from model.engine.protocol import Failed, Stopped, Words, Written
from model.requests import Caption, Picture, Polish, RequestError

STARTER = "starter"


class Phase(Enum):
    """What is offered: nothing, a text that grows, a text to take, or none that kept the rules."""

    idle = auto()
    writing = auto()
    ready = auto()
    unchanged = auto()


class Polishing(Observable):
    """`taken` carries the text that the user accepts."""

    taken = Signal(str)
    told = Signal(object)

    phase = Property(Phase.idle)
    text = Property("")
    is_description = Property(False)
    """The text is of the page, and makes a new picture; else it says the prompt more fully."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._workspace = workspace
        self._id = -1
        client = workspace.client
        client.words.connect(self._on_words)
        client.written.connect(self._on_written)
        client.failed.connect(self._on_failed)
        client.stopped.connect(self._on_stopped)
        workspace.opened.connect(self.discard)
        workspace.generation.changed.connect(self._on_values)

    @property
    def is_writing(self) -> bool:
        return self.phase is Phase.writing

    @property
    def hindrance(self) -> str:
        """Why the model in use cannot polish, in words; empty when it can."""
        return self._hindrance(Polish.task)

    @property
    def description_hindrance(self) -> str:
        """Why it cannot describe a picture; empty when it can."""
        return self._hindrance(Caption.task)

    def _hindrance(self, task: str) -> str:
        model = self._workspace.generation.model
        if model is None:
            return translate("Polish", "Looking for models…")
        if task in model.tasks:
            return ""
        if model.name == STARTER:
            return translate("Polish", "The starter's encoder cannot write; load a real model")
        return translate("Polish", "The text encoder of this model cannot write; load another")

    def start(self) -> None:
        """Ask for another rewriting of what stands in the prompt, each time with a new seed."""
        if self.hindrance:
            return
        self.discard()
        prompt = self._workspace.generation.prompt
        try:
            request = Polish(prompt=prompt, images=self._seen(), seed=_new_seed())
        except RequestError as error:
            self._tell(Kind.warning, str(error))
            return
        self._ask(request)

    def describe(self) -> None:
        """Ask what the page shows, in the language of the interface."""
        state = self._workspace.document.state
        if self.description_hindrance or not state.layers:
            return
        self.discard()
        page = to_picture(source_for_edit(state))
        self._ask(Caption(image=page, language=shown_language(), seed=_new_seed()))

    def _ask(self, request: Polish | Caption) -> None:
        model = self._workspace.generation.model
        assert model is not None, "without one there is a hindrance"
        self.is_description = isinstance(request, Caption)
        self.text, self.phase = "", Phase.writing
        self._id = self._workspace.client.write(model.path, request)

    def take(self) -> None:
        """The text becomes the prompt; undoing it there brings back the user's own. A description
        becomes that of a new picture."""
        text, phase = self.text, self.phase
        self.discard()
        if phase is Phase.ready:
            if self.is_description:
                self._workspace.generation.switch(False)
            self.taken.emit(text)

    def discard(self) -> None:
        """Keep the prompt as it is, and stop the work, if there is any."""
        id, self._id = self._id, -1
        if self.is_writing:
            self._workspace.client.stop(id)
        self.text, self.phase = "", Phase.idle

    def _seen(self) -> tuple[Picture, ...]:
        """What the instruction is about: the page that is changed, and the references."""
        make, state = self._workspace.generation, self._workspace.document.state
        can_see = make.model is not None and Caption.task in make.model.tasks
        if not can_see or not make.follows_instructions:
            return ()
        if make.is_change and state.layers:
            return (to_picture(source_for_edit(state)), *make.references)
        return make.references

    # --- engine ---

    def _on_words(self, message: Words) -> None:
        if message.id == self._id and not self.is_description:  # that grows as a record, in JSON
            self.text = message.text

    def _on_written(self, message: Written) -> None:
        if message.id == self._id:
            self._id = -1
            self.text = message.text.text
            self.phase = Phase.unchanged if message.text.is_original else Phase.ready

    def _on_failed(self, message: Failed) -> None:
        if message.id == self._id:
            self._end()
            self._tell(Kind.error, message.message)

    def _on_stopped(self, message: Stopped) -> None:
        if message.id == self._id:
            self._end()

    def _end(self) -> None:
        self._id = -1
        self.text, self.phase = "", Phase.idle

    def _on_values(self, name: str) -> None:
        if name in ("is_change", "model"):  # the text is for another kind of prompt
            self.discard()

    def _tell(self, kind: Kind, text: str) -> None:
        title = translate("Polish", "The prompt could not be polished, and stays as it is.")
        if self.is_description:
            title = translate("Polish", "The picture could not be described.")
        self.told.emit(Message(kind=kind, title=title, text=text[:1].upper() + text[1:]))


def _new_seed() -> int:
    return random.randrange(SHOWN_SEED_LIMIT)
