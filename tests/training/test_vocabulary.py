"""Words of captions as tokens: each is one, and the texts of posters stay letters."""

from __future__ import annotations

import re

import pytest

from training.data.synthesis import Level, PosterStream, StreamConfig
from training.data.vocabulary import caption_words
from training.encoder import make_tokenizer

LEVELS = tuple(
    Level(text_first=first, chinese=chinese, shape=0.9, second_shape=0.5)
    for first in (0.0, 1.0)
    for chinese in (0.0, 1.0)
)


@pytest.fixture(scope="module")
def captions() -> list[str]:
    config = StreamConfig(levels=LEVELS, edits=0.5, edit_group=1)
    stream = PosterStream(config, seed=3)
    return [stream.sample(i).caption for i in range(400)]


def test_every_word_is_one_token_and_none_is_there_twice() -> None:
    words = caption_words()
    assert len(set(words)) == len(words)
    tokenizer = make_tokenizer()
    assert all(len(tokenizer(word).input_ids) == 1 for word in words)


def test_a_word_within_a_longer_one_stays_letters() -> None:
    tokenizer = make_tokenizer()
    assert len(tokenizer(" in red").input_ids) == 2
    assert len(tokenizer(' spring "Inn"').input_ids) == len(' spring "Inn"')
    assert len(tokenizer("深蓝色海报").input_ids) == 2


def test_captions_are_words_and_their_quoted_text_is_letters(captions: list[str]) -> None:
    tokenizer = make_tokenizer()
    for caption in captions:
        ids = tokenizer(caption).input_ids
        assert str(tokenizer.decode(ids)).replace(" ", "") == caption.replace(" ", "")
        quoted = "".join(re.findall('"[^"]*"', caption))
        rest = re.sub('"[^"]*"', "", caption)
        words = len(re.findall(r"[A-Za-z]+|[\u4e00-\u9fff]|[^\w]", rest))
        assert len(quoted) <= len(ids) <= len(quoted) + words, caption


def test_a_caption_is_half_as_long_as_its_bytes(captions: list[str]) -> None:
    tokenizer = make_tokenizer()
    tokens = sum(len(tokenizer(caption).input_ids) for caption in captions)
    assert tokens < 0.5 * sum(len(caption.encode()) for caption in captions)
