"""The user's choices, kept in one JSON file. An unreadable file is set aside, never overwritten.

Knows nothing of windows: whoever cares about a choice listens to `changed`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from app.state.observable import Observable, Property, property_names

VERSION = 1
MAX_RECENT = 12
MAX_ADAPTERS = 200


class Settings(Observable):
    """Every choice is a property; an empty text means: as the computer has it.

    `budget_bytes` is what models may take of memory, 0: what is free; `schemes` are by which each
    model, by its path, is packed while it is loaded.
    `variants` say by the fingerprint of weights which published model they are, `adapter_files` by
    their hash where the LoRAs and ControlNets lie that were used last."""

    language = Property("")
    theme = Property("")
    device = Property("")
    budget_bytes = Property(0)
    model = Property("")
    model_folders = Property[tuple[str, ...]](())
    model_source = Property("")
    accepted_licences = Property[tuple[str, ...]](())
    schemes = Property[dict[str, str]]({})
    variants = Property[dict[str, str]]({})
    adapter_files = Property[dict[str, str]]({})
    keys = Property[dict[str, str]]({})
    reduced_motion = Property(False)
    welcomed = Property(False)
    recent = Property[tuple[str, ...]](())
    last_project = Property("")
    window = Property[dict[str, Any]]({})

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.set_aside: Path | None = None
        self._read()
        self.changed.connect(self.save)

    def remember(self, path: Path) -> None:
        """Put a project at the head of the recent files."""
        names = [str(path), *(name for name in self.recent if name != str(path))]
        self.recent = tuple(names[:MAX_RECENT])

    def accept_licence(self, licence: str) -> None:
        """The user accepts a licence that allows no commercial use, once for all its models."""
        if licence not in self.accepted_licences:
            self.accepted_licences = (*self.accepted_licences, licence)

    def remember_variant(self, fingerprint: str, variant: str) -> None:
        self.variants = self.variants | {fingerprint: variant}

    def remember_scheme(self, model: str, scheme: str) -> None:
        """An empty one: as its files hold it."""
        kept = {path: name for path, name in self.schemes.items() if path != model}
        self.schemes = kept | ({model: scheme} if scheme else {})

    def remember_adapter(self, sha256: str, path: str) -> None:
        kept = {k: v for k, v in self.adapter_files.items() if k != sha256} | {sha256: path}
        self.adapter_files = dict(list(kept.items())[-MAX_ADAPTERS:])

    def forget(self, path: str) -> None:
        self.recent = tuple(name for name in self.recent if name != path)

    def save(self) -> None:
        from app.store.atomic import write_file

        values = {name: getattr(self, name) for name in property_names(Settings)}
        text = json.dumps({"version": VERSION} | values, ensure_ascii=False, indent=1)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_file(self.path, text.encode())

    def _read(self) -> None:
        try:
            values = json.loads(self.path.read_text("utf-8"))
        except FileNotFoundError:
            return
        except (OSError, ValueError, RecursionError):
            values = None
        if not isinstance(values, dict) or values.get("version") != VERSION:
            self._put_aside()
            return
        for name in property_names(Settings):
            self._take(name, values.get(name))

    def _take(self, name: str, value: Any) -> None:
        default = getattr(Settings, name).default
        if isinstance(default, tuple) and isinstance(value, list):
            value = tuple(item for item in value if isinstance(item, str))
        if isinstance(default, dict) and default is not Settings.window.default:
            items = value.items() if isinstance(value, dict) else ()
            value = {k: v for k, v in items if isinstance(v, str)}
        if type(value) is type(default):
            self.__dict__[name] = value

    def _put_aside(self) -> None:
        kept = self.path.with_suffix(".unreadable.json")
        try:
            self.path.replace(kept)
        except OSError:
            return
        self.set_aside = kept
