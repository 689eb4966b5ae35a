"""The tiny text encoder of the starter: a byte tokenizer and a Qwen2.5-VL of few numbers.

The tokenizer's own words are the 256 bytes, so that every letter of a poster's text is one token.
Added to them are the words of captions, which large vocabularies have as one token each: they halve
a caption. An English one takes the spaces before it along and is no part of a longer word. Two more
stand for nearly all of the two system sentences and one for the word that ends every template:
prefixes of 34 and 64 tokens are dropped and a suffix of 5 is kept, as published.
"""

from __future__ import annotations

from torch import nn
from transformers import AddedToken, Qwen2Tokenizer

from model.config import EDIT_SYSTEM, FAMILIES, TEXT_SYSTEM
from model.text_encoder.config import EncoderConfig, ImageConfig, LanguageConfig, VisionConfig
from model.text_encoder.encoder import TextEncoder, build_network
from training.config import EncoderNetwork
from training.data.vocabulary import caption_words

SPECIAL_TOKENS = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
)
KEPT_OF_TEXT_SYSTEM = 35
KEPT_OF_EDIT_SYSTEM = 54
ASSISTANT = "assistant"
PATCH_PX, MERGE = 14, 2
MAX_POSITIONS = 4096
STARTER_ROW = next(row for row in FAMILIES if row.edits)
"""The family that the starter belongs to: one that makes pictures and edits them."""


def byte_characters() -> dict[str, int]:
    """The printable character by which byte-level BPE writes each byte, and the byte."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in shown]
    table = {byte: chr(byte) for byte in shown}
    table |= {byte: chr(256 + i) for i, byte in enumerate(hidden)}
    return {table[byte]: byte for byte in range(256)}


def make_tokenizer() -> Qwen2Tokenizer:
    """Qwen2's tokenizer with one token a byte, the special tokens and the added words."""
    tokenizer = Qwen2Tokenizer(
        vocab=byte_characters(),
        merges=[],
        unk_token="<|endoftext|>",
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
    )
    sentences = (TEXT_SYSTEM[:-KEPT_OF_TEXT_SYSTEM], EDIT_SYSTEM[:-KEPT_OF_EDIT_SYSTEM])
    tokens: list[str | AddedToken] = [
        AddedToken(token, special=True, normalized=False) for token in SPECIAL_TOKENS
    ]
    tokens += [AddedToken(word, normalized=False) for word in (*sentences, ASSISTANT)]
    tokens += [_word(word) for word in caption_words()]
    tokenizer.add_tokens(tokens)
    return tokenizer


def _word(word: str) -> AddedToken:
    is_english = word.isascii()
    return AddedToken(word, normalized=False, single_word=is_english, lstrip=is_english)


def make_encoder(network: EncoderNetwork, condition_area_px: int) -> TextEncoder:
    """Tokenizer and Qwen2.5-VL of random weights, whose language layers begin as the identity."""
    tokenizer = make_tokenizer()
    config = encoder_config(network, tokenizer)
    encoder = TextEncoder(
        build_network(config), tokenizer, image_config(condition_area_px), STARTER_ROW
    )
    for name, parameter in encoder.network.language_model.named_parameters():
        if name.endswith(("o_proj.weight", "down_proj.weight")):
            nn.init.zeros_(parameter)
    return encoder


def image_config(condition_area_px: int) -> ImageConfig:
    """Limits around the one area that pictures come in."""
    cell = PATCH_PX * MERGE
    return ImageConfig(min_pixels=cell * cell, max_pixels=4 * max(cell * cell, condition_area_px))


def encoder_config(network: EncoderNetwork, tokenizer: Qwen2Tokenizer) -> EncoderConfig:
    ids = {token: tokenizer.get_vocab()[token] for token in SPECIAL_TOKENS}
    half = network.hidden_size // network.num_heads // 2
    side = 3 * half // 8  # the published shares: 16, 24 and 24 of 64
    return EncoderConfig(
        language=LanguageConfig(
            vocab_size=len(tokenizer),
            hidden_size=network.hidden_size,
            intermediate_size=network.intermediate_size,
            num_hidden_layers=network.num_layers,
            num_attention_heads=network.num_heads,
            num_key_value_heads=network.num_heads,
            max_position_embeddings=MAX_POSITIONS,
            mrope_section=(half - 2 * side, side, side),
        ),
        vision=_vision_config(network),
        image_token_id=ids["<|image_pad|>"],
        video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
    )


def _vision_config(network: EncoderNetwork) -> VisionConfig:
    return VisionConfig(
        depth=network.vision_layers,
        hidden_size=network.vision_size,
        intermediate_size=network.vision_intermediate_size,
        num_heads=network.vision_heads,
        patch_size=PATCH_PX,
        spatial_merge_size=MERGE,
        out_hidden_size=network.hidden_size,
        fullatt_block_indexes=(network.vision_layers - 1,),
    )
