"""Which pipeline runs a request: the one table of tasks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from model.config import Family, Generation
from model.pictures import to_picture
from model.pipelines import (
    edit,
    edit21,
    image_to_image,
    inpaint,
    layered,
    reconstruct,
    text_to_image,
)
from model.pipelines.inputs import Networks, Settled
from model.pipelines.render import render
from model.requests import (
    Caption,
    Decompose,
    Edit,
    ImageToImage,
    Inpaint,
    Outpaint,
    Picture,
    Polish,
    Reconstruct,
    Request,
    RequestError,
    TextToImage,
)
from model.vae import Poll


def as_drawn(_: Request, __: Settled, images: Tensor) -> tuple[Picture, ...]:
    """The pictures [K, C, H, W] in 0…1 as the model drew them."""
    return tuple(to_picture(image) for image in images)


def as_asked(_: Networks, request: Request, __: Poll) -> Request:
    """A request that lacks nothing."""
    return request


@dataclass(frozen=True)
class Pipeline:
    """A task: the values it settles on, its inputs, and the pictures made of what was drawn."""

    plan: Callable[[Networks, Any], Settled]
    prepare: Callable[..., Any]
    finish: Callable[[Any, Settled, Tensor], tuple[Picture, ...]] = as_drawn
    draw: Callable[..., Tensor] = render
    """Of what `prepare` gave, one picture a seed."""
    complete: Callable[[Networks, Any, Poll], Request] = as_asked
    """Before the plan: what the model itself has to say first."""


Pipelines = Mapping[type[Request], Pipeline]
PIPELINES: Mapping[Generation, Pipelines] = {
    Generation.first: {
        TextToImage: Pipeline(text_to_image.plan, text_to_image.prepare),
        ImageToImage: Pipeline(image_to_image.plan, image_to_image.prepare),
        Inpaint: Pipeline(inpaint.plan, inpaint.prepare, inpaint.finish),
        Outpaint: Pipeline(
            inpaint.plan_outpaint, inpaint.prepare_outpaint, inpaint.finish_outpaint
        ),
        Edit: Pipeline(edit.plan, edit.prepare),
        Decompose: Pipeline(layered.plan, layered.prepare, complete=layered.complete),
        Reconstruct: Pipeline(reconstruct.plan, reconstruct.prepare, draw=reconstruct.draw),
    },
    Generation.two_one: {
        TextToImage: Pipeline(text_to_image.plan, text_to_image.prepare),
        Edit: Pipeline(edit.plan, edit21.prepare),
        Reconstruct: Pipeline(reconstruct.plan, reconstruct.prepare, draw=reconstruct.draw),
    },
}


def pipeline_of(request: Request, row: Family) -> Pipeline:
    if not isinstance(request, Reconstruct) and row.has_layers is not isinstance(
        request, Decompose
    ):
        advice = "takes pictures apart and nothing else" if row.has_layers else "cannot do that"
        raise RequestError(f"task: {request.task!r}: this model {advice}; choose another")
    found = PIPELINES[row.generation].get(type(request))
    if found is None:
        raise RequestError(f"task: this model does not know {request.task!r}")
    return found


def tasks_of(row: Family, *, can_see: bool, can_write: bool = False) -> tuple[str, ...]:
    """What a model does; edits need an encoder with an eye, words one with an output layer."""
    words = (Polish.task, *([Caption.task] if can_see else [])) if can_write else ()
    if row.has_layers:
        return (Decompose.task, Reconstruct.task, *words)
    kinds = [cls for cls in PIPELINES[row.generation] if cls is not Decompose]
    pictures = [cls.task for cls in kinds if cls is not Edit or (row.edits and can_see)]
    return (*pictures, *words)
