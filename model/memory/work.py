"""What a request asks of a model's networks, in numbers: sizes, tokens, steps."""

from __future__ import annotations

from dataclasses import replace

from model.checkpoint.folder import ModelFolder
from model.config21 import Transformer21Config
from model.memory.costs import Work
from model.pictures import fit_area, floor_to
from model.requests import Decompose, Edit, Outpaint, Request, TextToImage

TEXT_TOKENS = 128
"""Of a usual prompt; a longer one adds little."""
MERGED = 4
"""Patches that the text encoder joins to one token."""


def work_of(folder: ModelFolder, request: Request | None) -> Work:
    """A request in numbers, with the model's own for what it leaves open."""
    row, patch = folder.row, folder.transformer.patch_size
    width, height = size_of(folder, request)
    token_px = folder.vae.scale * patch
    pictures = [] if request is None else request.pictures
    seen = len(request.images) if isinstance(request, Edit) else 0
    areas = [fit_area(row.reference_area, p.width, p.height) for p in pictures[:seen]]
    grid = (height // token_px, width // token_px)
    references = tuple((1, h // token_px, w // token_px) for w, h in areas)
    frames = 1
    if row.has_layers:  # with the picture itself beside them
        layers = request.layers if isinstance(request, Decompose) else Decompose.layers
        frames, references = layers + 1, ((1, *grid),)
    guidance = row.guidance if request is None or request.guidance is None else request.guidance
    patches = seen * row.condition_area // folder.encoder.vision.patch_size**2
    if isinstance(folder.transformer, Transformer21Config):  # the eye sees what the VAE sees
        patches = sum(rows * columns for _, rows, columns in references)
    return Work(
        grid=(frames, *grid),
        references=references,
        steps=row.steps if request is None or request.steps is None else request.steps,
        branches=2 if guidance > 1 else 1,
        text_tokens=TEXT_TOKENS + patches // MERGED,
        patches=patches,
        latent=(height // folder.vae.scale, width // folder.vae.scale),
        frames=max(1, frames - 1),
        keeps_steps=request is not None and request.step_cache > 0,
    )


def size_of(folder: ModelFolder, request: Request | None) -> tuple[int, int]:
    row = folder.row
    if request is not None and request.width and request.height:
        return request.width, request.height
    if isinstance(request, Outpaint):
        return request.full_size
    pictures = [] if request is None else request.pictures
    if pictures and not isinstance(request, TextToImage):
        last = pictures[-1]
        width, height = fit_area(row.reference_area, last.width, last.height)
    else:
        width, height = row.sizes[0]
    return floor_to(width, folder.size_multiple), floor_to(height, folder.size_multiple)


def sized(request: Request | None, width: int, height: int) -> Request:
    request = TextToImage(prompt="a poster") if request is None else request
    return replace(request, width=width, height=height)
