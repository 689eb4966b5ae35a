"""A transformer's weights written anew with its blocks packed, as one file that ComfyUI reads too.

Tensor by tensor: of a model of 40 GB no more than one weight is in memory.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from model.checkpoint.build import build, dialects
from model.checkpoint.folder import ModelFolder, read_folder
from model.checkpoint.keys import GATE, GATE_UP, PROJECTION
from model.checkpoint.layout import STEMS, name_of
from model.checkpoint.packing import is_of_block, kind, numbers_of
from model.checkpoint.safetensors_files import DTYPES
from model.checkpoint.single_files import Part, recognise, refusal, texts
from model.checkpoint.sources import open_place
from model.checkpoint.stored import MARKS, TIMESTEP_ZERO, Source, StoredWeight, bare
from model.checkpoint.streamed import Form, TensorWriter, num_bytes, whole_file
from model.checkpoint.titles import TITLE_KEYS, titles
from model.checkpoint.weights import check_weights
from model.errors import CheckpointError
from model.quantize.schemes import SCHEMES, Scheme

OnTensor = Callable[[int, int], None]
"""Weights done, and all."""
SPARE_BYTES = 2**26


@dataclass(frozen=True, kw_only=True)
class _Output:
    """One weight of the new file, of one of the old or of several whose rows it has in turn."""

    name: str
    shape: tuple[int, ...]
    sources: tuple[str, ...]
    scheme: str
    is_packed: bool

    @property
    def module(self) -> str:
        return self.name.removesuffix(".weight")

    @property
    def dtype(self) -> torch.dtype:
        """Of one that is not packed: as it was, or bfloat16 if it was in fewer bits."""
        stored = DTYPES.get(self.scheme, torch.uint8)
        return stored if stored.itemsize > 1 else torch.bfloat16


def quantise(place: Path, out: Path, scheme: str, on_tensor: OnTensor = lambda *_: None) -> int:
    """Write the transformer of a model folder, or of a file in any format that is read, to `out`;
    the bytes written. `scheme` is a key of SCHEMES.

    CheckpointError where `place` is no such model, or has nothing to pack; OSError where `out`
    cannot be written. In both cases `out` is what it was.
    """
    packing = SCHEMES[scheme]
    with _opened(place) as (source, marks, title):
        outputs = tuple(_outputs(source.weights, packing))
        _check(outputs, packing, place)
        forms: dict[str, Form] = {}
        for output in outputs:
            forms |= {name: _form(t) for name, t in _tensors(output, packing).items()}
        forms |= dict.fromkeys(sorted(marks), (torch.float32, (1,)))
        size = sum(map(num_bytes, forms.values()))
        if shutil.disk_usage(out.parent).free < size + SPARE_BYTES:
            raise CheckpointError(
                f"{out}: {size / 1e9:.1f} GB are needed, and the disk has not so many free"
            )
        with whole_file(out) as new, new.open("wb") as file:
            writer = TensorWriter(file, forms, {TITLE_KEYS[0]: title})
            for done, output in enumerate(outputs):
                on_tensor(done, len(outputs))
                numbers = _read(source, output, place)
                for name, tensor in _tensors(output, packing, numbers).items():
                    writer.write(name, tensor)
            for mark in marks:
                writer.write(mark, torch.zeros(1))
            writer.finish()
    on_tensor(len(outputs), len(outputs))
    return out.stat().st_size


@contextmanager
def _opened(place: Path) -> Iterator[tuple[Source, frozenset[str], str]]:
    """The transformer's weights, checked as far as can be without reading them, and what marks and
    title their file shall have."""
    if place.is_dir():
        folder = read_folder(place)
        weights = folder.parts["transformer"]
        parts = build(folder)
        (dialect,) = (d for part, _, d in dialects(folder, parts) if part == "transformer")
        is_marked = getattr(folder.transformer, "zero_cond_t", False)
        with open_place(weights, STEMS["transformer"]) as source:
            check_weights(dialect, source.weights, weights)
            marks = frozenset([TIMESTEP_ZERO] if is_marked else [])
            yield source, marks, _title(source, name_of(place.resolve()), folder)
        return
    found = recognise(place)
    if found is None or found.part is not Part.transformer:
        raise CheckpointError(refusal(place))
    with open_place(place, STEMS["transformer"]) as source:
        yield source, source.marks & {TIMESTEP_ZERO}, _title(source, place.stem)


def _outputs(weights: Sequence[StoredWeight], packing: Scheme) -> Iterator[_Output]:
    """In the order of the files; 2.1's gate and projection become one weight, as ComfyUI has it."""
    known = {bare(weight.name): weight for weight in weights if bare(weight.name) not in MARKS}
    for name, weight in known.items():
        sources, shape = (weight.name,), weight.shape
        if name.endswith(GATE) and (other := known.get(name.removesuffix(GATE) + PROJECTION)):
            sources = (weight.name, other.name)
            shape = (weight.shape[0] + other.shape[0], *weight.shape[1:])
            name = name.removesuffix(GATE) + GATE_UP
        elif name.endswith(PROJECTION) and name.removesuffix(PROJECTION) + GATE in known:
            continue
        is_linear = is_of_block(name) and name.endswith(".weight") and len(shape) == 2
        yield _Output(
            name=name,
            shape=shape,
            sources=sources,
            scheme=weight.scheme,
            is_packed=is_linear and packing.fits(shape[1]),
        )


def _check(outputs: Sequence[_Output], packing: Scheme, place: Path) -> None:
    packed = [output for output in outputs if output.is_packed]
    if not packed:
        raise CheckpointError(f"{place}: none of its weights can be packed as {packing.name}")
    if all(output.scheme == kind(packing, output.shape) for output in packed):
        raise CheckpointError(f"{place} is packed as {packing.name} already")


def _tensors(output: _Output, packing: Scheme, numbers: Tensor | None = None) -> dict[str, Tensor]:
    """What the new file holds of a weight; without its numbers, on the device without memory."""
    if numbers is None:
        numbers = torch.empty(output.shape, device="meta")
    if not output.is_packed:
        return {output.name: numbers.to(output.dtype)}
    stored = packing.stored(packing.pack(numbers))
    return {output.module + end: tensor for end, tensor in stored.items()}


def _read(source: Source, output: _Output, place: Path) -> Tensor:
    values = [numbers_of(source.read_one(name), "cpu") for name in output.sources]
    numbers = torch.cat(values) if len(values) > 1 else values[0]
    if not bool(numbers.isfinite().all()):
        raise CheckpointError(
            f"{place}: {output.name} holds numbers that are not finite; download the model again"
        )
    return numbers


def _form(tensor: Tensor) -> Form:
    return tensor.dtype, tuple(tensor.shape)


def _title(source: Source, name: str, folder: ModelFolder | None = None) -> str:
    """By which the new file is known for what the old ones were: its model, and its few steps."""
    title = titles(texts(source.metadata), name)[0]
    is_told = folder is not None and (folder.variants.proposed or not folder.variants.names)
    if folder is None or not is_told or folder.row.name.lower() in title.lower():
        return title
    return f"{folder.row.name}, {title}"
