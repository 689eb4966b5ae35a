"""Image to image: the prompt's states, and noise mixed with a picture instead of noise alone."""

from __future__ import annotations

from model.pictures import resize, to_image
from model.pipelines.inputs import (
    Inputs,
    Networks,
    Settled,
    prepare_inputs,
    settle,
    start_from,
    usual_size,
)
from model.requests import ImageToImage
from model.vae import Poll, no_poll


def plan(networks: Networks, request: ImageToImage) -> Settled:
    image = request.image
    return settle(networks, request, usual_size(networks, image.width, image.height))


def prepare(
    networks: Networks, request: ImageToImage, settled: Settled, poll: Poll = no_poll
) -> Inputs:
    image = resize(to_image(request.image), (settled.width, settled.height))
    start = start_from(networks, image, request.strength, poll)
    return prepare_inputs(networks, request, settled, poll, start=start)
