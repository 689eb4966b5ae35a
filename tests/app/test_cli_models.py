"""`main.py models` lists, gets and refuses as the other words do."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.paths import Paths
from app.settings import Settings
from model.bench.tiny import TEXT, Tiny, write
from model.hub import catalogue, local, machine
from model.hub.catalogue import CATALOGUE
from tests.command_line import Run
from tests.hub import Hub, of_folder, offer, serving, status

NAME = "Qwen-Image"


@pytest.fixture(autouse=True)
def _own_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(catalogue, "CATALOGUE", CATALOGUE)
    monkeypatch.setattr(local.Path, "home", lambda: tmp_path / "home")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("INKSTONE_HOME", str(tmp_path / "inkstone"))


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(Tiny(pipeline=TEXT), tmp_path_factory.mktemp("published") / NAME)


@pytest.fixture
def hub(published: Path) -> Iterator[Hub]:
    entry, files = of_folder(NAME, published)
    offer(entry)
    with serving(Hub(entry=entry, files=files)) as found:
        yield found


def test_list(run: Run) -> None:
    found = run("models")
    assert found.status == 0
    lines = found.out.splitlines()
    assert lines[0].split() == ["model", "download", "licence", "runs", "here", "is", "here"]
    row = next(line for line in lines if line.startswith(f"{NAME} "))
    assert "57.7 GB" in row
    assert "Apache-2.0" in row
    assert "Qwen Research License" in found.out
    assert "counted by the planner" in lines[-1]


def test_list_says_what_the_planner_says_of_the_memory_there_is(run: Run, monkeypatch) -> None:
    settings = Settings(Paths.default().settings)
    settings.device = "cuda"
    for gigabytes, text in (
        (48, "Runs whole: 41.5 GB of 44.2 GB"),
        (24, "Full precision streamed, slower · 8-bit in 16.0 GB, text encoder from disk · "
             "4-bit whole in 22.0 GB"),
        (2, "Does not fit: it needs at least 2.4 GB"),
    ):  # fmt: skip
        monkeypatch.setattr(machine, "nvidia_memory", lambda size=gigabytes: size * 10**9)
        row = next(line for line in run("models").out.splitlines() if line.startswith(f"{NAME} "))
        assert text in row
    settings.budget_bytes = 30 * 10**9
    found = run("models", "--json").json
    assert (found["room"], found["is_limited"], found["place"]) == (30 * 10**9, True, "card")


def test_list_for_programs(run: Run) -> None:
    found = run("models", "--json").json
    assert [model["name"] for model in found["models"]] == [entry.name for entry in CATALOGUE]
    assert found["machine"]["memory"] > 0
    assert not found["is_limited"]
    assert found["comfyui"] == []


def test_get_makes_a_model_that_is_listed_and_runs(run: Run, hub: Hub) -> None:
    found = run("models", "get", NAME.lower(), "--endpoint", hub.url)
    path = Paths.default().models / NAME
    assert (found.status, found.out) == (0, f"{path}\n")
    listed = {model["name"]: model for model in run("models", "--json").json["models"]}
    assert listed[NAME]["path"] == str(path)
    made = run("generate", "--model", NAME, "--prompt", "a cup", "--steps", "1",
               "--size", "32x32", "--output", "cup.png", "--json")  # fmt: skip
    assert made.status == 0, made.err
    assert made.json["recipe"]["model"]["name"] == NAME


def test_get_says_where_it_is_for_programs(run: Run, hub: Hub, tmp_path: Path) -> None:
    found = run("models", "get", NAME, "--endpoint", hub.url, "--folder", "here", "--json")
    assert found.json == {"model": NAME, "path": str(Path("here") / NAME)}
    assert found.err == ""


def test_failure_is_one_line_and_what_arrived_is_kept(run: Run, hub: Hub) -> None:
    hub.always["vae/config.json"] = status(404)
    line = run("models", "get", NAME, "--endpoint", hub.url).refusal
    assert line == "main.py models: 127.0.0.1 has no Qwen/Qwen-Image; try another source"
    assert "of it; get goes on" in run("models").out
    assert run("models", "discard", NAME).status == 0
    assert "of it; get goes on" not in run("models").out
    assert "nothing of Qwen-Image has arrived" in run("models", "discard", NAME).refusal


def test_refusals(run: Run) -> None:
    assert "get: which one?" in run("models", "get").refusal
    assert "'nix' is not in the catalogue" in run("models", "get", "nix").refusal
    assert "or the https address" in run("models", "get", NAME, "--endpoint", "http://x").refusal
    assert "invalid choice" in run("models", "burn").refusal


def test_licence_is_accepted_once(run: Run) -> None:
    nowhere = ("--endpoint", "http://127.0.0.1:9")
    line = run("models", "get", "Qwen-Image-2.1", *nowhere).refusal
    assert "allows no commercial use" in line
    assert "(--accept-licence)" in line
    run("models", "get", "Qwen-Image-2.1", "--accept-licence", *nowhere)
    assert Settings(Paths.default().settings).accepted_licences == ("Qwen Research License",)
    assert "no connection" in run("models", "get", "Qwen-Image-2.1-Turbo", *nowhere).refusal


def test_source_of_the_settings_counts(run: Run, hub: Hub) -> None:
    Settings(Paths.default().settings).model_source = f"modelscope:{hub.url}"
    assert run("models", "get", NAME).status == 0
    assert any(seen.name.startswith("/api/v1/models/") for seen in hub.requests)


def test_token_of_the_environment_stays_at_home(run: Run, hub: Hub, monkeypatch) -> None:
    """It is for Hugging Face, and this is another hub; nor is it in any output."""
    monkeypatch.setitem(os.environ, "HF_TOKEN", "hf_secret")
    hub.token = "hf_secret"
    found = run("models", "get", NAME, "--endpoint", hub.url)
    assert found.status == 2
    assert "accept its terms" in found.err
    assert "hf_secret" not in found.out + found.err
    assert not any("Authorization" in seen.headers for seen in hub.requests)
    assert "hf_secret" not in json.dumps([dict(seen.headers) for seen in hub.requests])
