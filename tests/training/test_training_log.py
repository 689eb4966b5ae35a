"""The log: a line a record, whole after a kill, NaN as text."""

from __future__ import annotations

import json
from pathlib import Path

from training.log import LOG_NAME, Log, read


def test_records_come_back_in_order(tmp_path: Path) -> None:
    said: list[str] = []
    log = Log(tmp_path, say=said.append)
    log.write("start", step=0, options={"a": 1})
    log.write("step", step=1, loss=float("nan"), name="墨")
    records = list(read(tmp_path))
    assert [r["event"] for r in records] == ["start", "step"]
    assert records[0]["options"] == {"a": 1}
    assert records[1]["loss"] == "nan"
    assert records[1]["name"] == "墨"
    assert "options" not in said[0]
    assert "step 1" in said[1]


def test_every_line_is_strict_json(tmp_path: Path) -> None:
    log = Log(tmp_path, say=lambda _: None)
    log.write("x", a=float("inf"), b=-float("inf"))

    def refuse(word: str) -> None:
        raise AssertionError(word)

    for line in (tmp_path / LOG_NAME).read_text().splitlines():
        assert json.loads(line, parse_constant=refuse)["a"] == "inf"


def test_a_line_cut_by_a_kill_costs_only_itself(tmp_path: Path) -> None:
    Log(tmp_path, say=lambda _: None).write("one")
    with (tmp_path / LOG_NAME).open("a") as file:
        file.write('{"time": "2026", "eve')
    Log(tmp_path, say=lambda _: None).write("two")
    assert [r["event"] for r in read(tmp_path)] == ["one", "two"]


def test_no_log_has_no_records(tmp_path: Path) -> None:
    assert list(read(tmp_path)) == []
