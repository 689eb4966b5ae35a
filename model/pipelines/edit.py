"""Edit: the picture goes to the vision-language model with the instruction, and to the VAE, whose
tokens stand beside those of the target in every step."""

from __future__ import annotations

import math

import torch

from model import latents
from model.pipelines.inputs import (
    FIT_MULTIPLE,
    Inputs,
    Networks,
    Settled,
    check_positions,
    encode_texts,
    fit_area,
    grid_of,
    resize,
    settle,
    to_image,
    to_pixels,
)
from model.requests import Edit, Picture, RequestError
from model.vae import Poll, no_poll


def plan(networks: Networks, request: Edit) -> Settled:
    """By default the result has the size that the VAE gives the last picture."""
    _check(networks, request)
    return settle(networks, request, reference_size(networks, request.images[-1]))


def prepare(networks: Networks, request: Edit, settled: Settled, poll: Poll = no_poll) -> Inputs:
    row = networks.row
    images = [to_image(picture) for picture in request.images]
    seen = [resize(i, fit_area(row.condition_area, i.width, i.height)) for i in images]
    text, negative = encode_texts(networks, request.prompt, settled, seen, poll)
    tokens, grids = [], []
    for image, picture in zip(images, request.images, strict=True):
        sized = resize(image, reference_size(networks, picture))
        encoded = networks.vae.encode(to_pixels(sized, networks), poll)
        tokens.append(latents.pack(encoded, networks.transformer.config.patch_size))
        grids.append(grid_of(networks, sized.width, sized.height))
    target = grid_of(networks, settled.width, settled.height)
    for states in (text, negative):
        if states is not None:
            check_positions(states, (target, *grids))
    return Inputs(
        width=settled.width,
        height=settled.height,
        text=text,
        negative=negative,
        references=torch.cat(tokens, dim=1),
        reference_grids=tuple(grids),
    )


def reference_size(networks: Networks, picture: Picture) -> tuple[int, int]:
    multiple = math.lcm(FIT_MULTIPLE, networks.size_multiple)
    return fit_area(networks.row.reference_area, picture.width, picture.height, multiple)


def _check(networks: Networks, request: Edit) -> None:
    limit = networks.row.max_references
    if not (networks.row.edits and networks.text_encoder.can_see):
        raise RequestError("task: this model makes pictures but cannot edit them; choose another")
    if len(request.images) > limit:
        raise RequestError(f"images: {len(request.images)} given; this model takes {limit}")
