"""Edit: pictures go to the vision-language model with the instruction, and to the VAE, whose tokens
stand beside those of the target in every step."""

from __future__ import annotations

import torch

from model import latents
from model.pipelines.inputs import (
    Inputs,
    Networks,
    Settled,
    check_can_edit,
    grid_of,
    prepare_inputs,
    reference_size,
    seen_by_encoder,
    settle,
)
from model.pipelines.pictures import resize, to_image, to_pixels
from model.requests import Edit, RequestError
from model.vae import Poll, no_poll


def plan(networks: Networks, request: Edit) -> Settled:
    """By default the result has the size that the VAE gives the last picture."""
    check_can_edit(networks)
    limit, last = networks.row.max_references, request.images[-1]
    if len(request.images) > limit:
        raise RequestError(f"images: {len(request.images)} given; this model takes {limit}")
    return settle(networks, request, reference_size(networks, last.width, last.height))


def prepare(networks: Networks, request: Edit, settled: Settled, poll: Poll = no_poll) -> Inputs:
    images = [to_image(picture) for picture in request.images]
    vae = networks.vae
    tokens, grids = [], []
    for image in images:
        sized = resize(image, reference_size(networks, image.width, image.height))
        encoded = vae.encode(to_pixels(sized, vae.post_quant_conv.weight), poll)
        tokens.append(latents.pack(encoded, networks.patch))
        grids.append(grid_of(networks, sized.width, sized.height))
    return prepare_inputs(
        networks,
        request,
        settled,
        poll,
        seen=[seen_by_encoder(networks, image) for image in images],
        references=torch.cat(tokens, dim=1),
        reference_grids=tuple(grids),
    )
