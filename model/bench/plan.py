"""What runs where: the planner's word for the published model and usual memories, nothing loaded.

Counted, not measured: the weights by their shapes, the tensors of a run by a run without values.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch

from model.checkpoint.assembly import encoder_config, vae_config
from model.checkpoint.build import build
from model.checkpoint.folder import ModelFolder
from model.checkpoint.packing import forms_by, scheme_of
from model.checkpoint.published import transformer_config
from model.checkpoint.variants import NO_VARIANTS
from model.config import FAMILIES, Family, SchedulerConfig
from model.errors import OutOfMemory
from model.hub.machine import FREE
from model.memory.planner import Forecast, Planner
from model.text_encoder.config import ImageConfig

MEMORIES_GB = (8, 12, 16, 24, 32, 48)
MODEL = "Qwen-Image-2512"


def table() -> str:
    lines = [
        f"| memory | {' | '.join(name for name, _ in _TYPES)} |",
        "|---|" + "---|" * len(_TYPES),
    ]
    with tempfile.TemporaryDirectory() as place:
        row = next(row for row in FAMILIES if row.name == MODEL)
        planners = [planner_of(Path(place), row, scheme) for _, scheme in _TYPES]
        for memory in MEMORIES_GB:
            cells = [_cell(planner, int(memory * FREE * 1e9)) for planner in planners]
            lines.append(f"| {memory} GB | {' | '.join(cells)} |")
    return "\n".join(lines)


_TYPES = (("bf16", None), ("int8", "int8"), ("int4", "int4"))


def planner_of(
    place: Path,
    row: Family,
    scheme: str | None,
    dtype: torch.dtype = torch.bfloat16,
    device: str = "cuda",
    *,
    is_packed_now: bool = False,
) -> Planner:
    """Of the published model, whose files are packed by `scheme`, or which is packed now."""
    folder = published(place, row)
    parts, found = build(folder), scheme_of(scheme)
    forms = {} if found is None else {"transformer": forms_by(parts.transformer, found)}
    now = found if is_packed_now else None
    return Planner(folder, dtype, torch.device(device), forms, scheme=now, parts=parts)


def published(place: Path, row: Family) -> ModelFolder:
    """Of the published size, by its numbers alone; there are no weights in `place`."""
    names = ("transformer", "vae", "text_encoder", "tokenizer")
    for name in names:
        (place / name).mkdir(exist_ok=True)
    return ModelFolder(
        path=place / row.name,
        row=row,
        variants=NO_VARIANTS,
        transformer=transformer_config(row),
        vae=vae_config(row),
        scheduler=SchedulerConfig(),
        encoder=encoder_config(row),
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
