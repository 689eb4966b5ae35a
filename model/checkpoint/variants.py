"""Which published model the files of one architecture are, where their tensors cannot tell.

The user's word for these very files comes first, then what was remembered under their fingerprint,
then what metadata or name propose, then the likeliest.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from model.checkpoint.safetensors_files import shard_paths
from model.checkpoint.sources import open_file
from model.config import ConfigError, Family, called, proposed
from model.errors import CheckpointError


@dataclass(frozen=True, kw_only=True)
class Variants:
    """Empty where the files tell. `proposed` is empty where neither metadata nor name says any."""

    names: tuple[str, ...] = ()
    proposed: str = ""
    fingerprint: str = ""


NO_VARIANTS = Variants()


def choose(
    rows: Sequence[Family],
    weights: Sequence[Path],
    texts: Iterable[str],
    *,
    variant: str | None = None,
    remembered: Mapping[str, str] | None = None,
) -> tuple[Family, Variants]:
    """The row of these weight files, and what else they may be. ConfigError for a `variant` that
    they cannot be; one remembered that they cannot be is passed over."""
    if len(rows) == 1:
        return (called(rows, variant) if variant is not None else rows[0]), NO_VARIANTS
    own = proposed(rows, texts)
    variants = Variants(
        names=tuple(row.name for row in rows),
        proposed=own.name if own else "",
        fingerprint=fingerprint(weights),
    )
    if variant is not None:
        return called(rows, variant), variants
    with contextlib.suppress(ConfigError):
        return called(rows, (remembered or {}).get(variants.fingerprint, "")), variants
    return own or rows[0], variants


def weight_files(folder: Path, stem: str) -> list[Path]:
    """Of a network's folder; none where it cannot be read."""
    with contextlib.suppress(CheckpointError):
        return shard_paths(folder, stem)[0]
    return []


def metadata_of(weights: Sequence[Path]) -> dict[str, str]:
    """Of the first weight file, if it can be read."""
    with contextlib.suppress(CheckpointError):
        if weights:
            with open_file(weights[0]) as file:
                return dict(file.metadata)
    return {}


def fingerprint(weights: Sequence[Path]) -> str:
    """Which weights these are, told in a moment: the hash of every file's size, header and samples.

    Models of one architecture have the same headers; the samples tell them apart, without reading
    tens of gigabytes. Names do not count. Empty where a file cannot be read.
    """
    digest = hashlib.sha256()
    try:
        for path in weights:
            with open_file(path) as file:
                for piece in file.samples():
                    digest.update(piece)
    except CheckpointError:
        return ""
    return digest.hexdigest() if weights else ""
