"""LoRAs on the command line: made, told about, and every mistake one line and exit status 2."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from app import cli_options
from app.files.raster import read_picture, read_recipe, write_png
from app.paths import Paths
from model.bench.tiny import Tiny
from model.requests import Picture
from model.transformer import Transformer
from tests import loras
from tests.command_line import Run

SIZE = Tiny()


@pytest.fixture
def ink(tmp_path: Path) -> Path:
    tensors = loras.DIALECTS["kohya"](loras.pairs(Transformer(SIZE.transformer)))
    return loras.write(
        tensors, tmp_path / "ink.safetensors", **{"modelspec.trigger_phrase": "inkstyle"}
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.safetensors:0.8", ("a.safetensors", 0.8)),
        ("a.safetensors:-1", ("a.safetensors", -1.0)),
        ("a.safetensors", ("a.safetensors", 1.0)),
        ("C:\\loras\\a.safetensors", ("C:\\loras\\a.safetensors", 1.0)),
        ("C:\\loras\\a.safetensors:.5", ("C:\\loras\\a.safetensors", 0.5)),
        ("a:b:2", ("a:b", 2.0)),
        ("a:b", ("a:b", 1.0)),
        (":2", (":2", 1.0)),
    ],
)
def test_the_last_colon_counts(text: str, expected: tuple[str, float]) -> None:
    path, weight = cli_options.lora(text)
    assert (str(path), weight) == expected


@pytest.mark.usefixtures("qapp")
def test_a_recipe_finds_its_loras_by_their_content(run: Run, tiny: Path, ink: Path) -> None:
    words = ("generate", "--prompt", "x", "--model", tiny, "--seed", 1, "--output")
    assert run(*words, "plain.png").status == 0
    assert run(*words, "a.png", "--lora", f"{ink}:0.5", "--lora", ink).status == 0
    assert read_picture(Path("a.png")).data != read_picture(Path("plain.png")).data
    recipe = read_recipe(Path("a.png"))
    assert recipe is not None
    assert [use["weight"] for use in recipe["request"]["loras"]] == [0.5, 1.0]
    assert str(ink.parent) not in json.dumps(recipe)

    again = ("generate", "--recipe", "a.png", "--model", tiny, "--output", "b.png")
    refused = run(*again)
    assert refused.status == 2
    assert "ink" in refused.err
    assert "is not on this computer" in refused.err
    Paths.default().loras.mkdir(parents=True)
    ink.rename(Paths.default().loras / "other name.safetensors")
    assert run(*again).status == 0
    assert Path("a.png").read_bytes() == Path("b.png").read_bytes()
    moved = Paths.default().loras / "other name.safetensors"
    assert run(*again[:-1], "c.png", "--lora", f"{moved}:-1").status == 0
    assert read_picture(Path("c.png")).data != read_picture(Path("a.png")).data
    moved.unlink()


@pytest.mark.usefixtures("qapp")
def test_an_edit_takes_loras(run: Run, tiny: Path, ink: Path) -> None:
    write_png(Path("in.png"), Picture(width=48, height=48, mode="RGB", data=bytes(48 * 48 * 3)))
    words = ("edit", "--image", "in.png", "--prompt", "x", "--model", tiny, "--output")
    assert run(*words, "plain.png", "--seed", 1).status == 0
    assert run(*words, "a.png", "--seed", 1, "--lora", ink).status == 0
    assert read_picture(Path("a.png")).data != read_picture(Path("plain.png")).data


def test_info(run: Run, ink: Path) -> None:
    told = run("info", ink)
    assert told.status == 0
    assert told.out.splitlines() == [
        f"lora        {ink}",
        "for         Qwen-Image 1.x, width 32",
        "form        kohya or musubi: lora_down/lora_up",
        "rank        3, 4",
        "modules     34",
        "triggers    inkstyle",
    ]


def flux() -> dict[str, torch.Tensor]:
    name = "transformer.single_transformer_blocks.0.attn.to_q"
    return {f"{name}.lora_A.weight": torch.ones(1, 8), f"{name}.lora_B.weight": torch.ones(8, 1)}


def test_info_of_a_lora_for_another_model(run: Run, tmp_path: Path) -> None:
    told = run("info", loras.write(flux(), tmp_path / "flux.safetensors"))
    assert told.status == 0
    assert "for         FLUX or HunyuanVideo" in told.out
    assert "notice      this LoRA is for FLUX" in told.out


MISTAKES: dict[str, tuple[str, str]] = {
    "weight": ("ink.safetensors:4.5", "lora weight: 4.5 is outside -4.0…4.0"),
    "no number": ("ink.safetensors:nan", "lora weight: nan is outside"),
    "missing": ("gone.safetensors:1", "gone.safetensors is missing"),
    "cut off": ("cut.safetensors", "cut off"),
    "another base": ("flux.safetensors", "this LoRA is for FLUX"),
    "another size": ("large.safetensors", "34 of its parts do not fit this model"),
    "half a pair": ("half.safetensors", "lacks up"),
    "a folder": (".", "cannot be read"),
}


@pytest.mark.usefixtures("qapp")
@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes(run: Run, tiny: Path, ink: Path, tmp_path: Path, name: str) -> None:
    spoil: dict[str, Any] = {
        "cut.safetensors": lambda path: path.write_bytes(ink.read_bytes()[:-5]),
        "flux.safetensors": lambda path: loras.write(flux(), path),
        "large.safetensors": lambda path: loras.write(
            loras.DIALECTS["kohya"](loras.pairs(Transformer(Tiny(heads=3).transformer))), path
        ),
        "half.safetensors": lambda path: loras.write(
            {k: v for k, v in loras.read(ink).items() if "attn_to_q.lora_up" not in k}, path
        ),
    }
    option, words = MISTAKES[name]
    if option in spoil:
        spoil[option](tmp_path / option)
    done = run("generate", "--prompt", "x", "--model", tiny, "--output", "a.png", "--lora", option)
    assert (done.status, done.out) == (2, "")
    (line,) = done.err.splitlines()
    assert words in line
    assert not Path("a.png").exists()
