"""`polish` and `caption`: what they print, and that every mistake is one line and status 2."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app import cli
from app.cli_progress import TailLine, tail
from app.files.raster import write_png
from model.bench.reference import (
    make_pair,
)
from model.bench.tiny import Tiny, write
from model.requests import Caption, Picture, Polish, Text, Writing
from tests.fakes import FakeModel, text_of

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command line in this process, in a folder of its own: status, output, errors."""
    monkeypatch.chdir(tmp_path)
    picture = Picture(width=80, height=48, mode="RGB", data=bytes(80 * 48 * 3))
    write_png(tmp_path / "picture.png", picture)
    (tmp_path / "text.png").write_text("this is no picture")

    def run(*argv: object) -> tuple[int, str, str]:
        capsys.readouterr()
        status = cli.main([str(word) for word in argv])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Writing]:
    """The requests that came to a model that answers at once."""
    found: list[Writing] = []

    class Listening(FakeModel):
        def write(self, request: Writing, *args: Any, **options: Any) -> Text:
            found.append(request)
            if isinstance(request, Polish) and request.prompt == "keep":
                return Text(
                    text="keep\x1b",
                    request=request,
                    model=self.identity,
                    seconds=0,
                    is_original=True,
                )
            return super().write(request, *args, **options)

    model = Listening()
    monkeypatch.setattr("model.engine.library.Library.load", lambda *_: model)
    return found


def test_polish(run: Run, asked: list[Writing]) -> None:
    assert run("polish", "--prompt", "海报", "--seed", 3) == (0, "海报, in fine detail\n", "")
    assert asked == [Polish(prompt="海报", seed=3)]
    images = ("--image", "picture.png", "--image", "picture.png")
    status, out, err = run("polish", "--prompt", "x", *images, "--json")
    assert (status, err) == (0, "")
    found = json.loads(out)
    assert set(found) == {"text", "seed", "seconds", "model", "is_original"}
    assert (found["text"], found["is_original"]) == ("x, in fine detail, seen with 2", False)
    run("polish", "--prompt", "x")
    assert asked[-1].seed != found["seed"], "another one each time"


def test_a_prompt_that_was_kept_is_printed_and_said(run: Run, asked: list[Writing]) -> None:
    status, out, err = run("polish", "--prompt", "keep")
    assert (status, out) == (0, "keep?\n")
    assert err.startswith("main.py polish: no rewriting kept the quoted words")


def test_caption(run: Run, asked: list[Writing]) -> None:
    words = ("caption", "--image", "picture.png")
    assert run(*words) == (0, "a picture 80 px wide\n", "")
    status, out, _ = run(*words, "--language", "zh", "--json", "--seed", 4)
    assert status == 0
    request = asked[-1]
    assert isinstance(request, Caption)
    assert (request.language, request.seed) == ("zh", 4)
    record = text_of(request).record
    assert record is not None
    assert json.loads(out)["record"] == record.values()
    assert set(json.loads(out)) == {"text", "seed", "seconds", "model", "record"}


@pytest.mark.filterwarnings("ignore")
def test_a_real_model_writes(run: Run, tmp_path: Path) -> None:
    """Random weights write noise, which keeps no quotation: the prompt comes back."""
    make_pair(Tiny(), tmp_path / "speaking")
    words = ("--model", tmp_path / "speaking", "--image", "picture.png", "--seed", 1)
    status, out, err = run("polish", "--prompt", 'a "SALE" poster', *words)
    assert (status, out) == (0, 'a "SALE" poster\n')
    assert "as it was" in err
    status, out, err = run("caption", *words)
    assert (status, out) == (2, "")
    assert "no caption" in err.splitlines()[-1]


MISTAKES = [
    (("polish",), "--prompt"),
    (("polish", "--prompt", " "), "prompt: is empty"),
    (("polish", "--prompt", "x", "--seed", -1), "seed: -1"),
    (("polish", "--prompt", "x", "--image", "no.png"), "no.png"),
    (("polish", "--prompt", "x", "--image", "text.png"), "text.png"),
    (("polish", "--prompt", "x", *("--image", "picture.png") * 11), "images: 11"),
    (("polish", "--prompt", "x", "--model", "unheard of"), "unheard of"),
    (("polish", "--prompt", "x", "--output", "a.txt"), "--output"),
    (("caption",), "--image"),
    (("caption", "--image", "picture.png", "--language", "de"), "de"),
    (("caption", "--image", "picture.png", "--prompt", "x"), "--prompt"),
]


@pytest.mark.parametrize(("argv", "words"), MISTAKES, ids=[str(m[0])[:60] for m in MISTAKES])
def test_mistakes(run: Run, argv: tuple[object, ...], words: str) -> None:
    status, out, err = run(*argv)
    assert (status, out, len(err.splitlines())) == (2, "", 1)
    assert words in err
    assert "Traceback" not in err


def test_models_that_cannot_write_say_so(run: Run, tmp_path: Path) -> None:
    write(Tiny(), tmp_path / "silent")
    for words in (("polish", "--prompt", "x"), ("caption", "--image", "picture.png")):
        status, out, err = run(*words, "--model", tmp_path / "silent")
        assert (status, out) == (2, "")
        assert "cannot write" in err.splitlines()[-1]
        assert "choose another model" in err


def test_the_newest_words_are_shown_and_wiped() -> None:
    terminal = io.StringIO()
    with TailLine(terminal) as line:
        line.show("a poster\nof 春")
    assert "\r\x1b[Ka poster of 春" in terminal.getvalue()
    assert terminal.getvalue().endswith("\r\x1b[K")
    with TailLine(None) as line:
        line.show("nobody reads this")


@pytest.mark.parametrize(
    ("text", "columns", "expected"),
    [
        ("", 5, ""),
        ("abc", 3, "abc"),
        ("abcd", 3, "bcd"),
        ("春夏", 3, "夏"),
        ("春夏", 4, "春夏"),
        ("a\n\tb\x1b[2J", 10, "a b?[2J"),
        ("abc", 0, ""),
    ],
)
def test_tail(text: str, columns: int, expected: str) -> None:
    assert tail(text, columns) == expected
