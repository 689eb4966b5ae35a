"""Where Inkstone keeps its own files on this computer. Makes no folder by itself.

`INKSTONE_HOME` puts everything under one folder: portable use, and tests.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Paths:
    """The folders: settings, the user's data (drafts, models, LoRAs), and what may be deleted any
    time."""

    config: Path
    data: Path
    cache: Path

    @classmethod
    def default(cls) -> Paths:
        home = os.environ.get("INKSTONE_HOME")
        if home:
            root = Path(home).expanduser()
            return cls(config=root / "config", data=root / "data", cache=root / "cache")
        import appdirs

        return cls(
            config=Path(appdirs.user_config_dir("Inkstone", appauthor=False)),
            data=Path(appdirs.user_data_dir("Inkstone", appauthor=False)),
            cache=Path(appdirs.user_cache_dir("Inkstone", appauthor=False)),
        )

    @property
    def settings(self) -> Path:
        return self.config / "settings.json"

    @property
    def drafts(self) -> Path:
        """Where documents without a name live until they are saved."""
        return self.data / "drafts"

    @property
    def models(self) -> Path:
        return self.data / "models"

    @property
    def speeds(self) -> Path:
        """How fast this computer's devices were found to be."""
        return self.cache / "speeds.json"

    @property
    def compiled(self) -> Path:
        """Blocks of models, compiled for this computer."""
        return self.cache / "compiled"

    @property
    def loras(self) -> Path:
        """Where requests that name a LoRA find it, by its content."""
        return self.data / "loras"


def assets() -> Path:
    """The program's own data, shipped with it."""
    return Path(__file__).resolve().parent.parent / "assets"
