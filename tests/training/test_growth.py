"""A VAE that grows by a stage: the latents it keeps, and that a run teaches it larger pictures."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from tests.training_runs import published_vae, trainer_of, vae_run
from training.config import VaeRun
from training.data.scenes import render_array
from training.errors import ConfigError
from training.growth import grown, half_size_latents, is_grown_from
from training.posters import poster_pixels
from training.prepare import export_vae
from training.published import load_vae
from training.train import train
from training.vae import PosterCrops

GROWN = (1, 1, 1, 1, 1)


def grown_run(folder: Path, *, steps: int = 2) -> VaeRun:
    run = vae_run(folder, steps=steps, name="grown")
    return dataclasses.replace(
        run,
        start=str(published_vae(folder)),
        crop_px=32,
        crop_step_px=32,
        network=dataclasses.replace(run.network, dim_mult=GROWN),
        data=dataclasses.replace(run.data, scale=2),
    )


def test_only_a_stage_of_the_first_width_in_front_is_growth(tmp_path: Path) -> None:
    config = load_vae(published_vae(tmp_path)).config
    assert is_grown_from(config, GROWN)
    assert not is_grown_from(config, (1, 1, 1, 1))
    assert not is_grown_from(config, (2, 1, 1, 1, 1))
    assert not is_grown_from(config, (1, 1, 1, 1, 1, 1))


def test_a_flat_picture_has_its_latents_before_any_step(tmp_path: Path) -> None:
    small = load_vae(published_vae(tmp_path))
    large = grown(small)
    black = torch.zeros(1, 3, 64, 64)
    torch.testing.assert_close(large.moments(black)[0], half_size_latents(small, black))
    assert large.config.scale == 2 * small.config.scale
    picture = torch.rand(1, 3, 64, 64)
    halves = small.moments(F.avg_pool2d(picture, 2))[0]
    assert torch.equal(half_size_latents(small, picture), halves)


def test_a_run_brings_its_latents_nearer_to_the_small_ones(tmp_path: Path) -> None:
    """60 steps on the same crops: measured 0.019 -> 0.00003."""
    run = dataclasses.replace(grown_run(tmp_path), steps=10_000, grow_weight=10.0)
    object.__setattr__(run.optimizer, "learning_rate", 5e-3)
    trainer = trainer_of(run)
    batch = torch.cat([trainer.objective.examples[i] for i in range(2)])
    distances = [trainer.train_step(batch)["latent_distance"] for _ in range(60)]
    assert distances[-1] < 0.1 * distances[0]


def test_the_export_keeps_the_statistics_of_the_latents(tmp_path: Path) -> None:
    run = grown_run(tmp_path)
    train(run)
    exported, small = load_vae(Path(run.folder) / "vae"), load_vae(Path(run.start))
    assert exported.config.dim_mult == GROWN
    assert exported.config.latents_mean == small.config.latents_mean
    assert exported.config.latents_std == small.config.latents_std
    assert export_vae(run) == Path(run.folder) / "vae"


def test_other_stages_are_refused(tmp_path: Path) -> None:
    run = grown_run(tmp_path)
    other = dataclasses.replace(run.network, dim_mult=(1, 2, 1, 1, 1))
    with pytest.raises(ConfigError, match="dim_mult"):
        trainer_of(dataclasses.replace(run, network=other))


def test_crops_begin_on_whole_tokens_of_a_poster_drawn_twice_as_large(tmp_path: Path) -> None:
    examples = PosterCrops(grown_run(tmp_path))
    poster = torch.from_numpy(poster_pixels(examples.stream, 3))
    assert poster.shape == (256, 256, 3)
    scene = examples.stream.sample(3).target
    assert (poster.numpy() == render_array(scene, 2)).all()
    tiles = poster.permute(2, 0, 1).unfold(1, 32, 32).unfold(2, 32, 32).permute(1, 2, 0, 3, 4)
    for crop in examples[3]:
        assert (tiles == crop).flatten(2).all(dim=-1).any()
