"""Qwen3-VL as the text encoder of Qwen-Image-2.1: states before the final norm, from the user's
turn on.

A picture's states are not read by the transformer, which puts the picture's own tokens there; where
they stand is told beside the states.

Shapes: B prompts, T text tokens from the user's turn on, D width of the states.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from PIL import Image
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from transformers import Qwen2Tokenizer, Qwen3VLConfig, Qwen3VLModel

from model.config import Family
from model.errors import ModelError
from model.text_encoder.config import Encoder21Config, ImageConfig
from model.text_encoder.encoder import (
    TextEncoder,
    TextStates,
    language_values,
    refuse_places,
    token_ids,
    vision_values,
)

TURN = "<|im_start|>"


class TextEncoder21(TextEncoder):
    def __init__(
        self,
        network: Qwen3VLModel,
        tokenizer: Qwen2Tokenizer,
        image_config: ImageConfig | None,
        row: Family,
    ) -> None:
        super().__init__(network, tokenizer, image_config, row)
        before_user, _, _ = row.text_template.before.rpartition(TURN)
        self._drop = len(tokenizer(before_user).input_ids)

    def _encode_texts(self, prompts: Sequence[str]) -> TextStates:
        for prompt in prompts:
            refuse_places(prompt)
        return self._encode([self.row.text_template.fill(prompt or " ") for prompt in prompts], {})

    def _encode_with_images(
        self, prompts: Sequence[str], images: Sequence[Image.Image]
    ) -> TextStates:
        texts, pixels = self._texts_and_pixels([prompt or " " for prompt in prompts], images)
        self._check_sizes(images, pixels["image_grid_thw"])
        return self._encode(texts, pixels)

    def _label(self, k: int) -> str:
        return f"<image{k}>" if k == 1 else f" <image{k}>"

    def _encode(self, texts: list[str], pixels: Mapping[str, Tensor]) -> TextStates:
        # The model was trained with padding on the left; it is gone from what is returned.
        tokens = self.tokenizer(texts, padding=True, padding_side="left", return_tensors="pt").to(
            self.network.device
        )
        is_image = tokens.input_ids == self.network.config.image_token_id
        states = self._states(
            input_ids=tokens.input_ids,
            attention_mask=tokens.attention_mask,
            mm_token_type_ids=is_image.int(),
            **pixels,
        )
        rows = [mask.bool() for mask in tokens.attention_mask]
        kept = [s[row][self._drop :] for s, row in zip(states, rows, strict=True)]
        lengths = torch.tensor([len(s) for s in kept], device=states.device)
        valid = torch.arange(int(lengths.max()), device=states.device) < lengths[:, None]
        # Pictures stand before the prompt, so their places are the same in every row.
        slots = is_image[0][rows[0]][self._drop :].tolist()
        return TextStates(
            states=pad_sequence(kept, batch_first=True),
            valid=None if valid.all() else valid,
            is_slot=tuple(slots + [False] * (valid.shape[1] - len(slots))),
        )

    def _states(self, **inputs: Tensor) -> Tensor:
        """Hidden states as they enter the final norm [B, T, D]: transformers 5 returns none."""
        norm = self.network.language_model.norm
        handle = norm.register_forward_hook(lambda _module, inputs, _output: inputs[0])
        try:
            return super()._states(**inputs)
        finally:
            handle.remove()

    def _check_sizes(self, images: Sequence[Image.Image], grids: Tensor) -> None:
        """The transformer counts four tokens a slot: no picture may be resized here once more."""
        assert self.image_config is not None
        patch = self.image_config.patch_size
        for image, (_, rows, columns) in zip(images, grids.tolist(), strict=True):
            if (columns * patch, rows * patch) != image.size:
                raise ModelError(
                    f"the model's processor turns a picture of {image.width}x{image.height} into "
                    f"{columns * patch}x{rows * patch}; choose another size"
                )


def build_network21(config: Encoder21Config) -> Qwen3VLModel:
    """transformers' network of these numbers; run under `torch.device("meta")` before loading."""
    vision = config.vision
    return Qwen3VLModel(
        Qwen3VLConfig(
            text_config=language_values(
                config.language, "head_dim", "attention_bias", mrope_interleaved=True
            ),
            vision_config={
                **vision_values(vision, "num_position_embeddings"),
                "deepstack_visual_indexes": list(vision.deepstack_visual_indexes),
            },
            **token_ids(config),
        )
    )
