"""Text states that were computed before: another seed, size or step count encodes nothing anew."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from PIL import Image

from model.text_encoder.encoder import TextEncoder, TextStates
from model.vae import Poll, no_poll

MAX_KEPT_BYTES = 2**28
"""An edit of the published size takes some 10 MB in bfloat16, a prompt alone 1 MB."""

Key = tuple[object, ...]
Encode = Callable[[Sequence[str], "Sequence[Image.Image] | None", Poll], TextStates]


class PromptCache:
    """States by all that decides about them, in host memory: those used last, of at most
    `kept_bytes` together.

    One cache may serve several models, and so one encoder that they share.
    """

    def __init__(self, kept_bytes: int = MAX_KEPT_BYTES) -> None:
        self._kept_bytes = kept_bytes
        self._kept: OrderedDict[Key, TextStates] = OrderedDict()

    def remembering(self, encoder: TextEncoder, weights: str) -> Encode:
        """The encoder's `encode`, which is asked nothing twice. `weights` is the hash of the files
        that the encoder and its tokenizer were loaded from: they must not change."""

        def encode(
            prompts: Sequence[str],
            images: Sequence[Image.Image] | None = None,
            poll: Poll = no_poll,
        ) -> TextStates:
            key = (*_reader(encoder, weights), tuple(prompts), _pictures(images))
            found = self._kept.pop(key, None)
            if found is None:
                found = encoder.encode(prompts, images, poll)
            self._keep(key, _moved(found, torch.device("cpu")))
            return _moved(found, encoder.device)

        return encode

    def _keep(self, key: Key, states: TextStates) -> None:
        self._kept[key] = states
        while self._total_bytes() > self._kept_bytes:
            self._kept.popitem(last=False)

    def _total_bytes(self) -> int:
        tensors = [t for kept in self._kept.values() for t in (kept.states, kept.valid)]
        return sum(tensor.nbytes for tensor in tensors if tensor is not None)


def _reader(encoder: TextEncoder, weights: str) -> Key:
    """What an encoder does with a prompt: its weights, where they run, and its templates."""
    row, network = encoder.row, encoder.network
    return (
        weights,
        type(encoder),
        network.dtype,
        encoder.device,
        row.text_template,
        row.edit_template,
        row.numbers_pictures,
        row.max_text_tokens,
        encoder.image_config,
    )


def _pictures(images: Sequence[Image.Image] | None) -> Key | None:
    if images is None:
        return None
    return tuple((i.mode, i.size, hashlib.sha256(i.tobytes()).digest()) for i in images)


def _moved(states: TextStates, device: torch.device) -> TextStates:
    valid = None if states.valid is None else states.valid.to(device)
    return replace(states, states=states.states.to(device), valid=valid)
