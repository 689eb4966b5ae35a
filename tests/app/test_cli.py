"""The command line: what it makes, and that every mistake is one line and exit status 2."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtWidgets import QApplication

from app import cli, cli_options, display
from app.cli_progress import ProgressBar
from app.document.geometry import Page
from app.document.state import DocumentState
from app.files.raster import read_picture, read_recipe, write_png
from app.paths import Paths
from app.store.project import Project
from model.bench.tiny import LAYERED, TEXT, Tiny, write
from model.engine.estimate import StepClock
from model.requests import Picture
from tests.command_line import Outcome, Run, array, pixels

ROOT = Path(__file__).resolve().parents[2]
MAIN = str(ROOT / "main.py")
ABSENT = "cuda" if sys.platform == "darwin" else "mps"


@pytest.fixture(scope="session")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another model of the same name."""
    return write(Tiny(seed=1), tmp_path_factory.mktemp("others") / "tiny")


@pytest.fixture(scope="session")
def layered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(Tiny(pipeline=LAYERED), tmp_path_factory.mktemp("models") / "layered")


# --- what it makes ---------------------------------------------------------------------------


def test_the_same_seed_makes_the_same_file(run: Run, tiny: Path) -> None:
    options = ("generate", "--prompt", '"红色" poster', "--model", tiny, "--seed", 3)
    assert run(*options, "--output", "a.png").status == 0
    assert run(*options, "--output", "b.png").status == 0
    assert Path("a.png").read_bytes() == Path("b.png").read_bytes()
    options = ("generate", "--prompt", '"红色" poster', "--model", tiny, "--seed", 4)
    assert run(*options, "--output", "c.png").status == 0
    assert pixels(Path("a.png")) != pixels(Path("c.png"))


def test_json_is_one_object_with_file_seed_seconds_and_recipe(run: Run, tiny: Path) -> None:
    done = run("generate", "--prompt", "x", "--model", tiny, "--json", "--output", "a.png")
    assert (done.status, done.err) == (0, "")
    assert set(done.json) == {"file", "seed", "seconds", "recipe"}
    assert done.json["file"] == "a.png"
    assert done.json["seconds"] > 0
    assert done.json["recipe"] == read_recipe(Path("a.png"))
    assert done.json["recipe"]["request"]["seed"] == done.json["seed"]
    again = run("generate", "--prompt", "x", "--model", tiny, "--json", "--output", "b.png")
    assert again.json["seed"] != done.json["seed"]  # another one each time


def test_options_reach_the_request(run: Run, tiny: Path) -> None:
    words = ("--prompt", "a", "--negative", "b", "--size", "96x64", "--steps", 2)
    words += ("--guidance", 1.5, "--seed", 9, "--dtype", "float32", "--device", "cpu")
    done = run("generate", *words, "--model", tiny, "--json", "--output", "a.png")
    assert done.json["recipe"]["request"] == {
        "prompt": "a",
        "negative": "b",
        "width": 96,
        "height": 64,
        "steps": 2,
        "guidance": 1.5,
        "schedule": "",
        "solver": "euler",
        "seed": 9,
        "count": 1,
        "loras": [],
        "controls": [],
        "maps": [],
    }
    found = read_picture(Path("a.png"))
    assert (found.width, found.height) == (96, 64)


def test_count_numbers_files_and_seeds(run: Run, tiny: Path) -> None:
    words = ("generate", "--prompt", "x", "--model", tiny, "--seed", 7)
    done = run(*words, "--count", 3, "--json", "--output", "a.png")
    files = done.json["files"]
    assert [each["file"] for each in files] == ["a-1.png", "a-2.png", "a-3.png"]
    assert [each["seed"] for each in files] == [7, 8, 9]
    assert not Path("a.png").exists()
    second = ("generate", "--prompt", "x", "--model", tiny, "--seed", 8, "--output", "b.png")
    assert run(*second).status == 0
    assert Path("b.png").read_bytes() == Path("a-2.png").read_bytes()


def test_a_recipe_makes_the_same_pixels_and_options_override_it(run: Run, tiny: Path) -> None:
    words = ("generate", "--prompt", "x", "--model", tiny, "--steps", 2)
    assert run(*words, "--count", 2, "--output", "a.png").status == 0
    for name in ("a-1.png", "a-2.png"):
        words = ("generate", "--recipe", name, "--model", tiny, "--output", "again.png")
        assert run(*words).status == 0
        assert Path("again.png").read_bytes() == Path(name).read_bytes()
    done = run(*words, "--prompt", "y", "--steps", 1, "--size", "64x96", "--json")
    request, before = done.json["recipe"]["request"], read_recipe(Path("a-2.png"))
    assert before is not None
    changed = {name for name in request if request[name] != before["request"][name]}
    assert changed == {"prompt", "steps", "height"}


