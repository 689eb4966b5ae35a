"""The table of what packed weights cost: every scheme, on the starter."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from app import cli
from training.evaluation import schemes
from training.evaluation.text_rendering import ReaderMissingError


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise ReaderMissingError("not installed")

    monkeypatch.setattr(schemes, "OcrReader", missing)  # its models take seconds to load
    monkeypatch.setattr(torch, "set_num_threads", lambda _: None)


def test_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", "quantize", "--posters", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[2:6]]
    assert [row[0] for row in rows] == ["none", "int8", "fp8", "int4"]
    sizes = [float(row[1].removesuffix(" MB")) for row in rows]
    assert sizes[0] > 3 * sizes[1]
    assert sizes[1] > 1.3 * sizes[3]
    assert rows[0][2:4] == ["", ""]
    errors = [float(row[2]) for row in rows[1:]]
    assert 0 < errors[0] < errors[1] < errors[2] < 0.2
    decibels = [float(row[3].removesuffix(" dB")) for row in rows[1:]]
    assert decibels[0] > decibels[2] > 15
    assert rows[0][4] == "1 of 1"
    assert "the nearest glyph" in lines[-1]


def test_mistakes_are_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert schemes.main(["--model", str(tmp_path)]) == 2
    assert "is no model folder" in capsys.readouterr().err
    assert schemes.main(["--posters", "0"]) == 2
    assert "one or more" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        schemes.main(["--posters", "many"])
    assert capsys.readouterr().err.count("\n") == 1
