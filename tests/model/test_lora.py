"""LoRA beside the transformer: equal to diffusers with PEFT, whatever program wrote the file; and
diffusers reads ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from model.checkpoint.save import save_lora
from model.lora import linears
from tests import loras
from tests.loras import Pair

FORWARD = 1e-5

pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("ignore")]


def close(ours: Tensor, reference: Tensor) -> None:
    assert ours.shape == reference.shape
    assert (ours - reference).abs().max().item() <= FORWARD


# --- theirs in ours ---------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", loras.DIALECTS)
def test_every_dialect_gives_what_the_reference_gives(
    lora_pair: Pair, dialect: str, tmp_path: Path
) -> None:
    pairs = loras.pairs(lora_pair.transformer)
    path = loras.write(loras.DIALECTS[dialect](pairs), tmp_path / "a.safetensors")
    theirs = path
    if dialect in loras.BEYOND_REFERENCE:
        theirs = loras.write(loras.DIALECTS["diffusers"](pairs), tmp_path / "b.safetensors")
    expected = lora_pair.expected(lambda pipeline: pipeline.load_lora_weights(theirs))
    close(lora_pair.found((lora_pair.read(path), 1.0)), expected)
    assert (expected - lora_pair.expected()).abs().max() > 0.01  # it does something


def test_two_stack_with_their_weights(lora_pair: Pair, tmp_path: Path) -> None:
    paths = [
        loras.write(
            loras.DIALECTS[dialect](loras.pairs(lora_pair.transformer, rank=rank, seed=rank)),
            tmp_path / f"{rank}.safetensors",
        )
        for dialect, rank in (("diffusers", 2), ("kohya", 5))
    ]

    def load(pipeline: Any) -> None:
        for name, path in zip(("first", "second"), paths, strict=True):
            pipeline.load_lora_weights(path, adapter_name=name)
        pipeline.set_adapters(["first", "second"], [0.7, -0.4])

    first, second = map(lora_pair.read, paths)
    close(lora_pair.found((first, 0.7), (second, -0.4)), lora_pair.expected(load))


@pytest.mark.parametrize("is_rank_stabilised", [False, True])
@pytest.mark.parametrize("is_prefixed", [False, True])
def test_alpha_from_the_settings_that_diffusers_writes(
    lora_pair: Pair, is_rank_stabilised: bool, is_prefixed: bool, tmp_path: Path
) -> None:
    from diffusers import QwenImagePipeline
    from peft import LoraConfig
    from peft.utils import get_peft_model_state_dict

    transformer = lora_pair.reference.transformer
    config = LoraConfig(
        r=4,
        lora_alpha=6,
        rank_pattern={"txt_mlp.net.2": 2, "^transformer_blocks.0.attn.to_v": 3},
        alpha_pattern={"to_k": 1, "transformer_blocks.1.attn.to_q": 9},
        target_modules=["to_q", "to_k", "to_v", "txt_mlp.net.2", "img_mod.1"],
        use_rslora=is_rank_stabilised,
        init_lora_weights=False,
    )
    torch.manual_seed(3)
    transformer.add_adapter(config)
    if is_prefixed:
        QwenImagePipeline.save_lora_weights(
            tmp_path,
            get_peft_model_state_dict(transformer, adapter_name="default"),
            transformer_lora_adapter_metadata=transformer.peft_config["default"].to_dict(),
        )
    else:
        transformer.save_lora_adapter(tmp_path)
    (path,) = tmp_path.iterdir()
    close(lora_pair.found((lora_pair.read(path), 1.0)), lora_pair.expected(lambda _: None))


def test_alpha_in_tensors_and_settings_multiply_as_in_the_reference(
    lora_pair: Pair, tmp_path: Path
) -> None:
    name = "transformer_blocks.1.attn.to_k"
    some = {name: loras.pairs(lora_pair.transformer)[name]}
    rank = some[name][0].shape[0]
    settings = {"transformer.r": rank, "transformer.lora_alpha": 2.5 * rank}
    settings["transformer.target_modules"] = [name]  # type: ignore[assignment]
    tensors = loras.DIALECTS["Lightning"](some)
    path = tmp_path / "a.safetensors"
    loras.write(tensors, path, lora_adapter_metadata=json.dumps(settings))
    expected = lora_pair.expected(lambda pipeline: pipeline.load_lora_weights(path))
    close(lora_pair.found((lora_pair.read(path), 1.0)), expected)


# --- LoKr -------------------------------------------------------------------------------------

LOKR_FORMS = {
    "full": ((4, 2), None, None, False),
    "right factored": ((4, 2), None, 3, False),
    "left factored": ((2, 4), 1, None, False),
    "both factored": ((4, 4), 2, 3, False),
    "right with a core": ((2, 2), None, 3, True),
}


def lokr(shape: tuple[int, int], form: str, seed: int) -> tuple[dict[str, Tensor], Tensor]:
    """Tensors by ending, and the whole delta that they stand for when alpha is 2."""
    (a, b), left_rank, right_rank, has_core = LOKR_FORMS[form]
    generator = torch.Generator().manual_seed(seed)
    c, d = shape[0] // a, shape[1] // b

    def draw(*shape: int) -> Tensor:
        return 0.4 * torch.randn(*shape, generator=generator, dtype=torch.float64)

    w1_a, w1_b = draw(a, left_rank or 1), draw(left_rank or 1, b)
    w2_a, w2_b, core = draw(c, right_rank or 1), draw(right_rank or 1, d), draw(3, 3)
    w1 = w1_a @ w1_b if left_rank else draw(a, b)
    w2 = draw(c, d)
    if right_rank:
        w2 = w2_a @ core @ w2_b if has_core else w2_a @ w2_b
    tensors = {"lokr_w1_a": w1_a, "lokr_w1_b": w1_b} if left_rank else {"lokr_w1": w1}
    if right_rank and has_core:
        tensors |= {"lokr_w2_a": w2_a.T, "lokr_w2_b": w2_b, "lokr_t2": core[:, :, None, None]}
    elif right_rank:
        tensors |= {"lokr_w2_a": w2_a, "lokr_w2_b": w2_b}
    else:
        tensors |= {"lokr_w2": w2}
    rank = right_rank or left_rank
    whole = torch.kron(w1, w2) * (2 / rank if rank else 1.0)
    return {k: v.float().contiguous() for k, v in tensors.items()}, whole


@pytest.mark.parametrize("form", LOKR_FORMS)
@pytest.mark.parametrize("prefix", ["transformer.", "lycoris_"])
def test_lokr_is_the_kronecker_product(
    lora_pair: Pair, form: str, prefix: str, tmp_path: Path
) -> None:
    tensors: dict[str, Tensor] = {}
    wholes: dict[str, Tensor] = {}
    for seed, (name, shape) in enumerate(linears(lora_pair.transformer).items()):
        if not name.startswith("transformer_blocks"):
            continue
        parts, wholes[name] = lokr(shape, form, seed)
        written = prefix + (name.replace(".", "_") if prefix == "lycoris_" else name)
        tensors |= {f"{written}.{ending}": tensor for ending, tensor in parts.items()}
        tensors[f"{written}.alpha"] = torch.tensor(2.0)
    deltas = lora_pair.read(loras.write(tensors, tmp_path / "a.safetensors"))
    for name, whole in wholes.items():
        x = torch.randn(2, 3, whole.shape[1])
        expected = x.double() @ whole.T
        close(deltas[name](x) * deltas[name].scale, expected.float())
    before = {k: v.clone() for k, v in lora_pair.transformer.state_dict().items()}
    merged = {f"{name}.weight": whole.float() for name, whole in wholes.items()}
    lora_pair.transformer.load_state_dict({k: v + merged.get(k, 0) for k, v in before.items()})
    expected = lora_pair.found()
    lora_pair.transformer.load_state_dict(before)
    assert (lora_pair.found((deltas, 1.0)) - expected).abs().max() <= 1e-4


@pytest.mark.parametrize("has_settings", [False, True])
def test_lokr_of_peft(lora_pair: Pair, has_settings: bool, tmp_path: Path) -> None:
    from peft import LoKrConfig

    transformer = lora_pair.reference.transformer
    config = LoKrConfig(
        r=2,
        alpha=5 if has_settings else 2,
        target_modules=["to_q", "img_mlp.net.2"],
        decompose_both=True,
        decompose_factor=4,
        init_weights=False,
    )
    torch.manual_seed(4)
    transformer.add_adapter(config)
    transformer.save_lora_adapter(tmp_path)
    (path,) = tmp_path.iterdir()
    if not has_settings:
        loras.write(loras.read(path), path)
    close(lora_pair.found((lora_pair.read(path), 1.0)), lora_pair.expected(lambda _: None))


# --- ours in theirs ---------------------------------------------------------------------------


def test_ours_loads_in_the_reference(lora_pair: Pair, tmp_path: Path) -> None:
    from diffusers.loaders.lora_conversion_utils import (
        _convert_non_diffusers_qwen_lora_to_diffusers,
    )

    kohya = loras.DIALECTS["kohya"](loras.pairs(lora_pair.transformer, seed=8))
    deltas = lora_pair.read(loras.write(kohya, tmp_path / "kohya.safetensors"))
    path = tmp_path / "ours.safetensors"
    path.write_bytes(b"an older one")
    save_lora(deltas, path, dtype=torch.float32, metadata={"modelspec.trigger_phrase": "ink"})
    assert sorted(p.name for p in tmp_path.iterdir()) == ["kohya.safetensors", "ours.safetensors"]
    plain = {k.removeprefix("transformer."): v for k, v in loras.read(path).items()}
    converted = _convert_non_diffusers_qwen_lora_to_diffusers(dict(plain))
    assert converted.keys() == {f"transformer.{name}" for name in plain}
    expected = lora_pair.found((deltas, 1.0))
    close(lora_pair.expected(lambda pipeline: pipeline.load_lora_weights(path)), expected)
    close(lora_pair.found((lora_pair.read(path), 1.0)), expected)
