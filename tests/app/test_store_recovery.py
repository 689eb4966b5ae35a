"""Damaged projects: recovered or one clear error, never another exception, and never touched."""

from __future__ import annotations

import dataclasses
import random
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.store import project
from app.store.errors import NotAProject, ProjectDamaged, StoreError
from app.store.jobs import Job, JobStatus
from app.store.opening import NoticeKind
from app.store.project import Project
from tests.app.documents import edit_request, node, plain, simple_state

STATES = 8
CUTS = 100


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed project with several states, results and a job."""
    path = tmp_path_factory.mktemp("whole") / "海报.ink"
    opened = Project.create(path, simple_state(0), "0")
    parent = None
    for seed in range(1, STATES):
        opened.write(simple_state(seed), str(seed))
        made = node(parent, seed, edit_request(seed))
        opened.add_node(made)
        parent = made.id
    opened.add_job(Job(request=edit_request(), model="starter"))
    opened.set_view({"zoom": 2})
    opened.close()
    return path


@pytest.fixture(scope="module")
def known() -> list[Any]:
    return [plain(simple_state(seed)) for seed in range(STATES)]


def _open(path: Path) -> Project | None:
    """None for an error that a designer can read; anything else fails the test."""
    try:
        return Project.open(path)
    except (ProjectDamaged, NotAProject):
        return None


def _tells_what_is_blank(opened: Project) -> bool:
    assert opened.notice
    return "were lost" in opened.notice.text or "the last result is shown" in opened.notice.text


def _check(path: Path, known: list[Any]) -> int | None:
    """Open what was damaged; returns the number of the state that came back."""
    before = path.read_bytes()
    opened = _open(path)
    found = None
    if opened is not None:
        if opened.read_only:
            assert opened.notice
            assert opened.notice.kind is NoticeKind.recovered
            assert path.name in opened.notice.text
        state = plain(opened.state)
        found = known.index(state) if state in known else -1
        assert found >= 0 or _tells_what_is_blank(opened)
        assert len(opened.tree.nodes) == len(opened.nodes) < STATES
        was_read_only = opened.read_only
        opened.close()
        assert not was_read_only or path.read_bytes() == before
    else:
        assert path.read_bytes() == before
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
    return found


def test_a_project_cut_anywhere(tmp_path: Path, whole: Path, known: list[Any]) -> None:
    data = whole.read_bytes()
    path = tmp_path / whole.name
    results = []
    for number in range(CUTS):
        length = len(data) * number // CUTS
        path.write_bytes(data[:length])
        results.append(_check(path, known))
    assert results[0] is None
    assert results[-1] == STATES - 2  # what stands last in the file is the newest
    recovered = [found for found in results if found is not None]
    assert len(recovered) >= CUTS * 0.6
    whole_states = [found for found in recovered if found >= 0]
    assert whole_states == sorted(whole_states)


def test_a_recovered_project_is_saved_elsewhere(tmp_path: Path, whole: Path) -> None:
    data = whole.read_bytes()
    path = tmp_path / "cut.ink"
    path.write_bytes(data[: len(data) * 9 // 10])
    opened = Project.open(path)
    assert opened.notice
    assert "Save As" in opened.notice.text
    with pytest.raises(StoreError, match="cut"):
        opened.write(simple_state(5))
    copy = opened.save_as(tmp_path / "new.ink")
    assert not copy.read_only
    assert plain(copy.state) == plain(opened.state)
    assert plain(copy.nodes) == plain(opened.nodes)
    assert len(copy.nodes) >= 5
    copy.write(simple_state(99))
    for each in (opened, copy):
        each.close()
    assert path.read_bytes() == data[: len(data) * 9 // 10]


@pytest.mark.parametrize("seed", range(40))
def test_damage_anywhere(tmp_path: Path, whole: Path, known: list[Any], seed: int) -> None:
    chance = random.Random(seed)
    data = bytearray(whole.read_bytes())
    at = chance.randrange(len(data))
    match seed % 4:
        case 0:
            data[at] ^= 1 << chance.randrange(8)
        case 1:
            data[at : at + 8192] = bytes(len(data[at : at + 8192]))
        case 2:
            data[at : at + 4096] = chance.randbytes(len(data[at : at + 4096]))
        case 3:
            del data[at : at + chance.randrange(1, 9000)]
    path = tmp_path / whole.name
    path.write_bytes(data)
    _check(path, known)


def _damage(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


DAMAGE: dict[str, tuple[str, int]] = {
    "the newest record": (f"UPDATE journal SET record = '{{}}' WHERE id = {STATES}", STATES - 2),
    "the newest hash": (f"UPDATE journal SET sha256 = x'00' WHERE id = {STATES}", STATES - 2),
    "its columns": (f"UPDATE journal SET record = 5, sha256 = 'x' WHERE id = {STATES}", STATES - 2),
    "one pixel": (
        "UPDATE blobs SET data = x'00' "
        "WHERE id = (SELECT max(id) FROM blobs WHERE width = 256)",  # a tile of the newest state
        -1,
    ),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_the_newest_intact_state_is_found(
    tmp_path: Path, whole: Path, known: list[Any], name: str
) -> None:
    statement, expected = DAMAGE[name]
    path = tmp_path / whole.name
    path.write_bytes(whole.read_bytes())
    _damage(path, statement)
    opened = Project.open(path)
    assert opened.read_only
    if expected >= 0:
        assert plain(opened.state) == known[expected]
    assert len(opened.nodes) >= STATES - 2
    assert opened.view() == {"zoom": 2}
    opened.close()


def test_lost_results_are_counted(tmp_path: Path, whole: Path) -> None:
    path = tmp_path / whole.name
    path.write_bytes(whole.read_bytes())
    _damage(path, "UPDATE nodes SET record = 'x' WHERE id IN (1, 5)")
    opened = Project.open(path)
    assert opened.notice
    assert re.search(r"2 result(s|\(s\)) were lost", opened.notice.text)
    assert len(opened.nodes) == STATES - 3
    assert [found.name for found in opened.tree.roots()] == ["结果 2", "结果 6"]
    opened.close()


def test_a_lost_picture_of_a_request_costs_only_the_rerun(tmp_path: Path, whole: Path) -> None:
    path = tmp_path / whole.name
    path.write_bytes(whole.read_bytes())
    _damage(path, "DELETE FROM blobs WHERE form = 'RGB'")
    opened = Project.open(path)
    assert len(opened.nodes) == STATES - 1
    assert all(found.request is None for found in opened.nodes)
    assert all(found.recipe["task"] == "edit" for found in opened.nodes)
    assert opened.jobs() == ()
    opened.close()


def test_without_any_whole_state_blanks_are_shown_and_told(tmp_path: Path) -> None:
    path = tmp_path / "a.ink"
    Project.create(path, simple_state(0, side=600)).close()
    _damage(path, "DELETE FROM blobs WHERE id = 3")
    opened = Project.open(path)
    assert opened.notice
    assert re.search(r"1 square(\(s\) were| was) lost", opened.notice.text)
    found, whole = plain(opened.state.layers[0]), plain(simple_state(0, side=600).layers[0])
    kept, all_tiles = found["tiles"][1], whole["tiles"][1]
    assert len(kept) == len(all_tiles) - 1
    assert all(all_tiles[key] == tile for key, tile in kept.items())
    opened.close()


def test_without_any_state_the_last_result_is_shown(tmp_path: Path, whole: Path) -> None:
    path = tmp_path / whole.name
    path.write_bytes(whole.read_bytes())
    _damage(path, "DELETE FROM journal")
    opened = Project.open(path)
    last = opened.nodes[-1]
    assert opened.state.current_node == last.id
    assert (opened.state.page.width, opened.state.page.height) == (32, 32)
    assert opened.state.picture_layer is not None
    opened.close()


def test_nothing_at_all_is_one_error(tmp_path: Path, whole: Path) -> None:
    path = tmp_path / whole.name
    path.write_bytes(whole.read_bytes())
    _damage(path, "DELETE FROM journal", "DELETE FROM nodes")
    before = path.read_bytes()
    with pytest.raises(ProjectDamaged, match="nothing in it could be read"):
        Project.open(path)
    assert path.read_bytes() == before


def test_a_rescue_without_room_is_an_error(
    tmp_path: Path, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.ink"
    path.write_bytes(whole.read_bytes()[:-5000])

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("app.store.recovery.shutil.copyfile", full)
    with pytest.raises(StoreError, match="No space left"):
        Project.open(path)


KILLED = """
import os, sys
from pathlib import Path
from app.store.project import Project
from tests.app.documents import node, simple_state
path, limit = Path(sys.argv[1]), int(sys.argv[2])
opened = Project.create(path, simple_state(0))
print("w 0", flush=True)
for seed in range(1, limit):
    print(f"b {seed}", flush=True)
    if seed % 3 == 0:
        made = node(None, seed)
        opened.add_node(made)
        print(f"n {made.id}", flush=True)
    (opened.save if seed % 4 == 0 else opened.write)(simple_state(seed), str(seed))
    print(f"w {seed}", flush=True)
