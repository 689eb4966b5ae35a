"""The window with a scripted engine; the command line in this process, with a tiny model and
pictures to work on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app import cli
from app.files.raster import write_png
from model.bench.tiny import Tiny, write
from model.requests import Picture
from tests.command_line import Outcome, Run
from tests.studio import Studio


@pytest.fixture
def studio(tmp_path: Path, qtbot: QtBot, qapp: QApplication) -> Iterator[Studio]:
    found = Studio(tmp_path, qtbot, qapp)
    yield found
    found.close()


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command line in this process, in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def run(*argv: object) -> Outcome:
        capsys.readouterr()
        try:
            status = cli.main([str(word) for word in argv])
        except SystemExit as end:  # --help
            status = int(end.code or 0)
        captured = capsys.readouterr()
        return Outcome(status=status, out=captured.out, err=captured.err)

    return run


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(Tiny(), tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "picture.png"
    write_png(path, Picture(width=80, height=48, mode="RGB", data=bytes(range(240)) * 48))
    return path


@pytest.fixture
def mask(tmp_path: Path) -> Path:
    """White in a rectangle off the middle of `picture`."""
    path = tmp_path / "mask.png"
    rows = [bytes(80)] * 16 + [bytes(24) + b"\xff" * 32 + bytes(24)] * 20 + [bytes(80)] * 12
    grey = Picture(width=80, height=48, mode="L", data=b"".join(rows))
    write_png(path, grey)
    return path
