"""Whether a model has the size of a published one, and so needs the memory that was counted of
that."""

from __future__ import annotations

import torch

from model.checkpoint.assembly import encoder_config, vae_config
from model.checkpoint.folder import ModelFolder
from model.checkpoint.layout import STEMS
from model.checkpoint.safetensors_files import DTYPES
from model.checkpoint.sources import open_place
from model.config import Family, Generation, TransformerConfig, VaeConfig
from model.config21 import Transformer21Config, Vae21Config
from model.engine.protocol import Need
from model.errors import CheckpointError
from model.hub.machine import Place
from model.hub.needs import needs
from model.text_encoder.config import Encoder21Config, EncoderConfig


def transformer_config(row: Family) -> TransformerConfig | Transformer21Config:
    """As it is published."""
    if row.generation is Generation.two_one:
        return Transformer21Config()
    return TransformerConfig(
        zero_cond_t=row.zero_cond_t,
        use_additional_t_cond=row.has_layers,
        use_layer3d_rope=row.has_layers,
    )


def needs_of(folder: ModelFolder, place: Place) -> tuple[Need, ...]:
    """As its files hold it, and packed by each scheme. None of a model of another size, nor of one
    whose files hold its transformer packed."""
    row = folder.row
    published = _sizes(transformer_config(row), vae_config(row), encoder_config(row))
    if _sizes(folder.transformer, folder.vae, folder.encoder) != published:
        return ()
    return () if _is_packed(folder) else needs(row.name, place)


def _sizes(
    transformer: TransformerConfig | Transformer21Config,
    vae: VaeConfig | Vae21Config,
    encoder: EncoderConfig | Encoder21Config,
) -> tuple[object, ...]:
    """What memory depends on."""
    language, vision = encoder.language, encoder.vision
    return (
        (transformer.num_layers, transformer.dim, transformer.text_dim),
        (vae.base_dim, vae.dim_mult, vae.num_res_blocks),
        (language.num_hidden_layers, language.hidden_size, language.intermediate_size),
        (vision.depth, vision.hidden_size, vision.intermediate_size),
    )


def _is_packed(folder: ModelFolder) -> bool:
    try:
        with open_place(folder.parts["transformer"], STEMS["transformer"]) as source:
            schemes = {weight.scheme for weight in source.weights}
    except CheckpointError:
        return False  # said when it is loaded
    return any(DTYPES.get(scheme, torch.uint8).itemsize == 1 for scheme in schemes)
