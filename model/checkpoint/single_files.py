"""A single weight file, safetensors or GGUF, told by its tensors: which part of which published
model it is.

Only the header is read, within the limits of its format. What tensors cannot tell is left to
`variants`. Loading such a file is not done here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from model.checkpoint.encoder_gguf import is_tower, language_of, tower_of
from model.checkpoint.sources import open_file
from model.checkpoint.stored import TIMESTEP_ZERO, StoredWeight, bare
from model.checkpoint.titles import few_steps, titles
from model.checkpoint.variants import NO_VARIANTS, Variants, choose
from model.config import FAMILIES, Family, Generation
from model.errors import CheckpointError

Shape = tuple[int, ...]

_VAE_ENDS = (
    ("decoder.conv_in.weight", "decoder.conv_out.weight"),
    ("decoder.conv1.weight", "decoder.head.2.weight"),  # ComfyUI's names
)


class Part(StrEnum):
    transformer = "transformer"
    vae = "VAE"
    text_encoder = "text encoder"
    tower = "text encoder's vision tower"


@dataclass(frozen=True, kw_only=True)
class SingleFile:
    """`base` is the family, or the published model where it is told. `variants` has those that a
    transformer may be. `types` say how its numbers are stored, the commonest first. `shapes` are
    those of its weights, by their bare names."""

    path: Path
    part: Part
    base: str
    variants: Variants = NO_VARIANTS
    schedule: str = ""
    types: tuple[str, ...]
    shapes: Mapping[str, Shape] = field(repr=False)


def recognise(
    path: Path, remembered: Mapping[str, str] | None = None, variant: str | None = None
) -> SingleFile | None:
    """None where it is no part of a published model. CheckpointError for a damaged file,
    ConfigError for a `variant` that it cannot be."""
    with open_file(path) as source:
        weights, marks = source.weights, source.marks
        metadata = texts(source.metadata)
        part, base = _gguf_part(source.metadata, [weight.name for weight in weights])
    shapes = {bare(weight.name): weight.shape for weight in weights}
    if rows := _rows(shapes, is_marked=TIMESTEP_ZERO in marks):
        told = titles(metadata, path.stem)
        row, variants = choose(rows, [path], told, variant=variant, remembered=remembered)
        is_first = row.generation is Generation.first and not row.has_layers
        return SingleFile(
            path=path,
            part=Part.transformer,
            base=row.name,
            variants=variants,
            schedule=few_steps(metadata, path.stem) if is_first else "",
            types=_types(weights),
            shapes=shapes,
        )
    if part is None:
        part, base = _other_part(shapes)
    if part is None:
        return None
    return SingleFile(path=path, part=part, base=base, types=_types(weights), shapes=shapes)


def refusal(path: Path) -> str:
    """Why a file cannot be taken for a model, with what it is."""
    advice = "name the folder that holds transformer, vae and text_encoder, or a transformer's file"
    try:
        found = recognise(path)
    except CheckpointError as error:
        return str(error)
    if found is None:
        return f"{path} is a file and no model; {advice}"
    return f"{path} is the {found.part} of {found.base}, and no model; {advice}"


def _types(weights: Sequence[StoredWeight]) -> tuple[str, ...]:
    """How the weights are stored; that of most numbers first."""
    counts: dict[str, int] = {}
    for weight in weights:
        counts[weight.scheme] = counts.get(weight.scheme, 0) + math.prod(weight.shape)
    return tuple(sorted(counts, key=lambda name: -counts[name]))


def texts(metadata: Mapping[str, Any]) -> dict[str, str]:
    """Without what is no text; a GGUF file puts its title and such under `general`."""
    texts = {key: value for key, value in metadata.items() if isinstance(value, str)}
    return {key.removeprefix("general."): value for key, value in texts.items()}


def _rows(shapes: Mapping[str, Shape], *, is_marked: bool) -> tuple[Family, ...]:
    """The published models whose transformer has these tensors; none for another part.

    `is_marked` is ComfyUI's word for `zero_cond_t`. Files that others convert may lack it, so that
    its absence tells nothing.
    """
    if not any(name.startswith("transformer_blocks.0.attn.") for name in shapes):
        return ()
    if "txt_in.text_norm.weight" in shapes:
        return tuple(row for row in FAMILIES if row.generation is Generation.two_one)
    if "txt_norm.weight" not in shapes or "proj_out.weight" not in shapes:
        return ()
    has_layers = "time_text_embed.addition_t_embedding.weight" in shapes
    rows = [row for row in FAMILIES if row.generation is Generation.first]
    rows = [row for row in rows if row.has_layers is has_layers]
    return tuple(row for row in rows if row.zero_cond_t or not is_marked)


def _gguf_part(metadata: Mapping[str, Any], names: Sequence[str]) -> tuple[Part | None, str]:
    """A text encoder or its tower, by the word of llama.cpp's converters."""
    if base := language_of(metadata):
        return Part.text_encoder, base
    return (Part.tower, tower_of(names)) if is_tower(metadata, names) else (None, "")


def _other_part(shapes: Mapping[str, Shape]) -> tuple[Part | None, str]:
    """A VAE or a text encoder, by its first convolution or its words."""
    for first_name, last_name in _VAE_ENDS:
        first, last = shapes.get(first_name), shapes.get(last_name)
        if first and last:
            is_newer = len(first) == 4  # 2.1 stores its convolutions without the time axis
            older = "Qwen-Image-Layered" if last[0] == 4 else "Qwen-Image 1.x"
            return Part.vae, "Qwen-Image 2.1" if is_newer else older
    keys = {name.removeprefix("model.").removeprefix("language_model.") for name in shapes}
    if "layers.0.self_attn.q_proj.weight" in keys and any("visual." in name for name in shapes):
        is_newer = "layers.0.self_attn.q_norm.weight" in keys
        return Part.text_encoder, "Qwen-Image 2.1" if is_newer else "Qwen-Image 1.x"
    return None, ""
