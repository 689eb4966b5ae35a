"""A text encoder in GGUF files: the language model in one, the vision tower in another (its
`mmproj`). Seen from outside they are one source, under the published folders' names.

llama.cpp splits what the published files hold together: queries, keys and values of the tower's
attention, and the two frames of its patches' kernel.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from model.checkpoint.gguf_files import GgufFile
from model.checkpoint.safetensors_files import Room
from model.checkpoint.stored import StoredWeight, Value
from model.errors import CheckpointError
from model.quantize.packed import Packed

LANGUAGE = {"qwen2vl": "Qwen-Image 1.x", "qwen3vl": "Qwen-Image 2.1"}
"""Architectures of language models, and what they are the text encoders of."""
TOWER = "clip"
_ARCHITECTURE = "general.architecture"

_WHOLE = {
    "token_embd.": "model.embed_tokens.",
    "output_norm.": "model.norm.",
    "output.": "lm_head.",
    "v.position_embd.": "visual.pos_embed.",
    "v.patch_embd.": "visual.patch_embed.proj.",
}
_OF_BLOCK = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
}
_OF_TOWER = {
    "attn_qkv": "attn.qkv",
    "attn_q": "attn.qkv",
    "attn_k": "attn.qkv",
    "attn_v": "attn.qkv",
    "attn_out": "attn.proj",
    "ln1": "norm1",
    "ln2": "norm2",
}
_OLDER = {"ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj"}
_OLDER_MERGER = {"v.post_ln": "ln_q", "mm.0": "mlp.0", "mm.2": "mlp.2"}
_NEWER = {"ffn_up": "mlp.linear_fc1", "ffn_down": "mlp.linear_fc2"}
_NEWER_MERGER = {"v.post_ln": "norm", "mm.0": "linear_fc1", "mm.2": "linear_fc2"}
_DEEP = {"norm": "norm", "fc1": "linear_fc1", "fc2": "linear_fc2"}
_PARTS = ("attn_q", "attn_k", "attn_v")
"""In the order of their rows in one."""
_BLOCK = re.compile(r"(v\.)?blk\.(\d+)\.(\w+)\.(weight|bias)")
_DEEPSTACK = re.compile(r"v\.deepstack\.(\d+)\.(\w+)\.(weight|bias)")


def language_of(metadata: Mapping[str, Any]) -> str | None:
    """What a file's language model is the text encoder of; None for another file."""
    return LANGUAGE.get(str(metadata.get(_ARCHITECTURE)))


def is_tower(metadata: Mapping[str, Any], names: Sequence[str]) -> bool:
    return metadata.get(_ARCHITECTURE) == TOWER and "v.patch_embd.weight" in names


def tower_of(names: Sequence[str]) -> str:
    """What a vision tower is the eye of: only the older one's blocks have gates."""
    return "Qwen-Image 1.x" if "v.blk.0.ffn_gate.weight" in names else "Qwen-Image 2.1"


