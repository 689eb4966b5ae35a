"""A model's identity: one SHA-256 over the hashes of every file that decides about its pictures."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from model.checkpoint.strict_json import read_bytes

MAX_FILE_BYTES = 64 * 2**20


def file_hashes(paths: Mapping[str, Path]) -> dict[str, str]:
    """Hashes of small files, by the names that they are given."""
    return {
        name: hashlib.sha256(read_bytes(path, limit_bytes=MAX_FILE_BYTES)).hexdigest()
        for name, path in paths.items()
    }


def combined(hashes: Mapping[str, str]) -> str:
    """One hash, whatever the order in which the files were read.

    >>> combined({"a": "1", "b": "2"}) == combined({"b": "2", "a": "1"})
    True
    """
    lines = "".join(f"{name} {digest}\n" for name, digest in sorted(hashes.items()))
    return hashlib.sha256(lines.encode()).hexdigest()
