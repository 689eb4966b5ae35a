"""Text to image: noise of the wanted size, and the prompt's states."""

from __future__ import annotations

from model.pipelines.inputs import (
    Inputs,
    Networks,
    Settled,
    check_positions,
    encode_texts,
    grid_of,
    settle,
)
from model.requests import TextToImage
from model.vae import Poll, no_poll


def plan(networks: Networks, request: TextToImage) -> Settled:
    return settle(networks, request, networks.row.sizes[0])


def prepare(
    networks: Networks, request: TextToImage, settled: Settled, poll: Poll = no_poll
) -> Inputs:
    text, negative = encode_texts(networks, request.prompt, settled, None, poll)
    grids = (grid_of(networks, settled.width, settled.height),)
    for states in (text, negative):
        if states is not None:
            check_positions(states, grids)
    return Inputs(width=settled.width, height=settled.height, text=text, negative=negative)
