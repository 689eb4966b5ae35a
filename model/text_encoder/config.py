"""The numbers of the text encoders, Qwen2.5-VL of 1.x and Qwen3-VL of 2.1, and of their image
processor.

Fields bear the names of the published `config.json` and `preprocessor_config.json`. Files are not
read here, transformers is not imported.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from model.config import ConfigError, check_counts


@dataclass(frozen=True, kw_only=True)
class LanguageConfig:
    """The language model: the flat fields of older files, or `text_config`."""

    vocab_size: int = 152064
    hidden_size: int = 3584
    intermediate_size: int = 18944
    num_hidden_layers: int = 28
    num_attention_heads: int = 28
    num_key_value_heads: int = 4
    hidden_act: str = "silu"
    max_position_embeddings: int = 128_000
    rms_norm_eps: float = 1e-6
    use_sliding_window: bool = False
    rope_theta: float = 1_000_000.0
    mrope_section: tuple[int, ...] = (16, 24, 24)

    def __post_init__(self) -> None:
        check_counts(self)
        if self.hidden_size % self.num_attention_heads:
            raise ConfigError(
                f"hidden_size {self.hidden_size} is no multiple of "
                f"num_attention_heads {self.num_attention_heads}"
            )
        _check_language(self, self.hidden_size // self.num_attention_heads)
        if self.use_sliding_window:
            raise ConfigError("use_sliding_window is true: such an encoder is not supported")


@dataclass(frozen=True, kw_only=True)
class Language21Config:
    """The language model of Qwen3-VL: `text_config`."""

    vocab_size: int = 151_936
    hidden_size: int = 4096
    intermediate_size: int = 12_288
    num_hidden_layers: int = 36
    num_attention_heads: int = 32
    num_key_value_heads: int = 8
    head_dim: int = 128
    hidden_act: str = "silu"
    max_position_embeddings: int = 262_144
    rms_norm_eps: float = 1e-6
    attention_bias: bool = False
    rope_theta: float = 5_000_000.0
    mrope_section: tuple[int, ...] = (24, 20, 20)
    mrope_interleaved: bool = True

    def __post_init__(self) -> None:
        check_counts(self)
        _check_language(self, self.head_dim)
        if self.attention_bias or not self.mrope_interleaved:
            raise ConfigError("attention_bias must be false and mrope_interleaved true")


@dataclass(frozen=True, kw_only=True)
class VisionConfig:
    """The vision tower: `vision_config`."""

    depth: int = 32
    hidden_size: int = 1280
    intermediate_size: int = 3420
    num_heads: int = 16
    hidden_act: str = "silu"
    patch_size: int = 14
    spatial_merge_size: int = 2
    temporal_patch_size: int = 2
    window_size: int = 112
    out_hidden_size: int = 3584
    fullatt_block_indexes: tuple[int, ...] = (7, 15, 23, 31)

    def __post_init__(self) -> None:
        check_counts(self)
        _check_vision_heads(self)
        if self.window_size < self.patch_size * self.spatial_merge_size:
            raise ConfigError(f"window_size {self.window_size} is smaller than a merged patch")
        _check_activation(self.hidden_act)


@dataclass(frozen=True, kw_only=True)
class Vision21Config:
    """The vision tower of Qwen3-VL: `vision_config`."""

    depth: int = 27
    hidden_size: int = 1152
    intermediate_size: int = 4304
    num_heads: int = 16
    hidden_act: str = "gelu_pytorch_tanh"
    patch_size: int = 16
    spatial_merge_size: int = 2
    temporal_patch_size: int = 2
    out_hidden_size: int = 4096
    num_position_embeddings: int = 2304
    deepstack_visual_indexes: tuple[int, ...] = (8, 16, 24)

    def __post_init__(self) -> None:
        check_counts(self)
        _check_vision_heads(self)
        if math.isqrt(self.num_position_embeddings) ** 2 != self.num_position_embeddings:
            raise ConfigError(
                f"num_position_embeddings {self.num_position_embeddings} is no square"
            )
        if any(not 0 <= index < self.depth for index in self.deepstack_visual_indexes):
            raise ConfigError(
                f"deepstack_visual_indexes {self.deepstack_visual_indexes} are not all below "
                f"depth {self.depth}"
            )
        if self.hidden_act != "gelu_pytorch_tanh":
            raise ConfigError(
                f"hidden_act {self.hidden_act!r}: only gelu_pytorch_tanh is supported"
            )


@dataclass(frozen=True, kw_only=True)
class EncoderConfig:
    """Both networks and the ids by which the text marks an image's place."""

    language: LanguageConfig
    vision: VisionConfig
    image_token_id: int = 151655
    video_token_id: int = 151656
    vision_start_token_id: int = 151652
    vision_end_token_id: int = 151653

    def __post_init__(self) -> None:
        _check_encoder(self)


