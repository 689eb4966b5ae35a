"""How the engine is started: the same program with another word."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path


def engine_command(
    *,
    device: str = "",
    budget_bytes: int = 0,
    model_folders: Iterable[str | Path] = (),
    lora_folders: Iterable[str | Path] = (),
    variants: Mapping[str, str] | None = None,
    speeds: Path | None = None,
) -> list[str]:
    """An empty device means the best one there is, a budget of 0 what is free. `variants` are the
    settings'."""
    options = [option for folder in model_folders for option in ("--models", str(folder))]
    options += [option for folder in lora_folders for option in ("--loras", str(folder))]
    for fingerprint, variant in (variants or {}).items():
        options += ["--variant", fingerprint, variant]
    if speeds is not None:
        options += ["--speeds", str(speeds)]
    if budget_bytes:
        options += ["--budget", str(budget_bytes)]
    if device:
        options += ["--device", device]
    return [*program(), "engine", *options]


def program() -> list[str]:
    """The command of this very program, from a checkout, an installation or a package."""
    if getattr(sys, "frozen", False):
        return [sys.executable]
    main = Path(__file__).resolve().parents[2] / "main.py"
    return [sys.executable, str(main)] if main.is_file() else [sys.executable, "-m", "app.cli"]
