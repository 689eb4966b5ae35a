"""LoRA files on this computer, found by their hash: a request names no path."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from model.checkpoint.by_content import FilesByContent
from model.checkpoint.lora_files import check_base, check_fit, is_lora, read_lora, summarise
from model.engine.protocol import AdapterDescription, AdapterKind
from model.errors import CheckpointError
from model.lora import Deltas
from model.requests import LoraUse, RequestError


class LoraFolders:
    """The files in the given folders, however deep; those directly among models, as far as they are
    LoRAs; and those added one by one."""

    def __init__(self, folders: Sequence[Path] = (), model_folders: Sequence[Path] = ()) -> None:
        self._folders, self._model_folders = tuple(folders), tuple(model_folders)
        self._files = FilesByContent(self._paths)

    def know(self, path: Path) -> None:
        self._files.know(path)

    def describe(self) -> tuple[AdapterDescription, ...]:
        """What is there, from the headers alone; a LoRA for another base with that reason."""
        return tuple(map(_told, filter(is_lora, self._files.listed())))

    def identify(self, path: Path, network: nn.Module) -> AdapterDescription:
        """The file with its hash. CheckpointError when it does not fit the network."""
        check_fit(path, network)
        return replace(_described(path), sha256=self._files.add(path))

    def schedule(self, uses: Sequence[LoraUse]) -> str:
        """Of the first LoRA at work that was distilled to few steps, or nothing. RequestError when
        one is not on this computer."""
        found = (summarise(self.find(use)).schedule for use in uses if use.weight)
        return next(filter(None, found), "")

    def add(self, path: Path, weight: float = 1.0) -> LoraUse:
        """How a request names this file, which is found from now on. CheckpointError when it is no
        LoRA for Qwen-Image 1.x."""
        check_base(path)
        return LoraUse(name=path.stem, sha256=self._files.add(path), weight=weight)

    def find(self, use: LoraUse) -> Path:
        """RequestError when no file has this content."""
        if path := self._files.find(use.name, use.sha256):
            return path
        places = " or ".join(map(str, self._folders)) or "a LoRA folder"
        raise RequestError(
            f"lora: {use.name} ({use.sha256[:12]}…) is not on this computer; "
            f"put the very same file into {places}, or choose it again (--lora FILE:WEIGHT)"
        )

    def read(
        self, use: LoraUse, network: nn.Module, device: torch.device, dtype: torch.dtype
    ) -> Deltas:
        path = self.find(use)
        deltas, sha256 = read_lora(path, network)
        if sha256 != use.sha256:
            raise CheckpointError(f"{path} was changed while it was in use; try again")
        return {name: delta.to(device, dtype) for name, delta in deltas.items()}

    def _paths(self) -> Iterator[Path]:
        for folder in self._folders:
            yield from sorted(folder.rglob("*.safetensors"))
        for folder in self._model_folders:
            yield from filter(is_lora, sorted(folder.glob("*.safetensors")))


def _told(path: Path) -> AdapterDescription:
    """One that cannot be read is there, with the reason."""
    try:
        return _described(path)
    except CheckpointError as error:
        problem = str(error).removeprefix(f"{path}: ")
        return AdapterDescription(
            kind=AdapterKind.lora, name=path.stem, path=str(path), problem=problem
        )


def _described(path: Path) -> AdapterDescription:
    summary = summarise(path)
    return AdapterDescription(
        kind=AdapterKind.lora,
        name=path.stem,
        path=str(path),
        schedule=summary.schedule,
        problem=summary.problem,
    )
