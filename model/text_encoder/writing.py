"""Words by the text encoder's own language model: a token after the other, from texts and pictures.

No second model: transformers' generation runs over the very network that encodes prompts, with the
output layer that its files hold beside it. Knows nothing of files, and not what is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn
from transformers import (
    GenerationConfig,
    LogitsProcessor,
    LogitsProcessorList,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2_5_VLModel,
    Qwen2Tokenizer,
    Qwen3VLForConditionalGeneration,
    Qwen3VLModel,
    TemperatureLogitsWarper,
    TopPLogitsWarper,
)
from transformers.generation.streamers import BaseStreamer

from model.config import IMAGE_SLOT
from model.latents import generator_of
from model.requests import RequestError
from model.text_encoder.encoder import TextEncoder, refuse_places
from model.text_encoder.tokenizer import END, PAD
from model.vae import Poll, no_poll

OnText = Callable[[str], None]
"""Gets the text so far, each time it has grown."""

START = "<|im_start|>"
CHAT = f"{START}system\n{{system}}{END}\n{START}user\n{{slots}}{{user}}{END}\n{START}assistant\n"
MARKS = (START, END, PAD)
SPEAKERS: dict[type, Any] = {  # their own types do not let them generate
    Qwen2_5_VLModel: Qwen2_5_VLForConditionalGeneration,
    Qwen3VLModel: Qwen3VLForConditionalGeneration,
}
"""The whole of each network: with an output layer, and able to generate."""
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
"""What stands for bytes that are no character yet."""


def no_text(text: str) -> None:
    """Nobody reads along."""


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How tokens are drawn. A temperature of 0 takes the likeliest each time; `top_p` leaves the
    likeliest ones that have this share of the probability together."""

    seed: int = 0
    temperature: float = 0.7
    top_p: float = 0.8
    max_tokens: int = 512


class Writer:
    """`read_head` gives the output layer [V, D] in the network's type and place. It is asked for at
    the first text, and the layer is kept from then on: 1.1 GB of a published model in bfloat16."""

    def __init__(self, encoder: TextEncoder, read_head: Callable[[], Tensor]) -> None:
        self._encoder = encoder
        self._read_head = read_head
        self._speaker: Any = None

    @property
    def can_see(self) -> bool:
        return self._encoder.can_see

    def write(
        self,
        system: str,
        user: str,
        images: Sequence[Image.Image] = (),
        *,
        sampling: Sampling,
        on_text: OnText = no_text,
        poll: Poll = no_poll,
    ) -> str:
        """What the model answers `user`, who shows it RGB images; the last text of `on_text`.

        `poll` is called before every block of every token. Raises RequestError when the words of
        the user hold a mark of the chat's form.
        """
        _refuse_marks(user)
        chat = CHAT.format(system=system, slots=_slots(len(images)), user=user)
        tokenizer = self._encoder.tokenizer
        stream = _Stream(tokenizer, on_text)
        config = GenerationConfig(
            max_new_tokens=sampling.max_tokens,
            use_cache=True,
            eos_token_id=tokenizer.convert_tokens_to_ids([END, PAD]),
            pad_token_id=tokenizer.convert_tokens_to_ids(PAD),
        )
        with self._encoder.polling(poll):
            self._whole().generate(
                **self._encoder.inputs(chat, images),
                generation_config=config,
                logits_processor=LogitsProcessorList(_drawing(sampling)),
                streamer=stream,
            )
        return stream.text

    def _whole(self) -> Any:
        if self._speaker is None:
            network = self._encoder.network
            with torch.device("meta"):
                speaker = SPEAKERS[type(network)](network.config)
            speaker.model = network
            speaker.lm_head.weight = nn.Parameter(self._read_head(), requires_grad=False)
            self._encoder.take_along(speaker.lm_head)
            self._speaker = speaker
        return self._speaker


def _refuse_marks(text: str) -> None:
    refuse_places(text)
    for mark in MARKS:
        if mark in text:
            raise RequestError(f"prompt: {mark} divides the turns of a chat; leave it out")


def _slots(count: int) -> str:
    """Places of pictures; of several each has a name, so that a text may speak of "Picture 2"."""
    names = [f"Picture {k}: " if count > 1 else "" for k in range(1, count + 1)]
    return "".join(name + IMAGE_SLOT for name in names)


class Gumbel(LogitsProcessor):
    """Noise under which the largest score is a draw from the scores' softmax.

    From a generator of the CPU: a seed gives the same noise on every device, and nobody's random
    state is touched. (E. J. Gumbel, 1954; C. J. Maddison et al., arXiv 1411.0030.)
    """

    def __init__(self, seed: int) -> None:
        self._generator = generator_of(seed)

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        uniform = torch.rand(scores.shape, generator=self._generator, dtype=torch.float64)
        return scores - (-uniform.log()).log().to(scores)


def _drawing(sampling: Sampling) -> list[LogitsProcessor]:
    if sampling.temperature == 0:
        return []
    return [
        TemperatureLogitsWarper(sampling.temperature),
        TopPLogitsWarper(sampling.top_p),
        Gumbel(sampling.seed),
    ]


class _Stream(BaseStreamer):
    """Tokens as text. A character is shown once all its bytes are there."""

    def __init__(self, tokenizer: Qwen2Tokenizer, on_text: OnText) -> None:
        self.text = ""
        self._tokenizer = tokenizer
        self._on_text = on_text
        self._is_prompt = True
        self._tokens: list[int] = []

    def put(self, value: Tensor) -> None:
        if self._is_prompt:  # the first that comes is what was asked
            self._is_prompt = False
            return
        self._tokens += value.flatten().tolist()
        text = self._tokenizer.decode(
            self._tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        assert isinstance(text, str)
        if (text := text.rstrip(REPLACEMENT)) != self.text:
            self.text = text
            self._on_text(text)

    def end(self) -> None:
        """Half a character behind the last one is nothing."""
