"""How the published folders call their weight files. Reads nothing."""

from __future__ import annotations

DIFFUSION_STEM, TRANSFORMERS_STEM = "diffusion_pytorch_model", "model"
STEMS = {
    "transformer": DIFFUSION_STEM,
    "vae": DIFFUSION_STEM,
    "text_encoder": TRANSFORMERS_STEM,
}
INDEX_END = ".safetensors.index.json"
"""Behind a stem: which tensor is in which shard."""
