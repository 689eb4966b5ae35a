"""Which exact savings a model is loaded with. Values only; the pictures are the same."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Savings:
    """ValueError for a budget of nothing."""

    keeps_modulation: bool = True
    """Whether the modulation weights of 1.x, a third of its transformer, stay in memory beside the
    table that is made of them; if not, every new schedule reads them from disk once more."""
    vae_bytes: int | None = None
    """The VAE works in tiles whose tensors take about so many bytes; None: on the whole picture."""

    def __post_init__(self) -> None:
        if self.vae_bytes is not None and self.vae_bytes < 1:
            raise ValueError(f"vae_bytes: {self.vae_bytes} is not above 0")
