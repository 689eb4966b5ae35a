"""Run files: every option checked, refused by name, and their set pinned."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

import pytest

from model.loader import starter_path
from tests.training_runs import flow_file, vae_file
from training.config import (
    KINDS,
    FlowRun,
    StarterRun,
    VaeRun,
    output_folder,
    read_run,
    resolve_input,
)
from training.errors import ConfigError
from training.options import from_table
from training.train import main

SHIPPED = sorted((Path(__file__).resolve().parents[2] / "training" / "runs").glob("*.toml"))

OPTIONS = {
    "vae": "version name folder seed device threads workers steps batch hours log_steps "
    "checkpoint_steps checkpoint_minutes keep sample_steps data optimizer network start "
    "grow_weight freeze_encoder crop_px crops_per_poster busy_share crop_step_px gradient_weight "
    "latent_noise latent_bound bound_weight statistics_posters",
    "flow_matching": "version name folder seed device threads workers steps batch hours log_steps "
    "checkpoint_steps checkpoint_minutes keep sample_steps data optimizer vae start pool "
    "network encoder freeze_encoder_steps caption_dropout sigma_mean sigma_deviation noise_share "
    "condition_area_px reference_area_px samples",
    "starter": "version name folder run vae sizes steps guidance notice",
    "evaluation": "version name folder model device threads seed prompts edits free sheet",
    "optimizer": "learning_rate final_share warmup_steps weight_decay beta1 beta2 "
    "muon_momentum clip_norm "
    "ema_decay",
}


def names(cls: Any) -> list[str]:
    return [field.name for field in dataclasses.fields(cls)]


def test_the_set_of_options_is_pinned() -> None:
    found = {kind: " ".join(names(cls)) for kind, cls in KINDS.items()}
    optimizer = next(f for f in dataclasses.fields(VaeRun) if f.name == "optimizer")
    assert isinstance(optimizer.default_factory, type)
    found["optimizer"] = " ".join(names(optimizer.default_factory))
    assert found == OPTIONS


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_shipped_run_files_are_valid(path: Path) -> None:
    assert read_run(path).name


def test_there_are_shipped_run_files() -> None:
    kinds = {read_run(path).kind for path in SHIPPED}
    assert kinds >= {"vae", "flow_matching", "starter"}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("steps = 9", "stepz = 9", "unknown option stepz"),
        ("steps = 9", "", "option steps is missing"),
        ("steps = 9", "steps = 0", r"steps is 0; allowed is 1…"),
        ("steps = 9", "steps = 9.5", r"steps must be int, got 9\.5"),
        ("steps = 9", "steps = true", "steps must be int, got True"),
        ("steps = 9", 'steps = "9"', "steps must be int, got '9'"),
        ("steps = 9", "steps = 9\nkeep = 1", r"keep is 1; allowed is 2…"),
        ("steps = 9", "steps = 9\nversion = 2", r"version is 2; allowed is 1…1"),
        ("steps = 9", 'steps = 9\ndevice = "tpu"', "choose one of cpu, cuda, mps"),
        ("steps = 9", "steps = 9\nlatent_noise = nan", "latent_noise must be float"),
        ("steps = 9", "steps = 9\nlatent_noise = inf", "latent_noise must be float"),
        ("warmup_steps = 2", "warm_up = 2", r"unknown option optimizer\.warm_up"),
        ("warmup_steps = 2", "learning_rate = 2.0", r"optimizer\.learning_rate is 2\.0"),
        ("size_px = 128", "size_px = 100", "size_px"),
        ("dim_mult = [1, 1, 1, 1]", "dim_mult = []", "dim_mult must be a list"),
        ("dim_mult = [1, 1, 1, 1]", "dim_mult = [0]", r"dim_mult is 0; allowed is 1…"),
        ("dim_mult = [1, 1, 1, 1]", "dim_mult = 3", "dim_mult must be"),
        ("[data]", "[[data]]", "must be a table"),
        ('kind = "vae"', 'kind = "rocket"', "kind is 'rocket'; choose one of vae"),
        ('kind = "vae"', "", "kind is None"),
        ('kind = "vae"', "kind = [1]", "kind is"),
        ("steps = 9", "steps = ", "not a TOML file"),
    ],
)
def test_a_wrong_option_is_refused_by_name(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    path = vae_file(tmp_path, steps=9)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ConfigError, match=message) as error:
        read_run(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize("data", [b"\xff\xfe", b"\x00", b"a" * (2 << 20)])
def test_a_file_that_is_none_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "run.toml"
    path.write_bytes(data)
    with pytest.raises(ConfigError, match=r"run\.toml"):
        read_run(path)


def test_the_program_says_one_line_and_two(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path / "absent.toml")]) == 2
    assert main([]) == 2
    assert main(["--help"]) == 2
    error = capsys.readouterr().err.splitlines()
    assert len(error) == 3
    assert "absent.toml" in error[0]
    assert error[1] == "usage: train RUN.toml"


def test_outputs_are_below_the_folder_of_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INKSTONE_RUNS", str(tmp_path))
    path = vae_file(tmp_path)
    text = path.read_text()
    path.write_text("\n".join(x for x in text.splitlines() if not x.startswith("folder")))
    assert output_folder(read_run(path)) == tmp_path / "tiny-vae"
    assert resolve_input("other/vae") == tmp_path / "other/vae"
    absolute = tmp_path / "x"
    assert resolve_input(str(absolute)) == absolute


def test_the_starter_is_an_input_by_its_name() -> None:
    assert resolve_input("starter") == starter_path()
    assert resolve_input("starter/vae") == starter_path() / "vae"
    assert resolve_input("starter-vae/vae") != starter_path() / "vae"


def test_a_pool_holds_whole_batches(tmp_path: Path) -> None:
    run = read_run(flow_file(tmp_path, tmp_path / "vae"))
    assert isinstance(run, FlowRun)
    with pytest.raises(ValueError, match="pool 6 must be a multiple of batch 4"):
        dataclasses.replace(run, pool=6)


def test_without_a_choice_outputs_are_not_in_the_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("INKSTONE_RUNS", raising=False)
    folder = output_folder(StarterRun(name="x", folder="", run="r", vae="v"))
    checkout = Path(__file__).resolve().parents[2]
    assert not folder.is_relative_to(checkout)
    assert not folder.is_relative_to(Path(os.getcwd()))


def test_options_survive_a_checkpoint_as_json(tmp_path: Path) -> None:
    """What a checkpoint stores describes the same run again."""
    import json

    run = read_run(flow_file(tmp_path, tmp_path / "vae"))
    again = from_table(FlowRun, json.loads(json.dumps(dataclasses.asdict(run))))
    assert again == run
