"""Both branches of guidance a block at a time, and attention without a mask where all counts."""

from __future__ import annotations

from typing import Any
from unittest import mock

import pytest
import torch
from torch import Tensor

from model import attention, loader
from model.bench import tiny
from model.bench.reference import noise_image, to_picture
from model.errors import Stopped
from model.modules import JointAttention
from model.requests import Edit, Request, TextToImage
from model.transformer import Transformer
from tests.reference import SIZES

GRIDS = [(1, 6, 4), (1, 3, 5)]


@pytest.fixture(params=["plain", "deep", "layered"])
def transformer(request: pytest.FixtureRequest) -> Transformer:
    torch.manual_seed(1)
    size = SIZES.get(request.param, tiny.Tiny(pipeline=tiny.LAYERED))
    found = Transformer(size.transformer).eval()
    tiny.randomise(found)
    return found


def inputs(network: Transformer, *lengths: int) -> tuple[Tensor, list[tuple[Tensor, Any]]]:
    generator = torch.Generator().manual_seed(2)
    config = network.config
    tokens = sum(rows * columns for _, rows, columns in GRIDS)
    img = torch.randn(1, tokens, config.in_channels, generator=generator)
    width = config.joint_attention_dim
    return img, [(torch.randn(1, n, width, generator=generator), None) for n in lengths]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("is_controlled", [False, True])
@torch.inference_mode()
def test_equal_to_one_after_the_other(
    transformer: Transformer, dtype: torch.dtype, is_controlled: bool
) -> None:
    network = transformer.to(dtype)
    img, texts = inputs(network, 9, 4, 9)
    img, sigma = img.to(dtype), torch.tensor([0.6])
    valid = torch.tensor([[True] * 6 + [False] * 3])
    texts = [
        (txt.to(dtype), mask) for (txt, _), mask in zip(texts, (None, None, valid), strict=True)
    ]
    after = (lambda index, target: target * 0.1 * index) if is_controlled else None
    found = network.together(img, texts, sigma, GRIDS, after_block=after)
    for velocity, (txt, mask) in zip(found, texts, strict=True):
        assert torch.equal(velocity, network(img, txt, sigma, GRIDS, mask, after_block=after))
    assert not torch.equal(found[0], found[2])


@torch.inference_mode()
def test_each_block_is_asked_for_once(transformer: Transformer) -> None:
    order: list[int] = []
    for index, block in enumerate(transformer.transformer_blocks):
        block.get_submodule("attn.to_v").register_forward_hook(lambda *_, k=index: order.append(k))
    img, texts = inputs(transformer, 9, 4)
    transformer.together(img, texts, torch.tensor([0.6]), GRIDS)
    assert order == sorted([*range(len(transformer.transformer_blocks))] * 2)


@torch.inference_mode()
def test_a_stop_within_a_block(transformer: Transformer) -> None:
    img, texts = inputs(transformer, 9, 4)
    calls = 2 * len(transformer.transformer_blocks)
    for limit in range(1, calls + 1):
        left = limit

        def poll() -> None:
            nonlocal left
            left -= 1
            if not left:
                raise Stopped

        with pytest.raises(Stopped):
            transformer.together(img, texts, torch.tensor([0.6]), GRIDS, poll)


# --- masks ------------------------------------------------------------------------------------


def masks_of(model: loader.Model, *requests: Request) -> list[Tensor | None]:
    """What the transformer's attention is told of its keys."""
    seen: list[Tensor | None] = []
    real = attention.attend

    def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
        seen.append(mask)
        return real(q, k, v, mask)

    with mock.patch.object(JointAttention, "attend", staticmethod(attend)):
        if len(requests) == 1:
            model.run(*requests)
        else:
            model.run_together(requests)
    assert seen
    return seen


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> loader.Model:
    return loader.load(tiny.write(tiny.Tiny(), tmp_path_factory.mktemp("masks") / "tiny"))


def text(prompt: str) -> TextToImage:
    return TextToImage(prompt=prompt, width=64, height=64, steps=1, guidance=2.0)


def test_no_mask_where_all_counts(model: loader.Model) -> None:
    assert not any(mask is not None for mask in masks_of(model, text("a long prompt")))
    image = to_picture(noise_image(64, 64))
    edit = Edit(prompt="x", images=(image,), steps=1, guidance=2.0)
    assert not any(mask is not None for mask in masks_of(model, edit))
    assert not any(mask is not None for mask in masks_of(model, text("ab"), text("cd")))


def test_a_mask_where_some_do_not(model: loader.Model) -> None:
    masks = masks_of(model, text("ab"), text("abcd"))
    assert any(mask is not None and not bool(mask.all()) for mask in masks)
    assert any(mask is None for mask in masks)  # the negative prompt is the same for both