def test_a_recipe_finds_its_model_by_name_and_refuses_another(
    run: Run, tiny: Path, other: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("generate", "--prompt", "x", "--model", tiny, "--output", "a.png").status == 0
    monkeypatch.setenv("INKSTONE_HOME", str(Path.cwd()))
    models = Paths.default().models
    models.mkdir(parents=True)
    (models / "tiny").symlink_to(tiny)
    assert run("generate", "--recipe", "a.png", "--output", "b.png").status == 0
    assert Path("a.png").read_bytes() == Path("b.png").read_bytes()
    (models / "tiny").unlink()
    (models / "tiny").symlink_to(other)
    refused = run("generate", "--recipe", "a.png", "--output", "c.png").refusal
    assert "the model of that name here is another" in refused
    words = ("generate", "--recipe", "a.png", "--model", "tiny", "--output", "c.png")
    assert run(*words).status == 0
    assert pixels(Path("a.png")) != pixels(Path("c.png"))


def test_an_edit_and_its_recipe(run: Run, tiny: Path, picture: Path) -> None:
    words = ("edit", "--prompt", "blue", "--image", picture, "--model", tiny)
    done = run(*words, "--json", "--output", "e.png")
    request = done.json["recipe"]["request"]
    assert request["images"] == [read_picture(picture).sha256]
    found = read_picture(Path("e.png"))
    assert (found.width, found.height) == (request["width"], request["height"])
    assert (found.width, found.height) != (80, 48)  # the model's own size
    assert "picture.png" not in json.dumps(done.json["recipe"])  # pictures by hash, never a path
    words = ("edit", "--recipe", "e.png", "--model", tiny, "--output", "again.png")
    assert run(*words, "--image", picture).status == 0
    assert Path("e.png").read_bytes() == Path("again.png").read_bytes()
    assert "give the very same files with --image" in run(*words).refusal
    words = ("generate", *words[1:])
    assert run(*words, "--image", picture).status == 0
    assert Path("e.png").read_bytes() == Path("again.png").read_bytes()
    assert "give the very same files with --image" in run(*words, "--image", "e.png").refusal


def test_generate_runs_on_an_edit_checkpoint_and_edit_needs_one(
    run: Run, tmp_path: Path, picture: Path
) -> None:
    text_only = write(Tiny(pipeline=TEXT), tmp_path / "text")
    words = ("edit", "--prompt", "x", "--image", picture, "--model", text_only)
    assert "edit" in run(*words, "--output", "a.png").refusal


def test_generate_from_a_picture(run: Run, tiny: Path, picture: Path) -> None:
    words = ("generate", "--prompt", "x", "--image", picture, "--model", tiny, "--seed", 3)
    for name, strength in (("a.png", 0.4), ("b.png", 1.0)):
        assert run(*words, "--strength", strength, "--output", name).status == 0
    assert read_recipe(Path("a.png"))["request"]["strength"] == 0.4  # type: ignore[index]
    assert pixels(Path("a.png")) != pixels(Path("b.png"))
    again = ("generate", "--recipe", "a.png", "--image", picture, "--model", tiny)
    assert run(*again, "--output", "c.png").status == 0
    assert pixels(Path("c.png")) == pixels(Path("a.png"))


@pytest.mark.parametrize("margin", [(), ("--margin", 4)])
def test_inpaint_changes_nothing_outside_the_mask(
    run: Run, tiny: Path, picture: Path, mask: Path, margin: tuple[object, ...]
) -> None:
    words = ("--prompt", "x", "--image", picture, "--mask", mask, "--model", tiny, "--seed", 3)
    for name, feather in (("a.png", 0), ("b.png", 6)):
        done = run("inpaint", *words, *margin, "--feather", feather, "--output", name)
        assert done.status == 0
    before, after, faded = (array(p) for p in (picture, Path("a.png"), Path("b.png")))
    inside = np.zeros((48, 80), bool)
    inside[16:36, 24:56] = True
    for changed in (after, faded):
        assert np.array_equal(changed[~inside], before[~inside])
    assert (after[inside] != before[inside]).any(axis=-1).mean() > 0.9
    centre, edge = (slice(24, 28), slice(36, 44)), (slice(16, 17), slice(24, 56))
    assert np.array_equal(faded[centre], after[centre])
    far = np.abs(after[edge].astype(int) - before[edge]).mean()
    assert np.abs(faded[edge].astype(int) - before[edge]).mean() < 0.4 * far
    repeated = ("inpaint", "--recipe", "a.png", "--image", picture, "--mask", mask)
    assert run(*repeated, "--model", tiny, "--output", "c.png").status == 0
    assert pixels(Path("c.png")) == pixels(Path("a.png"))


@pytest.mark.parametrize("sides", [{"left": 16}, {"top": 8, "right": 24, "bottom": 3}])
def test_outpaint_keeps_the_picture(
    run: Run, tiny: Path, picture: Path, sides: dict[str, int]
) -> None:
    added = [word for side, px in sides.items() for word in (f"--{side}", px)]
    words = ("--prompt", "x", "--image", picture, "--model", tiny, "--seed", 3)
    assert run("outpaint", *words, *added, "--output", "a.png").status == 0
    found, before = array(Path("a.png")), array(picture)
    left, top = sides.get("left", 0), sides.get("top", 0)
    height, width = 48 + top + sides.get("bottom", 0), 80 + left + sides.get("right", 0)
    assert found.shape == (height, width, 3)
    assert np.array_equal(found[top : top + 48, left : left + 80], before)


def test_several_prompts_and_a_batch(run: Run, tiny: Path) -> None:
    words = ("generate", "--prompt", "one", "--prompt", "another, longer one", "--model", tiny)
    words = (*words, "--seed", 5, "--count", 2, "--json")
    alone = run(*words, "--output", "a.png").json["files"]
    together = run(*words, "--batch", 3, "--output", "b.png").json["files"]
    assert [each["seed"] for each in alone] == [each["seed"] for each in together] == [5, 6, 5, 6]
    for one, other in zip(alone, together, strict=True):
        assert one["recipe"] == other["recipe"]
        difference = array(Path(one["file"])).astype(int) - array(Path(other["file"]))
        assert np.abs(difference).max() <= 1
    assert [Path(each["file"]).name for each in together] == [f"b-{k}.png" for k in range(1, 5)]


def test_few_steps_and_a_solver(run: Run, tiny: Path) -> None:
    words = ("generate", "--prompt", "x", "--model", tiny, "--seed", 1, "--json")
    done = run(*words, "--schedule", "lightning-8", "--output", "a.png").json
    asked = done["recipe"]["request"]
    assert (asked["steps"], asked["guidance"], asked["schedule"]) == (8, 1.0, "lightning-8")
    words = (*words, "--steps", 6)
    done = run(*words, "--solver", "dpmpp-2m", "--output", "b.png").json
    assert done["recipe"]["request"]["solver"] == "dpmpp-2m"
    assert run(*words, "--solver", "euler", "--output", "c.png").status == 0
    assert pixels(Path("b.png")) != pixels(Path("c.png"))


def test_a_preset_is_an_instruction(run: Run, tiny: Path, picture: Path) -> None:
    words = ("edit", "--image", picture, "--model", tiny, "--json", "--output", "a.png")
    field = ("--field", "object=the = sign")
    asked = run(*words, "--preset", "remove", *field).json["recipe"]["request"]
    assert asked["prompt"].startswith("Remove the = sign and fill")


def test_a_reconstruction_says_how_near_it_is(run: Run, tiny: Path, picture: Path) -> None:
    words = ("edit", "--reconstruct", "--image", picture, "--model", tiny)
    found = run(*words, "--json", "--output", "a.png").json
    assert (found["recipe"]["task"], array(Path("a.png")).shape) == ("reconstruct", (48, 80, 3))
    error = (array(Path("a.png")) / 255.0 - array(picture) / 255.0) ** 2
    assert found["psnr_db"] == pytest.approx(-10 * np.log10(error.mean()), abs=1e-3)
    assert -1 <= found["ssim"] < 1
    assert "PSNR" in run(*words, "--output", "b.png").out
    assert pixels(Path("a.png")) == pixels(Path("b.png"))


@pytest.mark.usefixtures("qapp")
def test_layers(run: Run, layered: Path, picture: Path) -> None:
    words = ("layers", "--image", picture, "--prompt", "x", "--count", 2, "--model", layered)
    done = run(*words, "--steps", 1, "--seed", 4, "--json", "--output", "parts")
    made = done.json
    assert [Path(name).name for name in made["files"]] == [
        "layer-1.png", "layer-2.png", "correction.png",
    ]  # fmt: skip
    assert 0 < made["correction"] <= 1
    assert (made["recipe"]["task"], made["recipe"]["request"]["layers"]) == ("layers", 2)
    assert run(*words, "--steps", 1, "--seed", 4, "--output", "parts.psd").status == 0
    from psd_tools import PSDImage

    seeds = [run(*words, "--steps", 1, "--json", "--output", "p").json["seed"] for _ in range(2)]
    assert seeds[0] != seeds[1], "another one each time"
    opened = PSDImage.open("parts.psd")
    (group,) = list(opened)
    assert [layer.name for layer in group] == ["Layer 1", "Layer 2", "Correction"]
    shown = np.asarray(opened.composite(ignore_preview=True).convert("RGB"))  # type: ignore[union-attr]
    assert np.abs(shown.astype(int) - array(picture)).max() <= 2


def test_an_older_output_is_replaced_as_a_whole(run: Run, tiny: Path) -> None:
    Path("a.png").write_bytes(b"older")
    words = ("generate", "--prompt", "x", "--model", tiny, "--output", "a.png")
    assert run(*words, "--device", ABSENT).status == 2
    assert Path("a.png").read_bytes() == b"older"
    assert run(*words).status == 0
    assert read_recipe(Path("a.png")) is not None


@pytest.mark.usefixtures("qapp")
def test_export_and_info_of_a_project(run: Run, tmp_path: Path) -> None:
    Project.create(tmp_path / "p.ink", DocumentState(page=Page(width=40, height=30))).close()
    assert run("export", "p.ink", "out.png").out == "out.png\n"
    found = read_picture(Path("out.png"))
    assert (found.width, found.height) == (40, 30)
    assert run("export", "p.ink", "out.PSD").status == 0
    assert Path("out.PSD").read_bytes()[:4] == b"8BPS"
    lines = run("info", "p.ink").out
    assert "40x30 px" in lines


def test_info_of_a_model_and_of_pictures(run: Run, tiny: Path, picture: Path) -> None:
    lines = run("info", tiny).out
    for word in (
        "tiny",
        "Apache-2.0",
        "text_to_image, image_to_image, inpaint, outpaint, edit",
        "64x64",
        "tiny random model",
    ):
        assert word in lines
    assert "80x48 RGB" in run("info", picture).out
    prompt = "x \x1b[31m red"
    run("generate", "--prompt", prompt, "--model", tiny, "--output", "a.png")
    shown = run("info", "a.png").out
    assert "x \\u001b[31m red" in shown
    assert "\x1b" not in shown  # a picture cannot speak to the terminal


# --- mistakes --------------------------------------------------------------------------------

OUT = ("--output", "o.png")
P = ("--prompt", "x")
IMAGE = ("--image", "picture.png")
MASK = ("--mask", "mask.png")
MISTAKES: list[tuple[tuple[object, ...], str]] = [
    (("paint",), "unknown word; known are generate, edit"),
    (("generate",), "--output"),
    (("generate", *OUT), "--prompt: is missing"),
    (("generate", "--prompt", "  ", *OUT), "prompt: is empty"),
    (("generate", *P, "--output", "o.jpg"), "must end with .png"),
    (("generate", *P, "--output", "no/o.png"), "the folder no does not exist"),
    (("generate", *P, "--output", "folder.png"), "is a folder"),
    (("generate", *P, *OUT, "--size", "64"), "'64' is not WIDTHxHEIGHT"),
    (("generate", *P, *OUT, "--size", "64x"), "is not WIDTHxHEIGHT"),
    (("generate", *P, *OUT, "--size", "8x8"), "width: 8 is outside 16…8192"),
    (("generate", *P, *OUT, "--size", "99999x64"), "is outside 16…8192"),
    (("generate", *P, *OUT, "--steps", "0"), "steps: 0 is outside 1…1000"),
    (("generate", *P, *OUT, "--steps", "many"), "--steps: invalid int value: 'many'"),
    (("generate", *P, *OUT, "--guidance", "0.5"), "guidance: 0.5 is outside"),
    (("generate", *P, *OUT, "--guidance", "nan"), "guidance: nan is outside"),
    (("generate", *P, *OUT, "--seed", "-1"), "seed: -1 is outside"),
    (("generate", *P, *OUT, "--seed", str(2**63)), "seed"),
    (("generate", *P, *OUT, "--count", "0"), "--count: 0 is outside 1…256"),
    (("generate", *P, *OUT, "--count", "257"), "--count: 257 is outside"),
    (("generate", *P, *OUT, "--device", "tpu"), "--device: invalid choice: 'tpu'"),
    (("generate", *P, *OUT, "--device", ABSENT), f"device '{ABSENT}'"),
    (("generate", *P, *OUT, "--dtype", "int4"), "--dtype: invalid choice: 'int4'"),
    (("generate", *P, *OUT, "--wat"), "unrecognized arguments: --wat"),
    (("generate", *P, *OUT, "--neg", "x"), "unrecognized arguments: --neg"),
    (("generate", *P, *OUT, "more"), "unrecognized arguments: more"),
    (
        ("generate", *P, *OUT, *IMAGE, *IMAGE),
        "--image: 2 were given; name the one picture to start from",
    ),
    (("generate", *P, *OUT, "--strength", "0.5"), "--strength: goes with --image"),
    (("generate", *P, *OUT, *IMAGE, "--strength", "0"), "strength: 0 changes nothing"),
    (("generate", *P, *OUT, *IMAGE, "--strength", "2"), "strength: 2.0 is outside 0.0…1.0"),
    (("generate", *P, *OUT, *IMAGE, "--strength", "nan"), "strength: nan is outside"),
    (("generate", *P, *OUT, "--mask", "mask.png"), "--mask: goes with --recipe"),
    (("generate", *P, *OUT, "--batch", "0"), "--batch: 0 is outside 1…256"),
    (("generate", *P, *OUT, "--schedule", "fast"), "--schedule: invalid choice: 'fast'"),
    (("generate", *P, *OUT, "--variant", "Qwen-Image-9"), "'Qwen-Image-9': these files may be"),
    (("inpaint", *P, *OUT, *IMAGE), "--mask: is missing"),
    (("inpaint", *P, *OUT, "--mask", "mask.png"), "--image: is missing"),
    (("inpaint", *P, *OUT, *IMAGE, "--mask", "small.png"), "mask: is 8x8, the picture 80x48"),
    (("inpaint", *P, *OUT, *IMAGE, "--mask", "black.png"), "mask: is empty"),
    (("inpaint", *P, *OUT, *IMAGE, *MASK, "--margin", "-1"), "margin: -1 is outside"),
    (("inpaint", *P, *OUT, *IMAGE, *MASK, "--feather", "5000"), "feather: 5000 is outside"),
    (("outpaint", *P, *OUT, *IMAGE), "left, right, top, bottom: all are 0"),
    (("outpaint", *P, *OUT, *IMAGE, "--left", "8192"), "8272x48 px would be more than 8192"),
    (("outpaint", *P, *OUT, "--left", "8"), "--image: is missing"),
    (("edit", *P, *OUT, *IMAGE, *IMAGE), "images: 2 given; this model takes 1"),
    (("edit", *OUT, *IMAGE, "--preset", "paint"), "--preset: invalid choice: 'paint'"),
    (("edit", *OUT, *IMAGE, "--preset", "remove"), "its field object is missing"),
    (("edit", *P, *OUT, *IMAGE, "--preset", "depth"), "leave --prompt out"),
    (("edit", *P, *OUT, *IMAGE, "--field", "a=b"), "--field: goes with --preset"),
    (("edit", *OUT, *IMAGE, "--preset", "add", "--field", "x"), "'x' is not KEY=VALUE"),
    (("edit", *P, *OUT, *IMAGE, "--reconstruct"), "--reconstruct: takes no words"),
    (("edit", *OUT, "--reconstruct"), "--image: is missing"),
    (("layers", *IMAGE, "--model", "x"), "--output"),
    (("layers", *IMAGE, "--model", "x", "--output", "o.png"), "name a folder, or a file"),
    (("layers", *IMAGE, "--model", "x", "--output", "no/parts"), "the folder no does not exist"),
    (("layers", *IMAGE, "--model", "x", "--output", "no/o.psd"), "the folder no does not exist"),
    (
        ("layers", *IMAGE, "--model", "x", "--output", "parts", "--count", "0"),
        "layers: 0 is outside",
    ),
    (("layers", *IMAGE, "--model", "x", "--output", "parts"), "'x'"),
    (("generate", *P, *OUT, "--prompt"), "--prompt: expected one argument"),
    (("generate", "--prompt", "x" * 20_001, *OUT), "prompt: 20001 characters; at most"),
    (("generate", "--recipe", "missing.png", *OUT), "missing.png"),
    (("generate", "--recipe", "picture.png", *OUT), "picture.png holds no recipe"),
    (("generate", "--recipe", "text.png", *OUT), "holds no recipe"),
    (("generate", "--recipe", "newer.png", *OUT), "newer"),
    (("generate", "--recipe", "odd.png", *OUT), "unknown field colour"),
    (("generate", "--recipe", "alien.png", *OUT), "unknown task 'dance'"),
    (("generate", "--recipe", "edit.png", *OUT), "give the very same files with --image"),
    (("edit", "--recipe", "made.png", *OUT), "use: main.py generate --recipe made.png"),
    (("edit", *P, *OUT), "--image: is missing"),
    (("edit", *P, *OUT, "--image", "missing.png"), "missing.png"),
    (("edit", *P, *OUT, "--image", "text.png"), "text.png"),
    (("edit", *P, *OUT, "--image", "folder.png"), "folder.png"),
    (("edit", *P, *OUT, "--image", "cut.png"), "cut.png"),
    (("edit", *P, *OUT, "--image", "picture.png", "--image", "picture.png"), "image"),
    (("generate", *P, *OUT, "--model", "nothing"), "model 'nothing'"),
    (("generate", *P, *OUT, "--model", "empty"), "empty"),
    (("generate", *P, *OUT, "--model", "text.png"), "model 'text.png'"),
    (("generate", *P, *OUT, "--model", "cut"), "cut"),
    (("export",), "PROJECT.ink"),
    (("export", "a.ink", "o.gif"), "must end with .psd or .png"),
    (("export", "a.ink", "no/o.png"), "the folder no does not exist"),
    (("export", "missing.ink", "o.png"), "missing.ink"),
    (("export", "text.ink", "o.png"), "text.ink"),
    (("export", "picture.png", "o.png"), "picture.png"),
    (("info",), "MODEL|WEIGHTS|PICTURE|PROJECT.ink"),
    (("info", "missing"), "missing"),
    (("info", "empty"), "empty"),
    (("info", "text.png"), "text.png"),
    (("info", "text.ink"), "text.ink"),
    (("info", "missing.ink"), "missing.ink"),
]


@pytest.fixture
def mistakes(tmp_path: Path, picture: Path, mask: Path, tiny: Path) -> Path:
    """A folder of files to make mistakes with."""
    for name, width, height in (("black", 80, 48), ("small", 8, 8)):
        empty = Picture(width=width, height=height, mode="L", data=bytes(width * height))
        write_png(tmp_path / f"{name}.png", empty)
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "empty").mkdir()
    for name in ("text.png", "text.ink"):
        (tmp_path / name).write_text("this is no picture\n" * 10)
    data = picture.read_bytes()
    (tmp_path / "cut.png").write_bytes(data[: len(data) // 2])
    image = Picture(width=1, height=1, mode="L", data=b"x")
    request = {"prompt": "x", "seed": 1}
    recipes: dict[str, dict[str, Any]] = {
        "made": {"version": 1, "task": "text_to_image", "request": request},
        "newer": {"version": 99, "task": "text_to_image", "request": request},
        "odd": {"version": 1, "task": "text_to_image", "request": request | {"colour": "red"}},
        "alien": {"version": 1, "task": "dance", "request": request},
        "edit": {"version": 1, "task": "edit", "request": request | {"images": ["ab"]}},
    }
    for name, recipe in recipes.items():
        write_png(tmp_path / f"{name}.png", image, recipe)
    cut = tmp_path / "cut"
    cut.mkdir()
    for path in tiny.rglob("*"):
        if path.is_file():
            to = cut / path.relative_to(tiny)
            to.parent.mkdir(exist_ok=True)
            whole = path.read_bytes()
            to.write_bytes(whole[:-1] if path.suffix == ".safetensors" else whole)
    return tmp_path


@pytest.mark.usefixtures("qapp")
@pytest.mark.parametrize(("argv", "words"), MISTAKES, ids=[str(m[0])[:60] for m in MISTAKES])
def test_mistakes(
    run: Run, mistakes: Path, tiny: Path, argv: tuple[object, ...], words: str
) -> None:
    before = sorted(mistakes.iterdir())
    if argv[0] in cli_options.MAKING and "--model" not in argv:
        argv = (*argv, "--model", tiny)
    refusal = run(*argv).refusal
    assert words in refusal
    assert refusal.startswith("main.py")
    assert "Traceback" not in refusal
    assert sorted(mistakes.iterdir()) == before


def test_a_fault_of_our_own_is_one_line_too(
    run: Run, monkeypatch: pytest.MonkeyPatch, tiny: Path
) -> None:
    def fail(_: object) -> None:
        raise KeyError("on\npurpose")

    monkeypatch.setitem(cli.WORDS, "info", fail)
    done = run("info", "x")
    assert done.status == 1
    assert len(done.err.splitlines()) == 1
    assert "INKSTONE_DEBUG=1" in done.err


def test_a_stop_is_one_line_and_130(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setitem(cli.WORDS, "info", stop)
    done = run("info", "x")
    assert (done.status, len(done.err.splitlines())) == (130, 1)


def test_a_full_disk_while_writing(run: Run, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    words = ("generate", "--prompt", "x", "--model", tiny, "--output", "a.png")
    assert "a.png" in run(*words).refusal
    assert not any(Path.cwd().glob("*.png*"))


# --- the program as a process ----------------------------------------------------------------


def program(
    *argv: object, cwd: Path, environment: dict[str, str] | None = None
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, MAIN, *map(str, argv)],
        cwd=cwd,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # A test run in the background ignores Ctrl+C, and a child would inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def outcome(process: subprocess.Popen[str]) -> Outcome:
    out, err = process.communicate(timeout=120)
    return Outcome(status=process.returncode, out=out, err=err)


def test_mistakes_of_the_real_program_are_one_line(tmp_path: Path) -> None:
    for argv in (("generate", "--steps", "many"), ("info", "missing"), ("nonsense",)):
        assert outcome(program(*argv, cwd=tmp_path)).refusal


def test_ctrl_c_is_one_line_and_what_was_finished_is_kept(tmp_path: Path, tiny: Path) -> None:
    words = ("--prompt", "x", "--model", tiny, "--count", 200, "--steps", 20)
    process = program("generate", *words, "--output", "a.png", cwd=tmp_path)
    until = time.monotonic() + 120
    while not (tmp_path / "a-1.png").exists():
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    done = outcome(process)
    assert (done.status, len(done.err.splitlines())) == (130, 1)
    assert "Traceback" not in done.err
    for path in tmp_path.glob("*.png"):
        assert read_recipe(path) is not None
    assert not (tmp_path / "a-200.png").exists()


def test_nothing_heavy_is_imported_before_the_word_is_known() -> None:
    code = (
        "import sys; sys.argv = ['main.py', '--help']; import main, app.cli;"
        "app.cli.main(['--help']); app.cli.main(['generate']);"
        "print([m for m in ('torch', 'PySide6', 'numpy', 'PIL', 'transformers')"
        " if m in sys.modules])"
    )
    process = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    found = process.stdout.splitlines()[-1]
    assert "torch" not in found
    assert "numpy" not in found
    assert "transformers" not in found


def test_without_a_display_a_poster_is_made(
    run: Run, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(display, "has_display", lambda: False)
    monkeypatch.setattr("model.loader.starter_path", lambda: tiny)
    done = run()
    assert done.status == 0, done
    assert "No display was found" in done.out
    assert str(Path.cwd() / cli.FIRST_POSTER) in done.out
    assert read_recipe(cli.FIRST_POSTER) is not None


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have a display always")
def test_a_display_is_one_that_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("QT_QPA_PLATFORM", "WAYLAND_DISPLAY", "DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    assert not display.has_display()
    monkeypatch.setenv("DISPLAY", ":987")  # left over from another login
    assert not display.has_display()
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    assert display.has_display()


def test_a_missing_library_names_its_packages(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("QT_QPA_PLATFORM", "xcb")
    missing = {"libEGL.so.1", "libxcb-cursor.so.0"}
    monkeypatch.setattr(display, "_loads", lambda name: name not in missing)
    refusal = run().refusal
    assert "libEGL.so.1, libxcb-cursor.so.0" in refusal
    assert "apt install libegl1 libxcb-cursor0" in refusal
    assert "dnf install libglvnd-egl xcb-util-cursor" in refusal


def test_words_and_options_are_those_that_scripts_depend_on(run: Run) -> None:
    assert set(cli.WORDS) == {
        *("generate", "edit", "inpaint", "outpaint", "layers", "polish", "caption"),
        *("export", "info", "models", "quantize"),
        *("prepare", "train", "evaluate", "bench", "engine"),
    }
    common = {"--prompt", "--negative", "--size", "--steps", "--guidance", "--seed", "--count"}
    common |= {"--recipe", "--model", "--device", "--dtype", "--json", "--output", "--image"}
    common |= {"--mask", "--schedule", "--solver", "--batch", "--variant", "--lora", "-h", "--help"}
    common |= {"--accept-licence", "--budget", "--compile", "--parts", "--quantization"}
    common |= {"--step-cache", "--attention", "--compare-exact"}
    own = {
        "generate": {"--strength", "--control", "--control-range", "--canny"},
        "edit": {"--preset", "--field", "--reconstruct"},
        "inpaint": {"--strength", "--margin", "--feather"},
        "outpaint": {"--left", "--right", "--top", "--bottom", "--feather"},
    }
    for word in cli_options.MAKING:
        parser = cli_options.making_parser(word)
        options = {o for action in parser._actions for o in action.option_strings}
        assert options == common | own[word]
        shown = run(word, "--help")
        assert shown.status == 0
        assert '"files"' in shown.out
    shared = {"--seed", "--model", "--variant", "--device", "--dtype", "--json", "-h", "--help"}
    shared |= {"--accept-licence", "--budget", "--compile", "--parts", "--quantization"}
    for word, own_options in {"polish": {"--prompt"}, "caption": {"--language"}}.items():
        parser = cli_options.writing_parser(word)
        options = {o for action in parser._actions for o in action.option_strings}
        assert options == shared | own_options | {"--image"}
        assert run(word, "--help").status == 0
    assert run("--help").out.startswith("Inkstone makes posters")


def test_the_window_is_opened_with_what_was_named(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[list[str]] = []
    monkeypatch.setattr("app.run.main", lambda argv: asked.append(list(argv)) or 0)
    (tmp_path / "p.ink").touch()
    assert (run().status, run("p.ink").status) == (0, 0)
    assert asked == [[], ["p.ink"]]


def test_progress_is_drawn_and_wiped() -> None:
    terminal = io.StringIO()
    with ProgressBar("a.png", terminal, StepClock()) as bar:
        for step in range(5):
            bar.on_step(step, 4, None)
    assert "a.png  2/4 [###############               ] 0 s left" in terminal.getvalue()
    assert terminal.getvalue().endswith("\r\x1b[K")
    with ProgressBar("a.png", None, StepClock()) as bar:
        bar.on_step(1, 4, None)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo terminals")
def test_progress_is_for_terminals(tmp_path: Path, tiny: Path) -> None:
    import pty

    words = ("generate", "--prompt", "x", "--model", str(tiny), "--output")
    ours, theirs = pty.openpty()
    command = [sys.executable, MAIN, *words, "a.png"]
    subprocess.run(command, cwd=tmp_path, stderr=theirs, stdout=subprocess.PIPE, check=True)
    os.close(theirs)
    assert b"a.png  3/3 [##############################]" in os.read(ours, 100_000)
    os.close(ours)
    done = outcome(program(*words, "b.png", cwd=tmp_path))
    assert (done.status, done.err) == (0, "")


def test_an_application_is_there_for_text(qapp: QApplication) -> None:
    with cli._qt() as application:
        assert application is qapp


def test_a_budget_is_kept_and_said_before_the_start(run: Run, tmp_path: Path, tiny: Path) -> None:
    from model.memory.planner import OWN_BYTES

    model = ("--model", tiny, "--size", "64x64", "--steps", 2, "--seed", 3, "--prompt", "a poster")
    plenty, tight = tmp_path / "plenty.png", tmp_path / "tight.png"
    assert run("generate", *model, "--output", plenty).status == 0
    told = run("generate", *model, "--budget", f"{OWN_BYTES + 10**7}", "--output", tight)
    assert told.status == 0
    assert re.search(r"^tight\.png: fits: \d+ MB of 90 MB, about \d+ s$", told.err, re.MULTILINE)
    assert read_picture(tight) == read_picture(plenty)
    refused = run("generate", *model, "--budget", "1MB", "--output", tmp_path / "none.png")
    assert refused.status == 2
    assert "MB even with its blocks read from disk, 1 MB are there" in refused.err
    wrong = run("generate", *model, "--budget", "lots", "--output", tight)
    assert wrong.status == 2
    assert "'lots' is no amount of memory, for example 8GB" in wrong.err
