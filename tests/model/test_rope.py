"""Rotary tables: what is cached serves training and inference alike."""

from __future__ import annotations

import torch

from model.config import TransformerConfig
from model.transformer import Transformer


def test_a_model_trains_after_it_has_sampled() -> None:
    config = TransformerConfig(
        in_channels=8,
        out_channels=2,
        num_layers=1,
        attention_head_dim=12,
        num_attention_heads=1,
        joint_attention_dim=6,
        axes_dims_rope=(4, 4, 4),
    )
    model = Transformer(config)
    img, txt, sigma = torch.randn(1, 35, 8), torch.randn(1, 3, 6), torch.ones(1)
    with torch.inference_mode():  # a grid that no other test uses: the tables are made here
        model(img, txt, sigma, [(1, 5, 7)])
    model(img, txt, sigma, [(1, 5, 7)]).sum().backward()
    assert model.img_in.weight.grad is not None
