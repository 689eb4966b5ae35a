"""Tiny checkpoints in the published layout, of many dimensions, from random weights.

`write` uses our own writer and needs no diffusers; `write_with_diffusers` lets the reference
implementation make and save them. Neither needs a network.
"""

from __future__ import annotations

import dataclasses
import importlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AddedToken, Qwen2Tokenizer, Qwen2VLImageProcessorPil

from model.checkpoint.save import Published, save
from model.config import SchedulerConfig, TransformerConfig, VaeConfig
from model.text_encoder.config import EncoderConfig, ImageConfig, LanguageConfig, VisionConfig
from model.text_encoder.encoder import build_network
from model.transformer import Transformer
from model.vae import Vae

os.environ.setdefault("HF_HUB_OFFLINE", "1")

SPECIAL = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
)
EDIT, TEXT = "QwenImageEditPipeline", "QwenImagePipeline"
TOKEN_IDS = {
    name: 256 + SPECIAL.index(token)
    for name, token in (
        ("image_token_id", "<|image_pad|>"),
        ("video_token_id", "<|video_pad|>"),
        ("vision_start_token_id", "<|vision_start|>"),
        ("vision_end_token_id", "<|vision_end|>"),
    )
}
"""As the configs of text encoders name them."""
PLUS = "QwenImageEditPlusPipeline"
LAYERED = "QwenImageLayeredPipeline"
SEEING = (EDIT, PLUS, LAYERED)


@dataclass(frozen=True, kw_only=True)
class Tiny:
    """Dimensions of a tiny model. z must not be 1, 3 or 4: the reference would take pictures for
    latents."""

    pipeline: str = EDIT
    layers: int = 2
    heads: int = 2
    axes: tuple[int, int, int] = (8, 4, 4)
    zero_cond_t: bool = False
    z: int = 8
    base: int = 12
    mult: tuple[int, ...] = (1, 2, 4)
    res_blocks: int = 1
    temporal: tuple[bool, ...] = (False, True)
    text_width: int = 16
    text_layers: int = 2
    text_heads: int = 2
    kv_heads: int = 2
    mrope: tuple[int, int, int] = (1, 1, 2)
    vision_depth: int = 2
    area: int = 4096
    seed: int = 0

    @property
    def transformer(self) -> TransformerConfig:
        return TransformerConfig(
            in_channels=4 * self.z,
            out_channels=self.z,
            num_layers=self.layers,
            attention_head_dim=sum(self.axes),
            num_attention_heads=self.heads,
            joint_attention_dim=self.text_width,
            axes_dims_rope=self.axes,
            zero_cond_t=self.zero_cond_t,
            use_additional_t_cond=self.pipeline == LAYERED,
            use_layer3d_rope=self.pipeline == LAYERED,
        )

    @property
    def scheduler(self) -> SchedulerConfig:
        if self.pipeline == LAYERED:
            return SchedulerConfig(time_shift_type="linear", shift_terminal=None)
        return SchedulerConfig()

    @property
    def vae(self) -> VaeConfig:
        return VaeConfig(
            base_dim=self.base,
            z_dim=self.z,
            dim_mult=self.mult,
            num_res_blocks=self.res_blocks,
            temperal_downsample=self.temporal,
            input_channels=4 if self.pipeline == LAYERED else 3,
            latents_mean=tuple(0.1 * k - 0.3 for k in range(self.z)),
            latents_std=tuple(0.8 + 0.1 * k for k in range(self.z)),
        )

    @property
    def encoder(self) -> EncoderConfig:
        return EncoderConfig(
            language=LanguageConfig(
                vocab_size=256 + len(SPECIAL),
                hidden_size=self.text_width,
                intermediate_size=2 * self.text_width,
                num_hidden_layers=self.text_layers,
                num_attention_heads=self.text_heads,
                num_key_value_heads=self.kv_heads,
                max_position_embeddings=4096,
                mrope_section=self.mrope,
            ),
            vision=VisionConfig(
                depth=self.vision_depth,
                hidden_size=16,
                intermediate_size=32,
                num_heads=2,
                window_size=56,
                out_hidden_size=self.text_width,
                fullatt_block_indexes=(self.vision_depth - 1,),
            ),
            **TOKEN_IDS,
        )

    @property
    def settings(self) -> dict[str, Any]:
        side = int(self.area**0.5)
        return {
            "version": 1,
            "condition_area": self.area // 2 if self.pipeline == PLUS else self.area,
            "reference_area": self.area,
            "sizes": [[side, side], [2 * side, side]],
            "steps": 3,
            "guidance": 3.0,
            "notice": "tiny random model",
        }


def like(tiny: Tiny, **changes: Any) -> Tiny:
    return dataclasses.replace(tiny, **changes)


IMAGES = ImageConfig(min_pixels=28 * 28, max_pixels=28 * 28 * 64)


def tokenizer() -> Qwen2Tokenizer:
    """256 bytes and the special tokens, no merges: every text is its bytes."""
    return Qwen2Tokenizer(
        vocab={character: byte for byte, character in byte_characters().items()},
        merges=[],
        unk_token="<|endoftext|>",
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        added_tokens_decoder={
            256 + k: AddedToken(token, special=True, normalized=False)
            for k, token in enumerate(SPECIAL)
        },
    )


