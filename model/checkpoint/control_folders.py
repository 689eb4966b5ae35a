"""ControlNets on this computer, found by their hash: a request names no path."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from model.checkpoint.controlnets import is_controlnet, load_controlnet, weight_files
from model.checkpoint.identity import combined
from model.controlnet import BlockwiseControlNet, ControlNet
from model.errors import CheckpointError
from model.requests import Control, RequestError
from model.transformer import Transformer

KEPT = 2
"""Loaded ControlNets that stay in memory, the last used ones."""


class ControlFolders:
    """What lies directly in the given folders, and what was added one by one."""

    def __init__(self, folders: Sequence[Path] = ()) -> None:
        self._folders = tuple(folders)
        self._added: list[Path] = []
        self._hashes: dict[Path, str] = {}
        self._loaded: dict[str, ControlNet | BlockwiseControlNet] = {}

    def add(self, path: Path, strength: float, start: float, end: float) -> Control:
        """How a request names this one, which is found from now on."""
        if not is_controlnet(path):
            raise CheckpointError(
                f"{path}: is no ControlNet: neither InstantX's folder with config.json nor "
                "DiffSynth's file"
            )
        self._added.append(path)
        name = path.resolve().name.removesuffix(".safetensors")
        return Control(
            name=name, sha256=self._sha256(path), strength=strength, start=start, end=end
        )

    def net(self, control: Control, transformer: Transformer) -> ControlNet | BlockwiseControlNet:
        """The network, on the transformer's device. RequestError when it is not on this computer,
        CheckpointError when it does not fit."""
        net = self._loaded.pop(control.sha256, None)
        if net is None:
            like = transformer.proj_out.weight
            net, _ = load_controlnet(
                self._find(control), transformer, dtype=like.dtype, device=like.device
            )
        self._loaded[control.sha256] = net
        while len(self._loaded) > KEPT:
            del self._loaded[next(iter(self._loaded))]
        return net

    def _find(self, control: Control) -> Path:
        paths = [*self._added, *self._paths()]
        for path in sorted(paths, key=lambda path: path.stem != control.name):  # likely ones first
            try:
                if self._sha256(path) == control.sha256:
                    return path
            except CheckpointError:
                continue  # gone, or not ours to read
        raise RequestError(
            f"control: {control.name} ({control.sha256[:12]}…) is not on this computer; "
            "name the very same one with --control FOLDER MAP STRENGTH"
        )

    def _paths(self) -> Iterator[Path]:
        for folder in self._folders:
            inside = sorted(folder.iterdir()) if folder.is_dir() else []
            yield from filter(is_controlnet, (folder, *inside))

    def _sha256(self, path: Path) -> str:
        if path not in self._hashes:
            try:
                hashes = {}
                for file in weight_files(path):
                    with file.open("rb") as opened:
                        hashes[file.name] = hashlib.file_digest(opened, "sha256").hexdigest()
            except OSError as error:
                raise CheckpointError(f"{path} cannot be read: {error}") from error
            self._hashes[path] = combined(hashes)
        return self._hashes[path]
