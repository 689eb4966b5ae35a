"""In how many bits each model works: remembered by its path, told to the engine, which loads the
model so. Knows no widgets."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from app.engine.client import EngineClient
from app.settings import Settings
from app.state.generation import Generation
from app.state.observable import watch
from model.engine.protocol import Failed, Failure, Loaded


class Precisions(QObject):
    """`loading` is a model that was asked for in another precision, `ready` carries the seconds
    that it took; `refused` carries the engine's words where the chosen model has no room."""

    loading = Signal()
    ready = Signal(float)
    refused = Signal(str)

    def __init__(self, generation: Generation, client: EngineClient, settings: Settings) -> None:
        super().__init__()
        self._generation, self._client, self._settings = generation, client, settings
        self._load_id = self._change_id = -1
        client.schemes = settings.schemes
        client.loaded.connect(self._on_loaded)
        client.failed.connect(self._on_failed)
        watch(generation, "model", lambda _: self._follow())

    def load(self) -> None:
        """The chosen model, before its first picture is asked for."""
        if self._generation.model is not None:
            self._load_id = self._client.load(self._generation.model.path)

    def choose(self, scheme: str) -> None:
        """For the chosen model, which is loaded anew."""
        model = self._generation.model
        if model is None or scheme == self._generation.scheme:
            return
        self._remember(model.path, scheme)
        self._generation.scheme = scheme
        self.load()
        self._change_id = self._load_id
        self.loading.emit()

    def _follow(self) -> None:
        """What is remembered of a model whose files are packed by now counts no more."""
        model = self._generation.model
        if model is None:
            return
        kept = self._settings.schemes.get(model.path, "")
        if kept and kept not in (need.scheme for need in model.needs):
            self._remember(model.path, "")
        self._generation.scheme = self._settings.schemes.get(model.path, "")

    def _remember(self, path: str, scheme: str) -> None:
        self._settings.remember_scheme(path, scheme)
        self._client.schemes = self._settings.schemes

    def _on_loaded(self, message: Loaded) -> None:
        if message.id == self._change_id:
            self.ready.emit(message.seconds)

    def _on_failed(self, message: Failed) -> None:
        if message.id == self._load_id and message.kind is Failure.out_of_memory:
            self.refused.emit(message.message)
