"""From prepared inputs to a picture: the denoise loop, guidance and the VAE, for every task."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from model import latents
from model.errors import NotFinite
from model.pipelines.inputs import Inputs, Networks, Settled, grid_of
from model.sampling.denoise import denoise
from model.sampling.guidance import combine
from model.sampling.schedule import sigmas
from model.text_encoder.encoder import TextStates
from model.vae import Poll, no_poll

OnLatents = Callable[[int, int, Tensor], None]
"""Step from 1, total, and the predicted latents [1, z, h, w]."""


def render(
    networks: Networks,
    inputs: Inputs,
    settled: Settled,
    seed: int,
    on_latents: OnLatents,
    poll: Poll = no_poll,
) -> Tensor:
    """The picture [1, 3, H, W] in 0…1."""
    target = grid_of(networks, inputs.width, inputs.height)
    patch, z = networks.transformer.config.patch_size, networks.vae.config.z_dim
    _, rows, columns = target
    shape = (1, z, rows * patch, columns * patch)
    noise = latents.noise(shape, seed, networks.dtype, networks.device)
    start = latents.pack(noise, patch)

    def report(step: int, total: int, tokens: Tensor) -> None:
        on_latents(step, total, latents.unpack(tokens, rows, columns, patch))

    predict = _predictor(networks, inputs, settled.guidance, poll)
    levels = sigmas(networks.scheduler, settled.steps, start.shape[1])
    tokens = denoise(start, levels, predict, report)
    image = networks.vae.decode(latents.unpack(tokens, rows, columns, patch), poll)
    _check_finite(image, networks.dtype)
    return (image * 0.5 + 0.5).clamp(0, 1)


def _predictor(
    networks: Networks, inputs: Inputs, guidance: float, poll: Poll
) -> Callable[[Tensor, Tensor], Tensor]:
    """Velocity of the target's tokens, guided where there is a negative prompt."""
    target = grid_of(networks, inputs.width, inputs.height)
    grids = (target, *inputs.reference_grids)

    def velocity(tokens: Tensor, sigma: Tensor, text: TextStates) -> Tensor:
        img = tokens if inputs.references is None else torch.cat([tokens, inputs.references], 1)
        return networks.transformer(img, text.states, sigma, grids, text.valid, poll)

    is_checked = False

    def predict(tokens: Tensor, sigma: Tensor) -> Tensor:
        nonlocal is_checked
        found = velocity(tokens, sigma, inputs.text)
        if inputs.negative is not None:
            found = combine(found, velocity(tokens, sigma, inputs.negative), guidance)
        if not is_checked:  # once: what is finite at first stays so, or the picture tells
            _check_finite(found, networks.dtype)
            is_checked = True
        return found

    return predict


def _check_finite(values: Tensor, dtype: torch.dtype) -> None:
    if bool(values.isfinite().all()):
        return
    advice = "use float32 or bfloat16" if dtype == torch.float16 else "download its files again"
    raise NotFinite(
        "the model returned numbers that are not finite, so there is no picture: "
        f"its weights are damaged or do not bear {str(dtype).removeprefix('torch.')}; {advice}"
    )
