"""What is on this computer already: whole models, begun downloads, Hugging Face's cache, and the
files of a ComfyUI. Everything is used where it lies; nothing is copied or changed.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from model.checkpoint.layout import SNAPSHOTS, name_of
from model.checkpoint.strict_json import read_object
from model.config import Family, candidates, proposed
from model.errors import HubError, ModelError
from model.hub import catalogue
from model.hub.catalogue import Entry

PLACE = ".downloads"
"""The folder, beside the models, of downloads that are not complete."""
COMFY_PARTS = ("diffusion_models", "unet", "text_encoders", "clip", "vae")
COMFY_SUFFIXES = (".safetensors", ".sft", ".gguf")
COMFY_HOMES = ("ComfyUI", "Documents/ComfyUI")
MAX_FILES = 2_000


@dataclass(frozen=True)
class _Here:
    """A file on this computer; of its content nothing is said."""

    size: int


def partial_folder(folder: Path, entry: Entry) -> Path:
    """Where a download into `folder` lies until it is complete."""
    return folder / PLACE / entry.name


def partial_bytes(folder: Path, entry: Entry) -> int:
    """What has arrived of it."""
    place = partial_folder(folder, entry)
    return sum(file.size for name, file in _files(place) if not name.endswith((".log", ".new")))


def is_complete(path: Path, entry: Entry) -> bool:
    """Every file of the entry is there; their content is the loader's to check."""
    try:
        entry.select(dict(_files(path)), str(path))
    except HubError:
        return False
    return True


def whole_models(places: Iterable[Path]) -> dict[str, Path]:
    """The published models that are complete in `places` or directly under them, by their names.

    Which one a folder is, its index, configs and name tell; one that leaves it open is passed over.
    """
    found: dict[str, Path] = {}
    for path in _model_folders(places):
        row = published(path)
        entry = next(
            (entry for entry in catalogue.CATALOGUE if row and entry.name == row.name), None
        )
        if entry is not None and entry.name not in found and is_complete(path, entry):
            found[entry.name] = path
    return found


def published(path: Path) -> Family | None:
    """The row of a model folder, by its small files and its name."""
    try:
        index = read_object(path / "model_index.json")
        config = read_object(path / "transformer/config.json")
    except ModelError:
        return None
    pipeline, sigmas = index.get("_class_name"), index.get("sample_sigmas")
    if not isinstance(pipeline, str):
        return None
    levels = tuple(sigmas) if isinstance(sigmas, list) else ()
    rows = candidates(pipeline, zero_cond_t=bool(config.get("zero_cond_t")), sigmas=levels)
    if len(rows) == 1:
        return rows[0]
    return proposed(rows, [name_of(path)]) if rows else None


# --- Hugging Face's cache ---------------------------------------------------------------------


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Where huggingface_hub keeps what it has downloaded."""
    if found := environment.get("HF_HUB_CACHE") or environment.get("HUGGINGFACE_HUB_CACHE"):
        return Path(os.path.expandvars(found)).expanduser()
    root = environment.get("HF_HOME") or os.path.join(
        environment.get("XDG_CACHE_HOME") or "~/.cache", "huggingface"
    )
    return Path(os.path.expandvars(root)).expanduser() / "hub"


def cached_models(cache: Path | None = None) -> tuple[Path, ...]:
    """The snapshots of published models that are complete there, one a model."""
    cache = cache_folder() if cache is None else cache
    found = (_snapshot(cache, entry) for entry in catalogue.CATALOGUE)
    return tuple(path for path in found if path is not None)


def _snapshot(cache: Path, entry: Entry) -> Path | None:
    """That of the branch `main` before others."""
    folder = cache / f"models--{entry.repository.replace('/', '--')}"
    try:
        main = (folder / "refs/main").read_text("ascii")[:64].strip()
    except (OSError, ValueError):
        main = ""
    try:
        snapshots = [path for path in sorted((folder / SNAPSHOTS).iterdir()) if path.is_dir()]
    except OSError:
        return None
    snapshots.sort(key=lambda path: path.name != main)
    return next((path for path in snapshots if is_complete(path, entry)), None)


# --- ComfyUI ----------------------------------------------------------------------------------


def comfy_files(places: Sequence[Path]) -> tuple[Path, ...]:
    """Weight files where a ComfyUI keeps those of transformers, text encoders and VAEs: in
    `places`, which may name the ComfyUI or its `models`, and where it is usually installed."""
    homes = [Path.home() / name for name in COMFY_HOMES]
    found: dict[Path, None] = {}
    for place in (*places, *homes):
        for root in (place, place / "models"):
            if (root / "model_index.json").exists():  # a published folder has a vae, too
                continue
            for part in COMFY_PARTS:
                for path in _weights_in(root / part):
                    found[path] = None
    return tuple(found)


def _weights_in(folder: Path) -> list[Path]:
    try:
        files = [path for _, path in zip(range(MAX_FILES), _walk(folder, 2), strict=False)]
    except OSError:
        return []
    return [path for path in files if path.suffix.lower() in COMFY_SUFFIXES]


# --- files ------------------------------------------------------------------------------------


def _model_folders(places: Iterable[Path]) -> Iterator[Path]:
    for place in places:
        try:
            inside = sorted(place.iterdir()) if place.is_dir() else []
        except OSError:
            inside = []
        yield from (path for path in (place, *inside) if (path / "model_index.json").is_file())


def _files(folder: Path) -> Iterator[tuple[str, _Here]]:
    """Those of a folder and of the folders in it, with their names as the catalogue writes them."""
    for _, path in zip(range(MAX_FILES), _walk(folder, 2), strict=False):
        try:
            yield path.relative_to(folder).as_posix(), _Here(path.stat().st_size)
        except OSError:
            continue  # gone, or a link to nothing


def _walk(folder: Path, depth: int) -> Iterator[Path]:
    try:
        inside = sorted(folder.iterdir())
    except OSError:
        return
    for path in inside:
        if path.is_dir():
            if depth > 1:
                yield from _walk(path, depth - 1)
        else:
            yield path
