"""ControlNets on this computer, found by their hash: a request names no path."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from model.checkpoint.by_content import FilesByContent
from model.checkpoint.controlnets import check_fit, is_controlnet, load_controlnet, weight_files
from model.controlnet import BlockwiseControlNet, ControlNet
from model.engine.protocol import AdapterDescription, AdapterKind
from model.errors import CheckpointError
from model.requests import Control, RequestError
from model.transformer import Transformer

KEPT = 2
"""Loaded ControlNets that stay in memory, the last used ones."""


class ControlFolders:
    """What lies directly in the given folders, and what was added one by one."""

    def __init__(self, folders: Sequence[Path] = ()) -> None:
        self._folders = tuple(folders)
        self._files = FilesByContent(self._paths, weight_files)
        self._loaded: dict[str, ControlNet | BlockwiseControlNet] = {}

    def know(self, path: Path) -> None:
        self._files.know(path)

    def describe(self) -> tuple[AdapterDescription, ...]:
        return tuple(map(_described, filter(is_controlnet, self._files.listed())))

    def identify(self, path: Path, transformer: Transformer) -> AdapterDescription:
        """The ControlNet with its hash. CheckpointError when it does not fit the transformer."""
        net = check_fit(path, transformer)
        found = _described(path)
        return replace(found, sha256=self._files.add(path), fills_holes=net.reads_mask)

    def add(self, path: Path, strength: float, start: float, end: float) -> Control:
        """How a request names this one, which is found from now on."""
        if not is_controlnet(path):
            raise CheckpointError(
                f"{path}: is no ControlNet: neither InstantX's folder with config.json nor "
                "DiffSynth's file"
            )
        name, sha256 = _name(path), self._files.add(path)
        return Control(name=name, sha256=sha256, strength=strength, start=start, end=end)

    def net(self, control: Control, transformer: Transformer) -> ControlNet | BlockwiseControlNet:
        """The network, on the transformer's device. RequestError when it is not on this computer,
        CheckpointError when it does not fit."""
        net = self._loaded.pop(control.sha256, None)
        if net is None:
            like = transformer.proj_out.weight
            net, _ = load_controlnet(
                self.find(control), transformer, dtype=like.dtype, device=like.device
            )
        self._loaded[control.sha256] = net
        while len(self._loaded) > KEPT:
            del self._loaded[next(iter(self._loaded))]
        return net

    def find(self, control: Control) -> Path:
        """RequestError when none has this content."""
        if path := self._files.find(control.name, control.sha256):
            return path
        raise RequestError(
            f"control: {control.name} ({control.sha256[:12]}…) is not on this computer; "
            "choose the very same one again (--control FOLDER MAP STRENGTH)"
        )

    def _paths(self) -> Iterator[Path]:
        for folder in self._folders:
            inside = sorted(folder.iterdir()) if folder.is_dir() else []
            itself = [folder] if (folder / "config.json").is_file() else []
            yield from filter(is_controlnet, (*itself, *inside))


def _name(path: Path) -> str:
    return path.resolve().name.removesuffix(".safetensors")


def _described(path: Path) -> AdapterDescription:
    return AdapterDescription(kind=AdapterKind.controlnet, name=_name(path), path=str(path))
