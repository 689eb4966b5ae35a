"""The published sizes on the meta device: names, shapes and counts of every tensor."""

from __future__ import annotations

import torch

from model.checkpoint import keys
from model.config import TransformerConfig, VaeConfig
from model.text_encoder.config import EncoderConfig, LanguageConfig, VisionConfig
from model.text_encoder.encoder import build_network
from model.transformer import Transformer
from model.vae import Vae


def test_transformer() -> None:
    with torch.device("meta"):
        transformer = Transformer(TransformerConfig())
    shapes = keys.plain(transformer).shapes
    assert len(shapes) == 1933
    assert sum(p.numel() for p in transformer.parameters()) == 20_430_401_088
    block = "transformer_blocks.59."
    assert sum(name.startswith(block) for name in shapes) == 32
    assert shapes[f"{block}img_mod.1.weight"] == (18432, 3072)
    assert shapes[f"{block}attn.norm_added_q.weight"] == (128,)
    assert shapes[f"{block}txt_mlp.net.2.weight"] == (3072, 12288)
    assert shapes["txt_in.weight"] == (3072, 3584)
    assert shapes["norm_out.linear.weight"] == (6144, 3072)


def test_layered() -> None:
    config = TransformerConfig(use_additional_t_cond=True, use_layer3d_rope=True)
    vae_config = VaeConfig(input_channels=4)
    with torch.device("meta"):
        transformer, vae = Transformer(config), Vae(vae_config)
    shapes = keys.plain(transformer).shapes
    assert len(shapes) == 1934
    assert sum(p.numel() for p in transformer.parameters()) == 20_430_407_232
    assert shapes["time_text_embed.addition_t_embedding.weight"] == (2, 3072)
    dialect = keys.vae(vae, vae_config)
    published = {**dialect.shapes, **dialect.dropped}
    assert sum(torch.Size(shape).numel() for shape in published.values()) == 126_897_716


def test_vae() -> None:
    config = VaeConfig()
    with torch.device("meta"):
        dialect = keys.vae(Vae(config), config)
    shapes = {**dialect.shapes, **dialect.dropped}
    assert len(shapes) == 194
    assert len(dialect.dropped) == 8
    assert sum(torch.Size(shape).numel() for shape in shapes.values()) == 126_892_531
    assert shapes["encoder.conv_in.weight"] == (96, 3, 3, 3, 3)
    assert shapes["decoder.up_blocks.1.resnets.0.conv_shortcut.weight"] == (384, 192, 1, 1, 1)
    assert shapes["encoder.mid_block.attentions.0.norm.gamma"] == (384, 1, 1)
    assert shapes["encoder.down_blocks.8.time_conv.weight"] == (384, 384, 3, 1, 1)


def test_text_encoder() -> None:
    config = EncoderConfig(language=LanguageConfig(), vision=VisionConfig())
    with torch.device("meta"):
        network = build_network(config)
    dialect = keys.text_encoder(network, config.language)
    shapes = {**dialect.shapes, **dialect.optional}
    assert len(shapes) == 729
    assert sum(torch.Size(shape).numel() for shape in shapes.values()) == 8_292_166_656


def test_text_encoder_names_there_and_back() -> None:
    config = EncoderConfig(language=LanguageConfig(), vision=VisionConfig())
    with torch.device("meta"):
        names = build_network(config).state_dict().keys()
    for name in names:
        published = keys.published_text_encoder_name(name)
        assert keys.text_encoder_name(published) == name
        assert published.startswith(
            ("model.layers.", "model.embed_tokens.", "model.norm.", "visual.")
        )
        assert keys.text_encoder_name(f"model.{name}") == name
