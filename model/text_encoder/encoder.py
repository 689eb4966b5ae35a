"""Qwen2.5-VL as the text encoder: prompts, and pictures for edits, to text states.

The network is transformers' class without its output head; images go through the PIL-backed
processor, so torchvision is never needed. Knows nothing of files.

Shapes: B prompts, T text tokens after the template's prefix, D width of the states.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn
from transformers import (
    Qwen2_5_VLConfig,
    Qwen2_5_VLModel,
    Qwen2Tokenizer,
    Qwen2VLImageProcessorPil,
    Qwen3VLModel,
)

from model.config import IMAGE_SLOT, Family
from model.memory.stay import Stay, move
from model.requests import RequestError
from model.text_encoder.config import (
    Encoder21Config,
    EncoderConfig,
    ImageConfig,
    Language21Config,
    LanguageConfig,
    Vision21Config,
    VisionConfig,
)
from model.vae import Poll, no_poll

MAX_TEXT_TOKENS = 1024
"""Beyond the prefix, the longest text a prompt without pictures is cut to before encoding."""
IMAGE_PAD = "<|image_pad|>"
VISION_TOKENS = (IMAGE_PAD, "<|video_pad|>", "<|vision_start|>", "<|vision_end|>")
MAX_ASPECT = 200
EncoderNetwork = Qwen2_5_VLModel | Qwen3VLModel


@dataclass(frozen=True, kw_only=True)
class TextStates:
    """`states` [B, T, D]; `valid` [B, T] marks the tokens that count, None when all do. `is_slot`
    [T] marks places of pictures, where a family's transformer wants to know them."""

    states: Tensor
    valid: Tensor | None
    is_slot: tuple[bool, ...] = ()


