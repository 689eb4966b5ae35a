"""Layered: a picture taken apart. The target is one frame that shows everything and one a layer;
the picture itself stands beside them in every step."""

from __future__ import annotations

from dataclasses import replace

from model.pictures import resize, to_rgba
from model.pipelines.inputs import (
    Inputs,
    Networks,
    Settled,
    encode_references,
    prepare_inputs,
    reference_size,
    settle,
)
from model.requests import Decompose
from model.sampling.schedule import layered_sigmas
from model.vae import Poll, no_poll
from model.words import describe


def complete(networks: Networks, request: Decompose, poll: Poll = no_poll) -> Decompose:
    """With the model's own description where the request has none."""
    if request.prompt.strip():
        return request
    return replace(request, prompt=describe(networks, request.image, poll))


def plan(networks: Networks, request: Decompose) -> Settled:
    """The layers have the size that the VAE gives the picture at the resolution asked for."""
    image = request.image
    size = reference_size(networks, image.width, image.height, _area(request))
    return settle(networks, request, size)


def prepare(
    networks: Networks, request: Decompose, settled: Settled, poll: Poll = no_poll
) -> Inputs:
    image = to_rgba(request.image)
    sized = resize(image, reference_size(networks, image.width, image.height, _area(request)))
    references, grids = encode_references(networks, [sized], poll)
    return prepare_inputs(
        networks,
        request,
        settled,
        poll,
        references=references,
        reference_grids=grids,
        layers=request.layers,
        levels=layered_sigmas(settled.scheduler, settled.steps, references.shape[1]),
    )


def _area(request: Decompose) -> int | None:
    return None if request.resolution is None else request.resolution**2
