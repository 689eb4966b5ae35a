"""The schemes that weights are packed by here, and how ComfyUI's files store what they make."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from model.quantize import fp8, int8, w4a8
from model.quantize.packed import Packed

WORD = ".comfy_quant"
"""Behind a module's name: the tensor that says how its weight is packed."""
_WORD_BYTES = 8
"""Words are filled up to a multiple of it, so that what follows them in a file is aligned."""


@dataclass(frozen=True, kw_only=True)
class Scheme:
    """`pack` takes a weight [R, C] of any type whose columns `fits` admits, on any device, the one
    without memory too. `ends` name its parts behind the module's name, `word` what is said of them
    in a file, by the group of the rotation. `bits` a weight, without scales a row."""

    name: str
    bits: float
    pack: Callable[[Tensor], Packed]
    ends: tuple[str, ...]
    word: Callable[[int | None], dict[str, Any]]
    fits: Callable[[int], bool] = lambda columns: columns > 0

    def stored(self, packed: Packed) -> dict[str, Tensor]:
        """What a file holds of the weight, by the end of its name behind the module's."""
        text = json.dumps(self.word(packed.rotation)).encode()
        text += b" " * (-len(text) % _WORD_BYTES)
        word = torch.tensor(list(text), dtype=torch.uint8)
        return dict(zip(self.ends, packed.parts, strict=True)) | {WORD: word}


SCHEMES = {
    scheme.name: scheme
    for scheme in (
        Scheme(
            name="int8",
            bits=8,
            pack=int8.pack,
            ends=(".weight", ".weight_scale"),
            word=int8.word,
        ),
        Scheme(
            name="fp8",
            bits=8,
            pack=fp8.pack,
            ends=(".weight", ".weight_scale"),
            word=fp8.word,
        ),
        Scheme(
            name="int4",
            bits=4.5,
            pack=w4a8.pack,
            ends=(".weight", ".weight_s_rel", ".weight_s_channel", ".weight_codebook"),
            word=w4a8.word,
            fits=w4a8.can_pack,
        ),
    )
}
"""By the name that the command line has for them."""
