"""Solvers, schedules and batches: against diffusers where it has them, else their formula."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from model import requests
from model.bench.reference import (
    Pair,
    noise_image,
    to_picture,
)
from model.config import SchedulerConfig
from model.requests import (
    FEW_STEPS,
    Edit,
    ImageToImage,
    Inpaint,
    Picture,
    Request,
    RequestError,
    TextToImage,
)
from model.sampling.denoise import denoise
from model.sampling.schedule import from_strength, scheduler_of, sigmas
from model.sampling.solvers import SOLVERS, dpmpp_2m
from tests.reference import (
    FORWARD,
    RUN,
    close,
)


def test_requests_know_the_same_names() -> None:
    assert set(requests.SOLVERS) == set(SOLVERS)


@pytest.mark.parity
@pytest.mark.parametrize("steps", [3, 8, 20])
def test_the_multistep_solver(steps: int) -> None:
    from diffusers import DPMSolverMultistepScheduler

    levels = sigmas(SchedulerConfig(), steps, 1024)
    scheduler = DPMSolverMultistepScheduler(
        prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=1.0
    )
    scheduler.set_timesteps(steps)
    scheduler.sigmas = levels
    scheduler.timesteps = levels[:-1] * 1000
    tokens = torch.randn(1, 6, 8, generator=torch.Generator().manual_seed(1))

    def velocity(x: Tensor, sigma: float) -> Tensor:
        return torch.sin(3 * x) + sigma * x

    expected = tokens
    for level, timestep in zip(levels, scheduler.timesteps, strict=False):
        found = velocity(expected, level.item())
        expected = scheduler.step(found, timestep, expected, return_dict=False)[0]
    found = denoise(
        tokens,
        levels,
        lambda x, sigma, _: velocity(x, sigma.item()),
        lambda *_: None,
        solver=dpmpp_2m,
    )
    close(found, expected, FORWARD)


def test_the_multistep_solver_is_nearer_than_euler() -> None:
    """On a velocity whose path is known: a picture that leans on the noise, x0 = a x + b."""
    levels = sigmas(SchedulerConfig(), 8, 1024)
    fine = sigmas(SchedulerConfig(), 2000, 1024)
    start = torch.linspace(-2, 2, 12).view(1, 3, 4).double()

    def predict(x: Tensor, sigma: Tensor, _: int) -> Tensor:
        picture = torch.tanh(x)
        return (x - picture) / sigma.clamp_min(1e-3).view(-1, 1, 1)

    def ended(name: str, along: Tensor) -> Tensor:
        return denoise(start, along, predict, lambda *_: None, solver=SOLVERS[name])

    truth = ended("euler", fine)
    error = {name: (ended(name, levels) - truth).abs().max() for name in SOLVERS}
    assert error["dpmpp-2m"] < 0.5 * error["euler"]


@pytest.mark.parametrize(("name", "wanted"), [
    ("lightning-4", [1, 0.9, 0.75, 0.5, 0]),
    ("lightning-8", [1, 0.954545, 0.9, 0.833333, 0.75, 0.642857, 0.5, 0.3, 0]),
])  # fmt: skip
@pytest.mark.parametrize("tokens", [16, 6889])
def test_few_steps(name: str, wanted: list[float], tokens: int) -> None:
    config = scheduler_of(SchedulerConfig(), name)
    close(sigmas(config, FEW_STEPS[name], tokens), torch.tensor(wanted), FORWARD)


@pytest.mark.parametrize("strength", [0.05, 0.3, 0.35, 0.6, 0.999, 1.0])
@pytest.mark.parametrize("steps", [1, 3, 10, 50])
def test_strength_leaves_the_end_of_the_schedule(strength: float, steps: int) -> None:
    levels = torch.linspace(1, 0, steps + 1)
    left = from_strength(levels, strength)
    skipped = int(max(steps - min(steps * strength, steps), 0))
    assert torch.equal(left, levels[skipped:])


def test_a_run_without_steps_is_refused(text_pair: Pair) -> None:
    picture = to_picture(noise_image(64, 64))
    little = ImageToImage(prompt="x", image=picture, strength=0.01, steps=10)
    assert len(text_pair.ours.run(little).pictures) == 1
    none = ImageToImage(prompt="x", image=picture, strength=1e-17, steps=10)
    with pytest.raises(RequestError, match="strength"):
        text_pair.ours.run(none)


def test_few_steps_are_settled_by_the_schedule(text_pair: Pair) -> None:
    result = text_pair.ours.run(
        TextToImage(prompt="x", schedule="lightning-4", width=32, height=32)
    )
    done = result.requests[0]
    assert (done.steps, done.guidance, done.schedule) == (4, 1.0, "lightning-4")


def batch_of(kind: str) -> list[Request]:
    """Two requests whose prompts, pictures and seeds differ."""
    first, second = (to_picture(noise_image(*size)) for size in ((64, 64), (64, 64)))
    shared = {"steps": 2, "width": 64, "height": 64, "guidance": 3.0}
    words = ("a red poster", "一张蓝色的海报，标题“春天来了”，很长的一句话")
    if kind == "text":
        return [TextToImage(prompt=w, seed=k, **shared) for k, w in enumerate(words)]
    if kind == "edit":
        pictures = (first, second)
        return [
            Edit(prompt=w, images=(p,), seed=k, **shared)
            for k, (w, p) in enumerate(zip(words, pictures, strict=True))
        ]
    mask = bytearray(64 * 64)
    mask[1000:3000] = b"\xff" * 2000
    hole = Picture(width=64, height=64, mode="L", data=bytes(mask))
    return [
        Inpaint(prompt=w, image=first, mask=hole, seed=k, **shared) for k, w in enumerate(words)
    ]


@pytest.mark.parametrize("kind", ["text", "edit", "inpaint"])
def test_a_batch_of_two_equals_two_of_one(pair: Pair, kind: str) -> None:
    asked = batch_of(kind)
    together = pair.ours.run_together(asked)
    assert [r.seed for r in together.requests] == [0, 1]
    for request, picture in zip(asked, together.pictures, strict=True):
        alone = pair.ours.run(request).pictures[0]
        assert (alone.width, alone.height, alone.mode) == (64, 64, "RGB")
        difference = np.frombuffer(alone.data, np.uint8).astype(int) - np.frombuffer(
            picture.data, np.uint8
        )
        assert np.abs(difference).max() <= math.ceil(RUN * 255)


def test_pictures_of_one_prompt_count_their_seeds(text_pair: Pair) -> None:
    request = TextToImage(prompt="x", count=3, seed=2**63 - 2, width=32, height=32, steps=1)
    together = text_pair.ours.run_together([request])
    assert [r.seed for r in together.requests] == [2**63 - 2, 2**63 - 1, 0]
    assert [p.sha256 for p in together.pictures] == [
        p.sha256 for p in text_pair.ours.run(request).pictures
    ]


@pytest.mark.parametrize("change", [{"steps": 3}, {"width": 32}, {"guidance": 1.0}])
def test_what_differs_is_not_drawn_together(text_pair: Pair, change: dict[str, float]) -> None:
    values = {"prompt": "x", "steps": 2, "width": 64, "height": 64, "guidance": 3.0}
    asked = [TextToImage(**values), TextToImage(**(values | change))]  # type: ignore[arg-type]
    with pytest.raises(RequestError, match="batch"):
        text_pair.ours.run_together(asked)


def test_what_begins_otherwise_is_not_drawn_together(text_pair: Pair) -> None:
    """Equal in all settled values: only what they begin from tells them apart."""
    picture = to_picture(noise_image(64, 64))
    values = {"prompt": "x", "steps": 2, "width": 64, "height": 64, "guidance": 3.0}
    words = TextToImage(**values)  # type: ignore[arg-type]
    little, much = (ImageToImage(image=picture, strength=s, **values) for s in (0.5, 1.0))  # type: ignore[arg-type]
    for asked in ([words, much], [much, words], [little, much]):
        with pytest.raises(RequestError, match="batch"):
            text_pair.ours.run_together(asked)
