"""What weight files call themselves, in their metadata or by their name, and what follows from it:
how many steps they were distilled to. Knows texts alone."""

from __future__ import annotations

import re
from collections.abc import Mapping

TITLE_KEYS = ("modelspec.title", "title", "name", "model_name", "ss_output_name")
"""Metadata under which trainers and converters put a model's name. Descriptions are left out: they
also name what the weights go with."""

_DISTILLED = re.compile(r"(?<![a-z])(lightning|turbo)(?![a-z])")
_STEPS = re.compile(r"(?<![a-z0-9.])(\d+)[ _-]?steps?(?![a-z])")
_SCHEDULES = {"4": "lightning-4", "8": "lightning-8"}


def titles(metadata: Mapping[str, str], name: str) -> tuple[str, ...]:
    """The titles in the metadata, and then the file's or folder's own name."""
    told = (metadata.get(key, "").strip() for key in TITLE_KEYS)
    return (*filter(None, told), name)


def few_steps(metadata: Mapping[str, str], name: str) -> str:
    """The schedule of weights distilled to few steps, by the first title that tells; or nothing.

    >>> few_steps({}, "Qwen-Image-Edit-2509-Lightning-8steps-V1.0-bf16")
    'lightning-8'
    >>> few_steps({}, "lightning-bolts")
    ''
    """
    for title in titles(metadata, name):
        words = title.lower()
        counts = set(_STEPS.findall(words))
        if _DISTILLED.search(words) and len(counts) == 1 and counts <= _SCHEDULES.keys():
            return _SCHEDULES[counts.pop()]
    return ""
