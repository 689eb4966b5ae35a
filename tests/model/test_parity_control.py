"""ControlNets: InstantX's against diffusers, DiffSynth's block-wise ones against their formula."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw
from safetensors.torch import save_file
from torch import Tensor

from model.bench.reference import (
    Pair,
    as_pipeline,
    controlnets,
    drawn_with,
    holed,
    noise_image,
    to_picture,
)
from model.checkpoint import keys
from model.checkpoint.controlnets import load_controlnet
from model.config import TransformerConfig
from model.controlnet import BlockwiseControlNet, ControlInput, ControlNet, ControlNetConfig
from model.errors import CheckpointError
from model.requests import Control, RequestError, TextToImage
from tests.reference import (
    FORWARD,
    PROMPTS,
    RUN,
    close,
)

pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("ignore")]

CONTROL = "QwenImageControlNetPipeline"
FILLING = "QwenImageControlNetInpaintPipeline"
NAMED = Control(name="net", sha256="0")


@dataclasses.dataclass(frozen=True)
class Nets:
    """One ControlNet as both sides opened it."""

    reference: Any
    ours: ControlNet | BlockwiseControlNet


def make_nets(pair: Pair, folder: Path, *, layers: int, extra: int) -> Nets:
    return Nets(*controlnets(pair, folder, layers=layers, extra=extra, seed=layers))


@pytest.fixture(scope="session", params=[1, 2])
def union(request: pytest.FixtureRequest, text_pair: Pair, tmp_path_factory: Any) -> Nets:
    folder = tmp_path_factory.mktemp(f"union-{request.param}")
    return make_nets(text_pair, folder, layers=request.param, extra=0)


@pytest.fixture(scope="session")
def filling(text_pair: Pair, tmp_path_factory: Any) -> Nets:
    return make_nets(text_pair, tmp_path_factory.mktemp("filling"), layers=2, extra=4)


@pytest.mark.parametrize("padded", [False, True])
def test_residuals(text_pair: Pair, union: Nets, padded: bool) -> None:
    torch.manual_seed(5)
    channels = text_pair.size.transformer.in_channels
    img, control = torch.randn(2, 24, channels), torch.randn(2, 24, channels)
    txt = torch.randn(2, 9, text_pair.size.text_width)
    valid = torch.tensor([[1] * 9, [1] * 4 + [0] * 5]) if padded else None
    sigma = torch.tensor([0.83, 0.21])
    with torch.inference_mode():
        expected = union.reference(
            hidden_states=img,
            controlnet_cond=control,
            conditioning_scale=0.7,
            encoder_hidden_states=txt,
            encoder_hidden_states_mask=valid,
            timestep=sigma,
            img_shapes=[[(1, 6, 4)]] * 2,
            return_dict=False,
        )
        found = union.ours(img, control, txt, sigma, (1, 6, 4), valid)
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        close(ours * 0.7, theirs, FORWARD)


@pytest.mark.parametrize(
    ("size", "guidance", "span", "strength"),
    [
        ((64, 64), 4.0, (0.0, 1.0), 1.0),
        ((96, 48), 1.0, (0.0, 0.6), 0.5),
        ((48, 80), 2.0, (0.3, 1.0), 2.0),
    ],
)
def test_a_run_with_a_control(
    text_pair: Pair,
    union: Nets,
    size: tuple[int, int],
    guidance: float,
    span: tuple[float, float],
    strength: float,
) -> None:
    width, height = size
    image = noise_image(70, 50)
    control = Control(name="net", sha256="0", strength=strength, start=span[0], end=span[1])
    request = TextToImage(
        prompt=PROMPTS[1], width=width, height=height, steps=4, guidance=guidance, seed=9
    )
    expected = as_pipeline(text_pair, CONTROL, controlnet=union.reference)(
        prompt=PROMPTS[1],
        negative_prompt=" " if guidance > 1 else None,
        control_image=image,
        controlnet_conditioning_scale=strength,
        control_guidance_start=span[0],
        control_guidance_end=span[1],
        true_cfg_scale=guidance,
        width=width,
        height=height,
        num_inference_steps=4,
        generator=torch.Generator("cpu").manual_seed(9),
        output_type="pt",
    ).images
    found = drawn_with(text_pair, request, [(union.ours, control, to_picture(image))])
    close(found, expected, RUN)


def test_two_maps_for_one_net(text_pair: Pair, union: Nets) -> None:
    from diffusers.models import QwenImageMultiControlNetModel

    images = [noise_image(70, 50), noise_image(64, 64)]
    request = TextToImage(prompt="x", width=64, height=64, steps=3, guidance=2.0, seed=2)
    nets = QwenImageMultiControlNetModel([union.reference])
    expected = as_pipeline(text_pair, CONTROL, controlnet=nets)(
        prompt="x",
        negative_prompt=" ",
        control_image=images,
        controlnet_conditioning_scale=[0.4, 0.9],
        control_guidance_start=[0.0, 0.3],
        control_guidance_end=[1.0, 1.0],
        true_cfg_scale=2.0,
        width=64,
        height=64,
        num_inference_steps=3,
        generator=torch.Generator("cpu").manual_seed(2),
        output_type="pt",
    ).images
    controls = [
        Control(name="a", sha256="0", strength=0.4),
        Control(name="b", sha256="0", strength=0.9, start=0.3),
    ]
    pairs = [
        (union.ours, control, to_picture(image))
        for control, image in zip(controls, images, strict=True)
    ]
    close(drawn_with(text_pair, request, pairs), expected, RUN)


@pytest.mark.parametrize("guidance", [1.0, 3.0])
def test_filling_holes(text_pair: Pair, filling: Nets, guidance: float) -> None:
    image = noise_image(80, 60)
    mask = Image.new("L", image.size, 0)
    ImageDraw.Draw(mask).ellipse((20, 10, 60, 50), fill=255)
    request = TextToImage(prompt="x", width=64, height=48, steps=3, guidance=guidance, seed=6)
    torch.manual_seed(6)  # the reference draws the map's sample from the global state
    expected = as_pipeline(text_pair, FILLING, controlnet=filling.reference)(
        prompt="x",
        negative_prompt=" " if guidance > 1 else None,
        control_image=image,
        control_mask=mask,
        controlnet_conditioning_scale=0.8,
        true_cfg_scale=guidance,
        width=64,
        height=48,
        num_inference_steps=3,
        generator=torch.Generator("cpu").manual_seed(6),
        output_type="pt",
    ).images
    control = Control(name="net", sha256="0", strength=0.8)
    mapped = [(filling.ours, control, to_picture(holed(image, mask)))]
    close(drawn_with(text_pair, request, mapped), expected, RUN)


# --- block-wise ---------------------------------------------------------------------------------


@pytest.fixture(scope="session", params=[0, 4])
def blockwise(
    request: pytest.FixtureRequest, text_pair: Pair, tmp_path_factory: Any
) -> tuple[BlockwiseControlNet, dict[str, Tensor]]:
    """DiffSynth's file of random weights, and what is in it."""
    config = text_pair.size.transformer
    torch.manual_seed(8)
    dim, extra = config.dim, request.param
    made = {
        "img_in.weight": torch.randn(dim, config.in_channels + extra) * 0.1,
        "img_in.bias": torch.randn(dim) * 0.1,
    }
    for i in range(config.num_layers):
        head = f"controlnet_blocks.{i}"
        made |= {f"{head}.{n}.weight": torch.rand(dim) + 0.5 for n in ("x_rms", "y_rms")}
        for name in ("input_proj", "output_proj"):
            made[f"{head}.{name}.weight"] = torch.randn(dim, dim) * 0.1
            made[f"{head}.{name}.bias"] = torch.randn(dim) * 0.1
    path = tmp_path_factory.mktemp(f"blockwise-{extra}") / "model.safetensors"
    save_file(made, path)
    net, hashes = load_controlnet(
        path, text_pair.ours.networks.transformer, dtype=torch.float32, device="cpu"
    )
    assert list(hashes) == ["model.safetensors"]
    assert isinstance(net, BlockwiseControlNet)
    assert net.reads_mask is bool(extra)
    return net, made


