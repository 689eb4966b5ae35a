"""Inpaint and outpaint: known tokens are put back after every step, and what comes back replaces
nothing outside the mask.

An edit model sees the picture as well, and reads the prompt as an instruction.
"""

from __future__ import annotations

from dataclasses import fields

from PIL import Image
from torch import Tensor

from model.pictures import (
    Box,
    composite,
    mask_box,
    mask_image,
    mask_tokens,
    resize,
    to_image,
    to_picture,
)
from model.pipelines.inputs import (
    Inputs,
    Networks,
    Settled,
    prepare_inputs,
    reference_size,
    seen_by_encoder,
    settle,
    start_from,
    usual_size,
)
from model.requests import Inpaint, Outpaint, Picture, Request
from model.vae import Poll, no_poll


def plan(networks: Networks, request: Inpaint) -> Settled:
    """By default the size is about the model's own area, in the ratio of what it works on."""
    found = mask_box(mask_image(request.mask), request.margin)
    size = reference_size if networks.can_edit else usual_size
    return settle(networks, request, size(networks, *found.size))


def prepare(networks: Networks, request: Inpaint, settled: Settled, poll: Poll = no_poll) -> Inputs:
    size = (settled.width, settled.height)
    mask, box = mask_image(request.mask), _box(request, settled)
    image = to_image(request.image).crop(box)
    scale = networks.vae.config.scale
    cells = (settled.height // scale, settled.width // scale)
    start = start_from(
        networks,
        resize(image, size),
        request.strength,
        poll,
        mask=mask_tokens(resize(mask.crop(box), size), cells, networks.patch, networks.channels),
        is_reference=networks.can_edit,
    )
    seen = [seen_by_encoder(networks, image)] if networks.can_edit else None
    return prepare_inputs(networks, request, settled, poll, seen=seen, start=start)


def finish(request: Inpaint, settled: Settled, images: Tensor) -> tuple[Picture, ...]:
    """The source with what was drawn in its masked part: of the source's size."""
    box, feather = _box(request, settled), request.feather
    return tuple(
        composite(request.image, to_picture(image), request.mask, box, feather) for image in images
    )


def plan_outpaint(networks: Networks, request: Outpaint) -> Settled:
    return plan(networks, as_inpaint(request))


def prepare_outpaint(
    networks: Networks, request: Outpaint, settled: Settled, poll: Poll = no_poll
) -> Inputs:
    return prepare(networks, as_inpaint(request), settled, poll)


def finish_outpaint(request: Outpaint, settled: Settled, images: Tensor) -> tuple[Picture, ...]:
    return finish(as_inpaint(request), settled, images)


def as_inpaint(request: Outpaint) -> Inpaint:
    """The same wish as a masked picture: its edges drawn out over the new part, which is white.

    `feather` px of the picture's own edge are masked too, and are what the mask fades over.
    """
    width, height = request.full_size
    source = request.image
    image = Image.frombytes(source.mode, (source.width, source.height), source.data)
    box = Box(request.left, request.top, request.left + source.width, request.top + source.height)
    mask = Image.new("L", (width, height), 255)
    f = request.feather
    kept = Box(
        box.left + (f if request.left else 0),
        box.top + (f if request.top else 0),
        box.right - (f if request.right else 0),
        box.bottom - (f if request.bottom else 0),
    )
    if kept.left < kept.right and kept.top < kept.bottom:
        mask.paste(0, kept)
    values = {field.name: getattr(request, field.name) for field in fields(Request)}
    return Inpaint(
        image=_as_picture(_drawn_out(image, box, (width, height))),
        mask=_as_picture(mask),
        feather=request.feather,
        **values,
    )


def _box(request: Inpaint, settled: Settled) -> Box:
    ratio = (settled.width, settled.height)
    return mask_box(mask_image(request.mask), request.margin, ratio)


def _drawn_out(image: Image.Image, box: Box, size: tuple[int, int]) -> Image.Image:
    """The image on a larger page, its outermost pixels repeated to the edges of it."""
    page = Image.new(image.mode, size)
    (w, h), (width, height) = image.size, size
    columns = ((0, 1, 0, box.left), (0, w, box.left, box.right), (w - 1, w, box.right, width))
    rows = ((0, 1, 0, box.top), (0, h, box.top, box.bottom), (h - 1, h, box.bottom, height))
    for top, bottom, y, y_end in rows:
        for left, right, x, x_end in columns:
            if x < x_end and y < y_end:
                part = image.crop((left, top, right, bottom))
                page.paste(part.resize((x_end - x, y_end - y), Image.Resampling.NEAREST), (x, y))
    return page


def _as_picture(image: Image.Image) -> Picture:
    return Picture(width=image.width, height=image.height, mode=image.mode, data=image.tobytes())
