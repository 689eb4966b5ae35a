"""Runs that begin from pictures, against diffusers: image to image, inpaint, several references."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model.bench import tiny
from model.bench.reference import (
    Pair,
    as_pipeline,
    as_tensor,
    before_overlay,
    disc,
    drawn,
    generator,
    make_pair,
    noise_image,
    small_area,
    small_areas,
    to_picture,
    token_types,
)
from model.requests import Edit, ImageToImage, Inpaint
from tests.reference import (
    PROMPTS,
    RUN,
    SIZES,
    close,
    same_picture,
)

pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="session", params=["plain", "deep"])
def plus_pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """Edit-2509 and Edit-2511: they differ in `zero_cond_t` alone."""
    size = tiny.like(SIZES[request.param], pipeline=tiny.PLUS)
    return make_pair(size, tmp_path_factory.mktemp(f"plus-{request.param}"))


@pytest.mark.parametrize(
    ("prompt", "picture", "size", "strength", "guidance", "steps"),
    [
        (PROMPTS[0], (64, 64), (64, 64), 0.6, 4.0, 5),
        (PROMPTS[1], (90, 40), (96, 48), 0.35, 1.0, 4),
        (PROMPTS[2], (50, 120), (48, 112), 1.0, 2.5, 3),
    ],
)
def test_image_to_image(
    text_pair: Pair,
    prompt: str,
    picture: tuple[int, int],
    size: tuple[int, int],
    strength: float,
    guidance: float,
    steps: int,
) -> None:
    image = noise_image(*picture)
    width, height = size
    request = ImageToImage(
        prompt=prompt,
        image=to_picture(image),
        strength=strength,
        width=width,
        height=height,
        guidance=guidance,
        steps=steps,
        seed=4,
    )
    expected = as_pipeline(text_pair, "QwenImageImg2ImgPipeline")(
        prompt=prompt,
        negative_prompt=" " if guidance > 1 else None,
        image=image,
        strength=strength,
        true_cfg_scale=guidance,
        width=width,
        height=height,
        num_inference_steps=steps,
        generator=generator(4),
        output_type="pt",
    ).images
    same_picture(text_pair.ours, request, expected)


@pytest.mark.parametrize(
    ("picture", "size", "strength", "guidance", "steps", "margin"),
    [
        ((64, 64), (64, 64), 1.0, 4.0, 3, None),
        ((90, 70), (96, 48), 0.7, 1.0, 4, None),
        ((120, 120), (64, 64), 0.8, 2.0, 3, 8),
    ],
)
def test_inpaint(
    text_pair: Pair,
    picture: tuple[int, int],
    size: tuple[int, int],
    strength: float,
    guidance: float,
    steps: int,
    margin: int | None,
) -> None:
    image, mask = noise_image(*picture), disc(*picture)
    width, height = size
    request = Inpaint(
        prompt=PROMPTS[1],
        image=to_picture(image),
        mask=to_picture(mask),
        strength=strength,
        margin=margin,
        width=width,
        height=height,
        guidance=guidance,
        steps=steps,
        seed=5,
    )
    with before_overlay():
        expected = as_pipeline(text_pair, "QwenImageInpaintPipeline")(
            prompt=PROMPTS[1],
            negative_prompt=" " if guidance > 1 else None,
            image=image,
            mask_image=mask,
            strength=strength,
            padding_mask_crop=margin,
            true_cfg_scale=guidance,
            width=width,
            height=height,
            num_inference_steps=steps,
            generator=generator(5),
            output_type="pil" if margin else "pt",
        ).images
    close(
        drawn(text_pair.ours, request), as_tensor(expected), RUN if margin is None else 0.51 / 255
    )


@pytest.mark.parametrize(
    ("picture", "strength", "guidance"), [((64, 64), 1.0, 3.0), ((96, 40), 0.75, 1.0)]
)
def test_inpaint_by_an_edit_model(
    pair: Pair, picture: tuple[int, int], strength: float, guidance: float
) -> None:
    image, mask = noise_image(*picture), disc(*picture)
    request = Inpaint(
        prompt=PROMPTS[1],
        image=to_picture(image),
        mask=to_picture(mask),
        strength=strength,
        guidance=guidance,
        steps=4,
        seed=6,
    )
    module = "pipeline_qwenimage_edit_inpaint"
    with token_types(pair.reference), small_area(pair.size.area, module):
        expected = as_pipeline(pair, "QwenImageEditInpaintPipeline")(
            prompt=PROMPTS[1],
            negative_prompt=" " if guidance > 1 else None,
            image=image,
            mask_image=mask,
            strength=strength,
            true_cfg_scale=guidance,
            num_inference_steps=4,
            generator=generator(6),
            output_type="pt",
        ).images
    close(drawn(pair.ours, request), expected, RUN)


@pytest.mark.parametrize(
    ("pictures", "guidance"),
    [(((64, 64),), 1.0), (((61, 97), (120, 50)), 3.0), (((40, 40), (96, 64), (64, 130)), 2.0)],
)
def test_edit_with_several_pictures(
    plus_pair: Pair, pictures: tuple[tuple[int, int], ...], guidance: float
) -> None:
    images = [noise_image(*size) for size in pictures]
    prompt = "put Picture 1 beside Picture 2，写上“春”"
    request = Edit(
        prompt=prompt,
        images=tuple(map(to_picture, images)),
        guidance=guidance,
        steps=3,
        seed=7,
    )
    with token_types(plus_pair.reference), small_areas(plus_pair.size):
        expected = plus_pair.reference(
            image=images,
            prompt=prompt,
            negative_prompt=" " if guidance > 1 else None,
            true_cfg_scale=guidance,
            num_inference_steps=3,
            generator=generator(7),
            output_type="pt",
        ).images
    same_picture(plus_pair.ours, request, expected)


def test_masks_are_cut_out_in_their_place(tmp_path: Path) -> None:
    """The part that is worked on holds the mask and its margin, has the ratio, and stays inside."""
    from model.pictures import mask_box

    random = np.random.default_rng(3)
    for _ in range(200):
        width, height = (int(v) for v in random.integers(20, 200, 2))
        mask = Image.new("L", (width, height), 0)
        x, y = (int(v) for v in (random.integers(0, width), random.integers(0, height)))
        box = (x, y, min(x + 12, width), min(y + 9, height))
        mask.paste(255, box)
        found = mask_box(mask, 3, (64, 48))
        assert found.left <= max(box[0] - 3, 0)
        assert found.top <= max(box[1] - 3, 0)
        assert found.right >= min(box[2] + 3, width)
        assert found.bottom >= min(box[3] + 3, height)
        assert min(found) >= 0
        assert found.right <= width
        assert found.bottom <= height
        w, h = found.size
        if w < width and h < height:
            assert abs(w / h - 64 / 48) < 0.1
