"""What runs where: the planner's word for the published model and usual memories, nothing loaded.

Counted, not measured: the weights by their shapes, the tensors of a run by a run without values.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch

from model.checkpoint.build import build
from model.checkpoint.folder import ModelFolder
from model.checkpoint.packing import forms_by, scheme_of
from model.checkpoint.variants import NO_VARIANTS
from model.config import FAMILIES, SchedulerConfig, TransformerConfig, VaeConfig
from model.errors import OutOfMemory
from model.memory.planner import Forecast, Planner
from model.text_encoder.config import EncoderConfig, ImageConfig, LanguageConfig, VisionConfig

MEMORIES_GB = (8, 12, 16, 24, 32, 48)
FREE = 0.92
"""Of a card's memory, what is left beside its driver and the screen."""
MODEL = "Qwen-Image-2512"


def table() -> str:
    lines = [
        f"| memory | {' | '.join(name for name, _ in _TYPES)} |",
        "|---|" + "---|" * len(_TYPES),
    ]
    with tempfile.TemporaryDirectory() as place:
        planners = [_planner(Path(place), scheme) for _, scheme in _TYPES]
        for memory in MEMORIES_GB:
            cells = [_cell(planner, int(memory * FREE * 1e9)) for planner in planners]
            lines.append(f"| {memory} GB | {' | '.join(cells)} |")
    return "\n".join(lines)


_TYPES = (("bf16", None), ("int8", "int8"), ("int4", "int4"))


def _planner(place: Path, scheme: str | None) -> Planner:
    folder = published(place)
    found = scheme_of(scheme)
    forms = {} if found is None else {"transformer": forms_by(build(folder).transformer, found)}
    return Planner(folder, torch.bfloat16, torch.device("cuda"), forms)


def published(place: Path) -> ModelFolder:
    """Of the published size, by its numbers alone; there are no weights in `place`."""
    names = ("transformer", "vae", "text_encoder", "tokenizer")
    for name in names:
        (place / name).mkdir(exist_ok=True)
    return ModelFolder(
        path=place / MODEL,
        row=next(row for row in FAMILIES if row.name == MODEL),
        variants=NO_VARIANTS,
        transformer=TransformerConfig(),
        vae=VaeConfig(),
        scheduler=SchedulerConfig(),
        encoder=EncoderConfig(language=LanguageConfig(), vision=VisionConfig()),
        images=ImageConfig(),
        parts={name: place / name for name in names},
        config_files={},
    )


def _cell(planner: Planner, budget_bytes: int) -> str:
    try:
        found = planner.choose(budget_bytes)
    except OutOfMemory:
        return "no"
    return f"{', '.join(_words(found, planner.num_blocks))}: {found.peak_bytes / 1e9:.1f} GB"


def _words(found: Forecast, num_blocks: int) -> Iterator[str]:
    savings = found.savings
    if savings.resident_blocks is not None:
        yield f"{savings.resident_blocks} of {num_blocks} blocks, the others streamed"
    elif savings.keeps_modulation:
        yield "whole"
    else:
        yield "modulation as a table"
    if savings.streams_encoder:
        yield "text encoder streamed"
    if savings.vae_bytes is not None:
        yield "VAE in tiles"