class TextEncoder(nn.Module):
    """Trainable: with gradients enabled, `encode` is differentiable in the network's weights."""

    def __init__(
        self,
        network: EncoderNetwork,
        tokenizer: Qwen2Tokenizer,
        image_config: ImageConfig | None,
        row: Family,
    ) -> None:
        super().__init__()
        self.network = network
        self.tokenizer = tokenizer
        self.image_config = image_config
        self.row = row
        self._poll: Poll = no_poll
        self._image_processor = None if image_config is None else image_processor(image_config)
        self._stay: Stay | None = None
        self._closed_eye: tuple[nn.Module, Callable[[], None]] | None = None
        for module in (*network.language_model.layers, *network.visual.blocks):
            module.register_forward_pre_hook(lambda *_: self._poll())

    @property
    def device(self) -> torch.device:
        """Where it works; where its weights are meanwhile is another matter."""
        return self.network.device if self._stay is None else self._stay.device

    def stay(self, stay: Stay) -> None:
        """It comes whenever it is to work; whoever needs the room makes it leave."""
        self._stay = stay

    def leave(self) -> None:
        if self._stay is not None:
            self._stay.leave()

    def take_along(self, module: nn.Module) -> None:
        """A module on the device that shall come and leave with the network."""
        if self._stay is not None:
            self._stay.add(module)

    def close_eye(self, load: Callable[[], None]) -> None:
        """Do without the vision tower, which has no weights yet, until the first picture comes;
        then `load` fills it where the network is."""
        self._closed_eye = (self.network.visual, load)
        self.network.add_module("visual", nn.Identity())

    def open_eye(self) -> None:
        """Have the vision tower. Raises what `load` does."""
        if self._closed_eye is None:
            return
        eye, load = self._closed_eye
        self.network.add_module("visual", eye)
        try:
            load()
        except BaseException:
            self.network.add_module("visual", nn.Identity())
            raise
        move(eye, self.network.language_model.device)
        self._closed_eye = None

    @property
    def has_eye(self) -> bool:
        """Whether the vision tower has its weights."""
        return self._closed_eye is None

    @property
    def can_see(self) -> bool:
        """Whether there is an image processor, without which there are no edits."""
        return self._image_processor is not None

    def encode(
        self,
        prompts: Sequence[str],
        images: Sequence[Image.Image] | None = None,
        poll: Poll = no_poll,
    ) -> TextStates:
        """States of prompts, or of instructions about pictures.

        `images` are RGB, in the order of the prompts: the same number for each, already at the
        size that the row's `condition_area` gives. `poll` is called before every block.
        """
        with self.polling(poll):
            if images is None:
                return self._encode_texts(prompts)
            return self._encode_with_images(prompts, images)

    def _encode_texts(self, prompts: Sequence[str]) -> TextStates:
        template = self.row.text_template
        tokens = self.tokenizer(
            [template.fill(prompt) for prompt in prompts],
            max_length=MAX_TEXT_TOKENS + template.drop,
            padding=True,
            truncation=True,
            return_tensors="pt",
        ).to(self.network.device)
        states = self._states(input_ids=tokens.input_ids, attention_mask=tokens.attention_mask)
        result = _without_prefix(states, tokens.attention_mask, template.drop)
        return _cut(result, self.row.max_text_tokens)

    def _encode_with_images(
        self, prompts: Sequence[str], images: Sequence[Image.Image]
    ) -> TextStates:
        template = self.row.edit_template
        texts, pixels = self._texts_and_pixels(prompts, images)
        tokens = self.tokenizer(texts, padding=True, return_tensors="pt").to(self.network.device)
        is_image = tokens.input_ids == self.network.config.image_token_id
        states = self._states(
            input_ids=tokens.input_ids,
            attention_mask=tokens.attention_mask,
            **pixels,
            # Without the types of the tokens, pictures would get positions on one axis only.
            mm_token_type_ids=is_image.int(),
        )
        return _without_prefix(states, tokens.attention_mask, template.drop)

    def _texts_and_pixels(
        self, prompts: Sequence[str], images: Sequence[Image.Image]
    ) -> tuple[list[str], dict[str, Tensor]]:
        """The filled templates, with a place for every token of the pictures, and the pictures."""
        assert len(images) % len(prompts) == 0, "every prompt needs the same number of pictures"
        pixels, counts = self._pixels(images)
        n = len(images) // len(prompts)
        texts = [
            self.row.edit_template.fill(self._with_slots(p, counts[i * n : (i + 1) * n]))
            for i, p in enumerate(prompts)
        ]
        return texts, pixels

    def _pixels(self, images: Sequence[Image.Image]) -> tuple[dict[str, Tensor], list[int]]:
        """The pictures as the network takes them, and how many tokens each becomes."""
        assert self._image_processor is not None, "a caller must ask `can_see` first"
        self.open_eye()
        found = self._image_processor(images=[_checked(i) for i in images], return_tensors="pt")
        pixels = {
            name: found[name].to(self.network.device) for name in ("pixel_values", "image_grid_thw")
        }
        merged = self._image_processor.merge_size**2
        return pixels, [int(grid.prod()) // merged for grid in found["image_grid_thw"]]

    def inputs(self, text: str, images: Sequence[Image.Image]) -> dict[str, Tensor]:
        """What the network takes of one text in the chat's form, on its device.

        The images, RGB, fill the text's slots in their order; there is one for each.
        """
        pixels, counts = self._pixels(images) if images else ({}, [])
        first, *rest = text.split(IMAGE_PAD)
        pads = [IMAGE_PAD * count + part for count, part in zip(counts, rest, strict=True)]
        tokens = self.tokenizer(["".join([first, *pads])], return_tensors="pt")
        found = dict(tokens.to(self.network.device))
        is_image = found["input_ids"] == self.network.config.image_token_id
        return {**found, **pixels, "mm_token_type_ids": is_image.int()}

    def _with_slots(self, prompt: str, counts: Sequence[int]) -> str:
        """The prompt behind a place for each picture, as long as the picture has tokens."""
        refuse_places(prompt)
        slots = [
            self._label(k) + IMAGE_SLOT.replace(IMAGE_PAD, IMAGE_PAD * count)
            for k, count in enumerate(counts, start=1)
        ]
        return "".join(slots) + prompt

    def _label(self, k: int) -> str:
        """What stands before the place of picture number `k`, from 1."""
        return f"Picture {k}: " if self.row.numbers_pictures else ""

    def _states(self, **inputs: Tensor) -> Tensor:
        """Hidden states behind the final norm [B, prefix + T, D]."""
        return self.network(**inputs, use_cache=False).last_hidden_state

    @contextmanager
    def polling(self, poll: Poll) -> Iterator[None]:
        """At work, and interrupted by `poll` before every block."""
        if self._stay is not None:
            self._stay.enter()
        self._poll = poll
        try:
            yield
        finally:
            self._poll = no_poll


def build_network(config: EncoderConfig) -> Qwen2_5_VLModel:
    """transformers' network of these numbers; run under `torch.device("meta")` before loading."""
    vision = config.vision
    return Qwen2_5_VLModel(
        Qwen2_5_VLConfig(
            text_config=language_values(config.language),
            vision_config={
                **vision_values(vision, "window_size"),
                "fullatt_block_indexes": list(vision.fullatt_block_indexes),
            },
            **token_ids(config),
        )
    )


def language_values(
    config: LanguageConfig | Language21Config, *more: str, **rope: bool
) -> dict[str, Any]:
    """What transformers' `text_config` wants of every generation, and the fields named."""
    return {
        **_shared(config, "hidden_size", "intermediate_size", "hidden_act", "vocab_size"),
        **_shared(config, "num_hidden_layers", "num_attention_heads", "num_key_value_heads"),
        **_shared(config, "max_position_embeddings", "rms_norm_eps", *more),
        "use_cache": False,
        "bos_token_id": None,
        "eos_token_id": None,
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": config.rope_theta,
            "mrope_section": list(config.mrope_section),
            **rope,
        },
    }


