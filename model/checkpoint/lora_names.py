"""The names of tensors in LoRA files: which part of which module each is, in every dialect.

Knows names alone: neither shapes nor values nor the network they are for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum, auto
from typing import NamedTuple


class Part(StrEnum):
    """What a tensor is to its module."""

    down = auto()
    up = auto()
    alpha = auto()
    w1 = auto()
    w1_a = auto()
    w1_b = auto()
    w2 = auto()
    w2_a = auto()
    w2_b = auto()
    t2 = auto()


class Name(NamedTuple):
    """A tensor's name, taken apart. `module` is as written, without the prefix; where `is_flat`,
    underscores stand for its dots."""

    module: str
    part: Part
    dialect: str
    is_flat: bool


class _Ending(NamedTuple):
    text: str
    part: Part
    style: str


class _Prefix(NamedTuple):
    text: str
    program: str
    is_flat: bool = False


_PEFT, _DEFAULT, _KOHYA, _LOKR = "lora_A/lora_B", "lora_A.default", "lora_down/lora_up", "LoKr"
_ENDINGS = (
    _Ending(".lora_A.weight", Part.down, _PEFT),
    _Ending(".lora_B.weight", Part.up, _PEFT),
    _Ending(".lora_A.default.weight", Part.down, _DEFAULT),
    _Ending(".lora_B.default.weight", Part.up, _DEFAULT),
    _Ending(".lora_down.weight", Part.down, _KOHYA),
    _Ending(".lora_up.weight", Part.up, _KOHYA),
    _Ending(".lokr_w1", Part.w1, _LOKR),
    _Ending(".lokr_w1_a", Part.w1_a, _LOKR),
    _Ending(".lokr_w1_b", Part.w1_b, _LOKR),
    _Ending(".lokr_w2", Part.w2, _LOKR),
    _Ending(".lokr_w2_a", Part.w2_a, _LOKR),
    _Ending(".lokr_w2_b", Part.w2_b, _LOKR),
    _Ending(".lokr_t2", Part.t2, _LOKR),
    _Ending(".alpha", Part.alpha, ""),
)
_PREFIXES = (
    _Prefix("transformer.", "diffusers"),
    _Prefix("diffusion_model.", "ai-toolkit or ComfyUI"),
    _Prefix("base_model.model.", "PEFT"),
    _Prefix("lora_unet_", "kohya or musubi", is_flat=True),
    _Prefix("lycoris_", "SimpleTuner LyCORIS", is_flat=True),
    _Prefix("", "PEFT, DiffSynth or Lightning"),  # the last: every name begins with it
)

_FOREIGN_KINDS = {
    "DoRA (dora_scale)": re.compile(r"\.(dora_scale|lora_magnitude_vector)(\.|$)"),
    "LoHa (hada_w)": re.compile(r"\.hada_[wt]\d"),
    "OFT": re.compile(r"\.(oft|boft)_"),
    "a full difference of weights (diff)": re.compile(r"\.(diff|diff_b|set_weight)$"),
}
_TEXT_ENCODER = re.compile(r"(text_encoders?|cond_stage_model|lora_te\d?|te\d?)[._]")
_OURS = re.compile(
    r"(transformer_blocks_\d+_(attn_(to_[qkv]|add_[qkv]_proj|to_out_0|to_add_out)"
    r"|(img|txt)_(mod_1|mlp_net_0_proj|mlp_net_2))"
    r"|img_in|txt_in|proj_out|norm_out_linear|time_text_embed_timestep_embedder_linear_[12])"
)
_OTHER_BASES = {
    "Qwen-Image-2.1": re.compile(
        r"img_mlp_(gate_layer|gate_up|proj|out)$|txt_in_(text_norm|in_layer|out_layer)$"
        r"|^modulation_1$"
    ),
    "FLUX or HunyuanVideo": re.compile(r"(single_transformer|single|double)_blocks_\d"),
    "Stable Diffusion 1, 2 or SDXL": re.compile(
        r"^(unet_)?(down_blocks|up_blocks|mid_block|input_blocks|output_blocks|middle_block)_"
    ),
    "Stable Diffusion 3": re.compile(r"joint_blocks_\d|transformer_blocks_\d+_ff(_context)?_net"),
    "Wan": re.compile(r"^blocks_\d+_(self|cross)_attn"),
    "Z-Image or Lumina": re.compile(r"^(layers|noise_refiner|context_refiner)_\d+_"),
}


@dataclass(frozen=True, kw_only=True)
class Names:
    """All names of a file, sorted. `strange` have no place in a LoRA that is known here."""

    parts: Mapping[str, Name]
    text_encoder: tuple[str, ...]
    foreign: Mapping[str, tuple[str, ...]]
    strange: tuple[str, ...]

    @property
    def dialect(self) -> str:
        named = (name for name in self.parts.values() if name.part is not Part.alpha)
        return ", ".join(sorted({name.dialect for name in named}))

    @property
    def modules(self) -> tuple[str, ...]:
        """Every module that has a part, as written."""
        return tuple(dict.fromkeys(name.module for name in self.parts.values()))

    @property
    def other_base(self) -> str | None:
        """The other model that the names tell of; None when they may be Qwen-Image 1.x."""
        written = [flattened(module) for module in (*self.modules, *self.strange)]
        for base, pattern in _OTHER_BASES.items():
            if any(pattern.search(name) for name in written):
                return base
        return None if any(_OURS.fullmatch(name) for name in written) else "an unknown model"


def sort_names(tensors: Iterable[str]) -> Names:
    parts: dict[str, Name] = {}
    text_encoder: list[str] = []
    foreign: dict[str, list[str]] = {}
    strange: list[str] = []
    for tensor in tensors:
        kind = next((k for k, pattern in _FOREIGN_KINDS.items() if pattern.search(tensor)), None)
        if _TEXT_ENCODER.match(tensor):
            text_encoder.append(tensor)
        elif kind is not None:
            foreign.setdefault(kind, []).append(tensor)
        elif (name := take_apart(tensor)) is not None:
            parts[tensor] = name
        else:
            strange.append(tensor)
    return Names(
        parts=parts,
        text_encoder=tuple(text_encoder),
        foreign={kind: tuple(tensors) for kind, tensors in foreign.items()},
        strange=tuple(strange),
    )


def take_apart(tensor: str) -> Name | None:
    """
    >>> take_apart("diffusion_model.transformer_blocks.0.attn.to_q.lora_A.weight").module
    'transformer_blocks.0.attn.to_q'
    >>> take_apart("lora_unet_transformer_blocks_0_attn_to_q.alpha").is_flat
    True
    """
    ending = next((e for e in _ENDINGS if tensor.endswith(e.text)), None)
    if ending is None:
        return None
    whole = tensor.removesuffix(ending.text)
    prefix = next(p for p in _PREFIXES if whole.startswith(p.text))
    dialect = f"{prefix.program}: {ending.style}"
    return Name(whole.removeprefix(prefix.text), ending.part, dialect, prefix.is_flat)


def flattened(module: str) -> str:
    """
    >>> flattened("transformer_blocks.0.attn.to_out.0")
    'transformer_blocks_0_attn_to_out_0'
    """
    return module.replace(".", "_")