def test_block_wise_by_its_formula(
    text_pair: Pair, blockwise: tuple[BlockwiseControlNet, dict[str, Tensor]]
) -> None:
    """The stream behind each block plus output(GELU(input(rms(x) + rms(map)))), by hooks."""
    net, made = blockwise
    transformer = text_pair.ours.networks.transformer
    config = text_pair.size.transformer
    torch.manual_seed(9)
    img = torch.randn(1, 24, config.in_channels)
    control = torch.randn(1, 24, made["img_in.weight"].shape[1])
    txt, sigma = torch.randn(1, 7, config.joint_attention_dim), torch.tensor([0.6])
    embedded = F.linear(control, made["img_in.weight"], made["img_in.bias"])

    def rms(x: Tensor, weight: Tensor) -> Tensor:
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6) * weight

    def added(index: int, x: Tensor) -> Tensor:
        head = f"controlnet_blocks.{index}"
        summed = rms(x, made[f"{head}.x_rms.weight"]) + rms(embedded, made[f"{head}.y_rms.weight"])
        hidden = F.linear(
            summed, made[f"{head}.input_proj.weight"], made[f"{head}.input_proj.bias"]
        )
        return 0.7 * F.linear(
            F.gelu(hidden), made[f"{head}.output_proj.weight"], made[f"{head}.output_proj.bias"]
        )

    from model.controlnet import after_blocks

    active = [ControlInput(net=net, tokens=control, strength=0.7)]
    with torch.inference_mode():
        after = after_blocks(
            active, config.num_layers, img, txt, sigma, (1, 6, 4), None, lambda: None
        )
        assert after is not None
        found = transformer(img, txt, sigma, [(1, 6, 4)], after_block=after)
        plain = transformer(img, txt, sigma, [(1, 6, 4)])
        x = torch.randn(1, 24, config.dim)
        for index in range(config.num_layers):
            close(after(index, x), added(index, x), FORWARD)
        expected = transformer(img, txt, sigma, [(1, 6, 4)], after_block=added)
    close(found, expected, FORWARD)
    assert (found - plain).abs().max() > 1e-3


