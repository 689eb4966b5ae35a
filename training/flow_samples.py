"""Sheets of samples while transformer and text encoder train: held-out captions and edits.

A sample shows the plan as well: what the first step, at noise alone, already says of the picture.
Words, colours and places that are not in it do not come later.
"""

from __future__ import annotations

from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from model.config import SchedulerConfig
from model.latents import generator_of, noise, pack, unpack
from model.sampling.denoise import denoise
from model.sampling.guidance import combine
from model.sampling.schedule import sigmas
from model.text_encoder.encoder import TextStates
from training.flow import EMPTY_PROMPT, PATCH, FlowObjective, Group, grouped
from training.posters import HELD_OUT_FIRST, to_bytes, to_pictures, to_signed
from training.sheets import write_sheet
from training.vae import psnr_db


def write_samples(objective: FlowObjective, path: Path) -> dict[str, float]:
    """Draws the first held-out samples, planned and done, beside the wanted posters; returns how
    close the drawn ones are."""
    count = objective.run.samples.count
    groups = grouped([objective.examples[HELD_OUT_FIRST + i] for i in range(count)])
    pictures: list[Image.Image] = []
    captions: list[str] = []
    values: list[float] = []
    for group in groups:
        planned, drawn = draw(objective, group)
        values += [psnr_db(d, to_signed(p)) for d, p in zip(drawn, group.pixels, strict=True)]
        for i, caption in enumerate(group.captions):
            pictures.append(_beside(_parts(group, planned, drawn, i)))
            captions.append(caption)
    write_sheet(path, pictures, captions, columns=4)
    return {"sample_psnr_db": sum(values) / len(values)}


def draw(objective: FlowObjective, group: Group) -> tuple[Tensor, Tensor]:
    """Pictures [B, 3, H, W] of a group's captions, planned and done, in one run of the loop."""
    options = objective.run.samples
    wanted = objective.tokens(group.pixels)
    grids = objective.grids(group)
    _, rows, columns = grids[0]
    shape = (len(wanted), objective.vae.config.z_dim, rows * PATCH, columns * PATCH)
    start = pack(noise(shape, generator_of(0), wanted.dtype, wanted.device), PATCH)
    reference = None if group.sources is None else objective.reference_tokens(group.sources)
    cond = objective.text_states(group.captions, group.sources)
    empty = objective.text_states([EMPTY_PROMPT] * len(wanted), group.sources)

    def velocity(tokens: Tensor, sigma: Tensor, text: TextStates) -> Tensor:
        img = tokens if reference is None else torch.cat([tokens, reference], dim=1)
        return objective.transformer(img, text.states, sigma, grids, text.valid)

    def predict(tokens: Tensor, sigma: Tensor, _: int) -> Tensor:
        wanted = velocity(tokens, sigma, cond)
        if options.guidance <= 1:
            return wanted
        return combine(wanted, velocity(tokens, sigma, empty), options.guidance)

    def decoded(tokens: Tensor) -> Tensor:
        return objective.vae.decode(unpack(tokens, rows, columns, PATCH)).cpu()

    planned = start - velocity(start, start.new_ones(len(start)), cond)
    levels = sigmas(SchedulerConfig(), options.steps, rows * columns)
    return decoded(planned), decoded(denoise(start, levels, predict, lambda *_: None))


def _parts(group: Group, planned: Tensor, drawn: Tensor, i: int) -> list[Tensor]:
    """Source if there is one, the pictures planned, drawn and wanted; all as bytes."""
    source = [] if group.sources is None else [group.sources[i]]
    return [*source, to_bytes(planned[i]), to_bytes(drawn[i]), group.pixels[i]]


def _beside(parts: list[Tensor]) -> Image.Image:
    pictures = [to_pictures(part[None])[0] for part in parts]
    sheet = Image.new("RGB", (sum(p.width for p in pictures), pictures[0].height))
    left = 0
    for picture in pictures:
        sheet.paste(picture, (left, 0))
        left += picture.width
    return sheet
