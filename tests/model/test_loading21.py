"""Qwen-Image-2.1 from its folder: recognised, refused where it does not fit, and only with its
licence accepted."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from model import loader
from model.bench import tiny21
from model.config import FAMILIES
from model.errors import CheckpointError, LicenceNotAccepted
from model.prefix import prefix_runs
from model.requests import (
    Control,
    Edit,
    ImageToImage,
    Picture,
    Request,
    RequestError,
    TextToImage,
)
from model.rope import Grid

pytestmark = pytest.mark.filterwarnings("ignore")

LICENCE = "Qwen Research License"
GREY = Picture(width=32, height=32, mode="L", data=bytes(32 * 32))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("two-one")
    tiny21.write_with_diffusers(tiny21.Tiny21(), path)
    return path


@pytest.fixture(scope="module")
def model(folder: Path) -> loader.Model:
    return loader.load(folder, accepted=(LICENCE,))


def test_the_licence_is_accepted_first(folder: Path) -> None:
    with pytest.raises(LicenceNotAccepted, match=r"Qwen-Image-2\.1 is under the Qwen Research"):
        loader.load(folder)
    with pytest.raises(LicenceNotAccepted):
        loader.load(folder, accepted=("another",))


def test_every_result_carries_the_licence(model: loader.Model) -> None:
    result = model.run(TextToImage(prompt="x", width=32, height=32, steps=1))
    assert result.model.licence == LICENCE
    assert result.pictures[0].mode == "RGBA"


def test_description(folder: Path, model: loader.Model) -> None:
    found = loader.describe(folder)
    assert not found.problem
    assert not found.is_commercial
    assert found.tasks == ("text_to_image", "edit", "reconstruct", "polish", "caption")
    assert (found.size_multiple, found.steps, found.guidance) == (32, 40, 1.0)
    assert model.describe() == found


def test_only_2_1_is_not_for_commerce() -> None:
    private = {row.name for row in FAMILIES if not row.is_commercial}
    assert private == {"Qwen-Image-2.1", "Qwen-Image-2.1-Turbo"}


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (Edit(prompt="x", images=(GREY,) * 11), "images: 11 given; this model takes 10"),
        (ImageToImage(prompt="x", image=GREY), "task: this model does not know"),
        (
            TextToImage(prompt="x", controls=(Control(name="c", sha256="0" * 64),), maps=(GREY,)),
            "control: there is no ControlNet for this model",
        ),
        (TextToImage(prompt="a <|image_pad|>"), "prompt: <|image_pad|> marks a picture's place"),
        (
            Edit(prompt="a <|vision_start|>", images=(GREY,)),
            "prompt: <|vision_start|> marks a picture's place",
        ),
        (TextToImage(prompt="x" * 9000, width=32, height=32), "prompt: 90"),
    ],
    ids=["eleven", "task", "control", "pad", "start", "long"],
)
def test_requests_that_it_refuses(model: loader.Model, request_: Request, words: str) -> None:
    with pytest.raises(RequestError) as refused:
        model.run(request_)
    assert words in str(refused.value)


def test_sizes_are_whole_slots(model: loader.Model) -> None:
    (made,) = model.run(TextToImage(prompt="x", width=70, height=47, steps=1)).requests
    assert (made.width, made.height) == (64, 32)


def change(name: str, **values: Any) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        path = folder / name
        path.write_text(json.dumps(json.loads(path.read_text()) | values))

    return apply


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (change("transformer/config.json", patch_size=2), "patch_size is 2: only 1 is supported"),
        (change("transformer/config.json", causal_condition=False), "causal_condition is False"),
        (change("transformer/config.json", num_layers=3), "missing: transformer_blocks.2"),
        (change("vae/config.json", is_residual=False), "is_residual is False"),
        (change("vae/config.json", dim_mult=[1, 3, 2, 2, 2]), "do not fold into the next"),
        (change("vae/config.json", _class_name="AutoencoderKLQwenImage"), "is for"),
        (change("text_encoder/config.json", model_type="qwen2_5_vl"), "is not qwen3_vl"),
        (change("model_index.json", processor=["transformers", "Other"]), "processor is"),
        (change("model_index.json", sample_sigmas=[0.5, 0.8]), "sample_sigmas must fall"),
        (change("model_index.json", sample_sigmas="all"), "which is no list"),
    ],
)
def test_folders_that_it_refuses(
    folder: Path, tmp_path: Path, spoil: Callable[[Path], None], words: str
) -> None:
    copied = tmp_path / "model"
    shutil.copytree(folder, copied)
    spoil(copied)
    with pytest.raises(CheckpointError) as refused:
        loader.load(copied, accepted=(LICENCE,))
    assert words in str(refused.value)


def test_image_settings_of_newer_folders(folder: Path, tmp_path: Path, model: loader.Model) -> None:
    """transformers 5 keeps the image processor's settings inside `processor_config.json`."""
    copied = tmp_path / "model"
    shutil.copytree(folder, copied)
    settings = copied / "processor/preprocessor_config.json"
    whole = {"image_processor": json.loads(settings.read_text())}
    (copied / "processor/processor_config.json").write_text(json.dumps(whole))
    settings.unlink()
    found = loader.load(copied, accepted=(LICENCE,))
    assert found.networks.text_encoder.image_config == model.networks.text_encoder.image_config
    assert found.identity.sha256 != model.identity.sha256


@pytest.mark.parametrize(
    ("slots", "grids"),
    [
        ("..##", []),
        ("....", [(1, 2, 2)]),
        ("..##", [(1, 2, 2)]),
        ("..#.", [(1, 2, 4)]),
        ("..##", [(1, 2, 4), (1, 2, 2)]),
    ],
)
def test_slots_that_are_not_those_of_the_references(slots: str, grids: list[Grid]) -> None:
    with pytest.raises(ValueError, match="slots"):
        prefix_runs([mark == "#" for mark in slots], grids)
