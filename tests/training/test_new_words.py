"""A table of tokens for more words: what was known stays, new words begin as they were spelled."""

from __future__ import annotations

import torch
from transformers import AddedToken, Qwen2Tokenizer

from training.encoder import byte_characters
from training.new_words import table_for


def tokenizer(*words: str) -> Qwen2Tokenizer:
    made = Qwen2Tokenizer(vocab=byte_characters(), merges=[])
    made.add_tokens([AddedToken(word, normalized=False) for word in words])
    return made


def test_known_tokens_keep_their_rows_and_new_words_are_means() -> None:
    before, words = tokenizer(" red", "红色"), tokenizer("coral", "red", "红色")
    table = torch.randn(len(before), 4)
    grown = table_for(words, before, table)
    ids, old = words.get_vocab(), before.get_vocab()
    assert grown.shape == (len(words), 4)
    assert torch.equal(grown[ids["A"]], table[old["A"]])
    assert torch.equal(grown[ids["红色"]], table[old["红色"]])
    assert torch.equal(grown[ids["red"]], table[old[" red"]])
    spelled = table[[old[letter] for letter in "coral"]].mean(dim=0)
    torch.testing.assert_close(grown[ids["coral"]], spelled)
