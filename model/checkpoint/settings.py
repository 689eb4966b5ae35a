"""`inkstone.json` of a model folder: values that override those of the published model's row."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from model.checkpoint.configs import read_config
from model.checkpoint.strict_json import read_object
from model.config import ConfigError, Family
from model.errors import CheckpointError

SETTINGS_VERSION = 1
MAX_AREA = 2**26


@dataclass(frozen=True, kw_only=True)
class Settings:
    version: int
    condition_area: int | None = None
    reference_area: int | None = None
    sizes: tuple[tuple[int, int], ...] | None = None
    steps: int | None = None
    guidance: float | None = None
    notice: str | None = None

    def __post_init__(self) -> None:
        for name in ("condition_area", "reference_area"):
            area = getattr(self, name)
            if area is not None and not 32 * 32 <= area <= MAX_AREA:
                raise ConfigError(f"{name} {area} is outside 1024…{MAX_AREA} px²")
        if self.sizes is not None and not self.sizes:
            raise ConfigError("sizes is empty")
        for width, height in self.sizes or ():
            if not (16 <= width <= 8192 and 16 <= height <= 8192):
                raise ConfigError(f"size {width}x{height} is outside 16…8192")
        if self.steps is not None and not 1 <= self.steps <= 1000:
            raise ConfigError(f"steps {self.steps} is outside 1…1000")
        if self.guidance is not None and not 1 <= self.guidance <= 100:
            raise ConfigError(f"guidance {self.guidance} is outside 1…100")


def with_settings(row: Family, path: Path) -> Family:
    """The row with what the file says, if there is one."""
    if not path.exists():
        return row
    values = read_object(path)
    version = values.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise CheckpointError(f"{path}: version {str(version)[:40]!r} is not a number from 1")
    if version > SETTINGS_VERSION:
        raise CheckpointError(
            f"{path} was written for a newer Inkstone (version {version}); update Inkstone"
        )
    settings = read_config(Settings, values, str(path))
    changes = {
        field.name: getattr(settings, field.name)
        for field in dataclasses.fields(settings)
        if field.name != "version" and getattr(settings, field.name) is not None
    }
    return dataclasses.replace(row, **changes)
