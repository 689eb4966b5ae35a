"""Text to image: noise of the wanted size, and the prompt's states."""

from __future__ import annotations

from model.pipelines.inputs import Inputs, Networks, Settled, prepare_inputs, settle
from model.requests import TextToImage
from model.vae import Poll, no_poll


def plan(networks: Networks, request: TextToImage) -> Settled:
    return settle(networks, request, networks.row.sizes[0])


def prepare(
    networks: Networks, request: TextToImage, settled: Settled, poll: Poll = no_poll
) -> Inputs:
    return prepare_inputs(networks, request, settled, poll)