@dataclass(frozen=True, kw_only=True)
class Encoder21Config:
    """The same of Qwen3-VL."""

    language: Language21Config
    vision: Vision21Config
    image_token_id: int = 151655
    video_token_id: int = 151656
    vision_start_token_id: int = 151652
    vision_end_token_id: int = 151653

    def __post_init__(self) -> None:
        _check_encoder(self)
        deep = len(self.vision.deepstack_visual_indexes)
        if deep > self.language.num_hidden_layers:
            raise ConfigError(
                f"deepstack_visual_indexes: {deep} of them for "
                f"{self.language.num_hidden_layers} layers"
            )


@dataclass(frozen=True, kw_only=True)
class ImageConfig:
    """How pictures are brought to the vision tower's patches."""

    patch_size: int = 14
    temporal_patch_size: int = 2
    merge_size: int = 2
    min_pixels: int = 3136
    max_pixels: int = 12_845_056
    image_mean: tuple[float, float, float] = (0.48145466, 0.4578275, 0.40821073)
    image_std: tuple[float, float, float] = (0.26862954, 0.26130258, 0.27577711)

    def __post_init__(self) -> None:
        check_counts(self)
        if self.min_pixels > self.max_pixels or self.max_pixels > 2**28:
            raise ConfigError(f"min_pixels {self.min_pixels}, max_pixels {self.max_pixels}")
        if min(self.image_std) <= 0:
            raise ConfigError("image_std must be above zero")


def _check_encoder(config: EncoderConfig | Encoder21Config) -> None:
    if config.vision.out_hidden_size != config.language.hidden_size:
        raise ConfigError(
            f"out_hidden_size {config.vision.out_hidden_size} of the vision tower must be "
            f"hidden_size {config.language.hidden_size} of the language model"
        )
    for name in ("image_token_id", "video_token_id"):
        if not 0 <= getattr(config, name) < config.language.vocab_size:
            raise ConfigError(f"{name} {getattr(config, name)} is outside the vocabulary")


def _check_language(config: LanguageConfig | Language21Config, head_width: int) -> None:
    if config.num_attention_heads % config.num_key_value_heads:
        raise ConfigError(
            f"num_attention_heads {config.num_attention_heads} is no multiple of "
            f"num_key_value_heads {config.num_key_value_heads}"
        )
    half = head_width / 2
    if len(config.mrope_section) != 3 or sum(config.mrope_section) != half:
        raise ConfigError(
            f"mrope_section {list(config.mrope_section)} must be three numbers that sum to half "
            f"of the head width, {half:g}"
        )
    if config.rope_theta <= 0 or not 0 < config.rms_norm_eps < 1:
        raise ConfigError("rope_theta must be above 0 and rms_norm_eps between 0 and 1")
    _check_activation(config.hidden_act)


def _check_vision_heads(config: VisionConfig | Vision21Config) -> None:
    if config.hidden_size % (4 * config.num_heads):
        raise ConfigError(
            f"hidden_size {config.hidden_size} of the vision tower must be a multiple of four "
            f"times num_heads {config.num_heads}"
        )


def _check_activation(name: str) -> None:
    if name != "silu":
        raise ConfigError(f"hidden_act {name!r}: only silu is supported")
