"""Text encoders whose weights stay packed: the states of their numbers, in few bits."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from model.bench import tiny
from model.bench.reference import noise_image
from model.loader import Model, load
from model.memory.savings import Savings
from model.quantize.linear import QuantLinear
from model.text_encoder.encoder import TextStates
from tests import packed

WEIGHTS = "text_encoder/model.safetensors"
SIZE = tiny.Tiny(text_width=64, mrope=(4, 6, 6))
STREAMED = Savings(streams_encoder=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write(SIZE, tmp_path_factory.mktemp("models") / "Qwen-Image-Edit")


def with_weights(folder: Path, path: Path, state: dict[str, Tensor]) -> Path:
    shutil.copytree(folder, path)
    save_file(state, path / WEIGHTS)
    return path


@pytest.fixture(scope="module", params=["scaled F8_E4M3", "rotated I8", "W4A8"])
def pair(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> tuple[Path, Path]:
    """A model whose text encoder is packed, and one with the numbers that it stands for."""
    few, numbers = {}, {}
    for name, weight in load_file(folder / WEIGHTS).items():
        few[name] = numbers[name] = weight
        if weight.ndim == 2 and weight.shape[1] % 16 == 0 and ".embed" not in name:
            tensors, numbers[name] = packed.SCHEMES[request.param](weight)
            del few[name]
            module = name.removesuffix(".weight")
            few |= {f"{module}.{end}": tensor.clone() for end, tensor in tensors.items()}
    place = tmp_path_factory.mktemp("pair")
    return (
        with_weights(folder, place / "few" / folder.name, few),
        with_weights(folder, place / "numbers" / folder.name, numbers),
    )


def states(model: Model) -> list[Tensor]:
    """Of a prompt, and of an instruction about a picture."""
    encoder, image = model.networks.text_encoder, noise_image(56, 56)
    found: list[TextStates] = [encoder.encode(["a poster"]), encoder.encode(["red"], [image])]
    return [each.states for each in found]


@torch.inference_mode()
def test_states_are_those_of_its_numbers(pair: tuple[Path, Path]) -> None:
    few, numbers = pair
    expected = states(load(numbers))
    model = load(few, savings=Savings())
    resident, streamed = states(model), states(load(few, savings=STREAMED))
    for found, same, numbered in zip(resident, streamed, expected, strict=True):
        assert torch.equal(found, same)
        # Where the weight is rotated, so is what it is multiplied with, in float32.
        torch.testing.assert_close(found, numbered, rtol=1e-5, atol=1e-5)
    schemes = packed.schemes_of(model.networks.text_encoder.network)
    assert {name.partition(".")[0] for name in schemes} == {"language_model", "visual"}
    assert all(".layers." in name or ".blocks." in name for name in schemes)


def test_it_takes_the_memory_that_it_saved(pair: tuple[Path, Path]) -> None:
    few, numbers = (load(path) for path in pair)
    taken = []
    for model in (few, numbers):
        taken.append(sum(t.nbytes for t in held(model.networks.text_encoder.network)))
        assert model.reserve is not None
        parts = (model.networks.transformer, model.networks.vae)
        others = sum(t.nbytes for part in parts for t in held(part))
        assert model.reserve.planner.weight_bytes(Savings()) == taken[-1] + others
    assert taken[0] < taken[1]


def held(network: nn.Module) -> list[Tensor]:
    kept = [m for m in network.modules() if isinstance(m, QuantLinear)]
    return [*network.parameters(), *(part for module in kept for part in module.packed.parts)]
