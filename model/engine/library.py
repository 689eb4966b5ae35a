"""The models on this computer: which there are, which one a name means, and loading one.

The engine and the command line see models through this alone. Knows nothing of messages.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from model.checkpoint.layout import name_of
from model.engine.protocol import (
    AdapterDescription,
    AdapterKind,
    Identify,
    ModelDescription,
    Outlook,
)
from model.errors import CheckpointError, ModelError
from model.requests import (
    EXACT,
    Control,
    LoraUse,
    ModelIdentity,
    Picture,
    Request,
    RequestError,
    Result,
    Text,
    Writing,
)

if TYPE_CHECKING:
    from model.checkpoint.control_folders import ControlFolders
    from model.checkpoint.folder import ModelFolder
    from model.checkpoint.lora_folders import LoraFolders
    from model.memory.prompts import PromptCache
    from model.transformer import Transformer

STARTER = "starter"

OnStep = Callable[[int, int, Picture | None], None]
OnText = Callable[[str], None]
ShouldStop = Callable[[], bool]


class RunnableModel(Protocol):
    """What is asked of a loaded model."""

    @property
    def identity(self) -> ModelIdentity: ...

    def describe(self) -> ModelDescription: ...

    def outlook(self, request: Request) -> Outlook: ...

    def run(
        self, request: Request, on_step: OnStep = ..., should_stop: ShouldStop = ...
    ) -> Result: ...

    def run_together(
        self, requests: Sequence[Request], on_step: OnStep = ..., should_stop: ShouldStop = ...
    ) -> Result: ...

    def write(
        self, request: Writing, on_text: OnText = ..., should_stop: ShouldStop = ...
    ) -> Text: ...


class ModelLibrary(Protocol):
    """Where models come from; tests put their own here."""

    def describe(self) -> tuple[ModelDescription, ...]: ...

    def devices(self) -> tuple[str, ...]: ...

    def find(self, name: str) -> Path: ...

    def room(self) -> int: ...

    def load(
        self, path: Path, accepted: Collection[str] = (), quantization: str | None = None
    ) -> RunnableModel: ...

    def adapters(self) -> tuple[AdapterDescription, ...]: ...

    def attentions(self) -> tuple[str, ...]: ...

    def identify(self, question: Identify) -> AdapterDescription: ...

    def know(self, files: Iterable[str]) -> None: ...

    def trace(self, picture: Picture) -> Picture: ...


class Library:
    """The starter, and the models in the given folders. Torch is imported when it is needed."""

    def __init__(
        self,
        folders: Sequence[Path] = (),
        *,
        device: str | None = None,
        dtype: str | None = None,
        variant: str | None = None,
        variants: Mapping[str, str] | None = None,
        lora_folders: Sequence[Path] = (),
        parts: Sequence[Path] = (),
        quantization: str | None = None,
        budget_bytes: int | None = None,
        speeds: Path | None = None,
        compiled: Path | None = None,
    ) -> None:
        """`parts` are files and folders with what a transformer's file lacks; the models' folders
        are looked through after them. `variant` says what the models are whose files do not tell;
        `variants` say it by the fingerprint of their weights. `quantization` is the scheme by which
        models are packed that are loaded; in a folder `compiled` their compiled blocks are kept."""
        self._folders = tuple(folders)
        self._lora_places = tuple(lora_folders)
        self._parts = tuple(parts)
        self._quantization = quantization
        self._budget_bytes, self._speeds, self._compiled = budget_bytes, speeds, compiled
        self._device = device
        self._dtype = dtype
        self._variant = variant
        self._variants = dict(variants or {})
        self._built: tuple[Path, Transformer] | None = None

    def describe(self) -> tuple[ModelDescription, ...]:
        """The starter first. A model that cannot be used is listed with the reason."""
        return tuple(map(self.description, self._paths()))

    def description(self, path: Path) -> ModelDescription:
        """Of one folder or file."""
        from model import loader

        device = self._device or self.devices()[0]
        return loader.describe(path, self._variants, self._places, device)

    def adapters(self) -> tuple[AdapterDescription, ...]:
        """LoRAs and ControlNets, not hashed yet."""
        return (*self._lora_folders.describe(), *self._control_folders.describe())

    def devices(self) -> tuple[str, ...]:
        """The best one first."""
        import torch

        found = ["cpu"]
        if torch.backends.mps.is_available():
            found.insert(0, "mps")
        if torch.cuda.is_available():
            found.insert(0, "cuda")
        return tuple(found)

    def room(self) -> int:
        """How much memory models may take in bytes where no budget says it; 0: not known."""
        from model.hub.machine import look

        return look(Path.home()).room(self._device or self.devices()[0])

    def find(self, name: str) -> Path:
        """A folder, a transformer's file, the name of one among the models, or nothing for the
        starter."""
        from model import loader
        from model.checkpoint.sources import SUFFIXES

        if name in ("", STARTER):
            return loader.starter_path()
        path = Path(name).expanduser()
        if path.is_dir() or (path.is_file() and path.suffix.lower() in SUFFIXES):
            return path.resolve()
        paths = self._paths()
        for candidate in paths:
            if name_of(candidate) == name:
                return candidate
        known = ", ".join(map(name_of, paths))
        raise CheckpointError(
            f"model {name!r}: neither a folder, a file of weights nor a known model ({known})"
        )

    def load(
        self, path: Path, accepted: Collection[str] = (), quantization: str | None = None
    ) -> RunnableModel:
        """`accepted` names licences that the user has accepted; `quantization` counts where the
        library has none of its own. Raises as `loader.load` does."""
        from model import loader

        return loader.load(
            path,
            device=self._device or self.devices()[0],
            dtype=self._dtype,
            quantization=self._quantization or quantization,
            budget_bytes=self._budget_bytes,
            speeds=self._speeds,
            compiled=self._compiled,
            variant=self._variant,
            variants=self._variants,
            lora_folders=self._lora_folders,
            control_folders=self._control_folders,
            accepted=accepted,
            places=self._places,
            prompts=self._prompts,
        )

    def check_attention(self, kind: str) -> None:
        """RequestError, which says what to do, where this computer has no such attention. Said
        before a model is loaded for it."""
        if kind == EXACT:
            return
        import torch

        from model.lossy.choice import check

        check(kind, torch.device(self._device or self.devices()[0]))

    def attentions(self) -> tuple[str, ...]:
        """Kinds that are quicker here than the exact one, as far as is known before one is
        tried."""
        import torch

        from model.lossy.choice import faster_kinds

        return faster_kinds(torch.device(self._device or self.devices()[0]))

    def read(self, path: Path) -> ModelFolder:
        """What a folder or file says of its model, and where its parts lie. CheckpointError where
        it cannot be used."""
        from model.checkpoint.assembly import read_model

        return read_model(path, self._variant, self._variants, self._places)

    @property
    def _places(self) -> tuple[Path, ...]:
        from model import loader

        return (*self._parts, *self._folders, loader.starter_path())

    def identify(self, question: Identify) -> AdapterDescription:
        """What is asked about, hashed; or with the reason why the model cannot use it."""
        is_lora = question.kind is AdapterKind.lora
        try:
            network = self._network(self.find(question.model))
            path = self._place(question)
            if is_lora:
                return self._lora_folders.identify(path, network)
            return self._control_folders.identify(path, network)
        except (ModelError, RequestError) as error:
            return AdapterDescription(
                kind=question.kind,
                name=question.name or Path(question.path).stem,
                path=question.path,
                sha256=question.sha256,
                problem=str(error).removeprefix(f"{question.path}: "),
            )

    def _place(self, question: Identify) -> Path:
        self.know([question.path] if question.path else [])
        if not question.sha256:
            return Path(question.path)
        if question.kind is AdapterKind.lora:
            return self._lora_folders.find(LoraUse(name=question.name, sha256=question.sha256))
        return self._control_folders.find(Control(name=question.name, sha256=question.sha256))

    def _network(self, path: Path) -> Transformer:
        """A model's transformer without its weights."""
        from model.checkpoint.build import build
        from model.transformer import Transformer

        if self._built is not None and self._built[0] == path:
            return self._built[1]
        network = build(self.read(path)).transformer
        if not isinstance(network, Transformer):
            raise ModelError(f"{name_of(path)} takes neither LoRAs nor ControlNets")
        self._built = (path, network)
        return network

    def know(self, files: Iterable[str]) -> None:
        """Places where LoRAs and ControlNets may lie that requests name."""
        for name in files:
            self._lora_folders.know(Path(name))
            self._control_folders.know(Path(name))

    def trace(self, picture: Picture) -> Picture:
        """Its edges, as a map for a ControlNet."""
        from model.canny import canny

        return canny(picture)

    def lora(self, path: Path, weight: float) -> LoraUse:
        """How a request names this file; models loaded before or after find it by that name."""
        return self._lora_folders.add(path, weight)

    @cached_property
    def _prompts(self) -> PromptCache:
        """Models that share a text encoder share what it said."""
        from model.memory.prompts import PromptCache

        return PromptCache()

    @cached_property
    def _lora_folders(self) -> LoraFolders:
        from model.checkpoint.lora_folders import LoraFolders

        return LoraFolders(self._lora_places, self._folders)

    def control(self, path: Path, strength: float, start: float, end: float) -> Control:
        """How a request names this ControlNet, as `lora` does."""
        return self._control_folders.add(path, strength, start, end)

    @cached_property
    def _control_folders(self) -> ControlFolders:
        from model.checkpoint.control_folders import ControlFolders

        return ControlFolders(self._folders)

    def _paths(self) -> list[Path]:
        from model import loader

        starter = loader.starter_path()
        found = [path.resolve() for path in loader.available(self._folders)]
        starters = [starter] if starter.is_dir() else []
        return starters + [path for path in found if path != starter]
