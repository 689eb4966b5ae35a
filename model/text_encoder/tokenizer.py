"""The Qwen2 tokenizer of a model folder, built from checked vocabulary and merges.

The folder's own settings are data: of them, only the special tokens are read. Whatever class or
code they may name, it is transformers' Qwen2Tokenizer that is built.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from transformers import AddedToken, Qwen2Tokenizer

from model.checkpoint.gguf_files import GgufFile
from model.checkpoint.strict_json import read_bytes, read_object
from model.errors import CheckpointError

MAX_VOCABULARY_BYTES = 64 * 2**20
MAX_TOKENS = 2**20
CLASSES = ("Qwen2Tokenizer", "Qwen2TokenizerFast")
Tables = tuple[dict[str, int], list[tuple[str, str]], dict[int, AddedToken]]
"""The vocabulary, the pairs that are merged, and the tokens beside them."""
_NORMAL, _CONTROL, _USER = 1, 3, 4
"""Types of tokens in GGUF files."""
END, PAD = "<|im_end|>", "<|endoftext|>"
REQUIRED = ("<|im_start|>", END, PAD, "<|image_pad|>")


def load_tokenizer(place: Path) -> Qwen2Tokenizer:
    """From a folder with `tokenizer.json`, or `vocab.json` with `merges.txt`, and
    `tokenizer_config.json`; or from a text encoder's GGUF file, which has them in its header."""
    vocabulary, merges, added = _read_gguf(place) if place.is_file() else _read_folder(place)
    try:
        tokenizer = Qwen2Tokenizer(
            vocab=vocabulary,
            merges=merges,  # type: ignore[arg-type]  # pairs, as its back end takes them
            eos_token=END,
            pad_token=PAD,
            padding_side="right",
            added_tokens_decoder=added,
        )
    except Exception as error:  # the back end raises bare Exception
        raise CheckpointError(f"{place}: the vocabulary does not fit together: {error}") from error
    _check_tokens(tokenizer, added, place)
    return tokenizer


def _read_folder(folder: Path) -> Tables:
    settings = read_object(folder / "tokenizer_config.json")
    name = settings.get("tokenizer_class", CLASSES[0])
    if name not in CLASSES:
        raise CheckpointError(f"{folder}: tokenizer class {str(name)[:80]!r} is not Qwen2Tokenizer")
    if (folder / "tokenizer.json").exists():
        return _read_single(folder / "tokenizer.json")
    return _read_parts(folder, settings)


def _read_gguf(path: Path) -> Tables:
    with GgufFile.open(path) as file:
        metadata = file.metadata
    if metadata.get("tokenizer.ggml.model") != "gpt2":
        raise CheckpointError(f"{path}: its header holds no byte-pair tokenizer")
    tokens, merges = (_list_of(metadata, name, str, path) for name in ("tokens", "merges"))
    kinds = _list_of(metadata, "token_type", int, path)
    if len(tokens) != len(kinds):
        raise CheckpointError(f"{path}: {len(tokens)} tokens, but {len(kinds)} types of tokens")
    numbered = list(zip(tokens, range(len(tokens)), kinds, strict=True))
    vocabulary = {token: number for token, number, kind in numbered if kind == _NORMAL}
    added = {
        number: {"content": token, "special": kind == _CONTROL}
        for token, number, kind in numbered
        if kind in (_CONTROL, _USER)
    }
    pairs = [_pair(merge.split(" "), path) for merge in merges]
    return _vocabulary(vocabulary, path), pairs, _added(added, path)


def _list_of(metadata: Mapping[str, Any], name: str, kind: type, path: Path) -> list[Any]:
    values = metadata.get(f"tokenizer.ggml.{name}")
    if not isinstance(values, list) or not all(isinstance(value, kind) for value in values):
        raise CheckpointError(f"{path}: its header holds no byte-pair tokenizer: {name} is lacking")
    return values


