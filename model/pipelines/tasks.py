"""Which pipeline runs a request: the one table of tasks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from model.pipelines import edit, image_to_image, inpaint, text_to_image
from model.pipelines.inputs import Inputs, Networks, Settled
from model.pipelines.pictures import to_picture
from model.requests import (
    Edit,
    ImageToImage,
    Inpaint,
    Outpaint,
    Picture,
    Request,
    RequestError,
    TextToImage,
)


def as_drawn(_: Request, __: Settled, image: Tensor) -> Picture:
    """The picture [3, H, W] in 0…1 as the model drew it."""
    return to_picture(image)


@dataclass(frozen=True)
class Pipeline:
    """A task: the values it settles on, its inputs, and the picture made of what was drawn."""

    plan: Callable[[Networks, Any], Settled]
    prepare: Callable[..., Inputs]
    finish: Callable[[Any, Settled, Tensor], Picture] = as_drawn


PIPELINES: Mapping[type[Request], Pipeline] = {
    TextToImage: Pipeline(text_to_image.plan, text_to_image.prepare),
    ImageToImage: Pipeline(image_to_image.plan, image_to_image.prepare),
    Inpaint: Pipeline(inpaint.plan, inpaint.prepare, inpaint.finish),
    Outpaint: Pipeline(inpaint.plan_outpaint, inpaint.prepare_outpaint, inpaint.finish_outpaint),
    Edit: Pipeline(edit.plan, edit.prepare),
}


def pipeline_of(request: Request) -> Pipeline:
    found = PIPELINES.get(type(request))
    if found is None:
        raise RequestError(f"task: this model does not know {request.task!r}")
    return found


def tasks_of(can_edit: bool) -> tuple[str, ...]:
    """What a 1.x model does: everything but edits needs no eye."""
    return tuple(cls.task for cls in PIPELINES if can_edit or cls is not Edit)
