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


def test_a_file_of_fewer_bits_makes_pictures(run: Run, tiny: Path) -> None:
    made = run("quantize", tiny, "small.safetensors", "--scheme", "int8")
    assert (made.status, made.err) == (0, "")
    assert made.out.startswith("small.safetensors  int8, 0.00 GB")
    words = ("generate", "--prompt", "x", "--seed", 1, "--steps", 2, "--variant", "Qwen-Image-Edit")
    small = ("--model", "small.safetensors", "--parts", tiny)
    assert run(*words, *small, "--output", "a.png").status == 0
    whole = ("--model", tiny, "--quantization", "int8")
    assert run(*words, *whole, "--output", "b.png").status == 0
    assert pixels(Path("a.png")) == pixels(Path("b.png"))
    again = run("quantize", "small.safetensors", "again.safetensors", "--scheme", "int8")
    assert "packed as int8 already" in again.refusal


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["nowhere", "a.safetensors", "--scheme", "int8"], "is not there"),
        (["TINY", "a.gguf", "--scheme", "int8"], "must end with .safetensors"),
        (["TINY", "no/a.safetensors", "--scheme", "int8"], "does not exist"),
        (["TINY", "a.safetensors"], "--scheme"),
        (["TINY", "a.safetensors", "--scheme", "int3"], "'int3'"),
        (["TINY/vae/diffusion_pytorch_model.safetensors", "a.safetensors", "--scheme", "int8"],
         "is the VAE of"),
        (["TINY/vae", "a.safetensors", "--scheme", "int8"], "is no model folder"),
        (["TINY", "TINY/transformer/diffusion_pytorch_model.safetensors", "--scheme", "int8"],
         "is what is read"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line(argv: list[str], message: str, run: Run, tiny: Path) -> None:
    assert message in run("quantize", *(word.replace("TINY", str(tiny)) for word in argv)).refusal
    assert not list(Path.cwd().glob(".*.new-*"))