def _read_single(
    path: Path,
) -> Tables:
    values = read_object(path, limit_bytes=MAX_VOCABULARY_BYTES)
    model, added = values.get("model"), values.get("added_tokens", [])
    if not isinstance(model, dict) or model.get("type", "BPE") != "BPE":
        raise CheckpointError(f"{path}: is no byte-pair tokenizer")
    merges = model.get("merges", [])
    if not isinstance(merges, list) or not isinstance(added, list):
        raise CheckpointError(f"{path}: its merges or added tokens are no lists")
    pairs = [_pair(m.split(" ") if isinstance(m, str) else m, path) for m in merges]
    by_id = {t.get("id"): t for t in added if isinstance(t, dict)}
    return _vocabulary(model.get("vocab"), path), pairs, _added(by_id, path)


def _read_parts(folder: Path, settings: dict[str, Any]) -> Tables:
    path = folder / "vocab.json"
    vocabulary = _vocabulary(read_object(path, limit_bytes=MAX_VOCABULARY_BYTES), path)
    merges = read_bytes(folder / "merges.txt", limit_bytes=MAX_VOCABULARY_BYTES)
    try:
        lines = merges.decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise CheckpointError(f"{folder / 'merges.txt'}: {error}") from None
    pairs = [
        _pair(line.split(" "), folder / "merges.txt")
        for line in lines
        if line.strip() and not line.startswith("#version")
    ]
    decoder = settings.get("added_tokens_decoder")
    if isinstance(decoder, dict):
        entries = {int(k) if k.isdecimal() else None: v for k, v in decoder.items()}
    else:
        simple = read_object(folder / "added_tokens.json")
        entries = {index: {"content": text, "special": True} for text, index in simple.items()}
    return vocabulary, pairs, _added(entries, folder)


def _vocabulary(value: Any, path: Path) -> dict[str, int]:
    if not isinstance(value, dict) or len(value) > MAX_TOKENS:
        raise CheckpointError(f"{path}: has no vocabulary, or one above {MAX_TOKENS} tokens")
    ids = value.values()
    if not all(isinstance(i, int) and not isinstance(i, bool) and 0 <= i < MAX_TOKENS for i in ids):
        raise CheckpointError(f"{path}: a token's number is none from 0 to {MAX_TOKENS}")
    if len(set(ids)) != len(value):
        raise CheckpointError(f"{path}: two tokens have the same number")
    return value


def _pair(value: Any, path: Path) -> tuple[str, str]:
    match value:
        case [str() as left, str() as right]:
            return left, right
    raise CheckpointError(f"{path}: {str(value)[:60]!r} is no pair of tokens to merge")


def _added(entries: dict[Any, Any], path: Path) -> dict[int, AddedToken]:
    found: dict[int, AddedToken] = {}
    for index, entry in entries.items():
        content = entry.get("content") if isinstance(entry, dict) else None
        is_index = isinstance(index, int) and not isinstance(index, bool)
        if (
            not is_index
            or not 0 <= index < MAX_TOKENS
            or not isinstance(content, str)
            or not content
        ):
            raise CheckpointError(f"{path}: an added token lacks number or text")
        flags = {
            name: bool(entry.get(name, False))
            for name in ("single_word", "lstrip", "rstrip", "normalized", "special")
        }
        found[index] = AddedToken(content, **flags)
    return found


def _check_tokens(tokenizer: Qwen2Tokenizer, added: dict[int, AddedToken], folder: Path) -> None:
    for index, token in added.items():
        actual = tokenizer.convert_tokens_to_ids(token.content)
        if actual != index:
            raise CheckpointError(
                f"{folder}: the token {token.content!r} should be number {index}, is {actual}"
            )
    known = {token.content for token in added.values()}
    lacking = [token for token in REQUIRED if token not in known]
    if lacking:
        raise CheckpointError(f"{folder}: lacks the special token(s) {', '.join(lacking)}")
