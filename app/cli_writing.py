"""`polish` and `caption`: from options to a request for words, and what is said of the answer."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from app.cli_options import PROGRAM, new_seed
from app.cli_progress import TailLine, terminal
from app.files.raster import read_picture
from model.requests import Caption, Polish, Text, Writing

if TYPE_CHECKING:
    import argparse

UNCHANGED = "no rewriting kept the quoted words and the language, so the prompt is as it was"


class Writes(Protocol):
    """A loaded model, as far as it is used here."""

    def write(self, request: Writing, on_text: Callable[[str], None] = ...) -> Text: ...


def read_request(word: str, options: argparse.Namespace) -> Writing:
    seed = new_seed() if options.seed is None else options.seed
    if word == "caption":
        image = read_picture(options.image)
        return Caption(image=image, language=options.language, seed=seed)
    images = tuple(read_picture(path) for path in options.image)
    return Polish(prompt=options.prompt, images=images, seed=seed)


def write(model: Writes, request: Writing, options: argparse.Namespace) -> Text:
    """The answer; meanwhile a terminal shows the words that come."""
    with TailLine(terminal(is_quiet=options.json)) as line:
        return model.write(request, line.show)


def report(found: Text, options: argparse.Namespace) -> None:
    if options.json:
        print(json.dumps(_values(found)))
        return
    print(_printable(found.text))
    if found.is_original:
        print(f"{PROGRAM} polish: {UNCHANGED}", file=sys.stderr)


def _values(found: Text) -> dict[str, Any]:
    """What --json says of an answer."""
    result: dict[str, Any] = {
        "text": found.text,
        "seed": found.request.seed,
        "seconds": round(found.seconds, 3),
        "model": {"name": found.model.name, "sha256": found.model.sha256},
    }
    if found.record is not None:
        return result | {"record": found.record.values()}
    return result | {"is_original": found.is_original}


def _printable(text: str) -> str:
    """Without the control characters that a model could send to a terminal, breaks apart."""
    return "".join(c if c.isprintable() or c == "\n" else "?" for c in text)