class EncoderGguf:
    """A language model's file and, where there is one, the tower's; both open."""

    def __init__(self, files: Sequence[GgufFile]) -> None:
        self._files = tuple(files)
        stored = {weight.name: weight for file in files for weight in file.weights}
        self._ours = published_names(tuple(stored))
        self._pieces: dict[str, list[str]] = {}
        for name, ours in self._ours.items():
            self._pieces.setdefault(ours, []).append(name)
        for names in self._pieces.values():
            names.sort(key=_place)
        self._stored = stored
        self._files_of = {weight.name: file for file in files for weight in file.weights}

    @property
    def weights(self) -> tuple[StoredWeight, ...]:
        return tuple(self._whole(ours, names) for ours, names in self._pieces.items())

    @property
    def marks(self) -> frozenset[str]:
        return frozenset()

    @property
    def metadata(self) -> Mapping[str, Any]:
        """The language model's."""
        return self._files[0].metadata

    def samples(self) -> Iterator[bytes]:
        for file in self._files:
            yield from file.samples()

    def read(self) -> Iterator[tuple[str, Value]]:
        waiting: dict[str, dict[str, Value]] = {}
        for file in self._files:
            for name, value in file.read():
                ours = self._ours[name]
                names = self._pieces[ours]
                if len(names) == 1:
                    yield ours, value
                    continue
                found = waiting.setdefault(ours, {})
                found[name] = value
                if len(found) == len(names):
                    yield ours, _joined(ours, [found[name] for name in names])
                    del waiting[ours]

    def read_one(self, name: str, room: Room | None = None) -> Value:
        pieces = self._pieces.get(name)
        if pieces is None:
            raise CheckpointError(f"{self._files[0].path} lacks {name}; download the file again")
        if len(pieces) == 1:
            return self._files_of[pieces[0]].read_one(pieces[0], room)
        return _joined(name, [self._files_of[piece].read_one(piece) for piece in pieces])

    def form(self, name: str) -> Value:
        pieces = self._pieces[name]
        if len(pieces) == 1:
            return self._files_of[pieces[0]].form(pieces[0])
        return torch.empty(self._whole(name, pieces).shape, device="meta")

    def hashes(self) -> dict[str, str]:
        return {name: digest for file in self._files for name, digest in file.hashes().items()}

    def _whole(self, ours: str, names: Sequence[str]) -> StoredWeight:
        """What several pieces are together: rows one below the other, or two frames."""
        pieces = [self._stored[name] for name in names]
        first, scheme = pieces[0].shape, pieces[0].scheme
        if len(pieces) == 1 or any(piece.shape[1:] != first[1:] for piece in pieces):
            shape = first
        elif _is_kernel(ours):
            shape = (*first[:2], len(pieces), *first[2:])
        else:
            shape = (sum(piece.shape[0] for piece in pieces), *first[1:])
        return StoredWeight(name=ours, shape=shape, scheme=scheme)


def published_names(names: Sequence[str]) -> dict[str, str]:
    """The published folders' name of each tensor; several may have one. Unknown ones keep theirs.

    >>> published_names(["blk.3.attn_q.weight", "mm.0.bias", "v.blk.0.ffn_gate.weight"])
    {'blk.3.attn_q.weight': 'model.layers.3.self_attn.q_proj.weight', \
'mm.0.bias': 'visual.merger.mlp.0.bias', \
'v.blk.0.ffn_gate.weight': 'visual.blocks.0.mlp.gate_proj.weight'}
    """
    is_older = tower_of(names) == "Qwen-Image 1.x"
    tower = _OF_TOWER | (_OLDER if is_older else _NEWER)
    merger = _OLDER_MERGER if is_older else _NEWER_MERGER
    deep = sorted({int(m[1]) for name in names if (m := _DEEPSTACK.fullmatch(name))})
    return {name: _published(name, tower, merger, deep) for name in names}


def _published(
    name: str, tower: Mapping[str, str], merger: Mapping[str, str], deep: Sequence[int]
) -> str:
    if block := _BLOCK.fullmatch(name):
        in_tower, number, module, end = block.groups()
        table, prefix = (tower, "visual.blocks") if in_tower else (_OF_BLOCK, "model.layers")
        return f"{prefix}.{number}.{table[module]}.{end}" if module in table else name
    if stack := _DEEPSTACK.fullmatch(name):
        number, module, end = stack.groups()
        place = f"visual.deepstack_merger_list.{deep.index(int(number))}"
        return f"{place}.{_DEEP[module]}.{end}" if module in _DEEP else name
    for theirs, ours in merger.items():
        if name.startswith(theirs + "."):
            return f"visual.merger.{ours}{name.removeprefix(theirs)}"
    for theirs, ours in _WHOLE.items():
        if name.startswith(theirs):
            return (ours + name.removeprefix(theirs)).replace(".weight.1", ".weight")
    return name


def _place(name: str) -> int:
    """Of a piece among those of one tensor."""
    module = name.rpartition(".")[0].rpartition(".")[2]
    return _PARTS.index(module) if module in _PARTS else int(name.endswith(".1"))


def _is_kernel(ours: str) -> bool:
    return ours == "visual.patch_embed.proj.weight"


def _joined(ours: str, values: Sequence[Value]) -> Tensor:
    numbers = [v.dequantise("cpu") if isinstance(v, Packed) else v for v in values]
    return torch.stack(numbers, dim=2) if _is_kernel(ours) else torch.cat(numbers)
