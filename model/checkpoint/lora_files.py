"""LoRA files: what one is, and its deltas for a network. Whole and fitting, or one error that lists
what is wrong.

Names are `lora_names`' matter, the header and the bytes `safetensors_files`'.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from model.checkpoint.lora_names import Names, Part, flattened, sort_names
from model.checkpoint.lora_settings import PeftScales, trigger_words
from model.checkpoint.safetensors_files import TensorEntry, TensorFile
from model.checkpoint.titles import few_steps
from model.checkpoint.weights import LISTED, WEIGHT_DTYPES
from model.errors import CheckpointError
from model.lora import Delta, Deltas, linears

ALPHA_DTYPES = (*WEIGHT_DTYPES, torch.int32, torch.int64)
OUR_BASE = "Qwen-Image 1.x"
WIDTH_OF_21 = 4096
_LORA_PARTS = {Part.down, Part.up}
_READERS = tuple(f"_attn_{name}" for name in ("to_q", "to_k", "to_v", "add_q_proj", "add_k_proj"))
"""The linears whose input is as wide as a stream."""


@dataclass(frozen=True, kw_only=True)
class LoraSummary:
    """What a LoRA file says of itself, without its values."""

    path: Path
    dialect: str
    base: str
    num_modules: int
    ranks: tuple[int, ...]
    """Without repetition; empty where full matrices have none."""
    triggers: tuple[str, ...]
    schedule: str
    """Of a LoRA distilled to few steps; empty else."""
    problem: str
    """Empty, or why no Qwen-Image 1.x can use it."""


@dataclass(frozen=True, kw_only=True)
class _Header:
    """An open file whose names are those of a LoRA that can be run."""

    file: TensorFile
    names: Names

    @property
    def path(self) -> Path:
        return self.file.path

    def groups(self) -> dict[str, dict[Part, TensorEntry]]:
        """The entries of every module, as written. CheckpointError for a part that stands twice."""
        found: dict[str, dict[Part, TensorEntry]] = {}
        for entry in self.file.entries:
            name = self.names.parts.get(entry.name)
            if name is None:
                continue
            group = found.setdefault(name.module, {})
            if name.part in group:
                raise CheckpointError(
                    f"{self.path}: {entry.name} and {group[name.part].name} are the same part"
                )
            group[name.part] = entry
        return found


def summarise(path: Path) -> LoraSummary:
    """What the file is, for whatever model. CheckpointError when it is no LoRA or damaged."""
    with TensorFile.open(path) as file:
        header = _header(file)
        groups = header.groups()
        return LoraSummary(
            path=path,
            dialect=header.names.dialect,
            base=_base(header.names, groups),
            num_modules=len(groups),
            ranks=tuple(sorted({rank for rank in map(_rank, groups.values()) if rank})),
            triggers=trigger_words(file.metadata),
            schedule=few_steps(file.metadata, path.stem),
            problem=_objection(header),
        )


def check_base(path: Path) -> None:
    """Refuse, from the header alone, a file that no Qwen-Image 1.x can use."""
    with TensorFile.open(path) as file:
        _usable_header(file)


def check_fit(path: Path, network: nn.Module) -> None:
    """Refuse, from the header alone, a file that `read_lora` would refuse for this network."""
    with TensorFile.open(path) as file:
        header = _usable_header(file)
        _check_fit(header, linears(network), PeftScales.read(file.metadata, path))


def is_lora(path: Path) -> bool:
    """Whether it is one, for whatever model."""
    try:
        with TensorFile.open(path) as file:
            _header(file)
    except CheckpointError:
        return False
    return True


def read_lora(path: Path, network: nn.Module) -> tuple[Deltas, str]:
    """The deltas of `network`'s linears, as stored, and the file's hash.

    Nothing is read before names, shapes and types agree with the network. CheckpointError else,
    and for numbers that are not finite.
    """
    with TensorFile.open(path) as file:
        header = _usable_header(file)
        scales = PeftScales.read(file.metadata, path)
        modules = _check_fit(header, linears(network), scales)
        values: dict[str, dict[Part, Tensor]] = {name: {} for name in modules.values()}
        for tensor_name, tensor in file.tensors():
            name = header.names.parts[tensor_name]
            if not tensor.isfinite().all():
                raise CheckpointError(f"{path}: {tensor_name} holds NaN or infinity")
            values[modules[name.module]][name.part] = tensor
        assert file.sha256 is not None
        return {name: _delta(name, parts, scales) for name, parts in values.items()}, file.sha256


# --- what it is ------------------------------------------------------------------------------


def _header(file: TensorFile) -> _Header:
    names = sort_names(entry.name for entry in file.entries)
    if not (names.parts or names.foreign or names.text_encoder):
        first = f" (first {file.entries[0].name})" if file.entries else ""
        raise CheckpointError(
            f"{file.path}: none of its {len(file.entries)} tensors is a LoRA's{first}"
        )
    return _Header(file=file, names=names)


def _usable_header(file: TensorFile) -> _Header:
    header = _header(file)
    if problem := _objection(header):
        raise CheckpointError(f"{file.path}: {problem}")
    return header


def _objection(header: _Header) -> str:
    """Why no Qwen-Image 1.x can use it: the one reason that explains the most; or nothing."""
    names = header.names
    base = _base(names, header.groups())
    if names.parts and not base.startswith(OUR_BASE):
        modules = _listing(names.modules, 2)
        return f"this LoRA is for {base}, not for {OUR_BASE} (its modules: {modules})"
    for kind, tensors in names.foreign.items():
        return (
            f"{len(tensors)} of its tensors are {kind}, which is not supported "
            f"({_listing(tensors, 2)}); get it as a plain LoRA"
        )
    if names.text_encoder:
        return (
            f"{len(names.text_encoder)} of its tensors change the text encoder, which is "
            f"not supported ({_listing(names.text_encoder, 2)}); without them it would "
            "make other pictures than it was trained for"
        )
    return ""


def _base(names: Names, groups: Mapping[str, Mapping[Part, TensorEntry]]) -> str:
    """By its names; by the width where both generations have the same names."""
    if names.other_base is not None:
        return names.other_base
    widths = {width for module, group in groups.items() for width in _width(module, group)}
    if widths == {WIDTH_OF_21}:
        return f"Qwen-Image-2.1 (width {WIDTH_OF_21})"
    known = f", width {'/'.join(map(str, sorted(widths)))}" if widths else ""
    return f"{OUR_BASE}{known}"


def _width(module: str, group: Mapping[Part, TensorEntry]) -> Iterator[int]:
    down = group.get(Part.down)
    if down is not None and len(down.shape) == 2 and flattened(module).endswith(_READERS):
        yield down.shape[1]


def _rank(group: Mapping[Part, TensorEntry]) -> int | None:
    for part in (Part.down, Part.w2_b, Part.w1_b):
        if part in group and group[part].shape:
            return group[part].shape[0]
    return None


# --- whether it fits -------------------------------------------------------------------------


def _check_fit(
    header: _Header, shapes: Mapping[str, tuple[int, int]], scales: PeftScales | None
) -> dict[str, str]:
    """The network's linear for every module as written; or one error that lists all problems."""
    flat = {flattened(name): name for name in shapes}
    is_flat = {name.module: name.is_flat for name in header.names.parts.values()}
    problems = [f"not known: {name}" for name in header.names.strange]
    found: dict[str, str] = {}
    taken: set[str] = set()
    for module, group in header.groups().items():
        name = flat.get(module, module) if is_flat[module] else module
        problem = _problem(name, group, shapes.get(name), scales)
        if name in taken:
            problem = "named in two ways"
        if problem is not None:
            problems.append(f"{problem}: {module}")
        taken.add(name)
        found[module] = name
    if problems:
        raise CheckpointError(
            f"{header.path}: {len(problems)} of its parts do not fit this model "
            f"({_listing(problems, LISTED)}); the LoRA is for another model or damaged"
        )
    return found


