"""Qwen-Image-2.1 against diffusers, on tiny checkpoints that diffusers made and saved.

Single forwards agree within 1e-5, whole runs within 1e-4 of floats 0…1, in float32.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from model import loader
from model.bench import tiny21
from model.bench.reference import (
    drawn,
    generator,
    noise_image,
)
from model.bench.reference import (
    to_picture as picture_of,
)
from model.checkpoint import keys
from model.config21 import Transformer21Config, Vae21Config
from model.prefix import prefix_runs, sequence_tables
from model.requests import Edit, Picture, Reconstruct, TextToImage
from model.rope import Grid
from model.sampling.schedule import sigmas
from model.transformer21 import Transformer21
from model.vae21 import Vae21
from tests.reference import (
    FORWARD,
    PROMPTS,
    RUN,
    close,
    same_picture,
)

pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("ignore")]

LICENCE = "Qwen Research License"
SIZES = {
    "plain": tiny21.Tiny21(),
    "deep": tiny21.Tiny21(
        layers=3,
        heads=3,
        axes=(2, 6, 4),
        mlp_ratio=3,
        z=6,
        base=6,
        decoder_base=10,
        mult=(1, 2, 4, 8, 8),
        res_blocks=2,
        text_width=24,
        text_layers=3,
        text_heads=4,
        kv_heads=2,
        head_dim=12,
        mrope=(2, 2, 2),
        vision_depth=3,
        positions=36,
        deepstack=(0, 2),
        seed=1,
    ),
    "wide": tiny21.Tiny21(
        layers=1,
        heads=5,
        z=5,
        decoder_base=None,
        mult=(1, 2, 2, 4, 4),
        temporal=(True, False, True, False),
        text_layers=2,
        seed=2,
    ),
}
LAYOUTS: dict[str, tuple[list[Grid], str]] = {
    "plain": ([], "........."),
    "one reference": ([(1, 4, 6)], ".....######......."),
    "two references": ([(1, 4, 6), (1, 2, 4)], "...######..##...."),
    "two side by side": ([(1, 4, 6), (1, 2, 2)], ".....#######......."),
}
TARGET = (1, 4, 6)


@dataclass(frozen=True)
class Pair21:
    """The same files, opened by diffusers and by us."""

    size: tiny21.Tiny21
    reference: Any
    ours: loader.Model

    @property
    def transformer(self) -> Transformer21:
        found = self.ours.networks.transformer
        assert isinstance(found, Transformer21)
        return found


def make_pair(size: tiny21.Tiny21, folder: Path) -> Pair21:
    reference = tiny21.write_with_diffusers(size, folder)
    reference.set_progress_bar_config(disable=True)
    assert not (folder / "tokenizer").exists()
    return Pair21(size, reference, loader.load(folder, accepted=(LICENCE,)))


@pytest.fixture(scope="module", params=list(SIZES))
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pair21:
    return make_pair(SIZES[request.param], tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module")
def turbo(tmp_path_factory: pytest.TempPathFactory) -> Pair21:
    size = replace(SIZES["plain"], sigmas=tiny21.TURBO_SIGMAS, seed=3)
    return make_pair(size, tmp_path_factory.mktemp("turbo"))


# --- single forwards --------------------------------------------------------------------------


@pytest.mark.parametrize("layout", list(LAYOUTS))
@pytest.mark.parametrize("axes", [(16, 56, 56), (2, 6, 4)])
def test_rope_tables_are_exact(layout: str, axes: tuple[int, int, int]) -> None:
    from diffusers.models.transformers.transformer_qwenimage21 import QwenImage21Rope

    grids, slots = LAYOUTS[layout]
    prefix, target = sequence_tables(prefix_runs(flags(slots), grids), TARGET, axes)
    is_image = torch.tensor(
        [f for flag in flags(slots) for f in [flag] * (4 if flag else 1)] + [True] * 24
    )
    reference = QwenImage21Rope(theta=10_000, axes_dim=list(axes))
    expected = reference([*grids, TARGET], is_image, torch.device("cpu"))
    assert torch.equal(torch.cat([prefix, target]), expected)


@pytest.mark.parametrize("is_padded", [False, True])
@pytest.mark.parametrize("layout", list(LAYOUTS))
def test_transformer(pair: Pair21, layout: str, is_padded: bool) -> None:
    grids, slots = LAYOUTS[layout]
    img, references, txt = random_tokens(pair, grids, len(slots))
    valid = None
    if is_padded:
        valid = torch.ones(2, len(slots), dtype=torch.bool)
        valid[1, -3:] = False
    sigma = torch.tensor([0.83, 0.21])
    with torch.inference_mode():
        expected = pair.reference.transformer(
            hidden_states=torch.cat([references, img], dim=1),
            encoder_hidden_states=txt,
            encoder_hidden_states_mask=valid,
            timestep=sigma,
            img_shapes=[[*grids, TARGET]] * 2,
            img_mask=torch.tensor([flags(slots) + [True] * 6] * 2),
            return_dict=False,
        )[0]
        prefix = pair.transformer.prefill(
            txt, [*grids, TARGET], references if grids else None, flags(slots), valid
        )
        found = pair.transformer(img, sigma, prefix)
    close(found, expected[:, -24:], FORWARD)


def test_a_prefix_serves_every_step(pair: Pair21) -> None:
    """What it holds does not depend on the noise level: made anew at each, it gives the same."""
    grids, slots = LAYOUTS["two references"]
    img, references, txt = random_tokens(pair, grids, len(slots))
    transformer = pair.transformer
    with torch.inference_mode():
        prefix = transformer.prefill(txt, [*grids, TARGET], references, flags(slots))
        for sigma in (1.0, 0.5, 0.02):
            level = torch.full((2,), sigma)
            anew = transformer.prefill(txt, [*grids, TARGET], references, flags(slots))
            expected = pair.reference.transformer(
                hidden_states=torch.cat([references, img], dim=1),
                encoder_hidden_states=txt,
                timestep=level,
                img_shapes=[[*grids, TARGET]] * 2,
                img_mask=torch.tensor([flags(slots) + [True] * 6] * 2),
                return_dict=False,
            )[0]
            found = transformer(img, level, prefix)
            close(found, transformer(img, level, anew), FORWARD)
            close(found, expected[:, -24:], FORWARD)


def test_a_prefix_of_one_sample_serves_a_batch(pair: Pair21) -> None:
    grids, slots = LAYOUTS["one reference"]
    img, references, txt = random_tokens(pair, grids, len(slots))
    sigma = torch.tensor([0.83, 0.83])
    with torch.inference_mode():
        one = pair.transformer.prefill(txt[:1], [*grids, TARGET], references[:1], flags(slots))
        found = pair.transformer(img, sigma, one)
        for k in range(2):
            close(found[k : k + 1], pair.transformer(img[k : k + 1], sigma[:1], one), FORWARD)


def test_time_frequencies_survive_a_cast(pair: Pair21) -> None:
    """A rounded frequency would turn the embedding about; bfloat16 may only round its result."""
    embed = pair.transformer.time_text_embed
    cast = copy.deepcopy(embed).to(torch.bfloat16)
    sigma = torch.tensor([0.9375])
    with torch.inference_mode():
        exact, rounded = embed(sigma), cast(sigma.to(torch.bfloat16)).float()
    assert (exact - rounded).abs().max() < 0.02 * exact.abs().max() + 0.02


@pytest.mark.parametrize("cells", [(2, 2), (3, 5), (6, 4)])
def test_vae_encode_and_decode(pair: Pair21, cells: tuple[int, int]) -> None:
    torch.manual_seed(6)
    vae = pair.ours.networks.vae
    pixels = torch.rand(2, 4, cells[0] * 16, cells[1] * 16) * 2 - 1
    z = torch.randn(2, pair.size.z, *cells)
    with torch.inference_mode():
        posterior = pair.reference.vae.encode(pixels[:, :, None]).latent_dist
        mean, logvar = vae.moments(pixels)
        close(mean, posterior.mean[:, :, 0], FORWARD)
        close(logvar, posterior.logvar[:, :, 0], FORWARD)
        expected = pair.reference.vae.decode(z[:, :, None], return_dict=False)[0][:, :, 0]
        close(vae.decode(vae.normalise(z)), expected, FORWARD)


@pytest.mark.parametrize("pictures", [0, 1, 3])
@pytest.mark.parametrize("prompts", [[PROMPTS[0]], [""], [PROMPTS[1]], list(PROMPTS)])
def test_text_states(pair: Pair21, prompts: list[str], pictures: int) -> None:
    images = [noise_image(*size) for size in ((64, 64), (96, 32), (32, 96))][:pictures]
    encoder = pair.ours.networks.text_encoder
    with torch.inference_mode():
        expected, mask, slots = pair.reference.encode_prompt(prompts, image=images or None)
        text = encoder.encode(prompts, images * len(prompts) or None)
    close(text.states, expected, FORWARD)
    assert torch.equal(slots, torch.tensor([text.is_slot] * len(prompts)))
    assert (mask is None) == (text.valid is None)
    if mask is not None and text.valid is not None:
        assert torch.equal(mask.bool(), text.valid)


def test_full_size_names_and_shapes() -> None:
    """What the reference publishes at full size is what ours read, tensor by tensor."""
    import diffusers

    with torch.device("meta"):
        reference = diffusers.QwenImage21Transformer2DModel()
        reference_vae = diffusers.AutoencoderKLQwenImage21()
        transformer, vae = Transformer21(Transformer21Config()), Vae21(Vae21Config())
    dialect = keys.vae21(vae, vae.config)
    assert keys.plain(reference).shapes == keys.plain(transformer).shapes
    assert keys.plain(reference_vae).shapes == {**dialect.shapes, **dialect.dropped}
    for name in ("latents_mean", "latents_std"):
        assert tuple(reference_vae.config[name]) == getattr(vae.config, name)


# --- whole runs -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prompt", "size", "guidance", "steps", "seed", "cached"),
    [
        (PROMPTS[0], (64, 64), 1.0, 3, 0, True),
        (PROMPTS[1], (96, 64), 3.0, 3, 1, True),
        (PROMPTS[2], (32, 128), 1.0, 2, 2, False),
    ],
)
def test_text_to_image(
    pair: Pair21,
    prompt: str,
    size: tuple[int, int],
    guidance: float,
    steps: int,
    seed: int,
    cached: bool,
) -> None:
    width, height = size
    request = TextToImage(
        prompt=prompt, width=width, height=height, guidance=guidance, steps=steps, seed=seed
    )
    expected = pair.reference(
        prompt=prompt,
        negative_prompt=" " if guidance > 1 else None,
        true_cfg_scale=guidance,
        width=width,
        height=height,
        num_inference_steps=steps,
        generator=generator(seed),
        output_type="pt",
        use_kv_cache=cached,
    ).images
    assert expected.shape[1] == 4
    same_picture(pair.ours, request, expected)


@pytest.mark.parametrize(
    ("prompt", "pictures", "size", "guidance", "negative"),
    [
        (PROMPTS[0], [(64, 64)], None, 1.0, " "),
        (PROMPTS[1], [(150, 70), (61, 97)], None, 2.5, "模糊, blurry"),
        ("join them", [(40, 40), (97, 61), (64, 32)], (96, 32), 1.0, " "),
    ],
)
def test_edit(
    pair: Pair21,
    prompt: str,
    pictures: list[tuple[int, int]],
    size: tuple[int, int] | None,
    guidance: float,
    negative: str,
) -> None:
    images = [with_alpha(noise_image(*sides)) for sides in pictures]
    width, height = size or (None, None)
    request = Edit(
        prompt=prompt,
        negative=negative,
        images=tuple(picture_of(image) for image in images),
        guidance=guidance,
        steps=2,
        width=width,
        height=height,
    )
    expected = pair.reference(
        image=images,
        prompt=prompt,
        negative_prompt=negative if guidance > 1 else None,
        true_cfg_scale=guidance,
        num_inference_steps=2,
        width=width,
        height=height,
        generator=generator(0),
        output_type="pt",
        output_resolution=pair.size.side,
    ).images
    same_picture(pair.ours, request, expected)


def test_ten_references(pair: Pair21) -> None:
    images = [noise_image(64, 32 + 8 * k) for k in range(10)]
    request = Edit(prompt="all", images=tuple(map(picture_of, images)), steps=2)
    expected = pair.reference(
        image=images,
        prompt="all",
        num_inference_steps=2,
        generator=generator(0),
        output_type="pt",
        output_resolution=pair.size.side,
    ).images
    close(drawn(pair.ours, request), expected, RUN)


def test_fixed_sigmas(turbo: Pair21) -> None:
    """The index's levels are used as they are, whatever number of steps is asked for."""
    config = turbo.ours.networks.scheduler
    levels = sigmas(config, 3, 16, turbo.ours.row.sigmas)
    close(levels, torch.tensor([*tiny21.TURBO_SIGMAS, 0.0]), 0.0)
    request = TextToImage(prompt=PROMPTS[1], width=64, height=32, steps=3)
    expected = turbo.reference(
        prompt=PROMPTS[1],
        width=64,
        height=32,
        num_inference_steps=3,
        generator=generator(0),
        output_type="pt",
    ).images
    same_picture(turbo.ours, request, expected)
    assert turbo.ours.row.name == "Qwen-Image-2.1-Turbo"
    (made,) = turbo.ours.run(request).requests
    assert made.steps == 8


