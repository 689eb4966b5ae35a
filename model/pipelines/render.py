"""From prepared inputs to pictures: the denoise loop, guidance and the VAE, for every task."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from model import latents
from model.controlnet import after_blocks
from model.errors import NotFinite
from model.lossy.run import Lossy, PredictBy
from model.lossy.step_cache import WHOLE, StepCache
from model.pipelines.drawing import Drawn, draw
from model.pipelines.inputs import Inputs, Networks, Settled, Start, grid_of, repeated
from model.requests import RequestError
from model.rope import Grid
from model.sampling.denoise import Keep, denoise, timesteps_of
from model.sampling.guidance import combine, mix
from model.sampling.schedule import from_strength, sigmas
from model.sampling.solvers import SOLVERS
from model.transformer import Transformer
from model.transformer21 import Transformer21
from model.vae import Poll, no_poll

OnLatents = Callable[[int, int, Tensor], None]
"""Step from 1, total, and the predicted latents [B, z, h, w]."""


def render(
    networks: Networks,
    inputs: Inputs,
    settled: Settled,
    seeds: Sequence[int],
    on_latents: OnLatents,
    poll: Poll = no_poll,
    lossy: Lossy | None = None,
) -> Tensor:
    """What each seed makes, [B, K, C, H, W] in 0…1: one picture, or the layers of one.

    Inputs of one picture serve for all seeds.
    """
    lossy = lossy or Lossy()
    if len(inputs.text.states) != len(seeds):
        inputs = repeated(inputs, len(seeds))
    patch, frames = networks.patch, inputs.layers + 1
    _, rows, columns = grid_of(networks, inputs.width, inputs.height)
    levels = inputs.levels
    if levels is None:
        levels = sigmas(settled.scheduler, settled.steps, rows * columns, settled.sigmas)
    if inputs.start is not None:
        levels = from_strength(levels, inputs.start.strength)
    if len(levels) < 2:
        raise RequestError(
            f"strength: {settled.steps} steps leave none to run at this strength; raise one of them"
        )
    chance = draw(networks, inputs, (rows * patch, columns * patch), seeds)
    tokens, keep = chance.noise, None
    if inputs.start is not None and chance.picture is not None:
        tokens = _mixed(chance.picture, chance.noise, levels[0])
        keep = _keeper(inputs.start, chance.picture, chance.noise)

    def unpacked(found: Tensor) -> Tensor:
        """Latents [B * frames, z, h, w]."""
        return latents.unpack(
            found.flatten(0, 1).unflatten(0, (-1, rows * columns)), rows, columns, patch
        )

    def report(step: int, total: int, found: Tensor) -> None:
        on_latents(step, total, unpacked(found)[::frames])

    networks.expect(timesteps_of(levels, tokens), poll)
    steps = len(levels) - 1
    predict = _predictor(networks, inputs, chance, settled.guidance, steps, poll)
    predict = lossy.over(predict, networks.transformer, steps)
    solver = SOLVERS[settled.solver]
    tokens = denoise(tokens, levels, predict, report, solver=solver, keep=keep)
    networks.rest()
    drawn = unpacked(tokens).unflatten(0, (-1, frames))
    shown = drawn[:, 1:] if inputs.layers else drawn
    image = networks.vae.decode(shown.flatten(0, 1), poll)
    _check_finite(image, networks.dtype)
    return (image * 0.5 + 0.5).clamp(0, 1).unflatten(0, (len(seeds), -1))


def _mixed(picture: Tensor, noise: Tensor, sigma: Tensor) -> Tensor:
    level = sigma.to(noise)
    return level * noise + (1 - level) * picture


def _keeper(start: Start, picture: Tensor, noise: Tensor) -> Keep | None:
    """Puts the picture, noised to the level, back where the mask is 0."""
    if start.mask is None:
        return None
    mask = start.mask.to(noise)

    def keep(tokens: Tensor, sigma: Tensor) -> Tensor:
        return (1 - mask) * _mixed(picture, noise, sigma) + mask * tokens

    return keep


Velocities = Callable[[Tensor, Tensor, int, StepCache], tuple[Tensor, ...]]
"""Of the target's tokens at a level and step: under the prompt, then under the negative one."""


def _predictor(
    networks: Networks, inputs: Inputs, chance: Drawn, guidance: float, steps: int, poll: Poll
) -> PredictBy:
    """Velocity of the target's tokens, guided where there is a negative prompt."""
    transformer = networks.transformer
    grid = grid_of(networks, inputs.width, inputs.height)
    if isinstance(transformer, Transformer21):
        velocities = _behind_prefixes(transformer, inputs, grid, poll)
    else:
        velocities = _beside_texts(transformer, inputs, grid, chance, steps, poll)
    guide = combine if networks.row.rescales_guidance else mix
    is_checked = False

    def predict(tokens: Tensor, sigma: Tensor, step: int, cache: StepCache = WHOLE) -> Tensor:
        nonlocal is_checked
        found, *negative = velocities(tokens, sigma, step, cache)
        if negative:
            found = guide(found, negative[0], guidance)
        if not is_checked:  # once: what is finite at first stays so, or the picture tells
            _check_finite(found, networks.dtype)
            is_checked = True
        return found

    return predict


def _beside_texts(
    transformer: Transformer, inputs: Inputs, grid: Grid, chance: Drawn, steps: int, poll: Poll
) -> Velocities:
    """1.x: text, references and target go through every block at every step."""
    grids = ((inputs.layers + 1, *grid[1:]), *inputs.reference_grids)
    is_reference = inputs.start is not None and inputs.start.is_reference
    picture = chance.picture if is_reference else None
    beside = [tokens for tokens in (picture, inputs.references) if tokens is not None]
    texts = [(t.states, t.valid) for t in (inputs.text, inputs.negative) if t is not None]

    def velocities(
        tokens: Tensor, sigma: Tensor, step: int, cache: StepCache
    ) -> tuple[Tensor, ...]:
        img = torch.cat([tokens, *beside], dim=1) if beside else tokens
        active = [control for control in chance.controls if control.is_active(step, steps)]
        after = after_blocks(
            active,
            transformer.config.num_layers,
            tokens,
            inputs.text.states,
            sigma,
            grid,
            inputs.text.valid,
            poll,
        )
        return transformer.together(img, texts, sigma, grids, poll, after, cache)

    return velocities


def _behind_prefixes(
    transformer: Transformer21, inputs: Inputs, grid: Grid, poll: Poll
) -> Velocities:
    """2.1: text and references are read once, the target's tokens alone at every step."""
    prefixes = [
        transformer.prefill(
            text.states,
            (*inputs.reference_grids, grid),
            inputs.references,
            text.is_slot,
            text.valid,
            poll,
        )
        for text in (inputs.text, inputs.negative)
        if text is not None
    ]
    return lambda tokens, sigma, _, cache: transformer.together(
        tokens, sigma, prefixes, poll, cache
    )


def _check_finite(values: Tensor, dtype: torch.dtype) -> None:
    if bool(values.isfinite().all()):
        return
    advice = "use float32 or bfloat16" if dtype == torch.float16 else "download its files again"
    raise NotFinite(
        "the model returned numbers that are not finite, so there is no picture: "
        f"its weights are damaged or do not bear {str(dtype).removeprefix('torch.')}; {advice}"
    )
