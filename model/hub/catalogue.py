"""The published models as they are offered: one entry a row of `model.config`, with the files that
belong to it. A file that is not named here is never fetched, and every path is built from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

from model.checkpoint.layout import INDEX_END, STEMS
from model.config import FAMILIES, Family, Generation
from model.errors import HubError

MAX_SHARDS = 99
MAX_SMALL_BYTES = 32 * 2**20
"""Of a file that holds no weights."""

_PUBLISHER = "Qwen"
_TEXTS = ("LICENSE", "README.md")
_TOKENIZER = (("tokenizer_config.json",), ("tokenizer.json", "vocab.json"))
_TOKENIZER_MORE = (
    "added_tokens.json",
    "chat_template.jinja",
    "chat_template.json",
    "merges.txt",
    "special_tokens_map.json",
    "tokenizer.json",
    "vocab.json",
)
_IMAGES = ("preprocessor_config.json", "processor_config.json")
_CONFIGS = (
    ("model_index.json",),
    ("scheduler/scheduler_config.json",),
    ("text_encoder/config.json",),
    ("transformer/config.json",),
    ("vae/config.json",),
)

_TWO, _FOUR = 2, 4
_BYTES = {
    Generation.first: {
        "transformer": 20_430_401_088 * _TWO,
        "text_encoder": 8_292_166_656 * _TWO,
        "vae": 126_892_531 * _TWO,
    },
    Generation.two_one: {
        "transformer": 7_115_124_736 * _TWO,
        "text_encoder": 8_767_123_696 * _TWO,
        "vae": 337_740_404 * _FOUR,
    },
}
"""Parameters, and the bytes that a published number has."""
_LAYERED_MORE = {"transformer": 6_144 * _TWO, "vae": 5_185 * _TWO}


class Sized(Protocol):
    """A file as someone lists it."""

    @property
    def size(self) -> int: ...


FileT = TypeVar("FileT", bound=Sized)


@dataclass(frozen=True, kw_only=True)
class Weights:
    """A network's weight files, called `stem`, whole or in shards, and their bytes in all."""

    folder: str
    stem: str
    bytes: int

    def index(self) -> str:
        return f"{self.folder}/{self.stem}{INDEX_END}"

    def names(self, listed: Mapping[str, object]) -> tuple[str, ...]:
        """Those of the listed files that make up the network, the index among them; none where the
        set is not whole."""
        if self.index() not in listed:
            single = f"{self.folder}/{self.stem}.safetensors"
            return (single,) if single in listed else ()
        for count in range(1, MAX_SHARDS + 1):
            shards = tuple(self._shard(number, count) for number in range(1, count + 1))
            if all(name in listed for name in shards):
                return (self.index(), *shards)
        return ()

    def _shard(self, number: int, count: int) -> str:
        return f"{self.folder}/{self.stem}-{number:05d}-of-{count:05d}.safetensors"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A published model. Of each of `needed` one file must be there, the first that is counts;
    `welcome` are fetched where they are."""

    row: Family
    repository: str
    needed: tuple[tuple[str, ...], ...]
    welcome: tuple[str, ...]
    weights: tuple[Weights, ...]

    @property
    def name(self) -> str:
        return self.row.name

    @property
    def bytes(self) -> int:
        """Of the weights; the rest is some megabytes."""
        return sum(weights.bytes for weights in self.weights)

    def select(self, listed: Mapping[str, FileT], where: str) -> dict[str, FileT]:
        """The files of this model among those that `where` lists; whatever else is there is passed
        over. HubError where one is missing, or has a size that no such file has."""
        names = [self._needed(choices, listed, where) for choices in self.needed]
        names += [name for name in self.welcome if name in listed]
        for weights in self.weights:
            found = weights.names(listed)
            if not found:
                raise HubError(f"{where} lacks weights of the {weights.folder} of {self.name}")
            total = sum(listed[name].size for name in found)
            if not weights.bytes // 2 <= total <= weights.bytes * 2:
                raise HubError(
                    f"{where} has {gigabytes(total)} for the {weights.folder} of {self.name}, "
                    f"which has {gigabytes(weights.bytes)}: it is not what this version knows"
                )
            names += found
        chosen = {name: listed[name] for name in dict.fromkeys(names)}
        for name, file in chosen.items():
            if not name.endswith(".safetensors") and file.size > MAX_SMALL_BYTES:
                raise HubError(f"{where}: {name} has {gigabytes(file.size)}, too much for its kind")
        return chosen

    def _needed(self, choices: tuple[str, ...], listed: Mapping[str, object], where: str) -> str:
        for name in choices:
            if name in listed:
                return name
        raise HubError(f"{where} lacks {' or '.join(choices)} of {self.name}")


def gigabytes(size: float) -> str:
    """
    >>> gigabytes(57_700_000_000), gigabytes(12_345_678)
    ('57.7 GB', '12.3 MB')
    """
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.1f} MB"


def find(name: str) -> Entry:
    """By its name, whatever the case. HubError names those that there are."""
    for entry in CATALOGUE:
        if entry.name.lower() == name.lower():
            return entry
    known = ", ".join(entry.name for entry in CATALOGUE)
    raise HubError(f"{name!r} is not in the catalogue: {known}")


def _entry(row: Family) -> Entry:
    is_first = row.generation is Generation.first
    tokenizer = "tokenizer" if is_first else "processor"
    needed = [*_CONFIGS, *(_within(tokenizer, choices) for choices in _TOKENIZER)]
    if row.edits or row.has_layers:
        needed.append(_within("processor", _IMAGES))
    more = [f"{tokenizer}/{name}" for name in _TOKENIZER_MORE]
    more += [f"processor/{name}" for name in (*_IMAGES, *_TOKENIZER[0], *_TOKENIZER_MORE)]
    return Entry(
        row=row,
        repository=f"{_PUBLISHER}/{row.name}",
        needed=tuple(needed),
        welcome=(*_TEXTS, "text_encoder/generation_config.json", *dict.fromkeys(more)),
        weights=tuple(
            Weights(folder=folder, stem=stem, bytes=_bytes(row, folder))
            for folder, stem in STEMS.items()
        ),
    )


def _within(folder: str, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{folder}/{name}" for name in names)


def _bytes(row: Family, folder: str) -> int:
    more = _LAYERED_MORE.get(folder, 0) if row.has_layers else 0
    return _BYTES[row.generation][folder] + more


CATALOGUE: tuple[Entry, ...] = tuple(map(_entry, FAMILIES))
