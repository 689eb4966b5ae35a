"""A picture taken apart, against diffusers' Layered pipeline."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from model.bench import tiny
from model.bench.reference import (
    Pair,
    drawn,
    make_pair,
    see_through,
    small_area,
    to_picture,
)
from model.requests import Decompose, RequestError, TextToImage
from model.rope import layered_rope_tables
from tests.reference import (
    FORWARD,
    PROMPTS,
    RUN,
    SIZES,
    close,
)

pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="session", params=["plain", "deep"])
def layered_pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    size = tiny.like(SIZES[request.param], pipeline=tiny.LAYERED, zero_cond_t=False)
    return make_pair(size, tmp_path_factory.mktemp(f"layered-{request.param}"))


@pytest.mark.parametrize("layers", [1, 3, 70])
@pytest.mark.parametrize("sizes", [((4, 6), (4, 6)), ((40, 3), (5, 8))])
def test_rope_tables_are_exact(layers: int, sizes: tuple[tuple[int, int], ...]) -> None:
    from diffusers.models.transformers.transformer_qwenimage import QwenEmbedLayer3DRope

    axes = (4, 10, 10)
    (rows, columns), (high, wide) = sizes
    reference = QwenEmbedLayer3DRope(theta=10_000, axes_dim=list(axes), scale_rope=True)
    grids = [*[(1, rows, columns)] * (layers + 1), (1, high, wide)]
    expected_img, expected_txt = reference([grids], 9, device=torch.device("cpu"))
    img, txt = layered_rope_tables([(layers + 1, rows, columns), (1, high, wide)], 9, axes)
    assert torch.equal(img, expected_img)
    assert torch.equal(txt, expected_txt)


@pytest.mark.parametrize("padded", [False, True])
def test_transformer(layered_pair: Pair, padded: bool) -> None:
    torch.manual_seed(5)
    grids = [(1, 4, 6)] * 3 + [(1, 2, 5)]
    img = torch.randn(2, 82, 4 * layered_pair.size.z)
    txt = torch.randn(2, 9, layered_pair.size.text_width)
    valid = torch.tensor([[1] * 9, [1] * 4 + [0] * 5]) if padded else None
    sigma = torch.tensor([0.83, 0.21])
    with torch.inference_mode():
        expected = layered_pair.reference.transformer(
            hidden_states=img,
            encoder_hidden_states=txt,
            encoder_hidden_states_mask=valid,
            timestep=sigma,
            img_shapes=[grids] * 2,
            additional_t_cond=torch.zeros(2, dtype=torch.long),
            return_dict=False,
        )[0]
        found = layered_pair.ours.networks.transformer(
            img, txt, sigma, [(3, 4, 6), (1, 2, 5)], valid
        )
    close(found, expected[:, :72], FORWARD)


@pytest.mark.parametrize(
    ("prompt", "picture", "layers", "guidance", "steps"),
    [
        (PROMPTS[0], (64, 64), 2, 4.0, 3),
        (PROMPTS[1], (120, 50), 4, 1.0, 2),
        (PROMPTS[2], (40, 90), 1, 2.5, 4),
    ],
)
def test_layers(
    layered_pair: Pair,
    prompt: str,
    picture: tuple[int, int],
    layers: int,
    guidance: float,
    steps: int,
) -> None:
    image = see_through(*picture)
    request = Decompose(
        prompt=prompt,
        image=to_picture(image),
        layers=layers,
        guidance=guidance,
        steps=steps,
        seed=3,
    )
    with small_area(layered_pair.size.area, "pipeline_qwenimage_layered"):
        expected = layered_pair.reference(
            image=image,
            prompt=prompt,
            negative_prompt=" " if guidance > 1 else None,
            true_cfg_scale=guidance,
            layers=layers,
            num_inference_steps=steps,
            generator=torch.Generator("cpu").manual_seed(3),
            output_type="pt",
        ).images[0]
    found = drawn(layered_pair.ours, request)
    close(found, expected, RUN)
    pictures = layered_pair.ours.run(request).pictures
    assert [p.mode for p in pictures] == ["RGBA"] * layers
    for layer, wanted in zip(pictures, expected, strict=True):
        levels = np.frombuffer(layer.data, np.uint8).reshape(layer.height, layer.width, 4)
        assert np.abs(levels - (wanted.permute(1, 2, 0) * 255).round().numpy()).max() <= 1


def test_each_layer_names_the_request_that_makes_them(layered_pair: Pair) -> None:
    request = Decompose(
        prompt="x", image=to_picture(see_through(48, 48)), layers=2, steps=1, count=2, seed=5
    )
    steps: list[tuple[int, int]] = []
    result = layered_pair.ours.run(request, lambda step, total, _: steps.append((step, total)))
    assert [r.seed for r in result.requests] == [5, 5, 6, 6]
    assert len(result.pictures) == 4
    assert steps == [(1, 2), (2, 2)]


def test_a_layered_model_does_nothing_else(layered_pair: Pair, text_pair: Pair) -> None:
    assert layered_pair.ours.tasks == ("layers", "reconstruct", "polish", "caption")
    with pytest.raises(RequestError, match="takes pictures apart and nothing else"):
        layered_pair.ours.run(TextToImage(prompt="x"))
    with pytest.raises(RequestError, match="this model cannot do that"):
        text_pair.ours.run(Decompose(prompt="x", image=to_picture(see_through(48, 48))))
