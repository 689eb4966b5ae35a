"""Loading and running tiny models: what a folder may hold, what a run may ask, and stopping."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from model import loader
from model.bench import tiny
from model.checkpoint.safetensors_files import TensorFile
from model.errors import ModelError, NotFinite, OutOfMemory, Stopped
from model.memory.prompts import PromptCache
from model.pictures import fit_area
from model.pipelines.inputs import Networks
from model.preview import Preview, chart
from model.requests import Edit, ModelIdentity, Picture, Request, RequestError, TextToImage

POSTER = TextToImage(prompt="a red poster", steps=2, guidance=1.0, seed=4)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write(tiny.Tiny(), tmp_path_factory.mktemp("models") / "tiny-edit")


@pytest.fixture(scope="session")
def model(folder: Path) -> loader.Model:
    return loader.load(folder)


def flat(width: int, height: int, mode: str = "RGB") -> Picture:
    channels = {"L": 1, "RGB": 3, "RGBA": 4}[mode]
    return Picture(
        width=width, height=height, mode=mode, data=b"\x80" * (width * height * channels)
    )


def copy_of(folder: Path, target: Path) -> Path:
    for file in folder.rglob("*"):
        if file.is_file():
            place = target / file.relative_to(folder)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(file.read_bytes())
    return target


def change_json(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    values = json.loads(path.read_text(encoding="utf-8"))
    change(values)
    path.write_text(json.dumps(values), encoding="utf-8")


# --- what it is -------------------------------------------------------------------------------


def test_description(model: loader.Model, folder: Path) -> None:
    described = model.describe()
    assert described == loader.describe(folder)
    assert described.name == "tiny-edit"
    assert described.sizes == ((64, 64), (128, 64))
    assert (described.steps, described.guidance) == (3, 3.0)
    assert described.notice == "tiny random model"
    assert described.size_multiple == 8
    pictures = ("text_to_image", "image_to_image", "inpaint", "outpaint")
    assert described.tasks == (*pictures, "edit", "reconstruct")
    assert described.problem == ""


def test_description_of_a_damaged_folder(folder: Path, tmp_path: Path) -> None:
    broken = copy_of(folder, tmp_path / "broken")
    (broken / "vae/config.json").write_text("{", encoding="utf-8")
    described = loader.describe(broken)
    assert "vae/config.json" in described.problem
    assert described.name == "broken"


def test_available_models(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "no model").mkdir()
    found = loader.available([folder.parent, tmp_path, tmp_path / "not there", folder])
    assert found == (folder,)


def test_text_to_image_folder_cannot_edit(tmp_path: Path) -> None:
    model = loader.load(tiny.write(tiny.Tiny(pipeline=tiny.TEXT), tmp_path / "text"))
    assert "edit" not in model.tasks
    assert {"text_to_image", "inpaint"} <= set(model.tasks)
    with pytest.raises(RequestError, match="cannot edit"):
        model.run(Edit(prompt="blue", images=(flat(32, 32),)))


def test_identity_follows_the_files(folder: Path, model: loader.Model, tmp_path: Path) -> None:
    same = copy_of(folder, tmp_path / "same")
    assert loader.load(same).identity.sha256 == model.identity.sha256
    weights = same / "vae/diffusion_pytorch_model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    assert loader.load(same).identity.sha256 != model.identity.sha256


def test_shards_give_the_same_pictures(model: loader.Model, tmp_path: Path) -> None:
    sharded = loader.load(tiny.write(tiny.Tiny(), tmp_path / "sharded", shard_bytes=20_000))
    assert len(list((tmp_path / "sharded/transformer").glob("*.safetensors"))) > 3
    assert sharded.run(POSTER).pictures == model.run(POSTER).pictures


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_types_of_number(folder: Path, dtype: str) -> None:
    model = loader.load(folder, dtype=dtype)
    assert model.networks.dtype == loader.DTYPES[dtype]
    (picture,) = model.run(POSTER).pictures
    assert (picture.width, picture.height) == (64, 64)


def test_choices_that_there_are_not(folder: Path) -> None:
    with pytest.raises(ModelError, match="device 'tpu'"):
        loader.load(folder, device="tpu")
    with pytest.raises(ModelError, match="dtype 'int3'"):
        loader.load(folder, dtype="int3")
    with pytest.raises(ModelError, match="quantization 'int3' is not one of int8, fp8, int4"):
        loader.load(folder, quantization="int3")
    with pytest.raises(OutOfMemory, match=r"needs .* MB"):
        loader.load(folder, budget_bytes=1000)


# --- runs -------------------------------------------------------------------------------------


def test_result_makes_itself_again(model: loader.Model) -> None:
    result = model.run(TextToImage(prompt="three", count=3, seed=7, steps=2))
    assert [request.seed for request in result.requests] == [7, 8, 9]
    assert len(set(result.pictures)) == 3
    for picture, request in zip(result.pictures, result.requests, strict=True):
        assert request.count == 1
        assert (request.width, request.height, request.guidance) == (64, 64, 3.0)
        assert model.run(request).pictures == (picture,)


def test_guidance_and_negative_prompt_change_the_picture(model: loader.Model) -> None:
    pictures = {
        model.run(TextToImage(prompt="p", steps=2, guidance=g, negative=n)).pictures
        for g, n in ((None, None), (1.0, None), (3.0, "blue"))
    }
    assert len(pictures) == 3


@pytest.mark.parametrize(
    ("asked", "made"), [((64, 64), (64, 64)), ((71, 39), (64, 32)), ((16, 130), (16, 128))]
)
def test_sizes_are_floored(
    model: loader.Model, asked: tuple[int, int], made: tuple[int, int]
) -> None:
    request = TextToImage(prompt="p", width=asked[0], height=asked[1], steps=1, guidance=1.0)
    (picture,) = model.run(request).pictures
    assert (picture.width, picture.height) == made


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
@pytest.mark.parametrize(
    ("given", "made"), [((64, 64), (64, 64)), ((40, 90), (32, 96)), ((1, 1), (64, 64))]
)
def test_an_edit_has_the_models_own_size(
    model: loader.Model, mode: str, given: tuple[int, int], made: tuple[int, int]
) -> None:
    (picture,) = model.run(Edit(prompt="p", images=(flat(*given, mode),), steps=1)).pictures
    assert (picture.width, picture.height) == made


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [
        (1000, 1000, (1024, 1024)),
        (1200, 900, (1184, 896)),
        (1600, 900, (1376, 768)),
        (300, 200, (1248, 832)),
    ],
)
def test_fit_area(width: int, height: int, expected: tuple[int, int]) -> None:
    assert fit_area(1024 * 1024, width, height) == expected


def test_too_narrow_pictures(model: loader.Model) -> None:
    with pytest.raises(RequestError, match="narrow"):
        fit_area(1024 * 1024, 1, 200)
    with pytest.raises(RequestError, match="as long as wide"):
        model.networks.text_encoder.encode(["p"], [Image.new("RGB", (28, 6000))])


@pytest.mark.parametrize(
    ("request_", "match"),
    [
        (Edit(prompt="p", images=(flat(8, 8),) * 2), "this model takes 1"),
        (Edit(prompt="<|image_pad|>", images=(flat(8, 8),)), "leave it out"),
        (Edit(prompt="x" * 5000, images=(flat(8, 8),)), "tokens; at most"),
    ],
)
def test_requests_this_model_cannot_run(model: loader.Model, request_: Request, match: str) -> None:
    with pytest.raises(RequestError, match=match):
        model.run(request_)


def test_progress_and_previews(model: loader.Model) -> None:
    seen: list[tuple[int, int, Picture | None]] = []
    request = TextToImage(prompt="p", count=2, steps=3, guidance=1.0, width=96, height=32)
    model.run(request, lambda *report: seen.append(report))
    assert [(step, total) for step, total, _ in seen] == [(k, 6) for k in range(1, 7)]
    assert all(preview is not None and preview.width == 3 * preview.height for *_, preview in seen)


def test_stop_takes_effect_within_a_block(folder: Path) -> None:
    """However late the stop comes, at most one more block is entered after it."""
    model = loader.load(folder, prompts=PromptCache(0))
    polls = 0

    def count() -> bool:
        nonlocal polls
        polls += 1
        return False

    request = Edit(prompt="p", images=(flat(32, 32),), steps=2, guidance=3.0)
    model.run(request)  # what is computed once polls once
    model.run(request, should_stop=count)
    networks = model.networks
    blocks = (
        2 * 2 * len(networks.transformer.transformer_blocks)
        + 2 * len(networks.text_encoder.network.language_model.layers)
        + 2 * len(networks.text_encoder.network.visual.blocks)
        + len(networks.vae.encoder.down_blocks)
        + len(networks.vae.decoder.up_blocks)
    )
    assert polls > blocks
    for limit in range(1, polls + 1, 7):
        assert polls_until_stop(model, request, limit) == limit


def polls_until_stop(model: loader.Model, request: Request, limit: int) -> int:
    polls = 0

    def stop_at_limit() -> bool:
        nonlocal polls
        polls += 1
        return polls >= limit

    with pytest.raises(Stopped):
        model.run(request, should_stop=stop_at_limit)
    return polls


def test_a_stopped_model_runs_again(model: loader.Model) -> None:
    expected = model.run(POSTER).pictures
    with pytest.raises(Stopped):
        model.run(POSTER, should_stop=lambda: True)
    assert model.run(POSTER).pictures == expected


@pytest.mark.parametrize("part", ["transformer", "vae"])
def test_weights_that_are_no_numbers(folder: Path, tmp_path: Path, part: str) -> None:
    damaged = copy_of(folder, tmp_path / "nan")
    weights = damaged / part / "diffusion_pytorch_model.safetensors"
    with TensorFile.open(weights) as file:
        name = {"transformer": "proj_out.bias", "vae": "decoder.conv_out.bias"}[part]
        entry = next(e for e in file.entries if e.name == name)
        total = file.entries[-1].end
    data = bytearray(weights.read_bytes())
    start = len(data) - total + entry.begin
    data[start : start + 4] = np.float32("nan").tobytes()
    weights.write_bytes(data)
    with pytest.raises(NotFinite, match="not finite"):
        loader.load(damaged).run(POSTER)


def test_a_model_of_live_networks(model: loader.Model) -> None:
    """Training shows its progress with the very modules that it trains."""
    transformer, vae, network = tiny.networks(tiny.Tiny())
    encoder = model.networks.text_encoder
    live = Networks(
        row=model.row,
        transformer=transformer,
        vae=vae,
        text_encoder=type(encoder)(network, encoder.tokenizer, encoder.image_config, model.row),
        scheduler=model.networks.scheduler,
    )
    identity = ModelIdentity(name="step 100", sha256="", licence="Apache-2.0")
    result = loader.Model(live, identity).run(POSTER)
    assert result.pictures == model.run(POSTER).pictures
    assert result.model.name == "step 100"
    assert transformer.proj_out.weight.requires_grad


def test_text_encoder_can_be_trained(model: loader.Model) -> None:
    _, _, network = tiny.networks(tiny.Tiny())
    ours = model.networks.text_encoder
    encoder = type(ours)(network, ours.tokenizer, ours.image_config, ours.row)
    text = encoder.encode(["red", "a longer prompt"])
    assert text.valid is not None
    text.states[text.valid].sum().backward()
    assert network.language_model.layers[0].mlp.up_proj.weight.grad is not None


# --- previews ---------------------------------------------------------------------------------


def test_a_preview_is_the_linear_map_of_a_linear_vae() -> None:
    """For a VAE that only averages, latents are pixels, and the preview must find them back."""

    class Averaging:
        config = tiny.Tiny(z=5, mult=(1, 1), temporal=(False,)).vae
        post_quant_conv = torch.nn.Conv2d(5, 5, 1)

        def encode(self, pixels: torch.Tensor) -> torch.Tensor:
            small = torch.nn.functional.avg_pool2d(pixels, 2)
            return torch.cat([small, small[:, :2]], dim=1)

    vae: Any = Averaging()
    pixels = chart(64)
    smooth = torch.nn.functional.interpolate(
        torch.nn.functional.avg_pool2d(pixels, 8), size=(64, 64), mode="bilinear"
    )
    shown = Preview(vae)(vae.encode(smooth))
    assert shown.shape == (1, 3, 64, 64)
    assert (shown - (smooth * 0.5 + 0.5)).abs().mean() < 0.01


def test_previews_stay_small() -> None:
    _, vae, _ = tiny.networks(tiny.Tiny())
    assert Preview(vae)(torch.zeros(1, 8, 10, 300)).shape == (1, 3, 10, 300)
    assert Preview(vae)(torch.zeros(1, 8, 10, 30)).shape == (1, 3, 40, 120)
