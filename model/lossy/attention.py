"""Attention with fewer bits: float8, or SageAttention's int8. Instead of `model.attention.attend`.

No kernel has been tried on a card by us, so `choice` lets none work that has not proved itself on
its device. Shapes: B pictures, N tokens, H heads, d head dimension.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Protocol

import torch
from torch import Tensor

from model.attention import attend
from model.quantize import fp8

SAGE = "sageattention"
FA3 = "flash_attn_interface"
_FA3_CAPABILITY = 9
_SAGE_CAPABILITY = 8
_PER_HEAD = (1, 3)
"""What has one scale, of [B, N, H, d]."""


class Attention(Protocol):
    """One way to attend. `tolerance` is how far it may be from `attend`, relative to the result's
    norm; None where it is that by definition and only to be measured."""

    name: str
    tolerance: float | None

    def serves(self, device: torch.device) -> bool:
        """Whether it can be had here, as far as is known."""
        ...

    def at_work(self) -> AbstractContextManager[object]:
        """Around every pass that attends so."""
        ...

    def __call__(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
        """[B, N, H, d] -> [B, N, H * d]; mask: keys that count."""
        ...


class EmulatedFp8:
    """Queries, keys and values as float8_e4m3fn would hold them, one scale a head, attended to in
    the run's own type. It takes more time than `attend`, and shows on any device what float8 does
    to a picture; what rounding the weights of the values would add is left out."""

    name = "float8 in emulation"
    tolerance: float | None = None

    def serves(self, device: torch.device) -> bool:
        return device.type != "mps"  # which has no float8

    def at_work(self) -> AbstractContextManager[object]:
        return nullcontext()

    def __call__(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
        return attend(_rounded(q), _rounded(k), _rounded(v), mask)


class Fa3Fp8:
    """FlashAttention 3 on float8, through PyTorch's own attention; for Hopper. Untried.

    PyTorch knows it while it is activated, for a pass.
    """

    name = "FlashAttention 3 on float8"
    tolerance: float | None = 0.1

    def serves(self, device: torch.device) -> bool:
        is_there = importlib.util.find_spec(FA3) is not None
        return is_there and _capability(device)[0] == _FA3_CAPABILITY

    @contextmanager
    def at_work(self) -> Iterator[None]:
        registry: Any = importlib.import_module("torch.nn.attention")
        registry.activate_flash_attention_impl("FA3")
        try:
            yield
        finally:
            registry.restore_flash_attention_impl()

    def __call__(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
        if mask is not None:
            return attend(q, k, v, mask)
        codes, scales = zip(*(fp8.quantise(x, _PER_HEAD) for x in (q, k, v)), strict=True)
        found = torch.ops.aten._scaled_dot_product_flash_attention.quantized(
            *(x.transpose(1, 2) for x in codes), *(s[:, 0, :, 0] for s in scales), 0.0, False
        )[0]
        return found.transpose(1, 2).flatten(2).to(q.dtype)


class Sage:
    """SageAttention 2 with products of int8 and sums in float32: those of its kernels that add up
    in float16, and those of Triton, give black pictures with Qwen-Image (Comfy-Org/ComfyUI#9773).
    Untried."""

    name = "SageAttention"
    tolerance: float | None = 0.05

    def serves(self, device: torch.device) -> bool:
        return _capability(device)[0] >= _SAGE_CAPABILITY and _sage() is not None

    def at_work(self) -> AbstractContextManager[object]:
        return nullcontext()

    def __call__(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
        kernel = _sage()
        if mask is not None or kernel is None:
            return attend(q, k, v, mask)
        found = kernel(
            q, k, v, tensor_layout="NHD", qk_quant_gran="per_warp", pv_accum_dtype="fp32"
        )
        return found.flatten(2)


def _sage() -> Any:
    """The one kernel of it that may work; None where it is not installed, or too old."""
    if importlib.util.find_spec(SAGE) is None:
        return None
    return getattr(importlib.import_module(SAGE), "sageattn_qk_int8_pv_fp16_cuda", None)


def _rounded(x: Tensor) -> Tensor:
    codes, scale = fp8.quantise(x, _PER_HEAD)
    return (codes.float() * scale).to(x.dtype)


def _capability(device: torch.device) -> tuple[int, int]:
    """Of a CUDA card; (0, 0) of anything else."""
    return torch.cuda.get_device_capability(device) if device.type == "cuda" else (0, 0)
