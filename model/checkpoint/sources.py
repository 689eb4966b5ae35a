"""Opening the weight files of one network, whatever their format."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from model.checkpoint.gguf_files import GgufFile, is_gguf
from model.checkpoint.packed_files import PackedFiles
from model.checkpoint.safetensors_files import TensorFile, check_index, shard_paths

SUFFIXES = (".safetensors", ".gguf")
"""Of weight files; what one is, its first bytes tell."""


@contextmanager
def open_folder(folder: Path, stem: str) -> Iterator[PackedFiles]:
    """The safetensors files of `folder`, one or several with an index."""
    paths, weight_map = shard_paths(folder, stem)
    with ExitStack() as stack:
        files = [stack.enter_context(TensorFile.open(path)) for path in paths]
        if weight_map is not None:
            check_index(weight_map, files, folder)
        yield PackedFiles(files)


@contextmanager
def open_file(path: Path) -> Iterator[PackedFiles | GgufFile]:
    """One file, told by its first bytes."""
    if is_gguf(path):
        with GgufFile.open(path) as file:
            yield file
    else:
        with TensorFile.open(path) as file:
            yield PackedFiles([file])


@contextmanager
def open_place(place: Path, stem: str) -> Iterator[PackedFiles | GgufFile]:
    """A folder of the published layout, or one file."""
    with open_folder(place, stem) if place.is_dir() else open_file(place) as source:
        yield source
