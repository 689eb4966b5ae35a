"""The networks that a model folder describes, without memory, and the dialects of their files."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn
from transformers import Qwen2Tokenizer, Qwen3VLModel

from model.checkpoint import keys
from model.checkpoint.folder import ModelFolder
from model.config21 import Transformer21Config, Vae21Config
from model.errors import CheckpointError
from model.text_encoder.config import Encoder21Config
from model.text_encoder.encoder import EncoderNetwork, TextEncoder, build_network
from model.text_encoder.encoder21 import TextEncoder21, build_network21
from model.transformer import Transformer
from model.transformer21 import Transformer21
from model.vae import Vae
from model.vae21 import Vae21


class Parts(NamedTuple):
    transformer: Transformer | Transformer21
    vae: Vae | Vae21
    network: EncoderNetwork


def build(folder: ModelFolder) -> Parts:
    """On the meta device; CheckpointError where the configs describe no network."""
    try:
        with torch.device("meta"):
            parts = _parts(folder)
    except (RuntimeError, OverflowError) as error:  # a product of dimensions beyond 64 bits
        raise CheckpointError(f"{folder.path}: its configs describe no network: {error}") from error
    for module in parts:
        module.eval()
    return parts


def _parts(folder: ModelFolder) -> Parts:
    transformer, vae, encoder = folder.transformer, folder.vae, folder.encoder
    return Parts(
        Transformer21(transformer)
        if isinstance(transformer, Transformer21Config)
        else Transformer(transformer),
        Vae21(vae) if isinstance(vae, Vae21Config) else Vae(vae),
        build_network21(encoder)
        if isinstance(encoder, Encoder21Config)
        else build_network(encoder),
    )


def text_encoder(
    folder: ModelFolder, network: EncoderNetwork, tokenizer: Qwen2Tokenizer
) -> TextEncoder:
    """The loaded network with the tokenizer and, if the folder has it, the eye."""
    if isinstance(network, Qwen3VLModel):
        return TextEncoder21(network, tokenizer, folder.images, folder.row)
    return TextEncoder(network, tokenizer, folder.images, folder.row)


def dialects(folder: ModelFolder, parts: Parts) -> tuple[tuple[str, nn.Module, keys.Dialect], ...]:
    """Each part's name and network, and how its tensors are published where they lie."""
    transformer, vae, network = parts
    is_file = {part: place.is_file() for part, place in folder.parts.items()}
    of_transformer = keys.transformer_file if is_file["transformer"] else keys.plain
    return (
        ("transformer", transformer, of_transformer(transformer)),
        ("vae", vae, keys.vae_file(vae, vae.config) if is_file["vae"] else _vae_dialect(vae)),
        ("text_encoder", network, keys.text_encoder(network, folder.encoder.language)),
    )


def _vae_dialect(vae: Vae | Vae21) -> keys.Dialect:
    if isinstance(vae, Vae21):
        return keys.vae21(vae, vae.config)
    return keys.vae(vae, vae.config)
