"""Which exact savings a model is loaded with. Values only; the pictures are the same."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Savings:
    """ValueError for a budget of nothing, or fewer blocks than none."""

    keeps_modulation: bool = True
    """Whether the modulation weights of 1.x, a third of its transformer, stay in memory beside the
    table that is made of them; if not, every new schedule reads them from disk once more."""
    resident_blocks: int | None = None
    """So many blocks of the transformer stay in memory; the others come from disk at every pass.
    None: all stay."""
    streams_encoder: bool = False
    """Whether the text encoder's blocks come from disk whenever it reads a prompt."""
    vae_bytes: int | None = None
    """The VAE works in tiles whose tensors take about so many bytes; None: on the whole picture."""

    def __post_init__(self) -> None:
        if self.resident_blocks is not None and self.resident_blocks < 0:
            raise ValueError(f"resident_blocks: {self.resident_blocks} is below 0")
        if self.vae_bytes is not None and self.vae_bytes < 1:
            raise ValueError(f"vae_bytes: {self.vae_bytes} is not above 0")
