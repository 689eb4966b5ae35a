"""Products with packed weights: faster ways than making the weight into numbers first.

Those of CUDA take the activations in eight bits too. None has been tried on a card by us: what runs
in the tests is comfy-kitchen's eager back end and torch's own products on the CPU. That is why
`choice` lets none work that has not proved itself on its device.

Shapes: N rows of activations, I and O the widths of a linear.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from model.quantize import fp8, int8, w4a8
from model.quantize.hadamard import rotate
from model.quantize.packed import Packed

KITCHEN = "comfy_kitchen"
SLOW_INT8 = ((8, 0), (9, 0), (10, 0))
"""Capabilities of cards on which comfy-kitchen's int8 takes 2 to 3 times as long as bfloat16
(sgl-project/sglang#38040, comfyanonymous/ComfyUI#14824)."""
FIRST_FP8 = (8, 9)
_INT8_ROWS = 17
"""The least that torch._int_mm takes on CUDA."""


class Kernel(Protocol):
    """One way to multiply. `tolerance` is how far it may be from the plain path, relative to the
    result's norm: the rounding of activations to eight bits."""

    name: str
    tolerance: float

    def serves(self, packed: Packed, device: torch.device) -> bool:
        """Whether such a weight may be multiplied so on this device, as far as is known."""
        ...

    def takes(self, x: Tensor, packed: Packed) -> bool:
        """Whether it has a way for just these shapes."""
        ...

    def __call__(self, x: Tensor, packed: Packed, bias: Tensor | None) -> Tensor:
        """x [N, I], parts and bias [O] on its device -> [N, O] of its type."""
        ...


def plain(x: Tensor, packed: Packed, bias: Tensor | None) -> Tensor:
    """x [N, I] on any device -> [N, O] of its type: the weight is made into numbers, and those are
    multiplied. On the CPU in float32, which is 5 to 7 times as fast there as 16 bits; elsewhere in
    the activations' type: bfloat16 or float16 on MPS (untried).

    A rotated weight stays so and x is rotated: that costs 256 of O of the product, undoing the
    weight's rotation 256 of N."""
    dtype = torch.float32 if x.device.type == "cpu" else x.dtype
    weight = packed.unpacked().to(dtype)
    rows = x.to(dtype) if packed.rotation is None else rotate(x.to(dtype), packed.rotation)
    return F.linear(rows, weight, None if bias is None else bias.to(dtype)).to(x.dtype)


class KitchenInt8:
    """comfy-kitchen's `int8_linear`, which rotates and rounds the activations itself. Untried."""

    name = "comfy-kitchen's int8"
    tolerance = 0.03

    def serves(self, packed: Packed, device: torch.device) -> bool:
        fits = packed.scheme in (int8.scheme(None), int8.scheme(1))
        return fits and _has_kitchen(device) and _capability(device) not in SLOW_INT8

    def takes(self, x: Tensor, packed: Packed) -> bool:
        return True

    def __call__(self, x: Tensor, packed: Packed, bias: Tensor | None) -> Tensor:
        codes, scale = packed.parts
        return _kitchen().int8_linear(
            x,
            codes,
            scale,
            bias,
            out_dtype=x.dtype,
            convrot=packed.rotation is not None,
            convrot_groupsize=packed.rotation or 0,
        )


class KitchenW4A8:
    """comfy-kitchen's `w4a8_int8_linear`. Untried."""

    name = "comfy-kitchen's w4a8"
    tolerance = 0.03

    def serves(self, packed: Packed, device: torch.device) -> bool:
        fits = packed.scheme == w4a8.SCHEME and len(packed.parts) == 4  # with a book
        return fits and _has_kitchen(device) and _capability(device) not in SLOW_INT8

    def takes(self, x: Tensor, packed: Packed) -> bool:
        return True

    def __call__(self, x: Tensor, packed: Packed, bias: Tensor | None) -> Tensor:
        codes, groups, rows, book = packed.parts
        groups = groups.reshape(packed.shape[0], -1)
        return _kitchen().w4a8_int8_linear(
            x,
            codes,
            groups,
            rows.reshape(-1),
            book,
            bias=bias,
            group_size=packed.shape[1] // groups.shape[1],
            convrot_groupsize=packed.rotation,
            out_dtype=x.dtype,
        )


class IntMm:
    """`torch._int_mm` of activations rounded row by row, in the rotated basis. Untried on CUDA."""

    name = "torch._int_mm"
    tolerance = 0.03

    def serves(self, packed: Packed, device: torch.device) -> bool:
        fits = packed.scheme in (int8.scheme(None), int8.scheme(1))
        return fits and device.type == "cuda"

    def takes(self, x: Tensor, packed: Packed) -> bool:
        return len(x) >= _INT8_ROWS and all(side % 8 == 0 for side in packed.shape)

    def __call__(self, x: Tensor, packed: Packed, bias: Tensor | None) -> Tensor:
        codes, scale = packed.parts
        rounded, steps = int8.quantise(x if packed.rotation is None else rotate(x, packed.rotation))
        found = torch._int_mm(rounded, codes.T)  # type: ignore[attr-defined]
        found = found.float() * steps * scale.float().reshape(1, -1)
        return (found if bias is None else found + bias).to(x.dtype)


class ScaledMm:
    """`torch._scaled_mm` of activations rounded to fp8 with one scale. Untried on CUDA."""

    name = "torch._scaled_mm"
    tolerance = 0.06

    def serves(self, packed: Packed, device: torch.device) -> bool:
        codes, *scale = packed.parts
        fits = codes.dtype is fp8.E4M3 and packed.rotation is None and len(packed.shape) == 2
        has_one_scale = not scale or scale[0].numel() == 1
        return fits and has_one_scale and _capability(device) >= FIRST_FP8

    def takes(self, x: Tensor, packed: Packed) -> bool:
        return all(side % 16 == 0 for side in packed.shape)

    def __call__(self, x: Tensor, packed: Packed, bias: Tensor | None) -> Tensor:
        codes, *scales = packed.parts
        rounded, step = fp8.quantise(x)
        scale = scales[0].float().reshape(()) if scales else torch.ones_like(step)
        found = torch._scaled_mm(  # type: ignore[attr-defined]
            rounded, codes.T, scale_a=step, scale_b=scale, out_dtype=x.dtype
        )
        return found if bias is None else found + bias


def _capability(device: torch.device) -> tuple[int, int]:
    """Of a CUDA card; (0, 0) of anything else."""
    return torch.cuda.get_device_capability(device) if device.type == "cuda" else (0, 0)


def _has_kitchen(device: torch.device) -> bool:
    return device.type == "cuda" and importlib.util.find_spec(KITCHEN) is not None


def _kitchen() -> Any:
    return importlib.import_module(KITCHEN)
