"""What the metadata of a LoRA file says: the scales of PEFT's settings, and its trigger words."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeGuard

from model.checkpoint.strict_json import parse_object
from model.errors import CheckpointError

PEFT_KEY = "lora_adapter_metadata"
"""Where diffusers puts the settings of the LoRA (`loaders/lora_base.py`)."""
PREFIX = "transformer."
TRIGGER_KEYS = ("modelspec.trigger_phrase", "trigger_phrase", "trigger_words", "trigger_word")
MAX_TRIGGERS = 8

_LITERAL = re.compile(r"\^?[\w.]+")
"""PEFT takes patterns for regular expressions; from a foreign file only plain names are."""


@dataclass(frozen=True, kw_only=True)
class PeftScales:
    """Scales as PEFT computes them: alpha / rank, or alpha / sqrt(rank) when rank-stabilised."""

    rank: int
    alpha: float
    ranks: Mapping[str, float]
    alphas: Mapping[str, float]
    is_rank_stabilised: bool

    @classmethod
    def read(cls, metadata: Mapping[str, str], path: Path) -> Self | None:
        """None for a file without such settings; CheckpointError for ones that make no sense."""
        if PEFT_KEY not in metadata:
            return None
        where = f"{path}: {PEFT_KEY}"
        values = parse_object(metadata[PEFT_KEY].encode(), where)
        if any(key.startswith(PREFIX) for key in values):
            values = {k.removeprefix(PREFIX): v for k, v in values.items() if k.startswith(PREFIX)}
        if "r" not in values:
            return None
        rank, alpha = values["r"], values.get("lora_alpha", values.get("alpha"))
        if not _is_number(rank) or rank < 1 or rank != int(rank) or not _is_number(alpha):
            raise CheckpointError(f"{where}: r {rank!r} and alpha {alpha!r} give no scale")
        return cls(
            rank=int(rank),
            alpha=float(alpha),
            ranks=_pattern(values.get("rank_pattern"), where),
            alphas=_pattern(values.get("alpha_pattern"), where),
            is_rank_stabilised=values.get("use_rslora") is True,
        )

    def of(self, module: str, rank: int | None) -> float:
        """ValueError when the module's tensors have another rank than the settings say."""
        told = int(_look_up(self.ranks, module, self.rank))
        if rank is not None and rank != told:
            raise ValueError(f"rank {rank}, in its settings {told}")
        alpha = _look_up(self.alphas, module, self.alpha)
        return alpha / (math.sqrt(told) if self.is_rank_stabilised else told)


def trigger_words(metadata: Mapping[str, str]) -> tuple[str, ...]:
    """As the file names them; or else the tags that stood beside most of its training pictures."""
    for key in TRIGGER_KEYS:
        words = [word.strip() for word in metadata.get(key, "").split(",")]
        if any(words):
            return tuple(word for word in words if word)[:MAX_TRIGGERS]
    tags = _tags(metadata.get("ss_tag_frequency", ""))
    most = max(tags.values(), default=0)
    return tuple(tag for tag, count in tags.items() if count == most)[:MAX_TRIGGERS]


def _tags(text: str) -> dict[str, float]:
    """kohya's `{data set: {tag: count}}`; whatever is not of this form tells nothing."""
    found: dict[str, float] = {}
    try:
        sets = parse_object(text.encode(), "ss_tag_frequency")
    except CheckpointError:
        return found
    for tags in sets.values():
        for tag, count in tags.items() if isinstance(tags, dict) else ():
            if _is_number(count):
                found[tag] = found.get(tag, 0) + count
    return found


def _pattern(value: Any, where: str) -> dict[str, float]:
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(map(_is_number, value.values())):
        raise CheckpointError(f"{where}: a pattern is not a table of numbers")
    names = {name: name.replace("\\.", ".") for name in value}
    odd = [name for name in names.values() if not _LITERAL.fullmatch(name)]
    if odd or min(value.values(), default=1) <= 0:
        raise CheckpointError(f"{where}: the pattern {str(odd or value)[:80]} is not supported")
    return {names[name]: float(number) for name, number in value.items()}


def _look_up(pattern: Mapping[str, float], module: str, otherwise: float) -> float:
    """The first name that the module's ends with, or, behind ^, is."""
    for name, number in pattern.items():
        if module == name.removeprefix("^") or module.endswith(f".{name}"):
            return number
    return otherwise


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e30
