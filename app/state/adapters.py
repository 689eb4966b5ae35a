"""LoRAs and ControlNets between panel and engine: added, identified, found again; and the maps that
ControlNets follow. Knows no widgets.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from app.engine.client import EngineClient
from app.settings import Settings
from app.state.choices import Choice, ControlChoice, LoraChoice
from app.state.generation import Generation
from model.engine.protocol import AdapterKind, Failed, Failure, Identified, Stopped, Traced
from model.requests import Picture, Request, TextToImage


class Adapters(QObject):
    """Every choice is identified once it is made, and again when another model is chosen.

    `added` carries the kind of one that a person has just added."""

    added = Signal(object)

    def __init__(self, generation: Generation, client: EngineClient, settings: Settings) -> None:
        super().__init__()
        self._generation = generation
        self._client = client
        self._settings = settings
        self._asked: dict[int, str] = {}  # the ids of choices, by the question about them
        client.identified.connect(self._on_identified)
        client.traced.connect(self._on_traced)
        client.failed.connect(self._on_failed)
        client.stopped.connect(self._on_stopped)
        client.ready.connect(self._ask_again)
        generation.changed.connect(self._follow_model)

    # --- choosing ---

    def add(self, kind: AdapterKind, path: Path) -> None:
        """One that is chosen already stays as it is."""
        make = self._generation
        present = make.loras if kind is AdapterKind.lora else make.controls
        if any(choice.path == str(path) for choice in present):
            return
        name = path.name.removesuffix(".safetensors")
        if kind is AdapterKind.lora:
            choice: Choice = LoraChoice(name=name, path=str(path))
            make.change_loras((*make.loras, choice))
        else:
            choice = ControlChoice(name=name, path=str(path))
            make.controls = (*make.controls, choice)
        self._identify(choice)
        self.added.emit(kind)

    def identify_all(self) -> None:
        for choice in self._chosen:
            self._identify(choice)

    @property
    def _chosen(self) -> tuple[Choice, ...]:
        return (*self._generation.loras, *self._generation.controls)

    def trace(self, choice_id: str, picture: Picture) -> None:
        """Let a ControlNet follow the edges of a picture."""
        self._asked[self._client.trace(picture)] = choice_id

    def follow(self, choice_id: str, picture: Picture) -> None:
        """Let a ControlNet follow a picture as it is."""
        self._change(choice_id, lambda choice: replace(choice, map=picture))

    def files_of(self, request: Request) -> list[str]:
        """Where the files lie that the request names, as far as it is known."""
        used = [use.sha256 for use in request.loras]
        if isinstance(request, TextToImage):
            used += [control.sha256 for control in request.controls]
        known = self._settings.adapter_files | {c.sha256: c.path for c in self._chosen}
        return [known[sha256] for sha256 in dict.fromkeys(used) if known.get(sha256)]

    # --- the engine ---

    def _identify(self, choice: Choice) -> None:
        model = self._generation.model
        if model is None:
            return  # asked as soon as there is one
        is_lora = isinstance(choice, LoraChoice)
        known = self._settings.adapter_files.get(choice.sha256, "") if choice.sha256 else ""
        question = self._client.identify(
            AdapterKind.lora if is_lora else AdapterKind.controlnet,
            model.path,
            path=choice.path or known,
            name=choice.name,
            sha256=choice.sha256,
        )
        self._asked[question] = choice.id

    def _ask_again(self) -> None:
        """What an engine that was lost left unanswered."""
        for choice in self._chosen:
            if not choice.sha256 and not choice.problem and choice.id not in self._asked.values():
                self._identify(choice)

    def _follow_model(self, name: str) -> None:
        if name == "model":
            self.identify_all()

    def _on_identified(self, message: Identified) -> None:
        found = message.adapter
        if found.sha256 and found.path and not found.problem:
            self._settings.remember_adapter(found.sha256, found.path)
        self._answered(message.id, lambda choice: choice.told(found))
        self._generation.settle_schedule()

    def _on_traced(self, message: Traced) -> None:
        self._answered(message.id, lambda choice: replace(choice, map=message.picture))

    def _on_failed(self, message: Failed) -> None:
        if message.kind is Failure.engine_lost:
            self._asked.pop(message.id, None)  # asked again once there is another engine
        else:
            self._answered(message.id, lambda choice: replace(choice, problem=message.message))

    def _on_stopped(self, message: Stopped) -> None:
        self._asked.pop(message.id, None)

    def _answered(self, question: int, change: Callable[[Any], Any]) -> None:
        choice_id = self._asked.pop(question, None)
        if choice_id is not None:
            self._change(choice_id, change)

    def _change(self, choice_id: str, change: Callable[[Any], Any]) -> None:
        """One that was taken out meanwhile is passed over."""
        make = self._generation
        if any(lora.id == choice_id for lora in make.loras):
            make.change_loras(tuple(change(c) if c.id == choice_id else c for c in make.loras))
        make.controls = tuple(change(c) if c.id == choice_id else c for c in make.controls)
