"""Text to image: noise of the wanted size, the prompt's states, and the maps of ControlNets."""

from __future__ import annotations

from model.pipelines.control import control_map, control_net
from model.pipelines.inputs import Inputs, Networks, Settled, prepare_inputs, settle
from model.requests import TextToImage
from model.vae import Poll, no_poll


def plan(networks: Networks, request: TextToImage) -> Settled:
    return settle(networks, request, networks.row.sizes[0])


def prepare(
    networks: Networks, request: TextToImage, settled: Settled, poll: Poll = no_poll
) -> Inputs:
    size = (settled.width, settled.height)
    controls = tuple(
        control_map(networks, control_net(networks, control), control, m, size, poll)
        for control, m in zip(request.controls, request.maps, strict=True)
    )
    return prepare_inputs(networks, request, settled, poll, controls=controls)
