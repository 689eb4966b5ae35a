"""What published folders and their weight files are called. Reads nothing."""

from __future__ import annotations

from pathlib import Path

DIFFUSION_STEM, TRANSFORMERS_STEM = "diffusion_pytorch_model", "model"
STEMS = {
    "transformer": DIFFUSION_STEM,
    "vae": DIFFUSION_STEM,
    "text_encoder": TRANSFORMERS_STEM,
}
INDEX_END = ".safetensors.index.json"
"""Behind a stem: which tensor is in which shard."""
SNAPSHOTS = "snapshots"
"""Of a repository in Hugging Face's cache: one folder a revision."""


def name_of(path: Path) -> str:
    """What a model folder is called; in Hugging Face's cache, as its repository is.

    >>> name_of(Path("/hub/models--Qwen--Qwen-Image-2512/snapshots/25468b98"))
    'Qwen-Image-2512'
    """
    path = path.absolute()
    repository = path.parent.parent.name
    if path.parent.name == SNAPSHOTS and repository.startswith("models--"):
        return repository.rpartition("--")[2]
    return path.name