"""
ROOT = Path(project.__file__).parents[2]


def _run_and_kill(path: Path, after: Callable[[list[str]], bool]) -> list[str]:
    """What a writing child acknowledged before it was killed."""
    command = [sys.executable, "-c", KILLED, str(path), "100000"]
    said: list[str] = []
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for line in child.stdout:
            said.append(line.strip())
            if after(said):
                child.kill()
                break
        said += [line.strip() for line in child.stdout if line.endswith("\n")]
    return said


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is POSIX")
@pytest.mark.parametrize("lines", [1, 4, 7, 8, 20, 33, 50, 120])
def test_a_kill_loses_nothing_acknowledged(tmp_path: Path, lines: int) -> None:
    path = tmp_path / "a.ink"
    said = _run_and_kill(path, lambda found: len(found) >= lines)
    written = [int(line[2:]) for line in said if line.startswith("w")][-1]
    nodes = {line[2:] for line in said if line.startswith("n")}
    opened = Project.open(path)
    assert not opened.read_only
    expected = [plain(simple_state(seed)) for seed in (written, written + 1)]
    assert plain(opened.state) in expected
    assert nodes <= set(opened.tree.nodes)
    assert len(opened.tree.nodes) <= len(nodes) + 1
    opened.write(simple_state(5))
    opened.close()
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.ink"]


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is POSIX")
def test_a_log_cut_anywhere_gives_an_older_state(tmp_path: Path) -> None:
    path = tmp_path / "a.ink"
    said = _run_and_kill(path, lambda found: found[-1] == "w 3")
    main, log = path.read_bytes(), (tmp_path / "a.ink-wal").read_bytes()
    last = [int(line[2:]) for line in said if line.startswith("b")][-1]
    known = [plain(simple_state(seed)) for seed in range(last + 1)]
    found = []
    for number in range(60):
        path.write_bytes(main)
        (tmp_path / "a.ink-wal").write_bytes(log[: len(log) * number // 60])
        opened = Project.open(path)
        assert not opened.read_only
        found.append(known.index(plain(opened.state)))
        opened.close()
    assert found == sorted(found)
    assert found[0] == 0
    assert found[-1] >= 2


def test_a_copy_without_its_log_still_opens(tmp_path: Path) -> None:
    opened = Project.create(tmp_path / "a.ink", simple_state(0))
    opened.save(simple_state(1))
    opened.write(simple_state(2))
    (tmp_path / "b.ink").write_bytes((tmp_path / "a.ink").read_bytes())
    copy = Project.open(tmp_path / "b.ink")
    assert plain(copy.state) == plain(simple_state(1))
    for each in (copy, opened):
        each.close()


def test_interrupted_jobs_survive_a_kill(tmp_path: Path) -> None:
    opened = Project.create(tmp_path / "a.ink", simple_state(0))
    job = Job(request=edit_request(), model="starter")
    opened.add_job(job)
    opened.set_job(job.id, JobStatus.running)
    names = ("a.ink", "a.ink-wal")  # what a power cut would leave
    left = {name: (tmp_path / name).read_bytes() for name in names}
    opened.close()
    (tmp_path / "after").mkdir()
    for name, data in left.items():
        (tmp_path / "after" / name).write_bytes(data)
    again = Project.open(tmp_path / "after" / "a.ink")
    assert plain(again.jobs()) == plain((dataclasses.replace(job, status=JobStatus.interrupted),))
    again.close()
