"""LoRAs in requests, recipes and the engine's messages: by name and hash, never by path."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from model.engine.library import Library
from model.engine.process import main as run_engine
from model.engine.worker import check_reply_fits
from model.errors import CheckpointError
from model.recipes import from_recipe, to_recipe
from model.requests import MAX_LORAS, Edit, LoraUse, Picture, RequestError, TextToImage
from tests import loras

HASH = "0123456789abcdef" * 4
INK = LoraUse(name="ink 墨", sha256=HASH, weight=-0.5)
PICTURE = Picture(width=1, height=1, mode="L", data=b"x")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"weight": 4.01}, "lora weight: 4.01 is outside -4.0…4.0"),
        ({"weight": -5}, "lora weight: -5 is outside"),
        ({"weight": float("nan")}, "lora weight: nan is outside"),
        ({"weight": True}, "lora weight: must be a number"),
        ({"name": ""}, "lora name: '' is not the name of a file"),
        ({"name": "a/b"}, "lora name: 'a/b' is not"),
        ({"name": "C:\\b"}, "is not the name of a file"),
        ({"name": "x" * 256}, "is not the name of a file"),
        ({"name": None}, "lora name: must be text"),
        ({"sha256": HASH[:-1]}, "is no SHA-256"),
        ({"sha256": HASH.upper()}, "is no SHA-256"),
        ({"sha256": 7}, "is no SHA-256"),
    ],
)
def test_uses_that_cannot_be(values: dict[str, Any], words: str) -> None:
    with pytest.raises(RequestError) as caught:
        LoraUse(**{"name": "ink", "sha256": HASH, **values})
    assert words in str(caught.value)


def test_not_too_many() -> None:
    TextToImage(prompt="x", loras=(INK,) * MAX_LORAS)
    with pytest.raises(RequestError, match="loras: 17 is outside 0…16"):
        TextToImage(prompt="x", loras=(INK,) * (MAX_LORAS + 1))


@pytest.mark.parametrize(
    "request_",
    [
        TextToImage(prompt="a", loras=(INK, LoraUse(name="b", sha256=HASH))),
        Edit(prompt="a", images=(PICTURE,), loras=(INK,)),
    ],
)
def test_recipes_come_back(request_: TextToImage | Edit) -> None:
    text = json.dumps(to_recipe(request_))
    assert from_recipe(json.loads(text), {PICTURE.sha256: PICTURE}) == request_


def test_a_recipe_from_before_there_were_loras() -> None:
    recipe = {"version": 1, "task": "text_to_image", "request": {"prompt": "a", "seed": 3}}
    assert from_recipe(recipe) == TextToImage(prompt="a", seed=3)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (5, "recipe: "),
        ([7], "recipe: "),
        (["a"], "recipe: "),
        ([{"name": "a"}], "sha256"),
        ([{"name": "a", "sha256": HASH, "path": "/a"}], "path"),
        ([{"name": "a", "sha256": HASH, "weight": 9}], "lora weight: 9"),
    ],
)
def test_recipes_that_cannot_be(value: Any, words: str) -> None:
    recipe = {"version": 2, "task": "text_to_image", "request": {"prompt": "a", "loras": value}}
    with pytest.raises(RequestError) as caught:
        from_recipe(recipe)
    assert words in str(caught.value)


def test_names_count_in_what_a_reply_may_hold() -> None:
    long = LoraUse(name="墨" * 255, sha256=HASH)
    check_reply_fits(TextToImage(prompt="a", count=9, loras=(long,) * MAX_LORAS), ((16, 16),))
    with pytest.raises(RequestError, match="ask for fewer at once"):
        check_reply_fits(TextToImage(prompt="a", count=256, loras=(long,) * 16), ((16, 16),))


def test_the_library_names_a_file_and_the_engine_knows_its_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = {"proj_out": (torch.ones(1, 32), torch.ones(32, 1))}
    path = loras.write(loras.DIALECTS["bare"](pair), tmp_path / "ink.safetensors")
    use = Library().lora(path, 0.5)
    assert (use.name, use.weight) == ("ink", 0.5)
    with pytest.raises(CheckpointError, match="is missing"):
        Library().lora(tmp_path / "none.safetensors", 1.0)

    libraries: list[Any] = []
    monkeypatch.setattr("model.engine.process.serve", lambda it: libraries.append(it) or 0)
    assert run_engine(["--loras", str(tmp_path), "--models", "/a"]) == 0
    assert libraries[0]._lora_folders.find(use) == path
