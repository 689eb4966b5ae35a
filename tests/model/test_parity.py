"""Our computation against diffusers, on tiny checkpoints that diffusers made and saved.

Single forwards agree within 1e-5, whole runs within 1e-4 of floats 0…1, in float32.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from model import latents
from model.bench.reference import (
    Pair,
    noise_image,
    small_area,
    to_picture,
    token_types,
)
from model.requests import Edit, TextToImage
from model.rope import rope_tables
from model.sampling.schedule import shift_of, sigmas
from model.sampling.solvers import euler
from tests.reference import (
    FORWARD,
    PROMPTS,
    close,
    same_picture,
)

pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("ignore")]

# --- rope, schedule, one step -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("grids", "num_text"),
    [
        ([(1, 4, 4)], 7),
        ([(1, 3, 5)], 1),
        ([(1, 83, 83)], 40),
        ([(1, 64, 32), (1, 33, 57)], 130),
        ([(1, 2, 9), (1, 7, 3), (1, 1, 1)], 12),
    ],
)
@pytest.mark.parametrize("axes", [(16, 56, 56), (8, 4, 4), (2, 6, 4)])
def test_rope_tables_are_exact(
    grids: list[tuple[int, int, int]], num_text: int, axes: tuple[int, int, int]
) -> None:
    from diffusers.models.transformers.transformer_qwenimage import QwenEmbedRope

    reference = QwenEmbedRope(theta=10_000, axes_dim=list(axes), scale_rope=True)
    expected_img, expected_txt = reference(
        [grids], max_txt_seq_len=num_text, device=torch.device("cpu")
    )
    img, txt = rope_tables(grids, num_text, axes)
    assert torch.equal(img, expected_img)
    assert torch.equal(txt, expected_txt)


@pytest.mark.parametrize("steps", [2, 8, 40])
@pytest.mark.parametrize("num_tokens", [16, 1024, 4096, 6889, 16384])
def test_sigmas(steps: int, num_tokens: int, text_pair: Pair) -> None:
    scheduler = type(text_pair.reference.scheduler).from_config(
        text_pair.reference.scheduler.config
    )
    config = text_pair.ours.networks.scheduler
    scheduler.set_timesteps(
        sigmas=np.linspace(1.0, 1 / steps, steps), mu=shift_of(config, num_tokens)
    )
    close(sigmas(config, steps, num_tokens), scheduler.sigmas, FORWARD)


def test_one_step(text_pair: Pair) -> None:
    scheduler = type(text_pair.reference.scheduler).from_config(
        text_pair.reference.scheduler.config
    )
    config = text_pair.ours.networks.scheduler
    scheduler.set_timesteps(sigmas=np.linspace(1.0, 1 / 8, 8), mu=shift_of(config, 64))
    scheduler.set_begin_index(0)
    tokens, velocity = torch.randn(2, 1, 64, 32)
    expected = scheduler.step(velocity, scheduler.timesteps[0], tokens, return_dict=False)[0]
    levels = sigmas(config, 8, 64)
    close(euler(tokens, velocity, levels, 0, None), expected, FORWARD)


# --- single forwards --------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["plain", "padded", "two images", "three images, padded"])
def test_transformer(pair: Pair, kind: str) -> None:
    torch.manual_seed(5)
    grids = [(1, 6, 4), (1, 3, 5), (1, 5, 2)][: {"two": 2, "thr": 3}.get(kind[:3], 1)]
    tokens = sum(rows * columns for _, rows, columns in grids)
    img = torch.randn(2, tokens, 4 * pair.size.z)
    txt = torch.randn(2, 9, pair.size.text_width)
    valid = torch.tensor([[1] * 9, [1] * 4 + [0] * 5]) if "padded" in kind else None
    sigma = torch.tensor([0.83, 0.21])
    with torch.inference_mode():
        expected = pair.reference.transformer(
            hidden_states=img,
            encoder_hidden_states=txt,
            encoder_hidden_states_mask=valid,
            timestep=sigma,
            img_shapes=[grids] * 2,
            return_dict=False,
        )[0]
        found = pair.ours.networks.transformer(img, txt, sigma, grids, valid)
    close(found, expected[:, : grids[0][1] * grids[0][2]], FORWARD)


@pytest.mark.parametrize("cells", [(2, 2), (3, 5), (8, 6)])
def test_vae_encode_and_decode(pair: Pair, cells: tuple[int, int]) -> None:
    torch.manual_seed(6)
    vae, scale = pair.ours.networks.vae, pair.ours.networks.vae.config.scale
    pixels = torch.rand(2, 3, cells[0] * scale, cells[1] * scale) * 2 - 1
    z = torch.randn(2, pair.size.z, *cells)
    with torch.inference_mode():
        posterior = pair.reference.vae.encode(pixels[:, :, None]).latent_dist
        mean, logvar = vae.moments(pixels)
        close(mean, posterior.mean[:, :, 0], FORWARD)
        close(logvar, posterior.logvar[:, :, 0], FORWARD)
        expected = pair.reference.vae.decode(z[:, :, None], return_dict=False)[0][:, :, 0]
        close(vae.decode(vae.normalise(z)), expected, FORWARD)


@pytest.mark.parametrize("prompts", [[PROMPTS[0]], [PROMPTS[1]], list(PROMPTS), ["x" * 1500, "y"]])
def test_text_states(text_pair: Pair, prompts: list[str]) -> None:
    with torch.inference_mode():
        expected, mask = text_pair.reference.encode_prompt(prompts, max_sequence_length=512)
        text = text_pair.ours.networks.text_encoder.encode(prompts)
    close(text.states, expected, FORWARD)
    assert (mask is None) == (text.valid is None)
    assert mask is None or text.valid is not None
    if mask is not None and text.valid is not None:
        assert torch.equal(mask.bool(), text.valid)


@pytest.mark.parametrize("size", [(64, 64), (96, 32), (32, 160)])
def test_text_states_of_an_edit(pair: Pair, size: tuple[int, int]) -> None:
    image = noise_image(*size)
    with torch.inference_mode(), token_types(pair.reference):
        expected, mask = pair.reference.encode_prompt([PROMPTS[1]], image=[image])
        text = pair.ours.networks.text_encoder.encode([PROMPTS[1]], [image])
    close(text.states, expected, FORWARD)
    assert mask is None
    assert text.valid is None


def test_noise(pair: Pair) -> None:
    drawn = torch.randn(1, 1, pair.size.z, 6, 10, generator=torch.Generator().manual_seed(11))
    packed = pair.reference._pack_latents(drawn, 1, pair.size.z, 6, 10)
    ours = latents.pack(
        latents.noise((1, pair.size.z, 6, 10), latents.generator_of(11), torch.float32, "cpu")
    )
    assert torch.equal(ours, packed)


# --- whole runs -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prompt", "size", "guidance", "steps", "seed"),
    [
        (PROMPTS[0], (64, 64), 4.0, 3, 0),
        (PROMPTS[1], (96, 40), 2.5, 4, 1),
        (PROMPTS[2], (48, 112), 1.0, 3, 2),
        (PROMPTS[1], (48, 80), 1.0, 2, 3),
    ],
)
def test_text_to_image(
    text_pair: Pair,
    prompt: str,
    size: tuple[int, int],
    guidance: float,
    steps: int,
    seed: int,
) -> None:
    width, height = size
    request = TextToImage(
        prompt=prompt, width=width, height=height, guidance=guidance, steps=steps, seed=seed
    )
    expected = text_pair.reference(
        prompt=prompt,
        negative_prompt=" " if guidance > 1 else None,
        true_cfg_scale=guidance,
        width=width,
        height=height,
        num_inference_steps=steps,
        generator=torch.Generator("cpu").manual_seed(seed),
        output_type="pt",
    ).images
    same_picture(text_pair.ours, request, expected)


@pytest.mark.parametrize(
    ("prompt", "size", "guidance", "negative"),
    [
        (PROMPTS[0], (64, 64), 4.0, " "),
        (PROMPTS[1], (150, 70), 1.0, " "),
        (PROMPTS[2], (61, 97), 3.0, "模糊, blurry"),
    ],
)
def test_edit(
    pair: Pair, prompt: str, size: tuple[int, int], guidance: float, negative: str
) -> None:
    image = noise_image(*size)
    request = Edit(
        prompt=prompt, negative=negative, images=(to_picture(image),), guidance=guidance, steps=3
    )
    with token_types(pair.reference), small_area(pair.size.area):
        expected = pair.reference(
            image=image,
            prompt=prompt,
            negative_prompt=negative if guidance > 1 else None,
            true_cfg_scale=guidance,
            num_inference_steps=3,
            generator=torch.Generator("cpu").manual_seed(0),
            output_type="pt",
        ).images
    same_picture(pair.ours, request, expected)


def test_edit_of_another_output_size(pair: Pair) -> None:
    image = noise_image(70, 50)
    request = Edit(prompt="wider", images=(to_picture(image),), steps=2, width=112, height=48)
    with token_types(pair.reference), small_area(pair.size.area):
        expected = pair.reference(
            image=image,
            prompt="wider",
            negative_prompt=" ",
            true_cfg_scale=3.0,
            width=112,
            height=48,
            num_inference_steps=2,
            generator=torch.Generator("cpu").manual_seed(0),
            output_type="pt",
        ).images
    same_picture(pair.ours, request, expected)
