"""Edit with Qwen-Image-2.1: each picture is resized once, for the eye and for the VAE, which keeps
its alpha; its tokens stand in the prompt, where the text encoder has a place for it."""

from __future__ import annotations

from PIL import Image

from model.pictures import resize, to_rgba
from model.pipelines.inputs import (
    Inputs,
    Networks,
    Settled,
    encode_references,
    prepare_inputs,
    reference_size,
)
from model.requests import Edit, Picture
from model.vae import Poll, no_poll


def prepare(networks: Networks, request: Edit, settled: Settled, poll: Poll = no_poll) -> Inputs:
    images = [_sized(networks, picture) for picture in request.images]
    references, grids = encode_references(networks, images, poll)
    return prepare_inputs(
        networks,
        request,
        settled,
        poll,
        seen=[_on_white(image) for image in images],
        references=references,
        reference_grids=grids,
    )


def _sized(networks: Networks, picture: Picture) -> Image.Image:
    """RGBA: Pillow resizes it with its colours weighed by alpha, as in training."""
    return resize(to_rgba(picture), reference_size(networks, picture.width, picture.height))


def _on_white(image: Image.Image) -> Image.Image:
    paper = Image.new("RGB", image.size, "white")
    paper.paste(image, mask=image.getchannel("A"))
    return paper
