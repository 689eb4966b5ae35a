"""What can be asked of a model, and what comes back: frozen values, the standard library alone.

The same values are the engine's messages, the payload of a history node and the recipe inside a
picture. They know nothing of torch, of files or of the window.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

RECIPE_VERSION = 1
MAX_SIDE_PX = 8192
MAX_PROMPT_CHARS = 20_000
MAX_SEED = 2**63 - 1
CHANNELS = {"L": 1, "RGB": 3, "RGBA": 4}


class RequestError(ValueError):
    """A request or recipe that no model could run. The text names field, value and range."""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """Pixels by value: 8 bits a channel, straight alpha, rows from the top without padding."""

    width: int
    height: int
    mode: str
    data: bytes = dataclasses.field(repr=False)

    def __post_init__(self) -> None:
        if self.mode not in CHANNELS:
            raise RequestError(f"picture: mode {self.mode!r} is not one of {', '.join(CHANNELS)}")
        for name, side in (("width", self.width), ("height", self.height)):
            _check_range(f"picture {name}", side, 1, 2**16)
        expected = self.width * self.height * CHANNELS[self.mode]
        if len(self.data) != expected:
            raise RequestError(
                f"picture: {self.width}x{self.height} {self.mode} needs {expected} bytes, "
                f"got {len(self.data)}"
            )

    @cached_property
    def sha256(self) -> str:
        """Hash of size, mode and pixels: the name by which recipes and projects know a picture."""
        head = f"{self.width}x{self.height}:{self.mode}:".encode()
        return hashlib.sha256(head + self.data).hexdigest()


@dataclass(frozen=True, kw_only=True)
class ModelIdentity:
    """Which weights: `name` for people, `sha256` for machines, `licence` as an SPDX expression."""

    name: str
    sha256: str
    licence: str


@dataclass(frozen=True, kw_only=True)
class Request:
    """What every task carries. `None` means: the model's own recommendation."""

    task: ClassVar[str]
    picture_fields: ClassVar[tuple[str, ...]] = ()

    prompt: str
    negative: str | None = None
    width: int | None = None
    height: int | None = None
    steps: int | None = None
    guidance: float | None = None
    seed: int = 0
    count: int = 1

    def __post_init__(self) -> None:
        _check_text("prompt", self.prompt)
        _check_text("negative", self.negative)
        if (self.width is None) != (self.height is None):
            raise RequestError("size: give width and height together, or neither")
        for name in ("width", "height"):
            _check_range(name, getattr(self, name), 16, MAX_SIDE_PX, optional=True)
        _check_range("steps", self.steps, 1, 1000, optional=True)
        _check_range("guidance", self.guidance, 1.0, 100.0, kind=float, optional=True)
        _check_range("seed", self.seed, 0, MAX_SEED)
        _check_range("count", self.count, 1, 256)

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """Every picture the request carries, in the order of `picture_fields`."""
        found: list[Picture] = []
        for name in self.picture_fields:
            value = getattr(self, name)
            found.extend(value if isinstance(value, tuple) else (value,))
        return tuple(found)


@dataclass(frozen=True, kw_only=True)
class TextToImage(Request):
    """A new picture from words."""

    task = "text_to_image"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.prompt.strip():
            raise RequestError("prompt: is empty; describe the picture in a few words")


