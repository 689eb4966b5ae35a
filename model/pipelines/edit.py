"""Edit: pictures go to the vision-language model with the instruction, and to the VAE, whose tokens
stand beside those of the target in every step."""

from __future__ import annotations

from model.pictures import resize, to_image
from model.pipelines.inputs import (
    Inputs,
    Networks,
    Settled,
    encode_references,
    prepare_inputs,
    reference_size,
    seen_by_encoder,
    settle,
)
from model.requests import Edit, RequestError
from model.vae import Poll, no_poll


def plan(networks: Networks, request: Edit) -> Settled:
    """By default the result has the size that the VAE gives the last picture."""
    if not networks.can_edit:
        raise RequestError("task: this model makes pictures but cannot edit them; choose another")
    limit, last = networks.row.max_references, request.images[-1]
    if len(request.images) > limit:
        raise RequestError(f"images: {len(request.images)} given; this model takes {limit}")
    return settle(networks, request, reference_size(networks, last.width, last.height))


def prepare(networks: Networks, request: Edit, settled: Settled, poll: Poll = no_poll) -> Inputs:
    images = [to_image(picture) for picture in request.images]
    sized = [resize(i, reference_size(networks, i.width, i.height)) for i in images]
    references, grids = encode_references(networks, sized, poll)
    return prepare_inputs(
        networks,
        request,
        settled,
        poll,
        seen=[seen_by_encoder(networks, image) for image in images],
        references=references,
        reference_grids=grids,
    )
