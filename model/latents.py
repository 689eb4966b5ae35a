"""Between VAE space and transformer tokens, and the noise that a run starts from.

Packed feature index = channel * 4 + row parity * 2 + column parity (patch size 2).
"""

from __future__ import annotations

import torch
from torch import Tensor


def pack(latents: Tensor, patch: int = 2) -> Tensor:
    """[B, z, h, w] -> tokens [B, (h/patch)(w/patch), z * patch²], rows first."""
    B, z, h, w = latents.shape
    x = latents.view(B, z, h // patch, patch, w // patch, patch)
    return x.permute(0, 2, 4, 1, 3, 5).reshape(B, (h // patch) * (w // patch), z * patch**2)


def unpack(tokens: Tensor, rows: int, columns: int, patch: int = 2) -> Tensor:
    """Tokens of a grid of rows x columns -> [B, z, h, w]: the inverse of `pack`."""
    B, _, C = tokens.shape
    x = tokens.view(B, rows, columns, C // patch**2, patch, patch)
    return x.permute(0, 3, 1, 4, 2, 5).reshape(B, C // patch**2, rows * patch, columns * patch)


def generator_of(seed: int) -> torch.Generator:
    """What all randomness of a picture is drawn from, on the CPU whatever the device."""
    return torch.Generator("cpu").manual_seed(seed)


def noise(
    shape: tuple[int, int, int, int],
    generator: torch.Generator,
    dtype: torch.dtype,
    device: torch.device | str,
) -> Tensor:
    """[B, z, h, w] of standard normal noise.

    Drawn on the CPU, in the run's dtype, with a frame axis behind the batch, so that a seed gives
    the picture that the reference implementation gives (torch draws other values in other types).
    """
    B, z, h, w = shape
    return torch.randn((B, 1, z, h, w), generator=generator, dtype=dtype)[:, 0].to(device)
