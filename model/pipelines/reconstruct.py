"""Reconstruction: a picture through the VAE and back. No noise, no words."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from model.pictures import resize, to_image, to_rgba
from model.pipelines.inputs import Networks, Settled, settle
from model.pipelines.render import OnLatents
from model.requests import Reconstruct
from model.vae import Poll, no_poll


def plan(networks: Networks, request: Reconstruct) -> Settled:
    return settle(networks, request, (request.image.width, request.image.height))


def prepare(
    networks: Networks, request: Reconstruct, settled: Settled, poll: Poll = no_poll
) -> Tensor:
    """Latents [1, z, h, w]: the posterior's mode."""
    read = to_rgba if networks.picture_channels == 4 else to_image
    image = resize(read(request.image), (settled.width, settled.height))
    return networks.vae.encode(networks.pixels(image), poll)


def draw(
    networks: Networks,
    latents: Tensor,
    _settled: Settled,
    seeds: Sequence[int],
    on_latents: OnLatents,
    poll: Poll = no_poll,
    *_: object,
) -> Tensor:
    """The picture [B, 1, C, H, W] in 0…1, the same for every seed."""
    on_latents(1, 1, latents)
    image = networks.vae.decode(latents, poll)
    return (image * 0.5 + 0.5).clamp(0, 1)[None].expand(len(seeds), -1, -1, -1, -1)