@dataclass(frozen=True, kw_only=True)
class Edit(Request):
    """A picture changed by an instruction. No size: the one the model gives that picture."""

    task = "edit"
    picture_fields = ("images",)

    images: tuple[Picture, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.prompt.strip():
            raise RequestError("prompt: is empty; say what to change")
        if not self.images:
            raise RequestError("images: an edit needs one picture")


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a run gives back. `requests[k]` makes `pictures[k]` again: every value set, count 1."""

    pictures: tuple[Picture, ...]
    requests: tuple[Request, ...]
    model: ModelIdentity
    seconds: float


TASKS: Mapping[str, type[Request]] = {cls.task: cls for cls in (TextToImage, Edit)}


def to_recipe(request: Request, model: ModelIdentity | None = None) -> dict[str, Any]:
    """The request as JSON values. Pictures stand as their hashes, never as paths or pixels.

    >>> to_recipe(TextToImage(prompt="a red poster", seed=3))["task"]
    'text_to_image'
    """
    fields: dict[str, Any] = {}
    for field in dataclasses.fields(request):
        value = getattr(request, field.name)
        if field.name in request.picture_fields:
            value = [p.sha256 for p in value] if isinstance(value, tuple) else value.sha256
        fields[field.name] = value
    recipe: dict[str, Any] = {"version": RECIPE_VERSION, "task": request.task, "request": fields}
    if model is not None:
        recipe["model"] = dataclasses.asdict(model)
    return recipe


def from_recipe(recipe: Any, pictures: Mapping[str, Picture] | None = None) -> Request:
    """The request a recipe describes; `pictures` supplies by hash those that it used.

    Raises RequestError for a newer version, an unknown task or field, a wrong type, or a picture
    that `pictures` lacks.
    """
    cls, fields = _recipe_task(recipe)
    known = {f.name: f for f in dataclasses.fields(cls)}
    unknown = sorted(set(fields) - set(known))
    if unknown:
        raise RequestError(f"recipe: unknown field {', '.join(unknown)} for task {cls.task!r}")
    values = dict(fields)
    for name in cls.picture_fields:
        values[name] = _resolve_pictures(name, values.get(name), pictures or {})
    try:
        return cls(**values)
    except TypeError as error:
        raise RequestError(f"recipe: {error}") from None


def recipe_model(recipe: Any) -> ModelIdentity | None:
    """The model that a recipe names, if it names one."""
    _recipe_task(recipe)
    model = recipe.get("model")
    if model is None:
        return None
    names = [f.name for f in dataclasses.fields(ModelIdentity)]
    if not isinstance(model, dict) or not all(isinstance(model.get(n), str) for n in names):
        raise RequestError("recipe: its model needs name, sha256 and licence as text")
    return ModelIdentity(**{n: model[n] for n in names})


def _recipe_task(recipe: Any) -> tuple[type[Request], dict[str, Any]]:
    if not isinstance(recipe, dict) or not isinstance(recipe.get("request"), dict):
        raise RequestError("recipe: not an Inkstone recipe")
    version = recipe.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise RequestError(f"recipe: version {version!r} is not a number from 1")
    if version > RECIPE_VERSION:
        raise RequestError(
            f"recipe: version {version} was written by a newer Inkstone "
            f"(this one reads up to {RECIPE_VERSION}); update Inkstone to use it"
        )
    cls = TASKS.get(recipe.get("task", ""))
    if cls is None:
        raise RequestError(f"recipe: unknown task {recipe.get('task')!r}")
    return cls, recipe["request"]


def _resolve_pictures(
    name: str, hashes: Any, pictures: Mapping[str, Picture]
) -> Picture | tuple[Picture, ...]:
    wanted = hashes if isinstance(hashes, list) else [hashes]
    if not all(isinstance(item, str) for item in wanted):
        raise RequestError(f"recipe: {name} must name pictures by their SHA-256")
    missing = [item for item in wanted if item not in pictures]
    if missing:
        raise RequestError(
            f"recipe: {name} used {len(missing)} picture(s) that were not given "
            f"(first: {missing[0][:12]}…); give the very same files with --image"
        )
    found = tuple(pictures[item] for item in wanted)
    return found if isinstance(hashes, list) else found[0]


def _check_text(name: str, value: Any) -> None:
    if value is None and name == "negative":
        return
    if not isinstance(value, str):
        raise RequestError(f"{name}: must be text, got {type(value).__name__}")
    if len(value) > MAX_PROMPT_CHARS:
        raise RequestError(f"{name}: {len(value)} characters; at most {MAX_PROMPT_CHARS}")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise RequestError(f"{name}: holds half a character; type it anew")


def _check_range(
    name: str, value: Any, low: float, high: float, *, kind: type = int, optional: bool = False
) -> None:
    if value is None and optional:
        return
    accepted = (int, float) if kind is float else (int,)
    if isinstance(value, bool) or not isinstance(value, accepted):
        raise RequestError(f"{name}: must be a number, got {value!r}")
    if not low <= value <= high:  # also refuses NaN
        raise RequestError(f"{name}: {value} is outside {low}…{high}")
