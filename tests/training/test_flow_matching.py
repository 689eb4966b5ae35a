"""The objective's arithmetic: orientation, noise levels, weights and dropout."""

from __future__ import annotations

import math

import pytest
import torch

from model.sampling.denoise import denoise
from training.objectives import flow_matching


def test_sigma_one_is_noise_and_zero_the_latent() -> None:
    latents, noise = torch.full((2, 3, 4), 5.0), torch.full((2, 3, 4), -1.0)
    mixed = flow_matching.noised(latents, noise, torch.tensor([1.0, 0.0]))
    assert torch.equal(mixed[0], noise[0])
    assert torch.equal(mixed[1], latents[1])
    assert torch.equal(flow_matching.velocity(latents, noise), noise - latents)


def test_the_denoise_loop_brings_an_analytic_gaussian_back() -> None:
    """For latents of N(2, 0.5) the best velocity is known; a wrong sign or direction diverges."""
    mean, deviation = 2.0, 0.5

    def best_velocity(x: torch.Tensor, sigma: torch.Tensor, _: int = 0) -> torch.Tensor:
        s = sigma.view(-1, 1, 1)
        variance = ((1 - s) * deviation) ** 2 + s**2
        surprise = x - (1 - s) * mean
        latent = mean + (1 - s) * deviation**2 / variance * surprise
        noise = s / variance * surprise
        return noise - latent

    generator = torch.Generator().manual_seed(3)
    latents = mean + deviation * torch.randn(1, 4000, 1, generator=generator)
    noise = torch.randn(1, 4000, 1, generator=generator)
    sigma = torch.tensor([0.4])
    mixed = flow_matching.noised(latents, noise, sigma)
    target = flow_matching.velocity(latents, noise)
    ones = torch.ones(1, 4000)
    at_best = flow_matching.weighted_loss(best_velocity(mixed, sigma), target, ones)
    for other in (-best_velocity(mixed, sigma), best_velocity(mixed, sigma) + 0.2, target * 0):
        assert flow_matching.weighted_loss(other, target, ones) > at_best

    start = torch.randn(1, 4000, 1, generator=generator)
    end = denoise(start, torch.linspace(1, 0, 201), best_velocity, lambda *_: None)
    assert end.mean().item() == pytest.approx(mean, abs=0.03)
    assert end.std().item() == pytest.approx(deviation, abs=0.03)


def test_noise_levels_are_logit_normal() -> None:
    generator = torch.Generator().manual_seed(0)
    sigmas = flow_matching.draw_sigmas(20_000, 0.7, 1.3, 0.0, generator)
    logits = torch.logit(sigmas.double())
    assert sigmas.min() > 0
    assert sigmas.max() < 1
    assert logits.mean().item() == pytest.approx(0.7, abs=0.03)
    assert logits.std().item() == pytest.approx(1.3, abs=0.03)


def test_a_share_of_the_noise_levels_is_noise_alone() -> None:
    generator = torch.Generator().manual_seed(0)
    sigmas = flow_matching.draw_sigmas(20_000, 0.7, 1.3, 0.25, generator)
    assert (sigmas == 1).float().mean().item() == pytest.approx(0.25, abs=0.01)
    rest = torch.logit(sigmas[sigmas < 1].double())
    assert rest.mean().item() == pytest.approx(0.7, abs=0.03)


def test_heavy_tokens_count_as_often_as_they_weigh() -> None:
    predicted, target = torch.zeros(1, 3, 2), torch.zeros(1, 3, 2)
    target[0, 0] = 2.0  # squared error 4
    target[0, 2] = 1.0  # squared error 1
    weights = torch.tensor([[10.0, 1.0, 4.0]])
    loss = flow_matching.weighted_loss(predicted, target, weights)
    assert loss.item() == pytest.approx((10 * 4 + 4 * 1) / 15)
    even = flow_matching.weighted_loss(predicted, target, torch.ones(1, 3))
    assert even.item() == pytest.approx(torch.nn.functional.mse_loss(predicted, target).item())


@pytest.mark.parametrize("share", [0.0, 0.1, 1.0])
def test_captions_are_dropped_at_their_share(share: float) -> None:
    generator = torch.Generator().manual_seed(1)
    dropped = flow_matching.draw_dropout(10_000, share, generator)
    spread = 4 * math.sqrt(share * (1 - share) / 10_000)
    assert abs(sum(dropped) / 10_000 - share) <= spread