def test_a_batch_is_its_parts(pair: Pair21) -> None:
    requests = [
        Edit(prompt=prompt, images=(picture_of(noise_image(64, 64)),), steps=2, seed=k)
        for k, prompt in enumerate(("red", "a much longer one, 蓝"))
    ]
    together = pair.ours.run_together(requests).pictures
    for request, picture in zip(requests, together, strict=True):
        (alone,) = pair.ours.run(request).pictures
        assert np.abs(levels_of(picture) - levels_of(alone)).max() <= 1


def test_reconstruction(pair: Pair21) -> None:
    """Through the VAE and back, alpha and all."""
    image = with_alpha(noise_image(64, 32))
    (picture,) = pair.ours.run(Reconstruct(image=picture_of(image))).pictures
    pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None, :, None] / 127.5 - 1
    with torch.inference_mode():
        z = pair.reference.vae.encode(pixels).latent_dist.mode()
        expected = pair.reference.vae.decode(z, return_dict=False)[0][0, :, 0]
    wanted = ((expected / 2 + 0.5) * 255).round().permute(1, 2, 0).flatten().numpy()
    assert np.abs(levels_of(picture) - wanted).max() <= 1


def test_results_have_alpha_and_previews_none(pair: Pair21) -> None:
    shown: list[Picture | None] = []
    request = TextToImage(prompt="x", width=64, height=64, steps=2)
    (picture,) = pair.ours.run(request, lambda step, total, p: shown.append(p)).pictures
    assert picture.mode == "RGBA"
    assert [p.mode for p in shown if p is not None] == ["RGB", "RGB"]


# --- what they share --------------------------------------------------------------------------


def flags(slots: str) -> list[bool]:
    return [mark == "#" for mark in slots]


def random_tokens(pair: Pair21, grids: list[Grid], count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Tokens of the target and of the references, and text states, of two samples."""
    torch.manual_seed(5)
    references = sum(rows * columns for _, rows, columns in grids)
    return (
        torch.randn(2, 24, pair.size.z),
        torch.randn(2, references, pair.size.z),
        torch.randn(2, count, pair.size.text_width),
    )


def with_alpha(image: Image.Image) -> Image.Image:
    """With a slope of transparency, which shows in every resize."""
    ramp = np.linspace(0, 255, image.width).astype(np.uint8)[None].repeat(image.height, 0)
    image.putalpha(Image.fromarray(ramp))
    return image


def levels_of(picture: Picture) -> np.ndarray:
    return np.frombuffer(picture.data, np.uint8).astype(int)
