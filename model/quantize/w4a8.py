"""Four-bit codes into a book of 16 values, made for multiplying as int8: each group of columns has
a scale that takes the values to whole numbers, each row one that takes these to the weight. The
columns are rotated.

ComfyUI's `asym_w4a8_int8`. With groups it errs half as much as `int4`, whose rows have one scale:
0.07 of a weight of normal numbers against 0.12 at 192 columns and 0.15 at 3072.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from model.quantize.bits import looked_up, pairs
from model.quantize.hadamard import largest_group, rotate
from model.quantize.packed import Packed

SCHEME = "W4A8"
GROUP = 16
_HALF_BOOK = (0.05301, 0.15994, 0.26988, 0.38528, 0.50879, 0.64457, 0.79874, 0.98138)
"""The levels that err least (Lloyd and Max) for normal numbers in groups of 16, each group divided
by its largest; their negatives are the other half."""
_ROUNDS = 2
"""Of fitting a group's scale to its codes; further ones gain below 0.001."""
_LEAST = 1e-30
"""Of a scale, so that zeros divide by none."""


def dequantise(weight: Tensor, groups: Tensor, rows: Tensor, book: Tensor | None = None) -> Tensor:
    """int8 [R, C / 2] with the even column in the low half; scales of groups, [R, G] in any type,
    and of rows, [R]; book [16], by default -8 to 7 -> float32 [R, C]."""
    book = torch.arange(-8.0, 8.0, device=weight.device) if book is None else book.float()
    numbers = looked_up(weight.view(torch.uint8), book)
    scales = groups.float().reshape(len(numbers), -1, 1)
    # In place: of a large weight each further copy is half a gigabyte of a card.
    numbers.view(*scales.shape[:2], -1).mul_(scales).round_().clamp_(-127, 127)
    return numbers.mul_(rows.float().reshape(-1, 1))


def can_pack(columns: int) -> bool:
    """
    >>> can_pack(48), can_pack(40)
    (True, False)
    """
    return columns % GROUP == 0


def pack(weight: Tensor) -> Packed:
    """[R, C] in any type, C a multiple of 16 -> the same in 4.5 bits and a scale a row."""
    rotation = largest_group(weight.shape[1])
    assert rotation is not None
    return Packed(
        scheme=SCHEME,
        shape=tuple(weight.shape),
        parts=quantise(rotate(weight.to(torch.float32), rotation)),
        unpack=dequantise,
        by_row=3,
        rotation=rotation,
    )


def quantise(rotated: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """float32 [R, C] -> codes int8 [R, C / 2], scales of groups float8 [R, C / 16], of rows float32
    [R], and the book [16]."""
    grouped = rotated.unflatten(1, (-1, GROUP))
    half = torch.tensor(_HALF_BOOK, device=rotated.device)
    book = torch.cat([-half.flip(0), half])
    scales = grouped.abs().amax(dim=-1, keepdim=True).clamp(min=_LEAST)
    for _ in range(_ROUNDS):
        values = book[_nearest(grouped / scales, book)]
        products, squares = (grouped * values).sum(-1, True), (values * values).sum(-1, True)
        scales = (products / squares).clamp(min=_LEAST)
    largest = (book[_nearest(grouped / scales, book)] * scales).abs().amax(dim=(1, 2))
    rows = (largest / 127).clamp(min=_LEAST)
    groups = (scales.squeeze(-1) / rows[:, None]).clamp(max=448).to(torch.float8_e4m3fn)
    # The scales are rounded by now, and the values they make will be: codes are chosen for those.
    tables = (book * groups.float().unsqueeze(-1)).round().clamp(-127, 127)
    codes = _nearest(grouped / rows[:, None, None], tables)
    return pairs(codes.flatten(1)).view(torch.int8), groups, rows, book


def _nearest(numbers: Tensor, levels: Tensor) -> Tensor:
    """Places of the nearest of rising levels: those [16] of all, or [R, G, 16] of each group."""
    between = ((levels[..., 1:] + levels[..., :-1]) / 2).contiguous()
    return torch.searchsorted(between, numbers.contiguous())


def word(group: int | None) -> dict[str, Any]:
    """What ComfyUI's files say beside such a weight."""
    assert group is not None
    return {
        "format": "asym_w4a8_int8",
        "group_size": GROUP,
        "convrot": True,
        "convrot_groupsize": group,
    }
