"""The schemes by which safetensors files pack a weight: how each is told, which tensors it needs
beside the weight, and whether they fit. Knows headers, not values; `model.quantize` computes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from model.checkpoint.safetensors_files import DTYPE_NAMES, TensorEntry
from model.errors import CheckpointError
from model.quantize import fp8, int4, int8, nf4, w4a8
from model.quantize.hadamard import is_group
from model.quantize.packed import Packed

FP8 = {"float8_e4m3fn": torch.float8_e4m3fn, "float8_e5m2": torch.float8_e5m2}
FORMATS = (*FP8, "int8_tensorwise", "convrot_w4a4", "asym_w4a8_int8")
"""ComfyUI's, as far as they are read."""
NF4_STATE = ".quant_state.bitsandbytes__nf4"

_NUMBERS = (torch.float32, torch.float16, torch.bfloat16)
_BYTES = (torch.int8, torch.uint8)
_ROTATION, _GROUP = 256, w4a8.GROUP
"""Columns that are rotated together, and those with a scale in common, where nothing is said."""


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """One packed weight: the tensors beside it by name, in the order in which `unpack` takes them
    after the weight itself. `dtypes` are the types that bytes stand for. `by_row` and `rotation`
    are as `Packed` has them."""

    scheme: str
    shape: tuple[int, ...]
    unpack: Callable[..., Tensor]
    sides: tuple[str, ...] = ()
    dtypes: tuple[torch.dtype | None, ...] = ()
    by_row: int = 0
    rotation: int | None = None

    def packed(self, parts: tuple[Tensor, ...]) -> Packed:
        """The weight itself and its sides, put together."""
        return Packed(
            scheme=self.scheme,
            shape=self.shape,
            parts=self.recast(parts),
            unpack=self.unpack,
            by_row=self.by_row,
            rotation=self.rotation,
        )

    def recast(self, parts: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The weight and its sides; bytes that stand for another type, seen as that."""
        dtypes = self.dtypes + (None,) * (len(parts) - len(self.dtypes))
        pairs = zip(parts, dtypes, strict=True)
        return tuple(part if dtype is None else part.view(dtype) for part, dtype in pairs)


def bundle(
    stored: Stored, word: Mapping[str, Any] | None, nf4_state: Mapping[str, Any] | None
) -> Bundle | None:
    """How a tensor is packed, or None; `word` is ComfyUI's about it, `nf4_state` bitsandbytes'.

    CheckpointError where what stands beside it does not fit the scheme, or this is none that is
    read.
    """
    entry = stored.entry
    if nf4_state is not None:
        return stored.nf4(nf4_state)
    if word is not None:
        return _by_word(stored, word)
    if entry.dtype in FP8.values():
        return stored.fp8(entry.dtype)
    if entry.dtype in _NUMBERS and stored.beside(".scale_weight"):
        return stored.scaled(DTYPE_NAMES[entry.dtype])
    if entry.dtype in _BYTES and entry.name.endswith(".weight"):
        raise stored.wrong(
            f"is of {DTYPE_NAMES[entry.dtype]}, and nothing says how it is packed; this version "
            f"reads ComfyUI's {', '.join(FORMATS)} and bitsandbytes' nf4"
        )
    return None


def _by_word(stored: Stored, word: Mapping[str, Any]) -> Bundle:
    name, params = str(word.get("format")), word.get("params")
    word = {**params, **word} if isinstance(params, dict) else word
    if name in FP8:
        return stored.fp8(FP8[name])
    if name == "int8_tensorwise":
        return stored.int8(word)
    if name == "convrot_w4a4":
        return stored.int4(word)
    if name == "asym_w4a8_int8":
        return stored.w4a8(word)
    raise stored.wrong(f"is packed as {name[:40]!r}; this version reads {', '.join(FORMATS)}")


@dataclass(frozen=True)
class Stored:
    """One tensor among the others of its files; `where` names it in errors."""

    entry: TensorEntry
    entries: Mapping[str, TensorEntry]
    where: str

    def fp8(self, dtype: torch.dtype) -> Bundle:
        if self.entry.dtype not in (dtype, torch.uint8):
            raise self.wrong(f"is of {DTYPE_NAMES[self.entry.dtype]}, not {DTYPE_NAMES[dtype]}")
        recast = dtype if self.entry.dtype is torch.uint8 else None
        if self.beside(".scale_weight") or self.beside(".weight_scale"):
            return self.scaled(f"scaled {DTYPE_NAMES[dtype]}", recast)
        return Bundle(
            scheme=DTYPE_NAMES[dtype],
            shape=self.entry.shape,
            unpack=fp8.dequantise,
            dtypes=(recast,),
            by_row=1,
        )

    def scaled(self, scheme: str, recast: torch.dtype | None = None) -> Bundle:
        """Numbers with one scale, or one a row."""
        older = self.beside(".scale_weight")
        return Bundle(
            scheme=scheme,
            shape=self.entry.shape,
            unpack=fp8.dequantise,
            sides=(self._scale(".scale_weight" if older else ".weight_scale"),),
            dtypes=(recast,),
            by_row=2,
        )

    def int8(self, word: Mapping[str, Any]) -> Bundle:
        _, columns = self._sides_of_bytes()
        is_rotated = word.get("convrot", False)
        if not isinstance(is_rotated, bool):
            raise self.wrong(f"has convrot {str(is_rotated)[:40]!r}, neither true nor false")
        group = self._rotation(word, columns) if is_rotated else None
        return Bundle(
            scheme=int8.scheme(group),
            shape=self.entry.shape,
            unpack=int8.dequantise,
            sides=(self._scale(".weight_scale"),),
            dtypes=(torch.int8,),
            by_row=2,
            rotation=group,
        )

    def int4(self, word: Mapping[str, Any]) -> Bundle:
        rows, half = self._sides_of_bytes()
        group = self._rotation(word, 2 * half)
        return Bundle(
            scheme="rotated I4",
            shape=(rows, 2 * half),
            unpack=int4.dequantise,
            sides=(self._side(".weight_scale", rows),),
            by_row=2,
            rotation=group,
        )

    def w4a8(self, word: Mapping[str, Any]) -> Bundle:
        rows, half = self._sides_of_bytes()
        columns, group = 2 * half, self._count(word, "group_size", _GROUP)
        if columns % group:
            raise self.wrong(f"has {columns} columns, which groups of {group} do not divide")
        if self.beside(".weight_correction"):
            raise self.wrong("is packed with a correction, which this version does not read")
        rotation = self._rotation(word, columns)
        groups = self._side(".weight_s_rel", rows * columns // group, (*FP8.values(), torch.uint8))
        book = (".weight_codebook",) if self.beside(".weight_codebook") else ()
        is_bytes = self.entries[groups].dtype is torch.uint8
        return Bundle(
            scheme=w4a8.SCHEME,
            shape=(rows, columns),
            unpack=w4a8.dequantise,
            sides=(
                groups,
                self._side(".weight_s_channel", rows),
                *(self._side(b, 16) for b in book),
            ),
            dtypes=(None, torch.float8_e4m3fn if is_bytes else None),
            by_row=3,
            rotation=rotation,
        )

    def nf4(self, state: Mapping[str, Any]) -> Bundle:
        shape = state.get("shape")
        if not isinstance(shape, list) or not all(type(n) is int and n > 0 for n in shape):
            raise self.wrong(f"has the impossible shape {str(shape)[:40]}")
        count, block = math.prod(shape), self._count(state, "blocksize")
        if self.entry.dtype is not torch.uint8 or math.prod(self.entry.shape) != (count + 1) // 2:
            raise self.wrong(f"holds another number of four-bit codes than its shape {shape}")
        num_blocks = -(-count // block)
        sides = (self._nf4_side("quant_map", 16),)
        if f"{self.entry.name}.nested_absmax" not in self.entries:
            return Bundle(
                scheme="NF4",
                shape=tuple(shape),
                unpack=partial(nf4.dequantise, block=block, count=count),
                sides=(self._nf4_side("absmax", num_blocks), *sides),
            )
        outer, offset = self._count(state, "nested_blocksize"), state.get("nested_offset")
        if not isinstance(offset, float):
            raise self.wrong(f"has the impossible nested_offset {str(offset)[:40]!r}")
        return Bundle(
            scheme="NF4",
            shape=tuple(shape),
            unpack=partial(
                nf4.dequantise_nested, block=block, count=count, outer_block=outer, offset=offset
            ),
            sides=(
                self._nf4_side("absmax", num_blocks, torch.uint8),
                *sides,
                self._nf4_side("nested_absmax", -(-num_blocks // outer)),
                self._nf4_side("nested_quant_map", 256),
            ),
        )

    def beside(self, end: str) -> bool:
        return self._name(end) in self.entries

    def wrong(self, what: str) -> CheckpointError:
        return CheckpointError(f"{self.where} {what}")

    def _name(self, end: str) -> str:
        return self.entry.name.removesuffix(".weight") + end

    def _sides_of_bytes(self) -> tuple[int, int]:
        if self.entry.dtype not in _BYTES or len(self.entry.shape) != 2:
            found = f"{list(self.entry.shape)} of {DTYPE_NAMES[self.entry.dtype]}"
            raise self.wrong(f"is {found}, not bytes of rows and columns")
        return self.entry.shape[0], self.entry.shape[1]

    def _scale(self, end: str) -> str:
        """The name of a single scale, or of one a row."""
        name = self._name(end)
        count = math.prod(self.entries[name].shape) if name in self.entries else 1
        return self._side(end, 1 if count == 1 else self.entry.shape[0])

    def _side(self, end: str, count: int, dtypes: tuple[torch.dtype, ...] = ()) -> str:
        return self._checked(self._name(end), count, (*_NUMBERS, *dtypes))

    def _nf4_side(self, end: str, count: int, dtype: torch.dtype = torch.float32) -> str:
        return self._checked(f"{self.entry.name}.{end}", count, (dtype,))

    def _checked(self, name: str, count: int, dtypes: tuple[torch.dtype, ...]) -> str:
        found = self.entries.get(name)
        if found is None:
            raise self.wrong(f"lacks {name}; download the file again")
        if math.prod(found.shape) != count or found.dtype not in dtypes:
            has = f"{list(found.shape)} of {DTYPE_NAMES[found.dtype]}"
            raise self.wrong(f"needs {count} number(s) in {name}, which is {has}")
        return name

    def _rotation(self, word: Mapping[str, Any], columns: int) -> int:
        group = self._count(word, "convrot_groupsize", _ROTATION)
        if not is_group(group, columns):
            raise self.wrong(
                f"is rotated in groups of {group}, which is no power of 4 that divides {columns}"
            )
        return group

    def _count(self, values: Mapping[str, Any], name: str, default: int | None = None) -> int:
        found = values.get(name, default)
        if type(found) is not int or not 0 < found < 2**31:
            raise self.wrong(f"has the impossible {name} {str(found)[:40]!r}")
        return found
