"""What chance decides of a run: noise, and samples of the VAE's posteriors, all from the seed.

Each picture draws from a generator of its own, in the order of the reference implementation: maps
of ControlNets, then the picture to start from, then noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from model import latents
from model.controlnet import BlockwiseControlNet, ControlInput
from model.pipelines.inputs import ControlMap, Inputs, Networks


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """Tokens of noise [B, frames * L, C] and of the picture to start from, and the controls."""

    noise: Tensor
    picture: Tensor | None
    controls: tuple[ControlInput, ...]


def draw(networks: Networks, inputs: Inputs, cells: tuple[int, int], seeds: Sequence[int]) -> Drawn:
    """`cells` are the latent rows and columns of the target."""
    z = networks.vae.config.z_dim
    noises: list[Tensor] = []
    pictures: list[Tensor] = []
    maps: list[list[Tensor]] = [[] for _ in inputs.controls]
    for index, seed in enumerate(seeds):
        generator = latents.generator_of(seed)
        for control, found in zip(inputs.controls, maps, strict=True):
            found.append(_map(control, index, generator, seed))
        start = inputs.start
        if start is not None:
            pictures.append(_sample(start.mean[index], start.deviation[index], generator))
        shape = (inputs.layers + 1, z, *cells)
        noise = latents.noise(shape, generator, networks.dtype, networks.device)
        noises.append(latents.pack(noise, networks.patch).flatten(0, 1))
    return Drawn(
        noise=torch.stack(noises),
        picture=latents.pack(torch.stack(pictures), networks.patch) if pictures else None,
        controls=tuple(
            _control(control, torch.stack(found), networks.patch)
            for control, found in zip(inputs.controls, maps, strict=True)
        ),
    )


def _map(control: ControlMap, index: int, generator: Generator, seed: int) -> Tensor:
    mean, deviation = control.mean[index], control.deviation[index]
    if isinstance(control.net, BlockwiseControlNet):
        return mean
    if control.net.reads_mask:
        # The reference draws this one from the global state: the noise must not move for it.
        generator = latents.generator_of(seed)
    return _sample(mean, deviation, generator)


def _sample(mean: Tensor, deviation: Tensor, generator: Generator) -> Tensor:
    """[z, h, w] of the posterior."""
    z, h, w = mean.shape
    spread = latents.noise((1, z, h, w), generator, mean.dtype, mean.device)
    return mean + deviation * spread[0]


def _control(control: ControlMap, found: Tensor, patch: int) -> ControlInput:
    tokens = latents.pack(found, patch)
    if control.mask is not None:
        tokens = torch.cat([tokens, control.mask.to(tokens)], dim=-1)
    return ControlInput(
        net=control.net,
        tokens=tokens,
        strength=control.strength,
        start=control.start,
        end=control.end,
    )
