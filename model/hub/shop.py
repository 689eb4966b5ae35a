"""The published models as a person meets them: what each is, what it needs of memory, whether it is
here already; and getting one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from model.checkpoint.layout import name_of
from model.engine.protocol import Need
from model.errors import HubError
from model.hub import catalogue
from model.hub.catalogue import Entry, find
from model.hub.download import OnProgress, ShouldStop, discard, download
from model.hub.endpoints import endpoint
from model.hub.local import cached_models, comfy_files, partial_bytes, whole_models
from model.hub.machine import Machine, look
from model.hub.needs import needs


@dataclass(frozen=True, kw_only=True)
class Offer:
    """One model of the catalogue. `needs` is its memory on this computer, as published and packed
    while it is loaded. `path` is where it is whole on this computer, or empty; `arrived` are the
    bytes of a download that is not complete. `page` is for people to read."""

    name: str
    licence: str
    is_commercial: bool
    tasks: tuple[str, ...]
    bytes: int
    needs: tuple[Need, ...]
    path: str
    arrived: int
    page: str


class Shop:
    """`folder` is where models are brought; `places` are looked at beside it. Models would run on
    `device`, or the best there is."""

    def __init__(
        self, folder: Path, places: Sequence[Path] = (), source: str = "", device: str = ""
    ) -> None:
        self.folder, self.source, self.device = folder, source, device
        self._places = [folder, *places]

    def machine(self) -> Machine:
        return look(self.folder)

    def offers(self, machine: Machine) -> tuple[Offer, ...]:
        """Every model of the catalogue."""
        here = whole_models([*self._places, *cached_models()])
        place = endpoint(self.source)
        return tuple(
            Offer(
                name=entry.name,
                licence=entry.row.licence,
                is_commercial=entry.row.is_commercial,
                tasks=_tasks(entry),
                bytes=entry.bytes,
                needs=needs(entry.name, machine.place(self.device)),
                path=str(here.get(entry.name, "")),
                arrived=partial_bytes(self.folder, entry),
                page=place.page(entry),
            )
            for entry in catalogue.CATALOGUE
        )

    def comfy_files(self) -> tuple[Path, ...]:
        """Weights that a ComfyUI on this computer keeps."""
        return comfy_files(self._places)

    def find(self, name: str) -> Entry:
        """Raises HubError."""
        return find(name)

    def get(self, name: str, token: str, on_progress: OnProgress, should_stop: ShouldStop) -> Path:
        """Bring a model here, unless it is; where it lies. Raises HubError, Stopped."""
        entry = find(name)
        for path in (*cached_models(), *whole_models(self._places).values()):
            if name_of(path) == entry.name:
                return path
        return download(entry, endpoint(self.source, token), self.folder, on_progress, should_stop)

    def discard(self, name: str) -> None:
        """Delete what has arrived of it. Raises HubError."""
        entry = find(name)
        if not partial_bytes(self.folder, entry):
            raise HubError(f"nothing of {entry.name} has arrived in {self.folder}")
        discard(entry, self.folder)


def _tasks(entry: Entry) -> tuple[str, ...]:
    """In words that the window translates."""
    if entry.row.has_layers:
        return ("layers",)
    makes = () if entry.row.pipeline.startswith("QwenImageEdit") else ("make",)
    return (*makes, "edit") if entry.row.edits else makes
