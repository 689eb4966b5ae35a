"""The published sizes on the meta device: names, shapes and counts of every tensor."""

from __future__ import annotations

import torch

from model.checkpoint import keys
from model.config import TransformerConfig, VaeConfig
from model.config21 import Transformer21Config, Vae21Config
from model.text_encoder.config import (
    Encoder21Config,
    EncoderConfig,
    Language21Config,
    LanguageConfig,
    Vision21Config,
    VisionConfig,
)
from model.text_encoder.encoder import build_network
from model.text_encoder.encoder21 import build_network21
from model.transformer import Transformer
from model.transformer21 import Transformer21
from model.vae import Vae
from model.vae21 import Vae21


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


def test_transformer_of_2_1() -> None:
    with torch.device("meta"):
        transformer = Transformer21(Transformer21Config())
    shapes = keys.plain(transformer).shapes
    assert len(shapes) == 297
    assert sum(p.numel() for p in transformer.parameters()) == 7_115_124_736
    assert not any(name.endswith(".bias") for name in shapes)
    block = "transformer_blocks.31."
    assert sum(name.startswith(block) for name in shapes) == 9
    assert shapes[f"{block}attn.to_out.0.weight"] == (4096, 4096)
    assert shapes[f"{block}img_mlp.gate_layer.weight"] == (12288, 4096)
    assert shapes["modulation.1.weight"] == (16384, 4096)
    assert shapes["time_text_embed.timestep_embedder.linear_1.weight"] == (4096, 256)
    assert shapes["txt_in.text_norm.weight"] == (4096,)
    assert shapes["norm_out.linear.weight"] == (4096, 4096)
    assert shapes["proj_out.weight"] == (64, 4096)


def test_vae_of_2_1() -> None:
    config = Vae21Config()
    with torch.device("meta"):
        dialect = keys.vae21(Vae21(config), config)
    shapes = {**dialect.shapes, **dialect.dropped}
    assert len(shapes) == 238
    assert len(dialect.dropped) == 12
    assert sum(torch.Size(shape).numel() for shape in shapes.values()) == 337_740_404
    assert shapes["encoder.conv_in.weight"] == (96, 4, 3, 3)
    assert shapes["encoder.down_blocks.3.downsampler.time_conv.weight"] == (768, 768, 1, 1)
    assert shapes["decoder.up_blocks.3.upsampler.resample.1.weight"] == (288, 288, 3, 3)
    assert shapes["decoder.norm_out.gamma"] == (144, 1, 1, 1)


def test_text_encoder_of_2_1() -> None:
    config = Encoder21Config(language=Language21Config(), vision=Vision21Config())
    with torch.device("meta"):
        network = build_network21(config)
    dialect = keys.text_encoder(network, config.language)
    shapes = {**dialect.shapes, **dialect.optional}
    assert len(shapes) == 750
    assert sum(torch.Size(shape).numel() for shape in shapes.values()) == 8_767_123_696
