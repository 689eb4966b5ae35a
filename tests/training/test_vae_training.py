"""Training of the VAE: its losses, that it learns, and its export in the published layout."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from model.checkpoint.vae_layout import time_conv_shapes
from tests.training_runs import published_vae, trainer_of, vae_run
from training.config import VaeNetwork
from training.errors import CheckpointError, ConfigError
from training.posters import HELD_OUT_FIRST, held_out_pixels, poster_pixels, to_bytes, to_signed
from training.prepare import export_vae
from training.published import load_vae, replace_vae
from training.train import train
from training.vae import (
    PosterCrops,
    VaeObjective,
    bound_loss,
    gradient_loss,
    make_objective,
    psnr_db,
    with_statistics,
)
from training.vae_start import make_vae


def test_the_gradient_loss_sees_edges_and_not_brightness() -> None:
    flat = torch.zeros(1, 3, 4, 4)
    edge = flat.clone()
    edge[..., 2:] = 1.0  # one step between columns 1 and 2
    assert gradient_loss(flat + 0.5, flat).item() == 0
    assert gradient_loss(edge, flat).item() == pytest.approx(1 / 3)


def test_latents_are_free_within_the_bound() -> None:
    assert bound_loss(torch.tensor([-3.0, 0.0, 3.0]), 3.0).item() == 0
    assert bound_loss(torch.tensor([5.0, 0.0]), 3.0).item() == pytest.approx(2.0)


def test_psnr_of_signed_values() -> None:
    assert psnr_db(torch.full((4,), 0.2), torch.zeros(4)) == pytest.approx(20.0, abs=1e-4)


def test_bytes_survive_the_signed_form() -> None:
    values = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(to_bytes(to_signed(values)), values)


def test_crops_are_a_function_of_their_index(tmp_path: Path) -> None:
    run = vae_run(tmp_path)
    first, again = PosterCrops(run)[3], PosterCrops(run)[3]
    assert first.shape == (2, 3, 16, 16)
    assert first.dtype == torch.uint8
    assert torch.equal(first, again)
    assert not torch.equal(first, PosterCrops(run)[4])


def test_crops_are_parts_of_their_poster(tmp_path: Path) -> None:
    examples = PosterCrops(dataclasses.replace(vae_run(tmp_path), busy_share=0.0))
    poster = torch.from_numpy(poster_pixels(examples.stream, 5)).permute(2, 0, 1)
    places = poster.unfold(1, 16, 1).unfold(2, 16, 1).permute(1, 2, 0, 3, 4)
    for crop in examples[5]:
        assert (places == crop).flatten(2).all(dim=-1).any()


def test_busy_crops_show_more_than_others(tmp_path: Path) -> None:
    run = vae_run(tmp_path)

    def spread(share: float) -> float:
        examples = PosterCrops(dataclasses.replace(run, busy_share=share))
        crops = torch.cat([examples[i] for i in range(20)]).float()
        return crops.std(dim=(2, 3)).mean().item()

    assert spread(1.0) > 2 * spread(0.0)  # measured 2.6 times


def test_one_batch_is_learned(tmp_path: Path) -> None:
    """120 steps on the same crops: measured 1.11 -> 0.21."""
    run = dataclasses.replace(vae_run(tmp_path), steps=10_000)
    object.__setattr__(run.optimizer, "learning_rate", 1e-2)
    trainer = trainer_of(run)
    batch = torch.cat([trainer.objective.examples[i] for i in range(2)])
    losses = [trainer.train_step(batch)["loss"] for _ in range(120)]
    assert losses[-1] < 0.3 * losses[0]


def test_a_finished_run_is_exported_with_statistics(tmp_path: Path) -> None:
    run = vae_run(tmp_path, steps=2)
    train(run)
    vae = load_vae(Path(run.folder) / "vae")
    posters = held_out_pixels(PosterCrops(run).stream, run.statistics_posters)
    latents = torch.cat([vae.encode(p[None])[0].flatten(1) for p in posters], dim=1)
    assert latents.mean(dim=1).abs().max().item() < 1e-3
    assert (latents.std(dim=1) - 1).abs().max().item() < 1e-2


def test_held_out_posters_are_not_those_of_training(tmp_path: Path) -> None:
    stream = PosterCrops(vae_run(tmp_path)).stream
    held_out = held_out_pixels(stream, 2)
    assert torch.equal(
        held_out[0],
        to_signed(torch.from_numpy(poster_pixels(stream, HELD_OUT_FIRST)).permute(2, 0, 1)),
    )
    assert not torch.equal(held_out[0], held_out[1])


def test_the_export_holds_every_published_tensor(tmp_path: Path) -> None:
    folder = published_vae(tmp_path)
    vae = load_vae(folder)
    tensors = load_file(folder / "diffusion_pytorch_model.safetensors")
    unused = time_conv_shapes(vae.config)
    assert len(tensors) == len(vae.state_dict()) + len(unused)
    assert all(not tensors[name].any() for name in unused)
    kernel = tensors["decoder.conv_in.weight"]
    assert kernel.ndim == 5
    assert not kernel[:, :, :2].any()
    assert torch.equal(kernel[:, :, 2], vae.state_dict()["decoder.conv_in.weight"])


def test_the_posterior_has_the_deviation_that_the_decoder_learns() -> None:
    vae = make_vae(VaeNetwork(base_dim=4, z_dim=8, dim_mult=(1, 1, 1, 1)), latent_noise=0.05)
    _, logvar = vae.moments(torch.randn(1, 3, 16, 16))
    assert torch.allclose((logvar / 2).exp(), torch.full_like(logvar, 0.05), rtol=1e-4)


def test_a_decoder_goes_on_while_the_encoder_stays(tmp_path: Path) -> None:
    start = published_vae(tmp_path)
    begun = load_vae(start)
    begun.config = with_statistics(begun, [torch.rand(3, 32, 32), torch.rand(3, 32, 32)])
    replace_vae(begun, start)
    run = dataclasses.replace(vae_run(tmp_path, steps=3), start=str(start), freeze_encoder=True)
    train(run)
    before, after = load_vae(start), load_vae(export_vae(run))
    assert after.config == before.config
    changed = {
        name.split(".")[0]
        for name, tensor in after.state_dict().items()
        if not torch.equal(tensor, before.state_dict()[name])
    }
    assert changed == {"decoder", "post_quant_conv"}


def test_what_does_not_fit_is_refused_before_training(tmp_path: Path) -> None:
    run = vae_run(tmp_path)
    with pytest.raises(ConfigError, match="freeze_encoder needs `start`"):
        make_objective(dataclasses.replace(run, freeze_encoder=True))
    with pytest.raises(ConfigError, match="multiple of crops_per_poster"):
        make_objective(dataclasses.replace(run, batch=3))
    with pytest.raises(ConfigError, match="crop_px 20 must be a multiple of 8"):
        make_objective(dataclasses.replace(run, crop_px=20))
    with pytest.raises(CheckpointError, match="nowhere"):
        make_objective(dataclasses.replace(run, start=str(tmp_path / "nowhere")))
    other = dataclasses.replace(run.network, base_dim=6)
    with pytest.raises(ConfigError, match=r"network\.base_dim is 6, but"):
        make_objective(dataclasses.replace(run, start=str(published_vae(tmp_path)), network=other))


def test_the_sheet_shows_posters_and_what_became_of_them(tmp_path: Path) -> None:
    from PIL import Image

    objective = make_objective(vae_run(tmp_path))
    assert isinstance(objective, VaeObjective)
    with torch.inference_mode():
        numbers = objective.write_sheet(tmp_path / "sheet.png")
    assert 0 < numbers["poster_psnr_db"] < 60
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width > 8 * 128
        assert sheet.height > 2 * 128
