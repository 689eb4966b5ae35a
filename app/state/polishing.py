"""Polishing the prompt: asks the engine for a better one, and holds it until the user decides.

Nothing changes before the user takes it. Knows no widgets.
"""

from __future__ import annotations

import random
from enum import Enum, auto

from PySide6.QtCore import Signal

from app.document.edits import source_for_edit
from app.document.pictures import to_picture
from app.i18n import translate
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
        model = self._workspace.generation.model
        if model is None:
            return translate("Polish", "Looking for models…")
        if Polish.task in model.tasks:
            return ""
        if model.name == STARTER:
            return translate("Polish", "The starter's encoder cannot write; load a real model")
        return translate("Polish", "The text encoder of this model cannot write; load another")

    def start(self) -> None:
        """Ask for another rewriting of what stands in the prompt, each time with a new seed."""
        make = self._workspace.generation
        if self.hindrance or make.model is None:
            return
        self.discard()
        seed = random.randrange(SHOWN_SEED_LIMIT)
        try:
            request = Polish(prompt=make.prompt, images=self._seen(), seed=seed)
        except RequestError as error:
            self._tell(Kind.warning, str(error))
            return
        self.text, self.phase = "", Phase.writing
        self._id = self._workspace.client.write(make.model.path, request)

    def take(self) -> None:
        """The text becomes the prompt; undoing it there brings back the user's own."""
        text, phase = self.text, self.phase
        self.discard()
        if phase is Phase.ready:
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
        if message.id == self._id:
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
        self.told.emit(Message(kind=kind, title=title, text=text[:1].upper() + text[1:]))
