"""Words about prompts and pictures: polishing, captions, and the description of a picture that is
taken apart. The model's own text encoder writes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PIL import Image

from model.errors import ModelError
from model.pictures import fit_area, resize, to_image
from model.pipelines.inputs import Networks
from model.requests import (
    MAX_SEED,
    Caption,
    CaptionRecord,
    Picture,
    Polish,
    RequestError,
    Writing,
)
from model.text_encoder.captions import PLAIN, RECORD, NoRecord, parse_record
from model.text_encoder.polish import cleaned, instructions, polish, quotations
from model.text_encoder.writing import OnText, Sampling, Writer
from model.vae import Poll, no_poll

SEEN_AREA = 1024 * 1024
"""px² of a picture that the writer sees at most; Qwen2.5-VL makes 1,369 tokens of a square."""
CHAT_SYSTEM = "You are a helpful assistant."
GREEDY = Sampling(temperature=0)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What was written; the fields are those of `model.requests.Text`."""

    text: str
    is_original: bool = False
    record: CaptionRecord | None = None


def write(networks: Networks, request: Writing, on_text: OnText, poll: Poll = no_poll) -> Answer:
    """`on_text` gets the text so far; it begins anew where a first try is thrown away.

    Raises RequestError where the model cannot write or see, ModelError where nothing usable came.
    """
    return _TASKS[type(request)](networks, request, on_text, poll)


def describe(networks: Networks, picture: Picture, poll: Poll = no_poll) -> str:
    """A plain English description, always the same for the same picture.

    Raises RequestError where the model cannot write, ModelError where nothing came.
    """
    writer = _writer(networks, "describe the picture in a few words yourself", sees=True)
    answer = writer.write(CHAT_SYSTEM, PLAIN["en"], [_seen(picture)], sampling=GREEDY, poll=poll)
    if not (text := cleaned(answer)):
        raise ModelError("the model found no words for the picture; describe it yourself")
    return text


def _polish(networks: Networks, request: Polish, on_text: OnText, poll: Poll) -> Answer:
    writer = _writer(networks, "write the prompt yourself", sees=bool(request.images))
    kept = quotations(request.prompt)
    images = [_seen(picture) for picture in request.images]

    def rewritten(seed: int) -> str:
        return writer.write(
            instructions(request.prompt, is_edit=bool(images)),
            request.prompt,
            images,
            sampling=Sampling(seed=seed),
            on_text=lambda text: on_text(cleaned(text, kept)),
            poll=poll,
        )

    found = polish(request.prompt, rewritten, request.seed)
    return Answer(text=found.text, is_original=found.is_original)


def _caption(networks: Networks, request: Caption, on_text: OnText, poll: Poll) -> Answer:
    writer = _writer(networks, "describe the picture yourself", sees=True)
    images = [_seen(request.image)]
    reason = ""
    for seed in (request.seed, (request.seed + 1) % (MAX_SEED + 1)):
        answer = writer.write(
            CHAT_SYSTEM,
            RECORD[request.language],
            images,
            sampling=Sampling(seed=seed, max_tokens=1024),
            on_text=on_text,
            poll=poll,
        )
        try:
            record = parse_record(answer)
        except NoRecord as error:
            reason = str(error)
        else:
            return Answer(text=record.caption, record=record)
    raise ModelError(f"the model's answer is no caption: {reason}; try another seed")


_TASKS: dict[type[Writing], Callable[[Networks, Any, OnText, Poll], Answer]] = {
    Polish: _polish,
    Caption: _caption,
}


def _writer(networks: Networks, advice: str, *, sees: bool) -> Writer:
    writer = networks.writer
    if writer is None:
        raise RequestError(
            "model: its text encoder cannot write, because its files hold no lm_head.weight; "
            f"{advice}, or choose another model"
        )
    if sees and not writer.can_see:
        raise RequestError(
            f"images: this model has no processor for pictures; {advice}, or choose another model"
        )
    return writer


def _seen(picture: Picture) -> Image.Image:
    image = to_image(picture)
    if image.width * image.height <= SEEN_AREA:
        return image
    return resize(image, fit_area(SEEN_AREA, image.width, image.height))
