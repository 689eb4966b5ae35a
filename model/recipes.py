"""Requests as JSON values: the recipe inside a picture, of a history node and of a job.

Pictures stand in it as hashes; whoever reads it supplies them. The standard library alone.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from model.requests import (
    TASKS,
    Control,
    LoraUse,
    ModelIdentity,
    Picture,
    Request,
    RequestError,
)

RECIPE_VERSION = 2

NAMED_FILES: Mapping[str, type[Any]] = {"controls": Control, "loras": LoraUse}
"""Fields that name files beside the model's, each several times."""
LOSSY = ("step_cache", "attention")
"""Fields that only a recipe holds whose run was not exact."""


def to_recipe(request: Request, model: ModelIdentity | None = None) -> dict[str, Any]:
    """The request as JSON values. Pictures stand as their hashes, never as paths or pixels.

    >>> from model.requests import TextToImage
    >>> to_recipe(TextToImage(prompt="a red poster", seed=3))["task"]
    'text_to_image'
    """
    fields: dict[str, Any] = {}
    for field in dataclasses.fields(request):
        value = getattr(request, field.name)
        if field.name in request.picture_fields:
            value = [p.sha256 for p in value] if isinstance(value, tuple) else value.sha256
        elif field.name in NAMED_FILES:
            value = [dataclasses.asdict(named) for named in value]
        fields[field.name] = value
    if request.is_exact:
        for name in LOSSY:
            del fields[name]
    recipe: dict[str, Any] = {"version": RECIPE_VERSION, "task": request.task, "request": fields}
    if model is not None:
        recipe["model"] = dataclasses.asdict(model)
        if not model.quantization:
            del recipe["model"]["quantization"]
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
        if name in values or known[name].default is dataclasses.MISSING:
            values[name] = _resolve_pictures(name, values.get(name), pictures or {})
    try:
        for name, kind in NAMED_FILES.items():
            if name in values:
                values[name] = tuple(kind(**named) for named in values[name])
        return cls(**values)
    except TypeError as error:
        raise RequestError(f"recipe: {error}") from None


def recipe_model(recipe: Any) -> ModelIdentity | None:
    """The model that a recipe names, if it names one."""
    _recipe_task(recipe)
    model = recipe.get("model")
    if model is None:
        return None
    if not isinstance(model, dict):
        raise RequestError("recipe: its model is no table")
    names = [f.name for f in dataclasses.fields(ModelIdentity)]
    values: dict[str, Any] = {"quantization": "", **model}  # older recipes know none
    if not all(isinstance(values.get(name), str) for name in names):
        raise RequestError("recipe: its model needs name, sha256 and licence as text")
    return ModelIdentity(**{name: values[name] for name in names})


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
