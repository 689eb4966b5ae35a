"""What the comparisons with diffusers share: sizes of the tiny checkpoints, prompts, limits."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from model import loader
from model.bench import tiny
from model.bench.reference import drawn
from model.requests import Request

FORWARD, RUN = 1e-5, 1e-4
SIZES = {
    "plain": tiny.Tiny(),
    "deep": tiny.Tiny(
        layers=3,
        heads=3,
        axes=(4, 10, 10),
        zero_cond_t=True,
        z=6,
        base=10,
        mult=(1, 2, 2, 3),
        res_blocks=2,
        temporal=(True, False, True),
        text_width=24,
        text_layers=3,
        text_heads=2,
        kv_heads=1,
        mrope=(2, 2, 2),
        vision_depth=3,
        seed=1,
    ),
    "wide": tiny.Tiny(
        layers=1,
        heads=5,
        axes=(2, 6, 4),
        z=5,
        base=8,
        mult=(1, 3),
        temporal=(True,),
        text_width=32,
        text_heads=4,
        kv_heads=2,
        mrope=(2, 1, 1),
        vision_depth=1,
        seed=2,
    ),
}
PROMPTS = ("a red poster", "一张蓝色的海报，标题“春”", 'A "sale" sign — 50 %')


def close(ours: Tensor, reference: Tensor, limit: float) -> None:
    assert ours.shape == reference.shape
    assert (ours - reference).abs().max().item() <= limit


def same_picture(model: loader.Model, request: Request, expected: Tensor) -> None:
    close(drawn(model, request), expected, RUN)
    (picture,) = model.run(request).pictures
    levels = np.frombuffer(picture.data, np.uint8).reshape(picture.height, picture.width, -1)
    wanted = (expected[0].permute(1, 2, 0) * 255).round().numpy()
    assert np.abs(levels - wanted).max() <= 1
