"""Maps of ControlNets as tensors: a drawing to follow, or a picture whose holes are filled."""

from __future__ import annotations

import torch
from PIL import Image, ImageOps

from model.controlnet import BlockwiseControlNet, ControlNet
from model.pictures import mask_tokens, resize, thresholded, to_image, to_rgba
from model.pipelines.inputs import ControlMap, Networks
from model.requests import Control, Picture, RequestError
from model.transformer import Transformer
from model.vae import Poll, no_poll


def control_net(networks: Networks, control: Control) -> ControlNet | BlockwiseControlNet:
    """RequestError for a model of 2.1, for which there is none."""
    if not isinstance(networks.transformer, Transformer):
        raise RequestError("control: there is no ControlNet for this model; choose one of 1.x")
    return networks.controls.net(control, networks.transformer)


def control_map(
    networks: Networks,
    net: ControlNet | BlockwiseControlNet,
    control: Control,
    picture: Picture,
    size: tuple[int, int],
    poll: Poll = no_poll,
) -> ControlMap:
    """The map at the target's size (width, height). An inpainting ControlNet fills what is
    transparent; RequestError for a map of the other kind."""
    holes = _holes(picture)
    if net.reads_mask and holes is None:
        raise RequestError(
            f"control: {control.name} fills holes, and the map has none; give a picture that is "
            "transparent where it shall be filled"
        )
    if holes is not None and not net.reads_mask:
        raise RequestError(
            f"control: {control.name} follows a drawing, and the map has holes; give an opaque one"
        )
    vae = networks.vae
    mask = None
    if holes is None:
        pixels = networks.pixels(resize(to_image(picture), size))
    else:
        holes = resize(holes, size)
        pixels = networks.pixels(resize(to_rgba(picture).convert("RGB"), size))
        is_hole = mask_tokens(holes, (size[1], size[0]), 1, 1).view(1, 1, size[1], size[0])
        pixels = torch.where(is_hole.to(pixels) > 0, -1.0, pixels)
        cells = (size[1] // vae.config.scale, size[0] // vae.config.scale)
        mask = 1 - mask_tokens(holes, cells, networks.patch, networks.patch**2)
    mean, deviation = vae.posterior(pixels, poll)
    return ControlMap(
        net=net,
        mean=mean,
        deviation=deviation,
        mask=mask,
        strength=control.strength,
        start=control.start,
        end=control.end,
    )


def _holes(picture: Picture) -> Image.Image | None:
    """White where the picture is transparent; None where it is opaque all over."""
    if picture.mode != "RGBA":
        return None
    alpha = to_rgba(picture).getchannel("A")
    holes = ImageOps.invert(thresholded(alpha))
    return holes if holes.getbbox() else None
