"""A licence that allows no commercial use is accepted once, and shown with what is made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

from app import cli
from app.files.raster import read_recipe
from app.paths import Paths
from app.settings import Settings
from model.bench import tiny21
from tests.fakes import DESCRIPTION, LICENCE, do
from tests.studio import Studio


@pytest.fixture
def studio(tmp_path: Path, qtbot, qapp: QApplication) -> Iterator[Studio]:
    found = Studio(tmp_path, qtbot, qapp)
    yield found
    found.close()


@pytest.mark.filterwarnings("ignore")
def test_at_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INKSTONE_HOME", str(tmp_path / "home"))
    folder, output = tmp_path / "model", tmp_path / "a.png"
    tiny21.write_with_diffusers(tiny21.Tiny21(), folder)
    words = ["generate", "--prompt", "x", "--model", str(folder), "--output", str(output)]
    words += ["--size", "32x32", "--steps", "1", "--device", "cpu"]
    assert cli.main(words) == cli.REFUSED
    assert "--accept-licence" in capsys.readouterr().err
    assert not output.exists()
    assert cli.main([*words, "--accept-licence"]) == cli.DONE
    assert "Qwen Research License" in capsys.readouterr().out
    assert Settings(Paths.default().settings).accepted_licences == ("Qwen Research License",)
    assert cli.main(words) == cli.DONE
    recipe = read_recipe(output)
    assert recipe is not None
    assert recipe["model"]["licence"] == "Qwen Research License"


def test_in_the_window(studio: Studio) -> None:
    """The engine refuses; what is told holds a button that accepts and goes on."""
    root = studio.open({"run": [do("fail", kind="model", message="its licence")]})
    workspace = root.workspace
    private = replace(DESCRIPTION, is_commercial=False, licence=LICENCE)
    workspace.generation.models = (private,)
    root.window.prompt.prompt.setPlainText("a poster")
    root.window.actions_table["generate"].trigger()
    banner = root.window.area.banner
    studio.wait(lambda: banner._deeds.count() > 0)
    banner._deeds.itemAt(0).widget().click()
    assert workspace.settings.accepted_licences == (LICENCE,)
    assert workspace.client.accepted == (LICENCE,)
    studio.wait(lambda: not workspace.jobs.is_busy)
