"""Edit with Qwen-Image-2.1: each picture is resized once, for the eye and for the VAE, which keeps
its alpha; its tokens stand in the prompt, where the text encoder has a place for it."""

from __future__ import annotations

import torch
from PIL import Image

from model import latents
from model.pipelines.inputs import (
    Inputs,
    Networks,
    Settled,
    grid_of,
    prepare_inputs,
    reference_size,
)
from model.pipelines.pictures import resize, to_pixels, to_rgba
from model.requests import Edit, Picture
from model.vae import Poll, no_poll


def prepare(networks: Networks, request: Edit, settled: Settled, poll: Poll = no_poll) -> Inputs:
    vae = networks.vae
    images = [_sized(networks, picture) for picture in request.images]
    encoded = [vae.encode(to_pixels(i, vae.post_quant_conv.weight), poll) for i in images]
    return prepare_inputs(
        networks,
        request,
        settled,
        poll,
        seen=[_on_white(image) for image in images],
        references=torch.cat([latents.pack(e, networks.patch) for e in encoded], dim=1),
        reference_grids=tuple(grid_of(networks, image.width, image.height) for image in images),
    )


def _sized(networks: Networks, picture: Picture) -> Image.Image:
    """RGBA: Pillow resizes it with its colours weighed by alpha, as in training."""
    return resize(to_rgba(picture), reference_size(networks, picture.width, picture.height))


def _on_white(image: Image.Image) -> Image.Image:
    paper = Image.new("RGB", image.size, "white")
    paper.paste(image, mask=image.getchannel("A"))
    return paper
