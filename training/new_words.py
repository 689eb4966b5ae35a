"""A text encoder's table of tokens for a tokenizer that knows more words than the one before."""

from __future__ import annotations

import torch
from torch import Tensor
from transformers import Qwen2Tokenizer


def table_for(words: Qwen2Tokenizer, before: Qwen2Tokenizer, table: Tensor) -> Tensor:
    """The rows of `table`, one a token of `before`, for the tokens of `words`: a token that both
    have keeps its row, and a word begins as the mean of the tokens that spelled it."""
    return torch.stack([_row(token, before, table) for token in _by_id(words)])


def _row(token: str, before: Qwen2Tokenizer, table: Tensor) -> Tensor:
    ids = before.get_vocab()
    for known in (f" {token}", token):  # a word within a sentence is the more frequent one
        if known in ids:
            return table[ids[known]]
    return table[before(token, add_special_tokens=False).input_ids].mean(dim=0)


def _by_id(tokenizer: Qwen2Tokenizer) -> list[str]:
    vocabulary = tokenizer.get_vocab()
    return sorted(vocabulary, key=vocabulary.__getitem__)
