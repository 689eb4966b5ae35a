"""What the weights of a network take in memory under some savings, counted by their shapes."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from model.checkpoint.packing import Forms
from model.memory.costs import pack_bytes, unpack_bytes
from model.memory.loading import Load
from model.memory.streaming import aligned
from model.quantize.schemes import Scheme


@dataclass(frozen=True, kw_only=True)
class Held:
    """In bytes. `later` are those that only a picture needs, `streamed` those of each block of the
    transformer that streams; `room` is what streaming takes, `unpacked` what multiplying with a
    packed weight does, `largest` what a weight does on its way into memory."""

    resident: int
    later: int
    room: int
    streamed: tuple[int, ...]
    largest: int
    unpacked: int


def held(
    load: Load, forms: Forms, scheme: Scheme | None, dtype: torch.dtype, unpacked: int
) -> Held:
    """`forms` is what stays packed of it; with a `scheme`, packed while it is loaded or streams."""
    tensors = load.network.state_dict()

    def bytes_of(name: str) -> int:
        packed = forms.get(name)
        return tensors[name].numel() * dtype.itemsize if packed is None else packed.num_bytes

    rooms, streamed = [0], ()
    for blocks in load.blocks:
        names = blocks.streamed
        streamed = tuple(sum(aligned(bytes_of(name)) for name in block) for block in names)
        rooms.append(min(2, len(streamed)) * max(streamed, default=0))
    sizes = [torch.Size(shape).numel() for shape in load.dialect.shapes.values()]
    largest = max(sizes, default=0) * max(dtype.itemsize, 4)
    if scheme is not None and forms:
        packing = pack_bytes(scheme, [form.shape for form in forms.values()])
        largest, unpacked = max(largest, packing), max(unpacked, packing if streamed else 0)
    return Held(
        resident=sum(map(bytes_of, load.dialect.shapes)),
        later=sum(map(bytes_of, load.later)),
        room=max(rooms),
        streamed=streamed if load.part == "transformer" else (),
        largest=largest,
        unpacked=unpacked,
    )


def unpacked_bytes(load: Load, forms: Forms, dtype: torch.dtype) -> int:
    """What multiplying with a packed weight takes in a pass, which the table of the modulation is
    none of; `dtype` is that of the product."""
    passed = [name for blocks in load.blocks for block in blocks.all for name in block]
    return unpack_bytes([forms[name] for name in passed or forms if name in forms], dtype)
