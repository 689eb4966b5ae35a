"""MSRoPE: rotary positions on three axes (frame, row, column), centred on zero for images, with the
text on the diagonal behind the largest image (Qwen-Image report, arXiv 2508.02324, section 2.4).

Tables are complex64 and never parameters or buffers: a cast to bf16 would ruin them.
Shapes: L image tokens of all images, T text tokens, d head dimension.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

THETA = 10_000.0
MAX_POSITION = 4096
MAX_POSITION_21 = 8192

Grid = tuple[int, int, int]
"""Frames, rows and columns of one image, in tokens."""


@lru_cache(maxsize=16)
@torch.inference_mode(mode=False)  # a cached inference tensor could never take part in training
def axis_table(dim: int) -> Tensor:
    """Complex rotations [2 * MAX_POSITION_21, dim/2] of all positions, the lowest first."""
    inverse = 1.0 / torch.pow(THETA, torch.arange(0, dim, 2).to(torch.float32).div(dim))
    angles = torch.outer(torch.arange(-MAX_POSITION_21, MAX_POSITION_21).float(), inverse)
    return torch.polar(torch.ones_like(angles), angles)


def _rotations(dim: int, first: int, count: int, limit: int) -> Tensor:
    if first < -limit or first + count > limit:
        raise ValueError(
            f"position {first + count - 1} is beyond the {limit} the model knows; "
            "use a smaller picture or a shorter prompt"
        )
    return axis_table(dim)[first + MAX_POSITION_21 : first + MAX_POSITION_21 + count]


def image_table(
    grid: Grid, index: int, axes_dims: Sequence[int], limit: int = MAX_POSITION
) -> Tensor:
    """Rotations [frames * rows * columns, d/2] of an image whose frame position is `index`."""
    frames, rows, columns = grid
    parts = (
        _rotations(axes_dims[0], index, frames, limit)[:, None, None],
        _rotations(axes_dims[1], -(rows - rows // 2), rows, limit)[None, :, None],
        _rotations(axes_dims[2], -(columns - columns // 2), columns, limit)[None, None, :],
    )
    shape = (frames, rows, columns)
    return torch.cat([p.expand(*shape, p.shape[-1]) for p in parts], dim=-1).flatten(0, 2)


def text_table(
    first: int, count: int, axes_dims: Sequence[int], limit: int = MAX_POSITION
) -> Tensor:
    """Rotations [count, d/2] of text: the same position on all three axes."""
    return torch.cat([_rotations(dim, first, count, limit) for dim in axes_dims], dim=-1)


def text_start(grids: Sequence[Grid]) -> int:
    """The first text position: one behind the largest centred row or column."""
    return max(max(rows // 2, columns // 2) for _, rows, columns in grids)


def rope_tables(
    grids: Sequence[Grid], num_text: int, axes_dims: Sequence[int]
) -> tuple[Tensor, Tensor]:
    """Complex tables for image tokens [L, d/2] and text tokens [T, d/2].

    `grids` names the images of one sample, target first; each gets its place in the list as its
    frame position.
    """
    images = [image_table(grid, index, axes_dims) for index, grid in enumerate(grids)]
    return torch.cat(images), text_table(text_start(grids), num_text, axes_dims)


def layered_rope_tables(
    grids: Sequence[Grid], num_text: int, axes_dims: Sequence[int]
) -> tuple[Tensor, Tensor]:
    """The same for a target of several layers, which are its frames 0, 1, …, and the picture that
    they make up: the last grid, whose frame is -1 (Qwen-Image-Layered, arXiv 2512.15603)."""
    target, condition = grids
    images = [image_table(target, 0, axes_dims), image_table(condition, -1, axes_dims)]
    return torch.cat(images), text_table(layered_text_start(grids), num_text, axes_dims)


def layered_text_start(grids: Sequence[Grid]) -> int:
    """The first text position also lies behind the frames."""
    return max(text_start(grids), grids[0][0])


def rotate(x: Tensor, table: Tensor) -> Tensor:
    """Turn pairs of neighbouring features of x [B, N, heads, d] by table [N, d/2], in float32."""
    pairs = torch.view_as_complex(x.float().unflatten(-1, (-1, 2)))
    return torch.view_as_real(pairs * table[:, None]).flatten(-2).to(x.dtype)
