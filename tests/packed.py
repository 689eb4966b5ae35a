"""Packed weights as ComfyUI's files hold them, by comfy-kitchen, and what they stand for."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import comfy_kitchen.backends.eager.convrot_w4a4 as eager_int4
import comfy_kitchen.backends.eager.quantization as eager
import comfy_kitchen.backends.eager.w4a8_int8 as eager_w4a8
import torch
from torch import Tensor, nn

from model.quantize.linear import QuantLinear

Tensors = dict[str, Tensor]
"""By the end of their names: `weight`, `weight_scale`, `comfy_quant`."""


def numbers_of(network: nn.Module) -> Tensors:
    """Every tensor by its published name, packed weights as what they stand for."""
    found = dict(network.state_dict())
    for name, module in network.named_modules():
        if isinstance(module, QuantLinear):
            found = {k: v for k, v in found.items() if not k.startswith(f"{name}.part")}
            found[f"{name}.weight"] = module.packed.dequantise("cpu")
    return found


def schemes_of(network: nn.Module) -> dict[str, str]:
    """Of every linear whose weight is packed."""
    modules = network.named_modules()
    return {name: m.packed.scheme for name, m in modules if isinstance(m, QuantLinear)}


def said(**word: Any) -> Tensor:
    return torch.tensor(list(json.dumps(word).encode()), dtype=torch.uint8)


def cast_fp8(weight: Tensor) -> tuple[Tensors, Tensor]:
    cast = weight.to(torch.float8_e4m3fn)
    return {"weight": cast}, cast.float()


def old_fp8(weight: Tensor) -> tuple[Tensors, Tensor]:
    found, expected = new_fp8(weight)
    sides = {"scale_weight": found["weight_scale"], "scale_input": torch.tensor(1.0)}
    return {"weight": found["weight"], **sides}, expected


def new_fp8(weight: Tensor) -> tuple[Tensors, Tensor]:
    scale = weight.abs().max() / 448
    cast = eager.quantize_per_tensor_fp8(weight, scale)
    found = {"weight": cast, "weight_scale": scale, "input_scale": torch.tensor(1.0)}
    expected = eager.dequantize_per_tensor_fp8(cast, scale, torch.float32)
    return found | {"comfy_quant": said(format="float8_e4m3fn")}, expected


def rows_fp8(weight: Tensor) -> tuple[Tensors, Tensor]:
    """A scale a row, and nothing said: as LightX2V writes it."""
    scale = weight.abs().amax(dim=1, keepdim=True) / 448
    cast = (weight / scale).to(torch.float8_e4m3fn)
    return {"weight": cast, "weight_scale": scale}, cast.float() * scale


def rotated_int8(weight: Tensor, group: int = 16) -> tuple[Tensors, Tensor]:
    packed, scale = eager.quantize_int8_convrot_weight(weight, group)
    word = said(format="int8_tensorwise", convrot=True, convrot_groupsize=group)
    expected = eager.dequantize_int8_convrot_weight(packed, scale, group)
    return {"weight": packed, "weight_scale": scale, "comfy_quant": word}, expected


def plain_int8(weight: Tensor) -> tuple[Tensors, Tensor]:
    packed, scale = eager.quantize_int8_rowwise(weight)
    word = said(format="int8_tensorwise")
    expected = eager.dequantize_int8_simple(packed, scale)
    return {"weight": packed, "weight_scale": scale, "comfy_quant": word}, expected


def rotated_int4(weight: Tensor, group: int = 16) -> tuple[Tensors, Tensor]:
    packed, scale = eager_int4.quantize_convrot_w4a4_weight(weight, group)
    word = said(format="convrot_w4a4", convrot_groupsize=group, linear_dtype="int8")
    expected = eager_int4.dequantize_convrot_w4a4_weight(packed, scale, group)
    return {"weight": packed, "weight_scale": scale, "comfy_quant": word}, expected


def w4a8(weight: Tensor, rotation: int = 16) -> tuple[Tensors, Tensor]:
    packed, groups, rows, _, book = eager_w4a8.quantize_w4a8_int8_weight(
        weight, convrot_groupsize=rotation
    )
    assert book is not None
    word = said(format="asym_w4a8_int8", group_size=16, convrot=True, convrot_groupsize=rotation)
    expected = eager_w4a8.dequantize_w4a8_int8_weight(
        packed, groups, rows, book, None, 16, rotation, torch.float32
    )
    sides = {"weight_s_rel": groups, "weight_s_channel": rows, "weight_codebook": book}
    return {"weight": packed, "comfy_quant": word, **sides}, expected


Writer = Callable[[Tensor], tuple[Tensors, Tensor]]
SCHEMES: dict[str, Writer] = {
    "F8_E4M3": cast_fp8,
    "scaled F8_E4M3, older": old_fp8,
    "scaled F8_E4M3": new_fp8,
    "scaled F8_E4M3, a row": rows_fp8,
    "rotated I8": rotated_int8,
    "scaled I8": plain_int8,
    "rotated I4": rotated_int4,
    "W4A8": w4a8,
}
"""By the word that our reader has for it, up to a comma."""
