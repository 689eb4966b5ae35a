"""Tiny checkpoints of Qwen-Image-2.1, of many dimensions, made and saved by diffusers in the
published layout: no tokenizer folder, the tokenizer lives with the processor."""

from __future__ import annotations

import dataclasses
import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import Qwen2VLImageProcessorPil

from model.bench.tiny import (
    SPECIAL,
    TOKEN_IDS,
    called_as,
    published,
    randomise_networks,
    tokenizer,
    without_videos,
)
from model.checkpoint.save import write_json
from model.config import SchedulerConfig
from model.config21 import Transformer21Config, Vae21Config
from model.text_encoder.config import Encoder21Config, Language21Config, Vision21Config
from model.text_encoder.encoder21 import build_network21

TURBO_SIGMAS = (1.0, 0.978453, 0.95418, 0.926626, 0.89508, 0.845148, 0.704534, 0.414568)
CHAT = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n"
    "{% for c in m['content'] %}{{ c['text'] }}{% endfor %}<|im_end|>\n{% endfor %}"
)


@dataclass(frozen=True, kw_only=True)
class Tiny21:
    """Dimensions of a tiny 2.1. The reference's pipeline wants a VAE of 16 px a cell."""

    layers: int = 2
    heads: int = 2
    axes: tuple[int, int, int] = (4, 6, 6)
    mlp_ratio: int = 2
    z: int = 8
    base: int = 8
    decoder_base: int | None = 8
    mult: tuple[int, ...] = (1, 1, 2, 2, 2)
    res_blocks: int = 1
    temporal: tuple[bool, ...] = (False, True, True, True)
    text_width: int = 32
    text_layers: int = 2
    text_heads: int = 2
    kv_heads: int = 2
    head_dim: int = 16
    mrope: tuple[int, int, int] = (4, 2, 2)
    vision_depth: int = 2
    positions: int = 64
    deepstack: tuple[int, ...] = (0, 1)
    sigmas: tuple[float, ...] | None = None
    side: int = 64
    seed: int = 0

    @property
    def transformer(self) -> Transformer21Config:
        return Transformer21Config(
            in_channels=self.z,
            out_channels=self.z,
            num_layers=self.layers,
            attention_head_dim=sum(self.axes),
            num_attention_heads=self.heads,
            context_in_dim=self.text_width,
            mlp_ratio=self.mlp_ratio,
            axes_dims_rope=self.axes,
        )

    @property
    def vae(self) -> Vae21Config:
        return Vae21Config(
            base_dim=self.base,
            decoder_base_dim=self.decoder_base,
            z_dim=self.z,
            dim_mult=self.mult,
            num_res_blocks=self.res_blocks,
            temperal_downsample=self.temporal,
            latents_mean=tuple(0.1 * k - 0.3 for k in range(self.z)),
            latents_std=tuple(0.8 + 0.1 * k for k in range(self.z)),
        )

    @property
    def encoder(self) -> Encoder21Config:
        return Encoder21Config(
            language=Language21Config(
                vocab_size=256 + len(SPECIAL),
                hidden_size=self.text_width,
                intermediate_size=2 * self.text_width,
                num_hidden_layers=self.text_layers,
                num_attention_heads=self.text_heads,
                num_key_value_heads=self.kv_heads,
                head_dim=self.head_dim,
                max_position_embeddings=4096,
                mrope_section=self.mrope,
            ),
            vision=Vision21Config(
                depth=self.vision_depth,
                hidden_size=32,
                intermediate_size=32,
                num_heads=2,
                out_hidden_size=self.text_width,
                num_position_embeddings=self.positions,
                deepstack_visual_indexes=self.deepstack,
            ),
            **TOKEN_IDS,
        )

    @property
    def scheduler(self) -> SchedulerConfig:
        if self.sigmas is None:
            return SchedulerConfig()
        return SchedulerConfig(use_dynamic_shifting=False, shift_terminal=None)

    @property
    def settings(self) -> dict[str, Any]:
        area = self.side**2
        return {
            "version": 1,
            "condition_area": area,
            "reference_area": area,
            "sizes": [[self.side, self.side]],
            "notice": "tiny random model",
        }


def write_with_diffusers(tiny: Tiny21, path: Path, *, shard: str = "60KB") -> Any:
    """Save the reference's pipeline, and its `inkstone.json`; returns the pipeline."""
    made = pipeline(tiny)
    made.save_pretrained(path, max_shard_size=shard)
    write_json(path / "inkstone.json", tiny.settings)
    return made


def pipeline(tiny: Tiny21) -> Any:
    """The reference implementation's pipeline of these dimensions, with random weights."""
    diffusers: Any = importlib.import_module("diffusers")
    from transformers import Qwen3VLForConditionalGeneration

    torch.manual_seed(tiny.seed)
    network = Qwen3VLForConditionalGeneration(build_network21(tiny.encoder).config)
    parts: dict[str, Any] = {
        "scheduler": diffusers.FlowMatchEulerDiscreteScheduler(
            **dataclasses.asdict(tiny.scheduler)
        ),
        "vae": diffusers.AutoencoderKLQwenImage21(**published(tiny.vae)),
        "transformer": diffusers.QwenImage21Transformer2DModel(**published(tiny.transformer)),
        "text_encoder": network,
    }
    randomise_networks(parts)
    return diffusers.QwenImage21Pipeline(
        **parts,
        processor=image_only_processor()(
            image_processor=Qwen2VLImageProcessorPil(
                patch_size=16,
                temporal_patch_size=2,
                merge_size=2,
                min_pixels=32 * 32,
                max_pixels=32 * 32 * 64,
                image_mean=[0.5] * 3,
                image_std=[0.5] * 3,
            ),
            tokenizer=tokenizer(),
            video_processor=None,
            chat_template=CHAT,
        ),
        sample_sigmas=None if tiny.sigmas is None else list(tiny.sigmas),
    )


def image_only_processor() -> type:
    """transformers' processor without its video half, which needs torchvision."""
    from transformers import Qwen3VLProcessor

    class ImageOnly(without_videos(Qwen3VLProcessor)):
        def save_pretrained(self, save_directory: Any, **_: Any) -> None:
            super().save_pretrained(save_directory)
            Path(save_directory, "chat_template.jinja").write_text(self.chat_template)

    return called_as(ImageOnly, Qwen3VLProcessor)
