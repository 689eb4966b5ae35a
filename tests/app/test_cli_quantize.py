"""`--quantization` on the words that load a model, and `main.py quantize`."""

from __future__ import annotations

from pathlib import Path

import pytest

from app import cli_options
from app.files.raster import read_recipe
from model.quantize.schemes import SCHEMES
from tests.command_line import Run, pixels

pytestmark = pytest.mark.usefixtures("qapp")


def test_the_schemes_are_those_of_the_model() -> None:
    assert tuple(SCHEMES) == cli_options.SCHEMES


def test_a_recipe_remembers_it(run: Run, tiny: Path) -> None:
    words = ("generate", "--prompt", "x", "--model", tiny, "--seed", 1, "--steps", 2)
    assert run(*words, "--output", "whole.png").status == 0
    assert run(*words, "--quantization", "int4", "--output", "four.png").status == 0
    whole, four = pixels(Path("whole.png")), pixels(Path("four.png"))
    assert whole != four
    recipe = read_recipe(Path("four.png"))
    assert recipe is not None
    assert recipe["model"]["quantization"] == "int4"
    assert "(int4)" in run("info", "four.png").out

    again = ("generate", "--recipe", "four.png", "--model", tiny, "--output", "again.png")
    assert run(*again).status == 0
    assert pixels(Path("again.png")) == four
    assert run(*again, "--quantization", "none").status == 0
    assert pixels(Path("again.png")) == whole


@pytest.mark.parametrize("word", ["edit", "inpaint", "outpaint", "layers", "polish", "caption"])
def test_every_word_that_loads_knows_it(word: str, run: Run) -> None:
    assert "--quantization SCHEME" in run(word, "--help").out
    refused = run(word, "--quantization", "int3")
    assert "'int3'" in refused.refusal
