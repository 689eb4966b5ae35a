"""Checkpoints of a run: safetensors and JSON in a folder of their own, verified before they count.

A checkpoint is written under a temporary name, its manifest with every hash last, then renamed and
read again. Only after that are older ones removed. Knows neither networks nor optimisers.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from model.system import sync_folder
from training.errors import CheckpointError

VERSION = 1
FOLDER = "checkpoints"
MANIFEST = "manifest.json"
STATE = "state.json"
TEMPORARY = ".writing-"
_NAME = re.compile(r"step-(\d{9})")
_BLOCK_BYTES = 1 << 20

OnSkip = Callable[[Path, str], None]


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """`tensors` by file and name; `state` is JSON and holds everything that is no tensor."""

    step: int
    tensors: Mapping[str, Mapping[str, Tensor]]
    state: Mapping[str, Any]


def write(run_folder: Path, checkpoint: Checkpoint, keep: int) -> Path:
    """Writes, verifies and only then prunes to the `keep` newest that verify."""
    if keep < 2:
        raise ValueError(f"keep is {keep}; at least 2 checkpoints must stay")
    folder = run_folder / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    _remove_unfinished(folder)
    target = folder / f"step-{checkpoint.step:09d}"
    temporary = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=folder))
    try:
        _write_files(temporary, checkpoint)
        if target.exists():  # a damaged one of the same step
            shutil.rmtree(target)
        os.rename(temporary, target)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    sync_folder(folder)
    verify(target)
    _prune(folder, keep)
    return target


def newest(run_folder: Path, on_skip: OnSkip) -> Checkpoint | None:
    """The newest checkpoint, by step, that verifies; each one passed over is reported."""
    for path in found(run_folder):
        try:
            return read(path)
        except CheckpointError as error:
            on_skip(path, str(error))
    return None


def found(run_folder: Path) -> list[Path]:
    """Folders that claim to be checkpoints, newest step first; unfinished ones are not."""
    folder = run_folder / FOLDER
    if not folder.is_dir():
        return []
    return sorted((p for p in folder.iterdir() if _NAME.fullmatch(p.name)), reverse=True)


def read(path: Path) -> Checkpoint:
    """One checkpoint, verified; CheckpointError says which file is wrong and how."""
    manifest = verify(path)
    names = [name for name in manifest["files"] if name.endswith(".safetensors")]
    try:
        tensors = {Path(name).stem: load_file(path / name) for name in names}
        state = json.loads((path / STATE).read_text(encoding="utf-8"))
    except (OSError, ValueError, SafetensorError) as error:
        raise CheckpointError(f"{path}: cannot be read ({error})") from None
    return Checkpoint(step=manifest["step"], tensors=tensors, state=state)


def verify(path: Path) -> dict[str, Any]:
    """The manifest, after every file was compared with it."""
    manifest = _read_manifest(path)
    for name, expected in manifest["files"].items():
        file = path / name
        try:
            actual = {"bytes": file.stat().st_size, "sha256": _hash_file(file)}
        except OSError as error:
            raise CheckpointError(f"{file}: cannot be read ({error.strerror})") from None
        if actual != expected:
            raise CheckpointError(f"{file}: differs from its manifest; the file is damaged")
    return manifest


def _read_manifest(path: Path) -> dict[str, Any]:
    file = path / MANIFEST
    try:
        text = file.read_text(encoding="utf-8")
        manifest = json.loads(text)
        body = {key: manifest[key] for key in ("version", "step", "files")}
        is_whole = text == _dump(body | {"sha256": _hash_json(body)})
    except OSError as error:
        raise CheckpointError(f"{file}: cannot be read ({error.strerror})") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise CheckpointError(f"{file}: is not a checkpoint's manifest") from None
    if not is_whole:
        raise CheckpointError(f"{file}: its own hash is wrong; the file is damaged")
    if body["version"] != VERSION:
        raise CheckpointError(f"{file}: version {body['version']}; this Inkstone reads {VERSION}")
    return body


def _write_files(folder: Path, checkpoint: Checkpoint) -> None:
    for stem, tensors in checkpoint.tensors.items():
        contiguous = {name: tensor.detach().contiguous() for name, tensor in tensors.items()}
        save_file(contiguous, folder / f"{stem}.safetensors")
    _write_json(folder / STATE, checkpoint.state)
    files = {
        path.name: {"bytes": path.stat().st_size, "sha256": _hash_file(path)}
        for path in sorted(folder.iterdir())
    }
    for name in files:
        _sync_file(folder / name)
    body = {"version": VERSION, "step": checkpoint.step, "files": files}
    _write_json(folder / MANIFEST, body | {"sha256": _hash_json(body)})
    _sync_file(folder / MANIFEST)
    sync_folder(folder)


def _prune(folder: Path, keep: int) -> None:
    """Removes what is older than the `keep` newest verified ones, damaged or not."""
    verified = 0
    for path in found(folder.parent):
        if verified >= keep:
            shutil.rmtree(path)
        elif _verifies(path):
            verified += 1


def _verifies(path: Path) -> bool:
    try:
        verify(path)
    except CheckpointError:
        return False
    return True


def _remove_unfinished(folder: Path) -> None:
    for path in _unfinished(folder):
        shutil.rmtree(path, ignore_errors=True)


def _unfinished(folder: Path) -> Iterator[Path]:
    return (path for path in folder.iterdir() if path.name.startswith(TEMPORARY))


def _write_json(path: Path, value: Any) -> None:
    path.write_text(_dump(value), encoding="utf-8")


def _dump(value: Any) -> str:
    return json.dumps(value, indent=1, sort_keys=True, allow_nan=False)


def _hash_json(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _hash_file(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def _sync_file(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
