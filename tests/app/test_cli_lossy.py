"""Lossy modes from the command line: asked for, told, recorded, compared, and refused."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from app.files.raster import read_recipe
from model.bench.tiny import LAYERED, Tiny, like, write
from model.fidelity import likeness
from tests.command_line import Run, pixels, read_picture


@pytest.fixture(scope="module")
def deep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Blocks enough to skip some."""
    return write(like(Tiny(), layers=3), tmp_path_factory.mktemp("models") / "deep")


def words(model: Path, *more: object) -> tuple[object, ...]:
    return (
        "generate",
        "--prompt",
        "x",
        "--model",
        model,
        "--seed",
        4,
        "--steps",
        9,
        "--size",
        "64x64",
        *more,
    )


CACHE = ("--step-cache", 1)


def test_what_it_costs_is_told_and_recorded(run: Run, deep: Path) -> None:
    told = run(*words(deep, *CACHE, "--attention", "fp8"), "--output", "a.png")
    _, cache, attention = told.out.splitlines()
    pattern = (
        r"  step cache: (\d+) of 9 steps reused, velocity off by [\d.]+ % where checked \(step \d\)"
    )
    found = re.fullmatch(pattern, cache)
    assert found, cache
    assert int(found[1]) > 0
    pattern = r"  fp8 attention: velocity off by [\d.]+ % where checked \(step 5\)"
    assert re.fullmatch(pattern, attention), attention
    assert "only emulated on this computer" in told.err
    recipe = read_recipe(Path("a.png"))
    assert recipe is not None
    asked = recipe["request"]
    assert (asked["step_cache"], asked["attention"]) == (1, "fp8")


def test_a_recipe_uses_its_modes_unless_told_otherwise(run: Run, deep: Path) -> None:
    assert run(*words(deep, *CACHE), "--output", "a.png").status == 0
    again = ("generate", "--recipe", "a.png", "--model", deep)
    assert "steps reused" in run(*again, "--output", "b.png").out
    assert pixels(Path("a.png")) == pixels(Path("b.png"))
    assert "steps reused" not in run(*again, "--step-cache", 0, "--output", "c.png").out
    assert run(*words(deep), "--output", "d.png").status == 0
    assert pixels(Path("c.png")) == pixels(Path("d.png")) != pixels(Path("a.png"))
    recipe = read_recipe(Path("c.png"))
    assert recipe is not None
    assert "step_cache" not in recipe["request"]


def test_the_exact_run_beside_it(run: Run, deep: Path) -> None:
    done = run(*words(deep, *CACHE, "--compare-exact", "--json", "--output", "a.png")).json
    assert run(*words(deep), "--output", "exact.png").status == 0
    decibels, _ = likeness(read_picture(Path("exact.png")), read_picture(Path("a.png")))
    assert done["exact"]["psnr_db"] == pytest.approx(decibels, abs=1e-3)
    assert done["exact"]["seconds"] > 0
    assert done["differences"]["reused"] > 0
    assert done["differences"]["attention"] is None
    shown = run(*words(deep, *CACHE, "--compare-exact", "--count", 2, "--output", "b.png")).out
    pattern = r"  exact: [\d.]+ s instead of [\d.]+ s; PSNR [\d.]+ dB, SSIM [\d.]+"
    assert len(re.findall(pattern, shown)) == 2


@pytest.mark.usefixtures("qapp")
def test_a_picture_taken_apart(run: Run, tmp_path: Path, picture: Path) -> None:
    layered = write(Tiny(pipeline=LAYERED), tmp_path / "layered")
    options = ("layers", "--image", picture, "--model", layered, "--count", 2, "--prompt", "x")
    options = (*options, "--seed", 1, "--steps", 4, "--attention", "fp8", "--compare-exact")
    done = run(*options, "--json", "--output", "parts").json
    assert done["recipe"]["request"]["attention"] == "fp8"
    assert done["differences"]["attention"]["step"] == 3
    assert done["exact"]["psnr_db"] < 99
    assert "fp8 attention: velocity off by" in run(*options, "--output", "more").out


def test_what_cannot_be_had_is_one_line(run: Run, deep: Path) -> None:
    def refused(*more: object) -> str:
        return run(*words(deep, *more), "--output", "a.png").refusal

    assert "step_cache: 1.5 is outside 0.0…1.0" in refused("--step-cache", 1.5)
    assert "--attention: invalid choice: 'int4'" in refused("--attention", "int4")
    assert "sage runs on NVIDIA cards alone; use exact" in refused("--attention", "sage")
    assert "--compare-exact: it is exact anyway" in refused("--compare-exact")
    assert "step_cache: in a batch" in refused(*CACHE, "--batch", 2, "--count", 2)
    assert not Path("a.png").exists()


def test_exact_pictures_say_nothing_of_it(run: Run, deep: Path) -> None:
    done = run(*words(deep, "--json", "--output", "a.png")).json
    assert set(done) == {"file", "seed", "seconds", "recipe"}
    assert "step_cache" not in json.dumps(done)