def test_a_map_of_the_wrong_kind(text_pair: Pair, union: Nets, filling: Nets) -> None:
    request = TextToImage(prompt="x", width=32, height=32, steps=1)
    opaque = to_picture(noise_image(32, 32))
    empty = noise_image(32, 32).convert("RGBA")
    empty.putalpha(0)
    with pytest.raises(RequestError, match="fills holes, and the map has none"):
        drawn_with(text_pair, request, [(filling.ours, NAMED, opaque)])
    with pytest.raises(RequestError, match="follows a drawing, and the map has holes"):
        drawn_with(text_pair, request, [(union.ours, NAMED, to_picture(empty))])


# --- files ----------------------------------------------------------------------------------------


def test_full_size() -> None:
    for layers, extra, tensors, numbers in (
        (5, 0, 181, 1_768_003_584),
        (6, 4, 215, 2_117_287_424),
    ):
        shared = TransformerConfig(num_layers=layers)
        with torch.device("meta"):
            net = ControlNet(ControlNetConfig(transformer=shared, extra_condition_channels=extra))
        assert len(keys.plain(net).shapes) == tensors
        assert sum(p.numel() for p in net.parameters()) == numbers


def test_files_that_are_no_control(text_pair: Pair, union: Nets, tmp_path: Path) -> None:
    transformer = text_pair.ours.networks.transformer

    def refusal(path: Path) -> str:
        with pytest.raises(CheckpointError) as caught:
            load_controlnet(path, transformer, dtype=torch.float32, device="cpu")
        return str(caught.value)

    assert "is no ControlNet" in refusal(tmp_path)
    save_file({"x": torch.zeros(3)}, tmp_path / "a.safetensors")
    assert "is no ControlNet that this version reads" in refusal(tmp_path / "a.safetensors")
    wide = {"img_in.weight": torch.zeros(8, 32), "controlnet_blocks.0.x_rms.weight": torch.ones(8)}
    save_file(wide, tmp_path / "wide.safetensors")
    assert "is 8 wide" in refusal(tmp_path / "wide.safetensors")
    other = tmp_path / "other"
    union.reference.save_pretrained(other)
    text = (other / "config.json").read_text()
    heads = f'"num_attention_heads": {text_pair.size.heads}'
    (other / "config.json").write_text(text.replace(heads, '"num_attention_heads": 7'))
    assert "num_attention_heads 7" in refusal(other)
    (other / "config.json").write_text(
        text.replace('"extra_condition_channels": 0', '"extra_condition_channels": 3')
    )
    assert "extra_condition_channels 3" in refusal(other)
    (other / "config.json").write_text(text)
    weights = other / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-9])
    assert str(other) in refusal(other)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"strength": -1.0}, "control strength: -1.0"),
        ({"strength": float("nan")}, "control strength: nan"),
        ({"start": 0.5, "end": 0.5}, "is not below its end"),
        ({"end": 1.5}, "control end: 1.5"),
    ],
)
def test_values_of_a_control(values: dict[str, float], words: str) -> None:
    with pytest.raises(RequestError, match=words):
        Control(name="x", sha256="0", **values)


def test_each_control_needs_its_map() -> None:
    with pytest.raises(RequestError, match="controls: 1, and 0 maps"):
        TextToImage(prompt="x", controls=(NAMED,))