def vision_values(config: VisionConfig | Vision21Config, *more: str) -> dict[str, Any]:
    """The same of `vision_config`."""
    return {
        **_shared(config, "hidden_size", "intermediate_size", "hidden_act", "depth", "num_heads"),
        **_shared(config, "patch_size", "spatial_merge_size", "temporal_patch_size"),
        **_shared(config, "out_hidden_size", *more),
    }


def token_ids(config: EncoderConfig | Encoder21Config) -> dict[str, Any]:
    return {
        **_shared(config, "image_token_id", "video_token_id"),
        **_shared(config, "vision_start_token_id", "vision_end_token_id"),
    }


def settle_rope(network: EncoderNetwork, device: torch.device | str) -> None:
    """Compute the rotary frequencies, which no file holds, after building on the meta device."""
    language: Any = network.language_model
    visual: Any = network.visual
    language.rotary_emb = type(language.rotary_emb)(language.config).to(device)
    visual.rotary_pos_emb = type(visual.rotary_pos_emb)(visual.config).to(device)


def image_processor(config: ImageConfig) -> Qwen2VLImageProcessorPil:
    return Qwen2VLImageProcessorPil(
        patch_size=config.patch_size,
        temporal_patch_size=config.temporal_patch_size,
        merge_size=config.merge_size,
        min_pixels=config.min_pixels,
        max_pixels=config.max_pixels,
        image_mean=list(config.image_mean),
        image_std=list(config.image_std),
    )


def _shared(config: object, *names: str) -> dict[str, Any]:
    return {name: getattr(config, name) for name in names}


def refuse_places(prompt: str) -> None:
    """A prompt must not hold the tokens that stand for pictures."""
    for token in VISION_TOKENS:
        if token in prompt:
            raise RequestError(f"prompt: {token} marks a picture's place; leave it out")


def _checked(image: Image.Image) -> Image.Image:
    if max(image.size) > MAX_ASPECT * min(image.size):
        raise RequestError(
            f"images: {image.width}x{image.height} is more than {MAX_ASPECT} times as long as wide"
        )
    return image


def _without_prefix(states: Tensor, mask: Tensor, drop: int) -> TextStates:
    """Drop the template's first tokens; zero what is padding."""
    states, valid = states[:, drop:], mask[:, drop:].bool()
    if valid.all():
        return TextStates(states=states, valid=None)
    return TextStates(states=states.masked_fill(~valid[..., None], 0), valid=valid)


def _cut(text: TextStates, limit: int) -> TextStates:
    valid = None if text.valid is None else text.valid[:, :limit]
    if valid is not None and valid.all():
        valid = None
    return TextStates(states=text.states[:, :limit], valid=valid)