def byte_characters() -> dict[int, str]:
    """The printable characters by which byte-level vocabularies write bytes."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in shown]
    return {b: chr(b) for b in shown} | {b: chr(256 + k) for k, b in enumerate(hidden)}


def networks(tiny: Tiny) -> tuple[Transformer, Vae, torch.nn.Module]:
    torch.manual_seed(tiny.seed)
    parts = Transformer(tiny.transformer), Vae(tiny.vae), build_network(tiny.encoder)
    for part in parts:
        randomise(part)
        part.eval()
    return parts


def randomise(module: torch.nn.Module) -> None:
    """Move every parameter off its initial zero or one, so that none can be forgotten unseen."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))


def randomise_networks(parts: Mapping[str, Any]) -> None:
    """Of a reference pipeline, ready to run."""
    for part in ("vae", "transformer", "text_encoder"):
        randomise(parts[part])
        parts[part].eval()


def write(
    tiny: Tiny, path: Path, *, dtype: torch.dtype = torch.float32, shard_bytes: int = 10**9
) -> Path:
    transformer, vae, text_encoder = networks(tiny)
    model = Published(
        pipeline=tiny.pipeline,
        transformer=transformer,
        vae=vae,
        text_encoder=text_encoder,  # type: ignore[arg-type]
        tokenizer=tokenizer(),
        images=IMAGES if tiny.pipeline in SEEING else None,
        scheduler=tiny.scheduler,
        settings=tiny.settings,
    )
    save(model, path, dtype=dtype, shard_bytes=shard_bytes)
    return path


def pipeline(tiny: Tiny) -> Any:
    """The reference implementation's pipeline of these dimensions, with random weights."""
    diffusers: Any = importlib.import_module("diffusers")

    torch.manual_seed(tiny.seed)
    parts: dict[str, Any] = {
        "scheduler": diffusers.FlowMatchEulerDiscreteScheduler(
            **dataclasses.asdict(tiny.scheduler)
        ),
        "vae": diffusers.AutoencoderKLQwenImage(**published(tiny.vae)),
        "transformer": diffusers.QwenImageTransformer2DModel(**published(tiny.transformer)),
        "text_encoder": _reference_encoder(tiny.encoder),
        "tokenizer": tokenizer(),
    }
    randomise_networks(parts)
    if tiny.pipeline in SEEING:
        parts["processor"] = image_only_processor()(
            image_processor=reference_image_processor(),
            tokenizer=parts["tokenizer"],
            video_processor=None,
            chat_template="",
        )
    return getattr(diffusers, tiny.pipeline)(**parts)


def write_with_diffusers(tiny: Tiny, path: Path, *, shard: str = "10GB") -> Any:
    """Save the reference's pipeline, and its `inkstone.json`; returns the pipeline."""
    made = pipeline(tiny)
    made.save_pretrained(path, max_shard_size=shard)
    from model.checkpoint.save import write_json

    write_json(path / "inkstone.json", tiny.settings)
    return made


def reference_image_processor() -> Qwen2VLImageProcessorPil:
    return Qwen2VLImageProcessorPil(
        patch_size=14,
        temporal_patch_size=2,
        merge_size=2,
        min_pixels=IMAGES.min_pixels,
        max_pixels=IMAGES.max_pixels,
    )


def image_only_processor() -> type:
    """transformers' processor without its video half, which needs torchvision."""
    from transformers import Qwen2_5_VLProcessor

    class ImageOnly(without_videos(Qwen2_5_VLProcessor)):
        @classmethod
        def from_pretrained(cls, folder: Any, subfolder: str = "", **_: Any) -> Any:
            folder = Path(folder, subfolder)
            return cls(
                image_processor=Qwen2VLImageProcessorPil.from_pretrained(folder),
                tokenizer=Qwen2Tokenizer.from_pretrained(folder),
                video_processor=None,
            )

    return called_as(ImageOnly, Qwen2_5_VLProcessor)


def without_videos(base: Any) -> Any:
    """A processor class that takes none for videos, and saves its other halves."""

    class WithoutVideos(base):
        def check_argument_for_proper_class(self, argument_name: str, argument: Any) -> Any:
            if argument_name == "video_processor" and argument is None:
                return type(None)
            return super().check_argument_for_proper_class(argument_name, argument)

        def save_pretrained(self, save_directory: Any, **_: Any) -> None:
            self.tokenizer.save_pretrained(save_directory)
            self.image_processor.save_pretrained(save_directory)

    return WithoutVideos


def called_as(cls: type, base: type) -> type:
    """A pipeline's index names class and module; under other ones it would not open again."""
    cls.__name__ = cls.__qualname__ = base.__name__
    cls.__module__ = base.__module__
    return cls


def _reference_encoder(config: EncoderConfig) -> Any:
    from transformers import Qwen2_5_VLForConditionalGeneration

    return Qwen2_5_VLForConditionalGeneration(build_network(config).config)


def published(config: Any) -> dict[str, Any]:
    """A network's numbers as the reference's classes take them."""
    values = dataclasses.asdict(config)
    return {
        k: list(v) if isinstance(v, tuple) and k != "axes_dims_rope" else v
        for k, v in values.items()
    }
