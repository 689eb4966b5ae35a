"""LoRA files that cannot be used: one clear error each, that says what is wrong. And what a file
says of itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch
from torch import Tensor

from model.bench.tiny import Tiny
from model.checkpoint.lora_files import check_base, read_lora, summarise
from model.checkpoint.lora_names import sort_names
from model.config import TransformerConfig
from model.errors import CheckpointError
from model.lora import linears
from model.transformer import Transformer
from tests import loras

NETWORK = Transformer(Tiny().transformer)
Q = "transformer_blocks.0.attn.to_q"
K = "transformer_blocks.1.attn.to_k"
Tensors = dict[str, Tensor]


def lora(*names: str, shape: tuple[int, int] = (32, 32), rank: int = 2) -> Tensors:
    """Bare PEFT names, all of one shape."""
    tensors: Tensors = {}
    for name in names:
        tensors[f"{name}.lora_A.weight"] = torch.ones(rank, shape[1])
        tensors[f"{name}.lora_B.weight"] = torch.ones(shape[0], rank)
    return tensors


def without(tensors: Tensors, *names: str) -> Tensors:
    return {name: tensor for name, tensor in tensors.items() if name not in names}


def refused(path: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        read_lora(path, NETWORK)
    text = str(caught.value)
    assert len(text) < 1500
    return text


def settings(**values: object) -> dict[str, str]:
    return {"lora_adapter_metadata": json.dumps({"r": 2, "lora_alpha": 4, **values})}


NAN = torch.tensor(float("nan"))
ONE = {f"{Q}.lokr_w1": torch.ones(2, 2), f"{Q}.lokr_w2": torch.ones(16, 16)}
REFUSALS: dict[str, tuple[Tensors, dict[str, str], str]] = {
    "no LoRA": ({f"{Q}.weight": torch.ones(32, 32)}, {}, "none of its 1 tensors is a LoRA's"),
    "half a pair": (without(lora(Q), f"{Q}.lora_B.weight"), {}, f"lacks up: {Q}"),
    "the other half": (without(lora(Q), f"{Q}.lora_A.weight"), {}, f"lacks down: {Q}"),
    "alpha alone": ({**lora(Q), f"{K}.alpha": torch.ones(())}, {}, f"lacks w1_a: {K}"),
    "ranks": (
        lora(Q) | {f"{Q}.lora_A.weight": torch.ones(3, 32)},
        {},
        f"[32, 2] and [3, 32] differ in rank: {Q}",
    ),
    "no rank": (lora(Q, rank=0), {}, "is no matrix"),
    "a scalar": (lora(Q) | {f"{Q}.lora_A.weight": torch.ones(())}, {}, "down of shape []"),
    "a convolution": (
        lora(Q) | {f"{Q}.lora_A.weight": torch.ones(2, 32, 1, 1)},
        {},
        "down of shape [2, 32, 1, 1]",
    ),
    "width": (lora(Q, shape=(48, 48)), {}, f"for [48, 48] instead of [32, 32]: {Q}"),
    "depth": (lora("transformer_blocks.7.attn.to_q"), {}, "not a linear of this model: trans"),
    "type": (
        {name: tensor.to(torch.int8) for name, tensor in lora(Q).items()},
        {},
        f"of type int8: {Q}",
    ),
    "a strange name": (lora(Q) | {f"{Q}.lora_C.weight": torch.ones(2)}, {}, "not known: "),
    "bias": (lora(Q) | {f"{Q}.lora_B.bias": torch.ones(32)}, {}, f"not known: {Q}.lora_B.bias"),
    "named in two ways": (
        lora(Q) | {f"lycoris_{k.replace(Q, Q.replace('.', '_'))}": v for k, v in lora(Q).items()},
        {},
        "named in two ways",
    ),
    "the same part twice": (
        lora(Q) | {f"{Q}.lora_down.weight": torch.ones(2, 32)},
        {},
        "are the same part",
    ),
    "NaN alpha": (lora(Q) | {f"{Q}.alpha": NAN}, {}, f"{Q}.alpha holds NaN"),
    "infinite value": (
        lora(Q) | {f"{Q}.lora_A.weight": torch.full((2, 32), float("inf"))},
        {},
        "holds NaN or infinity",
    ),
    "alpha of two": (lora(Q) | {f"{Q}.alpha": torch.ones(2)}, {}, "alpha of shape [2]"),
    "DoRA": (lora(Q) | {f"{Q}.dora_scale": torch.ones(32, 1)}, {}, "are DoRA (dora_scale)"),
    "DoRA of PEFT": (
        lora(Q) | {f"{Q}.lora_magnitude_vector": torch.ones(32)},
        {},
        "are DoRA (dora_scale)",
    ),
    "LoHa": ({f"{Q}.hada_w1_a": torch.ones(32, 2)}, {}, "are LoHa (hada_w)"),
    "difference": ({f"diffusion_model.{Q}.diff": torch.ones(32, 32)}, {}, "a full difference"),
    "text encoder, diffusers": (
        lora(Q) | lora("text_encoder.model.layers.0.self_attn.q_proj"),
        {},
        "2 of its tensors change the text encoder",
    ),
    "text encoder, kohya": (
        lora(Q) | lora("lora_te_model_layers_0_self_attn_q_proj"),
        {},
        "change the text encoder, which is not supported (lora_te_model",
    ),
    "text encoder alone": (lora("lora_te1_x"), {}, "change the text encoder"),
    "2.1 by name": (
        lora("transformer_blocks.0.img_mlp.gate_layer", shape=(12288, 4096)),
        {},
        "is for Qwen-Image-2.1, not for Qwen-Image 1.x",
    ),
    "2.1 fused, kohya": (
        lora("lora_unet_transformer_blocks_0_img_mlp_gate_up"),
        {},
        "is for Qwen-Image-2.1,",
    ),
    "2.1 by width": (
        lora("transformer.transformer_blocks.31.attn.to_q", shape=(4096, 4096)),
        {},
        "is for Qwen-Image-2.1 (width 4096)",
    ),
    "FLUX": (lora("transformer.single_transformer_blocks.3.attn.to_q"), {}, "is for FLUX"),
    "FLUX, kohya": (lora("lora_unet_double_blocks_0_img_attn_qkv"), {}, "is for FLUX"),
    "SDXL": (lora("lora_unet_down_blocks_1_attentions_0_proj_in"), {}, "is for Stable Diffusion"),
    "SDXL, diffusers": (lora("unet.up_blocks.0.attentions.0.proj_in"), {}, "Stable Diffusion"),
    "SD3": (lora("transformer_blocks.0.ff_context.net.2"), {}, "is for Stable Diffusion 3"),
    "Wan": (lora("diffusion_model.blocks.0.self_attn.q"), {}, "is for Wan"),
    "unknown": (lora("h.0.mlp.c_fc"), {}, "is for an unknown model, not for Qwen-Image 1.x"),
    "rank of the settings": (lora(Q), settings(r=8), f"rank 2, in its settings 8: {Q}"),
    "settings without sense": (lora(Q), settings(r=0), "r 0 and alpha 4 give no scale"),
    "settings with a text": (lora(Q), settings(lora_alpha="4"), "give no scale"),
    "settings that are no JSON": (
        lora(Q),
        {"lora_adapter_metadata": "{"},
        "lora_adapter_metadata: not valid JSON",
    ),
    "a pattern that could run long": (
        lora(Q),
        settings(alpha_pattern={"(a+)+$": 3}),
        "the pattern ['(a+)+$'] is not supported",
    ),
    "a pattern of texts": (lora(Q), settings(rank_pattern={"to_q": "2"}), "is not a table"),
    "LoKr, half": (without(ONE, f"{Q}.lokr_w2"), {}, f"lacks w2_a: {Q}"),
    "LoKr, both ways": (
        ONE | {f"{Q}.lokr_w2_a": torch.ones(16, 1)},
        {},
        f"has w2_a too much: {Q}",
    ),
    "LoKr, shape": (
        ONE | {f"{Q}.lokr_w1": torch.ones(4, 4)},
        {},
        f"for [64, 64] instead of [32, 32]: {Q}",
    ),
    "LoKr, left ranks": (
        without(ONE, f"{Q}.lokr_w1")
        | {f"{Q}.lokr_w1_a": torch.ones(2, 1), f"{Q}.lokr_w1_b": torch.ones(2, 2)},
        {},
        "differ in rank",
    ),
    "LoKr of a convolution": (
        without(ONE, f"{Q}.lokr_w2")
        | {
            f"{Q}.lokr_w2_a": torch.ones(1, 16),
            f"{Q}.lokr_w2_b": torch.ones(1, 16),
            f"{Q}.lokr_t2": torch.ones(1, 1, 3, 3),
        },
        {},
        "is a convolution's",
    ),
    "LoKr and LoRA": (ONE | lora(Q), {}, "has w1, w2 too much"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_refusals(name: str, tmp_path: Path) -> None:
    tensors, metadata, expected = REFUSALS[name]
    assert expected in refused(loras.write(tensors, tmp_path / "a.safetensors", **metadata))


def test_all_problems_are_listed_once_and_counted(tmp_path: Path) -> None:
    wrong = lora(*(f"transformer_blocks.{k}.attn.to_q" for k in range(2, 20)))
    text = refused(loras.write(lora(Q) | wrong, tmp_path / "a.safetensors"))
    assert "18 of its parts do not fit this model" in text
    assert text.count("not a linear of this model") == 8
    assert "and 10 more" in text


@pytest.mark.parametrize("kept", [0, 7, 100, -1, -3000])
def test_cut_off(kept: int, tmp_path: Path) -> None:
    path = loras.write(lora(Q), tmp_path / "a.safetensors")
    path.write_bytes(path.read_bytes()[:kept])
    assert "cut off" in refused(path)


def test_a_pickle_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    torch.save(lora(Q), path)
    assert "zip archive" in refused(path)
    assert "is missing" in refused(tmp_path / "absent.safetensors")


def test_what_is_read_is_hashed(tmp_path: Path) -> None:
    import hashlib

    path = loras.write(lora(Q, K), tmp_path / "a.safetensors")
    deltas, sha256 = read_lora(path, NETWORK)
    assert sorted(deltas) == [Q, K]
    assert sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_types_of_number(dtype: torch.dtype, tmp_path: Path) -> None:
    tensors = {name: tensor.to(dtype) for name, tensor in lora(Q).items()}
    tensors[f"{Q}.alpha"] = torch.tensor([8])
    deltas, _ = read_lora(loras.write(tensors, tmp_path / "a.safetensors"), NETWORK)
    assert (deltas[Q].scale, deltas[Q].chain[0].dtype) == (4.0, dtype)


# --- names ------------------------------------------------------------------------------------


def test_every_linear_of_the_published_network_has_one_flat_name() -> None:
    with torch.device("meta"):
        names = list(linears(Transformer(TransformerConfig())))
    assert len(names) == 846  # 14 in each of 60 blocks, 6 outside
    assert len({name.replace(".", "_") for name in names}) == len(names)
    for prefix in ("lora_unet_", "lycoris_"):
        found = sort_names(f"{prefix}{name.replace('.', '_')}.lora_down.weight" for name in names)
        assert found.other_base is None
        assert not found.strange
    for name in names:
        assert sort_names([f"transformer.{name}.lora_A.weight"]).other_base is None


# --- what it says of itself -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dialect", "expected"),
    [
        ("diffusers", "diffusers: lora_A/lora_B"),
        ("DiffSynth", "PEFT, DiffSynth or Lightning: lora_A.default"),
        ("Lightning", "PEFT, DiffSynth or Lightning: lora_down/lora_up"),
        ("ai-toolkit", "ai-toolkit or ComfyUI: lora_A/lora_B"),
        ("kohya", "kohya or musubi: lora_down/lora_up"),
        ("SimpleTuner", "SimpleTuner LyCORIS: lora_down/lora_up"),
    ],
)
def test_summary(dialect: str, expected: str, tmp_path: Path) -> None:
    pairs = loras.pairs(NETWORK)
    path = loras.write(loras.DIALECTS[dialect](pairs), tmp_path / "a.safetensors")
    found = summarise(path)
    assert found.dialect == expected
    assert found.base == "Qwen-Image 1.x, width 32"
    assert (found.num_modules, found.ranks) == (len(pairs), (3, 4))
    assert (found.triggers, found.problem) == ((), "")


def test_summary_of_what_cannot_be_used(tmp_path: Path) -> None:
    path = loras.write(lora("lora_unet_double_blocks_0_img_attn_qkv"), tmp_path / "a.safetensors")
    found = summarise(path)
    assert found.base == "FLUX or HunyuanVideo"
    assert "not for Qwen-Image 1.x" in found.problem
    with pytest.raises(CheckpointError, match="is for FLUX"):
        check_base(path)


TAGS = {"10_ink": {"inkstyle": 40, "poster": 12, "a man": 3}, "5_more": {"inkstyle": 2}}


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({}, ()),
        ({"modelspec.trigger_phrase": "inkstyle, brush"}, ("inkstyle", "brush")),
        ({"trigger_word": "水墨", "ss_tag_frequency": json.dumps(TAGS)}, ("水墨",)),
        ({"ss_tag_frequency": json.dumps(TAGS)}, ("inkstyle",)),
        ({"ss_tag_frequency": "{"}, ()),
        ({"ss_tag_frequency": '{"a": 3, "b": {"c": "d"}}'}, ()),
    ],
)
def test_trigger_words(
    metadata: Mapping[str, str], expected: tuple[str, ...], tmp_path: Path
) -> None:
    path = loras.write(lora(Q), tmp_path / "a.safetensors", **metadata)
    assert summarise(path).triggers == expected


@pytest.mark.parametrize("damage", [lambda d: d[:50], lambda d: b"\xff" * 8 + d[8:]])
def test_summary_of_a_damaged_file(damage: Callable[[bytes], bytes], tmp_path: Path) -> None:
    path = loras.write(lora(Q), tmp_path / "a.safetensors")
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(CheckpointError):
        summarise(path)
