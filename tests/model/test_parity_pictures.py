"""Runs that begin from pictures, against diffusers: image to image, inpaint, several references."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from model.requests import Edit, ImageToImage, Inpaint
from tests import tiny
from tests.reference import (
    PROMPTS,
    RUN,
    SIZES,
    Pair,
    close,
    drawn,
    make_pair,
    noise_image,
    same_picture,
    small_area,
    to_picture,
    token_types,
)

pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="session", params=["plain", "deep"])
def plus_pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """Edit-2509 and Edit-2511: they differ in `zero_cond_t` alone."""
    size = tiny.like(SIZES[request.param], pipeline=tiny.PLUS)
    return make_pair(size, tmp_path_factory.mktemp(f"plus-{request.param}"))


def as_pipeline(pair: Pair, name: str) -> Any:
    """Another of the reference's pipelines over the same networks."""
    import diffusers

    parts = {k: v for k, v in pair.reference.components.items() if k != "processor"}
    if "Edit" in name:
        parts["processor"] = pair.reference.processor
    made = getattr(diffusers, name)(**parts)
    made.set_progress_bar_config(disable=True)
    return made


def generator(seed: int) -> torch.Generator:
    return torch.Generator("cpu").manual_seed(seed)


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


def disc(width: int, height: int) -> Image.Image:
    """A mask: a disc off the middle."""
    mask = Image.new("L", (width, height), 0)
    box = (width // 4, height // 3, width // 4 + width // 3, height // 3 + width // 3)
    ImageDraw.Draw(mask).ellipse(box, fill=255)
    return mask


def as_tensor(images: Any) -> torch.Tensor:
    if isinstance(images, torch.Tensor):
        return images
    values = np.stack([np.asarray(image, dtype=np.float32) / 255 for image in images])
    return torch.from_numpy(values).permute(0, 3, 1, 2)


@contextmanager
def before_overlay() -> Iterator[None]:
    """The reference's picture as the VAE gave it, not yet pasted over the source."""
    from diffusers.image_processor import VaeImageProcessor

    def untouched(_: Any, __: Any, ___: Any, image: Any, ____: Any) -> Any:
        return image

    with mock.patch.object(VaeImageProcessor, "apply_overlay", untouched):
        yield


@contextmanager
def small_areas(size: tiny.Tiny) -> Iterator[None]:
    """The reference's two areas, 384² and 1024² px, brought to the tiny model's."""
    module = "diffusers.pipelines.qwenimage.pipeline_qwenimage_edit_plus"
    condition, reference = size.settings["condition_area"], size.settings["reference_area"]
    with (
        mock.patch(f"{module}.CONDITION_IMAGE_SIZE", condition),
        mock.patch(f"{module}.VAE_IMAGE_SIZE", reference),
        small_area(size.area, "pipeline_qwenimage_edit_plus", {condition, reference}),
    ):
        yield


def test_masks_are_cut_out_in_their_place(tmp_path: Path) -> None:
    """The part that is worked on holds the mask and its margin, has the ratio, and stays inside."""
    from model.pipelines.pictures import mask_box

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
