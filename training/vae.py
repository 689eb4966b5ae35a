"""Training of the VAE on crops of posters: what is compared, what the latents may do, the export.

The network is the 2-D one of `model.vae`; it is saved in the published 3-D layout.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from model import fidelity
from model.config import VaeConfig
from model.vae import Vae
from training.config import VaeRun, resolve_input
from training.data.synthesis import PosterStream
from training.errors import ConfigError
from training.growth import distance, grown, half_size_latents, is_grown_from
from training.posters import held_out_pixels, poster_pixels, to_bytes, to_pictures, to_signed
from training.published import load_vae
from training.sheets import write_sheet
from training.vae_start import make_vae

BUSY_CANDIDATES = 4
SHEET_POSTERS = 8


class PosterCrops:
    """Example i: the crops of poster i, [crops, 3, side, side] bytes."""

    def __init__(self, run: VaeRun) -> None:
        self.stream = PosterStream(run.data, run.seed)
        self.seed, self.side = run.seed, run.crop_px
        self.count, self.busy_share = run.crops_per_poster, run.busy_share
        self.step = run.crop_step_px

    def __getitem__(self, index: int) -> Tensor:
        poster = poster_pixels(self.stream, index)
        chance = np.random.default_rng([self.seed, index])
        crops = [self._crop(poster, chance) for _ in range(self.count)]
        return torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2)

    def _crop(self, poster: NDArray[np.uint8], chance: np.random.Generator) -> NDArray[np.uint8]:
        busy = chance.random() < self.busy_share
        crops = [self._anywhere(poster, chance) for _ in range(BUSY_CANDIDATES if busy else 1)]
        return max(crops, key=_busyness) if busy else crops[0]

    def _anywhere(
        self, poster: NDArray[np.uint8], chance: np.random.Generator
    ) -> NDArray[np.uint8]:
        top = self._start(poster.shape[0], chance)
        left = self._start(poster.shape[1], chance)
        return poster[top : top + self.side, left : left + self.side]

    def _start(self, room: int, chance: np.random.Generator) -> int:
        return self.step * int(chance.integers((room - self.side) // self.step + 1))


def _busyness(crop: NDArray[np.uint8]) -> float:
    """Spread over the crop's places; a flat colour has none, however strong it is."""
    return float(crop.std(axis=(0, 1)).sum())


class VaeObjective:
    """L1 and gradient loss through latents with a little noise and a bound on their scale.

    A VAE that grew from `small` keeps the latents of that.
    """

    def __init__(self, run: VaeRun, vae: Vae, small: Vae | None = None) -> None:
        if run.batch % run.crops_per_poster:
            raise ConfigError(
                f"batch {run.batch} must be a multiple of crops_per_poster {run.crops_per_poster}"
            )
        self.run = run
        self.small = None if small is None else small.to(run.device)
        self.vae = vae.requires_grad_(True).to(run.device)
        self.vae.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if run.crop_px % vae.config.scale:
            raise ConfigError(f"crop_px {run.crop_px} must be a multiple of {vae.config.scale}")
        if run.freeze_encoder:
            vae.encoder.requires_grad_(False)
            vae.quant_conv.requires_grad_(False)
        self.modules: Mapping[str, nn.Module] = {"vae": self.vae}
        self.examples = PosterCrops(run)
        self.collate = torch.cat
        self.examples_per_batch = run.batch // run.crops_per_poster

    def prepare_step(self, step: int) -> None:
        """Every step is like the first."""

    def loss(self, batch: Any, generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        pixels = to_signed(batch.to(self.run.device, memory_format=torch.channels_last))
        z = self.vae.moments(pixels)[0]
        noise = torch.randn(z.shape, generator=generator).to(z)
        out = self.vae.decode_raw(z + self.run.latent_noise * noise)
        l1, gradient = F.l1_loss(out, pixels), gradient_loss(out, pixels)
        bound = bound_loss(z, self.run.latent_bound)
        loss = l1 + self.run.gradient_weight * gradient + self.run.bound_weight * bound
        numbers = {"l1": l1.item(), "gradient_l1": gradient.item(), "psnr_db": psnr_db(out, pixels)}
        numbers["latent_std"] = z.std().item()
        if self.small is not None:
            apart = distance(self.vae, z, half_size_latents(self.small, pixels))
            loss = loss + self.run.grow_weight * apart
            numbers["latent_distance"] = apart.item()
        return loss, numbers

    def write_sheet(self, path: Path) -> dict[str, float]:
        posters = held_out_pixels(self.examples.stream, SHEET_POSTERS)
        pairs = [(p, self.reconstruct(p)) for p in posters]
        values = [psnr_db(out, poster) for poster, out in pairs]
        pictures = [_picture(p) for p, _ in pairs] + [_picture(out) for _, out in pairs]
        captions = ["original"] * len(pairs) + [f"{value:.1f} dB" for value in values]
        write_sheet(path, pictures, captions, columns=len(pairs))
        return {"poster_psnr_db": sum(values) / len(values)}

    def reconstruct(self, poster: Tensor) -> Tensor:
        z = self.vae.moments(poster[None].to(self.run.device))[0]
        return self.vae.decode_raw(z)[0].cpu()


def gradient_loss(out: Tensor, pixels: Tensor) -> Tensor:
    """L1 between the differences of neighbouring pixels: what makes edges crisp."""
    rows = (out.diff(dim=-2) - pixels.diff(dim=-2)).abs().mean()
    columns = (out.diff(dim=-1) - pixels.diff(dim=-1)).abs().mean()
    return rows + columns


def bound_loss(z: Tensor, bound: float) -> Tensor:
    """Nothing within the bound, the square of what is beyond."""
    return F.relu(z.abs() - bound).square().mean()


def psnr_db(out: Tensor, pixels: Tensor) -> float:
    """Of values in -1…1, clamped."""
    return fidelity.psnr_db((out.detach().clamp(-1, 1) + 1) / 2, (pixels + 1) / 2)


@torch.inference_mode()
def with_statistics(vae: Vae, posters: list[Tensor]) -> VaeConfig:
    """The VAE's config with mean and deviation of each latent channel over the posters."""
    device = next(vae.parameters()).device
    latents = [vae.moments(poster[None].to(device))[0][0].flatten(1) for poster in posters]
    z = torch.cat(latents, dim=1).double()
    mean, std = z.mean(dim=1), z.std(dim=1).clamp_min(1e-3)
    return replace(
        vae.config,
        latents_mean=tuple(round(value, 4) for value in mean.tolist()),
        latents_std=tuple(round(value, 4) for value in std.tolist()),
    )


def _picture(pixels: Tensor) -> Image.Image:
    return to_pictures(to_bytes(pixels)[None])[0]


def make_objective(run: VaeRun) -> VaeObjective:
    """The VAE that a run names: of random weights, or a published folder's."""
    if not run.start:
        if run.freeze_encoder:
            raise ConfigError("freeze_encoder needs `start`: a VAE whose encoder is worth keeping")
        return VaeObjective(run, make_vae(run.network, run.latent_noise))
    folder = resolve_input(run.start)
    vae, network = load_vae(folder), run.network
    if is_grown_from(vae.config, network.dim_mult):
        return VaeObjective(run, grown(vae), vae)
    for name in ("base_dim", "z_dim", "dim_mult", "num_res_blocks"):
        ours, theirs = getattr(network, name), getattr(vae.config, name)
        if ours != theirs:
            raise ConfigError(f"network.{name} is {ours}, but {folder} has {theirs}")
    return VaeObjective(run, vae)
