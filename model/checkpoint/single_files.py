"""A single safetensors file, told by its tensors: which part of which published model it is.

Only the header is read, within the limits of `safetensors_files`. What tensors cannot tell is left
to `variants`. Loading such a file is not done here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from model.checkpoint.safetensors_files import DTYPE_NAMES, TensorFile
from model.checkpoint.titles import few_steps, titles
from model.checkpoint.variants import NO_VARIANTS, Variants, choose
from model.config import FAMILIES, Family, Generation
from model.errors import CheckpointError

PREFIXES = ("model.diffusion_model.", "diffusion_model.")
"""What ComfyUI puts before a transformer's names."""

_VAE_ENDS = (
    ("decoder.conv_in.weight", "decoder.conv_out.weight"),
    ("decoder.conv1.weight", "decoder.head.2.weight"),  # ComfyUI's names
)


class Part(StrEnum):
    transformer = "transformer"
    vae = "VAE"
    text_encoder = "text encoder"


@dataclass(frozen=True, kw_only=True)
class SingleFile:
    """`base` is the family, or the published model where it is told. `variants` has those that a
    transformer may be. `types` are those of its numbers, the commonest first."""

    path: Path
    part: Part
    base: str
    variants: Variants = NO_VARIANTS
    schedule: str = ""
    types: tuple[str, ...]


def recognise(path: Path, remembered: Mapping[str, str] | None = None) -> SingleFile | None:
    """None where it is no part of a published model. CheckpointError for a damaged file."""
    with TensorFile.open(path) as file:
        shapes = {_bare(entry.name): entry.shape for entry in file.entries}
        bytes_of: dict[str, int] = {}
        for entry in file.entries:
            name = DTYPE_NAMES[entry.dtype]
            bytes_of[name] = bytes_of.get(name, 0) + entry.end - entry.begin
        metadata = file.metadata
    types = tuple(sorted(bytes_of, key=lambda name: -bytes_of[name]))
    if rows := _rows(shapes):
        row, variants = choose(rows, [path], titles(metadata, path.stem), remembered=remembered)
        is_first = row.generation is Generation.first and not row.has_layers
        return SingleFile(
            path=path,
            part=Part.transformer,
            base=row.name,
            variants=variants,
            schedule=few_steps(metadata, path.stem) if is_first else "",
            types=types,
        )
    part, base = _other_part(shapes)
    return SingleFile(path=path, part=part, base=base, types=types) if part else None


def refusal(path: Path) -> str:
    """Why a file cannot be taken for a model, with what it is."""
    advice = "name the folder that holds transformer, vae and text_encoder"
    try:
        found = recognise(path)
    except CheckpointError as error:
        return str(error)
    if found is None:
        return f"{path} is a file and no model; {advice}"
    return f"{path} is only the {found.part} of {found.base}, and no model yet; {advice}"


def _bare(name: str) -> str:
    for prefix in PREFIXES:
        if name.startswith(prefix):
            return name.removeprefix(prefix)
    return name


def _rows(shapes: Mapping[str, tuple[int, ...]]) -> tuple[Family, ...]:
    """The published models whose transformer has these tensors; none for another part."""
    if not any(name.startswith("transformer_blocks.0.attn.") for name in shapes):
        return ()
    if "txt_in.text_norm.weight" in shapes:
        return tuple(row for row in FAMILIES if row.generation is Generation.two_one)
    if "txt_norm.weight" not in shapes or "proj_out.weight" not in shapes:
        return ()
    has_layers = "time_text_embed.addition_t_embedding.weight" in shapes
    is_marked = "__index_timestep_zero__" in shapes  # ComfyUI's mark of zero_cond_t
    rows = (row for row in FAMILIES if row.generation is Generation.first)
    return tuple(r for r in rows if r.has_layers is has_layers and r.zero_cond_t is is_marked)


def _other_part(shapes: Mapping[str, tuple[int, ...]]) -> tuple[Part | None, str]:
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