def _problem(
    name: str,
    group: Mapping[Part, TensorEntry],
    shape: tuple[int, int] | None,
    scales: PeftScales | None,
) -> str | None:
    if shape is None:
        return "not a linear of this model"
    for part, entry in group.items():
        if entry.dtype not in (ALPHA_DTYPES if part is Part.alpha else WEIGHT_DTYPES):
            return f"of type {str(entry.dtype).removeprefix('torch.')}"
    parts = {
        part: torch.empty(entry.shape, dtype=entry.dtype, device="meta")
        for part, entry in group.items()
    }
    alpha = parts.get(Part.alpha)
    if alpha is not None and alpha.numel() != 1:
        return f"alpha of shape {list(alpha.shape)}"
    try:
        delta = _delta(name, {p: t for p, t in parts.items() if p is not Part.alpha}, scales)
    except ValueError as error:
        return str(error)
    return None if delta.shape == shape else f"for {list(delta.shape)} instead of {list(shape)}"


def _listing(items: Sequence[str], limit: int) -> str:
    more = f"; and {len(items) - limit} more" if len(items) > limit else ""
    return "; ".join(items[:limit]) + more


# --- from tensors to deltas ------------------------------------------------------------------


def _delta(name: str, parts: Mapping[Part, Tensor], scales: PeftScales | None) -> Delta:
    """ValueError says which part is missing, too much, or of what shape."""
    factors = dict(parts)
    alpha = factors.pop(Part.alpha, None)
    left, chain, rank = _lora(factors) if factors.keys() & _LORA_PARTS else _lokr(factors)
    if factors:
        raise ValueError(f"has {', '.join(factors)} too much")
    delta = Delta(chain=chain, left=left)  # the shapes meet
    scale = float(alpha.item()) / rank if alpha is not None and rank else 1.0
    if scales is not None:
        scale *= scales.of(name, rank)
    return replace(delta, scale=scale)


_Factors = tuple[Tensor | None, tuple[Tensor, ...], int | None]


def _lora(parts: dict[Part, Tensor]) -> _Factors:
    up, down = _take(parts, Part.up), _take(parts, Part.down)
    return None, (up, down), down.shape[0]


def _lokr(parts: dict[Part, Tensor]) -> _Factors:
    """The rank counts that of the right factor, or else the left one's; full ones have none."""
    rank = None
    if Part.w1 in parts:
        left = parts.pop(Part.w1)
    else:
        a, b = _take(parts, Part.w1_a), _take(parts, Part.w1_b)
        Delta(chain=(a, b))  # the shapes meet
        left, rank = a.float() @ b.float(), b.shape[0]
    if Part.w2 in parts:
        return left, (parts.pop(Part.w2),), rank
    a, b = _take(parts, Part.w2_a), _take(parts, Part.w2_b)
    if Part.t2 not in parts:
        return left, (a, b), b.shape[0]
    core = parts.pop(Part.t2)  # of a convolution with a kernel of one: [R, R, 1, 1]
    if core.shape[2:].numel() != 1:
        raise ValueError(f"lokr_t2 of shape {list(core.shape)} is a convolution's")
    return left, (a.T, core.reshape(core.shape[:2]), b), b.shape[0]


def _take(parts: dict[Part, Tensor], part: Part) -> Tensor:
    if part not in parts:
        raise ValueError(f"lacks {part}")
    if parts[part].ndim != 2:
        raise ValueError(f"{part} of shape {list(parts[part].shape)}")
    return parts.pop(part)
