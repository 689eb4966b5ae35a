"""Models whose weights stay packed: by their file, or by the scheme they are loaded with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from model import loader
from model.bench import tiny, tiny21
from model.checkpoint.lora_folders import LoraFolders
from model.checkpoint.save import save_lora
from model.errors import OutOfMemory
from model.lora import Delta, linears
from model.memory.savings import Savings
from model.quantize.linear import QuantLinear
from model.quantize.schemes import SCHEMES
from model.recipes import recipe_model, to_recipe
from model.requests import ModelIdentity, RequestError, TextToImage
from tests import packed

WEIGHTS = "transformer/diffusion_pytorch_model.safetensors"
SIZE = tiny.Tiny(pipeline=tiny.TEXT, axes=(16, 8, 8), layers=1)
POSTER = TextToImage(prompt="ink", width=64, height=64, steps=2, seed=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write(SIZE, tmp_path_factory.mktemp("models") / "qwen-image-base")


def blocks_linears(network: nn.Module) -> set[str]:
    return {name for name in linears(network) if name.startswith("transformer_blocks.")}


@pytest.mark.parametrize("name", SCHEMES)
def test_packed_while_loading(name: str, folder: Path) -> None:
    model = loader.load(folder, quantization=name)
    found = model.networks.transformer
    kept = packed.schemes_of(found)
    assert kept.keys() == blocks_linears(found)
    assert len(set(kept.values())) == 1
    state = load_file(folder / WEIGHTS)
    for key, tensor in packed.numbers_of(found).items():
        whole = state[key].float()
        if key.removesuffix(".weight") in kept and key.endswith(".weight"):
            assert torch.equal(tensor, SCHEMES[name].pack(whole).dequantise("cpu"))
        else:
            assert torch.equal(tensor, whole)  # embedders, norms, biases, the final layer
    pixels = model.run(POSTER).pictures[0].data
    assert pixels != loader.load(folder).run(POSTER).pictures[0].data
    assert pixels == loader.load(folder, quantization=name).run(POSTER).pictures[0].data


def test_a_packed_file_takes_the_memory_that_it_saved(folder: Path, tmp_path: Path) -> None:
    state, _ = packed_file(folder, tmp_path / "qwen-image.safetensors")
    model = loader.load(tmp_path / "qwen-image.safetensors", places=[folder])
    network = model.networks.transformer
    held = {*network.parameters(), *network.buffers()}
    stored = sum(t.nbytes for key, t in state.items() if not key.endswith("comfy_quant"))
    assert sum(tensor.nbytes for tensor in held) == stored


def packed_file(folder: Path, path: Path) -> tuple[packed.Tensors, packed.Tensors]:
    """The transformer with its blocks in int8, and its numbers."""
    state, expected = load_file(folder / WEIGHTS), {}
    for name in [n for n in state if n.startswith("transformer_blocks.") and state[n].ndim == 2]:
        tensors, expected[name] = packed.rotated_int8(state.pop(name), 64)
        module = name.removesuffix(".weight")
        state |= {f"{module}.{end}": tensor.clone() for end, tensor in tensors.items()}
    save_file(state, path)
    return state, expected


def test_a_packed_file_may_be_packed_anew(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "qwen-image.safetensors"
    _, numbers = packed_file(folder, path)
    again = loader.load(path, places=[folder], quantization="int4").networks.transformer
    assert set(packed.schemes_of(again).values()) == {"W4A8"}
    found = packed.numbers_of(again)
    for name, tensor in numbers.items():
        assert torch.equal(found[name], SCHEMES["int4"].pack(tensor).dequantise("cpu"))
    as_it_is = loader.load(path, places=[folder], quantization="int8").networks.transformer
    found = packed.numbers_of(as_it_is)
    assert all(torch.equal(found[name], tensor) for name, tensor in numbers.items())


def test_a_fused_weight_stays_packed_for_both(tmp_path: Path) -> None:
    """2.1 in one file has its gate and projection in one weight."""
    whole = tmp_path / "two-one"
    tiny21.write_with_diffusers(tiny21.Tiny21(), whole, shard="10GB")
    state, expected = load_file(whole / WEIGHTS), {}
    for name in [name for name in state if name.endswith(".img_mlp.gate_layer.weight")]:
        module = name.removesuffix(".gate_layer.weight")
        rows = torch.cat([state.pop(name), state.pop(f"{module}.proj.weight")])
        tensors, numbers = packed.rotated_int8(rows, 16)
        expected[name], expected[f"{module}.proj.weight"] = numbers.chunk(2)
        state |= {f"{module}.gate_up.{end}": t.clone() for end, t in tensors.items()}
    path = tmp_path / "qwen_image_2.1.safetensors"
    save_file({f"model.diffusion_model.{k}": v for k, v in state.items()}, path)
    model = loader.load(path, places=[whole], accepted=["Qwen Research License"])
    network = model.networks.transformer
    assert {f"{name}.weight" for name in packed.schemes_of(network)} == expected.keys()
    found = packed.numbers_of(network)
    assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_loras_work_beside_packed_weights(dtype: str, folder: Path, tmp_path: Path) -> None:
    whole = loader.load(folder).networks.transformer
    deltas = {
        name: Delta(chain=(0.2 * torch.randn(rows, 2), 0.2 * torch.randn(2, columns)))
        for name, (rows, columns) in linears(whole).items()
    }
    save_lora(deltas, tmp_path / "style.safetensors", dtype=torch.float32)
    loras = LoraFolders([tmp_path])
    use = loras.add(tmp_path / "style.safetensors")
    model = loader.load(folder, quantization="int4", dtype=dtype, lora_folders=loras)
    before = {k: v.clone() for k, v in model.networks.transformer.state_dict().items()}
    plain = model.run(POSTER).pictures[0].data
    styled = model.run(replace(POSTER, loras=(use,))).pictures[0].data
    assert styled != plain
    after = model.networks.transformer.state_dict()
    assert all(torch.equal(after[k].float(), before[k].float()) for k in before)
    assert model.run(POSTER).pictures[0].data == plain


def test_the_identity_tells(folder: Path) -> None:
    whole, packed_model = loader.load(folder), loader.load(folder, quantization="fp8")
    assert whole.identity.quantization == ""
    assert replace(whole.identity, quantization="fp8") == packed_model.identity
    recipe = to_recipe(POSTER, packed_model.identity)
    assert recipe["model"]["quantization"] == "fp8"
    assert recipe_model(recipe) == packed_model.identity
    assert "quantization" not in to_recipe(POSTER, whole.identity)["model"]
    assert recipe_model(to_recipe(POSTER, whole.identity)) == whole.identity


@pytest.mark.parametrize("model", [3, {}, {"name": "a", "sha256": "b"}])
def test_recipes_that_name_no_model(model: object) -> None:
    with pytest.raises(RequestError, match="its model"):
        recipe_model(to_recipe(POSTER) | {"model": model})
    whole = {"name": "a", "sha256": "b", "licence": "c"}
    with pytest.raises(RequestError, match="its model"):
        recipe_model(to_recipe(POSTER) | {"model": whole | {"quantization": 8}})
    assert recipe_model(to_recipe(POSTER) | {"model": whole}) == ModelIdentity(**whole)


def test_what_is_needed_is_known_before(folder: Path, tmp_path: Path) -> None:
    """To the byte, but for the words of a packed file and the scales of what is packed now."""
    packed_file(folder, tmp_path / "qwen-image.safetensors")
    for path in (folder, tmp_path / "qwen-image.safetensors"):
        for scheme in (None, "int8", "int4"):
            for dtype in ("float32", "bfloat16"):
                model = loader.load(path, places=[folder], quantization=scheme, dtype=dtype)
                parts = model.networks.transformer, model.networks.vae, model.networks.text_encoder
                held = sum(t.nbytes for m in parts for t in (*m.parameters(), *persistent(m)))
                assert model.reserve is not None
                foretold = model.reserve.planner.weight_bytes(Savings())
                if path is folder and scheme is None:
                    assert foretold == held
                assert foretold == pytest.approx(held, rel=1 / 8)
    with pytest.raises(OutOfMemory, match="--quantization int4"):
        loader.load(folder, budget_bytes=10**6)


def persistent(network: nn.Module) -> list[torch.Tensor]:
    """The parts of packed weights."""
    kept = [m for m in network.modules() if isinstance(m, QuantLinear)]
    return [part for module in kept for part in module.packed.parts]
