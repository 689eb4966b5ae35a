"""The project file: what goes in comes out, whoever else looks, and however it is opened."""

from __future__ import annotations

import dataclasses
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QRect
from PySide6.QtGui import QColor

from app.document.history import Made
from app.document.layers import GroupLayer, PixelLayer, walk
from app.document.selection import rectangle
from app.document.state import DocumentState
from app.document.tiles import Tiles
from app.store import journal, project, schema
from app.store.errors import (
    NotAProject,
    ProjectMissing,
    ReadOnly,
    StoreError,
    WriteFailed,
)
from app.store.jobs import Job, JobStatus
from app.store.journal import Version, marked_versions
from app.store.opening import NoticeKind, delete_project
from app.store.project import Project
from model.requests import Picture, TextToImage
from tests.app.documents import edit_request, image, node, plain, simple_state, states


def _ids(state: DocumentState) -> list[str]:
    return [layer.id for layer in walk(state.layers)]


@settings(max_examples=25, deadline=None)
@given(states(), states())
def test_states_come_back(first: DocumentState, second: DocumentState) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "海报.ink"
        opened = Project.create(path, first, "新建")
        assert plain(opened.state) == plain(first)
        opened.write(second, "涂")
        opened.close()
        assert sorted(os.listdir(folder)) == ["海报.ink"]
        again = Project.open(path)
        assert plain(again.state) == plain(second)
        versions = again.versions()
        assert [version.name for version in versions] == ["涂", "新建"]
        assert plain(again.state_at(versions[1])) == plain(first)
        again.close()


def test_a_hundred_groups_deep(tmp_path: Path) -> None:
    layer = simple_state().layers[0]
    for _ in range(100):
        layer = GroupLayer(children=(layer,))
    state = dataclasses.replace(simple_state(), layers=(layer,))
    Project.create(tmp_path / "a.ink", state).close()
    opened = Project.open(tmp_path / "a.ink")
    assert _ids(opened.state) == _ids(state)
    opened.close()


def test_half_a_character_does_not_stop_a_save(tmp_path: Path) -> None:
    opened = Project.create(tmp_path / "a.ink", simple_state(name="a\ud83d"))
    assert opened.state.layers[0].name == "a?"
    opened.close()


def test_only_changed_tiles_are_written(tmp_path: Path) -> None:
    state = simple_state(side=1000)  # 16 tiles
    opened = Project.create(tmp_path / "a.ink", state)
    opened.write(state)
    layer = state.layers[0]
    assert isinstance(layer, PixelLayer)
    stroke = layer.tiles.filled(QRect(300, 300, 20, 20), QColor("red"))
    changed = dataclasses.replace(state, layers=(dataclasses.replace(layer, tiles=stroke),))
    before = _count(opened.path, "blobs")
    opened.write(changed, "stroke")
    assert _count(opened.path, "blobs") - before == 2  # a tile and the list of tiles
    opened.close()


def _count(path: Path, table: str) -> int:
    connection = schema.connect(path, read_only=True)
    (found,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    connection.close()
    return found


def test_results_come_back(tmp_path: Path) -> None:
    opened = Project.create(tmp_path / "a.ink", simple_state())
    first = node(seed=1)
    mask = rectangle(QRect(4, 5, 6, 7))
    second = node(first.id, 2, edit_request(), mask=mask, image=image(30, 20, 9))
    third = node(first.id, 3, edit_request(1), image=image(4, 4), region=QRect(28, 28, 4, 4))
    for made in (first, second, third):
        opened.add_node(made)
    renamed = dataclasses.replace(second, name="best", pinned=True)
    opened.update_node(renamed)
    opened.close()
    again = Project.open(tmp_path / "a.ink")
    assert plain(again.nodes) == plain((first, renamed, third))
    assert [n.request for n in again.nodes] == [n.request for n in (first, second, third)]
    assert [child.id for child in again.tree.children_of(first.id)] == [second.id, third.id]
    again.close()


def test_a_result_that_nobody_can_run_again_keeps_its_recipe(tmp_path: Path) -> None:
    content = Made(request=None, mask=None, image=image(30, 20))
    made = dataclasses.replace(node(), content=content, recipe={"version": 99, "task": "future"})
    opened = Project.create(tmp_path / "a.ink", simple_state())
    opened.add_node(made)
    opened.close()
    again = Project.open(tmp_path / "a.ink")
    assert plain(again.nodes) == plain((made,))
    again.close()


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(-1e9, 1e9) | st.text(
        st.characters(exclude_categories=("Cs",)), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner),
    max_leaves=8,
)  # fmt: skip


@settings(max_examples=15, deadline=None)
@given(st.dictionaries(st.sampled_from(["zoom", "中心", "panels"]), VALUES))
def test_the_view_comes_back(view: dict[str, object]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        opened = Project.create(Path(folder) / "a.ink", simple_state(side=200))
        assert opened.view() == {}
        opened.set_view(view)
        opened.close()
        again = Project.open(Path(folder) / "a.ink")
        assert again.view() == view
        again.close()


def test_the_preview_comes_back(tmp_path: Path) -> None:
    opened = Project.create(tmp_path / "a.ink", simple_state())
    assert opened.preview() is None
    opened.set_preview(image(64, 40))
    opened.set_preview(image(64, 48))
    opened.close()
    again = Project.open(tmp_path / "a.ink")
    assert plain(again.preview()) == plain(image(64, 48))
    again.close()


def test_the_queue_comes_back_and_what_ran_is_interrupted(tmp_path: Path) -> None:
    opened = Project.create(tmp_path / "a.ink", simple_state())
    plain_job = Job(request=TextToImage(prompt="海报"), model="starter", details={"row": 3})
    mask = rectangle(QRect(1, 2, 3, 4))
    edit = Job(request=edit_request(), model="starter", parent="n", mask=mask)
    others = [Job(request=edit_request(n), model="m") for n in range(3)]
    for job in (plain_job, edit, *others):
        opened.add_job(job)
    opened.set_job(edit.id, JobStatus.running)
    opened.set_job(others[0].id, JobStatus.done)
    opened.set_job(others[1].id, JobStatus.failed, "没有内存")
    opened.remove_job(others[2].id)
    opened.close()
    again = Project.open(tmp_path / "a.ink")
    found = again.jobs()
    assert plain(found[0]) == plain(plain_job)
    assert plain(found[1]) == plain(dataclasses.replace(edit, status=JobStatus.interrupted))
    assert [(job.status, job.message) for job in found[2:]] == [
        (JobStatus.done, ""),
        (JobStatus.failed, "没有内存"),
    ]
    again.close()


def test_save_marks_a_version_in_the_one_file(tmp_path: Path) -> None:
    opened = Project.create(tmp_path / "a.ink", simple_state(1))
    opened.save(simple_state(2), "Save")
    bytes_saved = opened.path.read_bytes()  # the log beside it is not needed
    opened.write(simple_state(3), "later")
    assert [version.saved for version in opened.versions()] == [False, True, False]
    opened.close()
    (tmp_path / "copy.ink").write_bytes(bytes_saved)
    copy = Project.open(tmp_path / "copy.ink")
    assert not copy.read_only
    assert plain(copy.state) == plain(simple_state(2))
    copy.close()


def test_pictures_beside_the_page_come_back(tmp_path: Path) -> None:
    opened = Project.create(tmp_path / "a.ink", simple_state(1))
    assert opened.references() == ()
    one, two = (Picture(width=1, height=1, mode="L", data=data) for data in (b"1", b"2"))
    opened.set_references((one, two, one))
    assert opened.references() == (one, two, one)
    opened.close()
    connection = sqlite3.connect(tmp_path / "a.ink")
    connection.execute("DELETE FROM blobs WHERE sha256 = ?", (bytes.fromhex(two.sha256),))
    connection.commit()
    connection.close()
    again = Project.open(tmp_path / "a.ink")
    assert again.references() == (one, one), "one that is lost does not keep the project closed"
    again.set_references(())
    assert again.references() == ()
    again.close()


def test_save_as_copies_everything(tmp_path: Path) -> None:
    opened = Project.create(tmp_path / "a.ink", simple_state(1))
    opened.add_node(node())
    opened.set_view({"zoom": 2})
    copy = opened.save_as(tmp_path / "b.ink")
    copy.write(simple_state(2), "only in the copy")
    assert not copy.read_only
    assert (copy.view(), plain(copy.nodes)) == ({"zoom": 2}, plain(opened.nodes))
    assert plain(opened.state) == plain(simple_state(1))
    for each in (copy, opened):
        each.close()
    assert {entry.name for entry in tmp_path.iterdir()} == {"a.ink", "b.ink"}


def test_save_as_replaces_a_file_and_the_log_beside_it(tmp_path: Path) -> None:
    old, new = tmp_path / "old.ink", tmp_path / "new.ink"
    _kill_while_open(old)
    assert (tmp_path / "old.ink-wal").stat().st_size > 0
    opened = Project.create(new, simple_state(5))
    copy = opened.save_as(old)
    assert plain(copy.state) == plain(simple_state(5))
    copy.close()
    opened.close()
    again = Project.open(old)
    assert plain(again.state) == plain(simple_state(5))
    again.close()


def test_save_as_refuses_what_is_open(tmp_path: Path) -> None:
    one = Project.create(tmp_path / "a.ink", simple_state(1))
    other = Project.create(tmp_path / "b.ink", simple_state(2))
    with pytest.raises(WriteFailed, match="open in another"):
        one.save_as(other.path)
    with pytest.raises(WriteFailed, match="this project itself"):
        one.save_as(one.path)
    with pytest.raises(WriteFailed, match="gone"):
        one.save_as(tmp_path / "gone" / "c.ink")
    for each in (one, other):
        each.close()
    again = Project.open(other.path)
    assert plain(again.state) == plain(simple_state(2))
    again.close()


def test_create_never_replaces(tmp_path: Path) -> None:
    (tmp_path / "a.ink").write_text("mine")
    with pytest.raises(WriteFailed, match="exists already"):
        Project.create(tmp_path / "a.ink", simple_state())
    assert (tmp_path / "a.ink").read_text() == "mine"


def test_a_second_opener_reads_and_the_first_goes_on(tmp_path: Path) -> None:
    first = Project.create(tmp_path / "a.ink", simple_state(1))
    first.write(simple_state(2))
    second = Project.open(first.path)
    assert second.read_only
    assert second.notice
    assert second.notice.kind is NoticeKind.in_use
    assert str(os.getpid()) in second.notice.text
    assert plain(second.state) == plain(simple_state(2))
    for attempt in _writes(second):
        with pytest.raises(ReadOnly, match="open in another"):
            attempt()
    first.write(simple_state(3))
    copy = second.save_as(tmp_path / "copy.ink")
    assert not copy.read_only
    for each in (second, first, copy):
        each.close()
    third = Project.open(first.path)
    assert not third.read_only
    assert plain(third.state) == plain(simple_state(3))
    third.close()


def _writes(opened: Project) -> list[Callable[[], object]]:
    return [
        lambda: opened.write(simple_state(4)),
        lambda: opened.save(),
        lambda: opened.add_node(node()),
        lambda: opened.set_view({}),
        lambda: opened.set_preview(image()),
        lambda: opened.set_references(edit_request().pictures),
        lambda: opened.add_job(Job(request=edit_request(), model="m")),
    ]


KILLED = """
import os, sys
from pathlib import Path
from app.store.project import Project
from tests.app.documents import simple_state
opened = Project.create(Path(sys.argv[1]), simple_state(1))
opened.write(simple_state(2))
os.kill(os.getpid(), 9)
"""


def _kill_while_open(path: Path) -> None:
    root = Path(project.__file__).parents[2]
    command = [sys.executable, "-c", KILLED, str(path)]
    done = subprocess.run(command, cwd=root, check=False)
    assert done.returncode == -9


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is POSIX")
def test_a_killed_owner_leaves_no_lock(tmp_path: Path) -> None:
    _kill_while_open(tmp_path / "a.ink")
    assert (tmp_path / "a.ink-lock").exists()
    opened = Project.open(tmp_path / "a.ink")
    assert not opened.read_only
    assert plain(opened.state) == plain(simple_state(2))
    opened.close()
    assert {entry.name for entry in tmp_path.iterdir()} == {"a.ink"}


def test_a_newer_version_is_only_read(tmp_path: Path) -> None:
    path = tmp_path / "a.ink"
    Project.create(path, simple_state()).close()
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version={schema.VERSION + 1}")
    connection.close()
    before = path.read_bytes()
    opened = Project.open(path)
    assert opened.notice
    assert opened.notice.kind is NoticeKind.newer
    with pytest.raises(ReadOnly, match="newer Inkstone"):
        opened.write(simple_state(1))
    opened.close()
    assert path.read_bytes() == before
    assert {entry.name for entry in tmp_path.iterdir()} == {"a.ink"}


def test_a_newer_version_of_another_form_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.ink"
    Project.create(path, simple_state()).close()
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version={schema.VERSION + 1}")
    connection.execute("ALTER TABLE journal RENAME TO chronicle")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="newer Inkstone"):
        Project.open(path)
    assert path.read_bytes() == before


@pytest.mark.skipif(sys.platform != "linux", reason="a read-only place by mount")
def test_a_locked_place_is_only_read(tmp_path: Path) -> None:
    path = tmp_path / "disk" / "a.ink"
    path.parent.mkdir()
    Project.create(path, simple_state(1)).close()
    bind = ["mount", "--bind", str(path.parent), str(path.parent)]
    if subprocess.run(bind, capture_output=True, check=False).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        remount = ["mount", "-o", "remount,ro,bind", str(path.parent)]
        subprocess.run(remount, check=True)
        opened = Project.open(path)
        assert opened.notice
        assert opened.notice.kind is NoticeKind.locked_place
        assert plain(opened.state) == plain(simple_state(1))
        copy = opened.save_as(tmp_path / "b.ink")
        assert not copy.read_only
        for each in (opened, copy):
            each.close()
    finally:
        subprocess.run(["umount", str(path.parent)], check=True)


def test_a_file_moved_away_is_noticed(tmp_path: Path) -> None:
    opened = Project.create(tmp_path / "a.ink", simple_state(1))
    os.rename(opened.path, tmp_path / "b.ink")
    with pytest.raises(WriteFailed, match="moved, replaced or deleted"):
        opened.write(simple_state(2))
    (tmp_path / "a.ink").write_bytes(b"someone else's")
    with pytest.raises(WriteFailed, match="moved, replaced or deleted"):
        opened.save(simple_state(2))
    copy = opened.save_as(tmp_path / "c.ink")
    copy.close()
    opened.close()
    assert (tmp_path / "a.ink").read_bytes() == b"someone else's"


OTHER_FILES = {
    "text": b"just some text, longer than the header of a database file " * 4,
    "short": b"x",
    "zip": b"PK\x03\x04" + bytes(200),
}


@pytest.mark.parametrize("name", OTHER_FILES)
def test_other_files_are_refused_and_left_alone(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.ink"
    path.write_bytes(OTHER_FILES[name])
    with pytest.raises(NotAProject):
        Project.open(path)
    assert path.read_bytes() == OTHER_FILES[name]
    assert {entry.name for entry in tmp_path.iterdir()} == {"a.ink"}


def test_another_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.ink"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE journal (id)")
    connection.close()
    with pytest.raises(NotAProject):
        Project.open(path)


def test_missing_files_and_folders(tmp_path: Path) -> None:
    for path in (tmp_path / "gone.ink", tmp_path / "gone" / "a.ink", tmp_path):
        with pytest.raises(ProjectMissing):
            Project.open(path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "act",
    [
        "CREATE TRIGGER t AFTER INSERT ON journal BEGIN DELETE FROM nodes; END",
        "CREATE VIEW v AS SELECT * FROM journal",
    ],
)
def test_a_file_that_would_act_by_itself_is_not_written_to(tmp_path: Path, act: str) -> None:
    path = tmp_path / "a.ink"
    Project.create(path, simple_state(1)).close()
    connection = sqlite3.connect(path)
    connection.execute(act)
    connection.close()
    opened = Project.open(path)
    assert opened.read_only
    assert plain(opened.state) == plain(simple_state(1))
    opened.close()


@pytest.mark.parametrize(
    "name", ["空 格 '\"%#?.ink", "😀‍🎨.ink", "n" * 240 + ".ink", "e\u0301.ink"]
)
def test_odd_names(tmp_path: Path, name: str) -> None:
    opened = Project.create(tmp_path / name, simple_state(1))
    opened.save(simple_state(2))
    copy = opened.save_as(tmp_path / ("b" + name[2:]))
    opened.close()
    copy.close()
    again = Project.open(tmp_path / name)
    assert plain(again.state) == plain(simple_state(2))
    again.close()


def test_old_states_are_pruned_and_results_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(project, "PRUNE_EVERY", 20)
    monkeypatch.setattr(journal, "KEPT_BYTES", 2_000_000)
    opened = Project.create(tmp_path / "a.ink", simple_state(0))
    made = node(seed=1, request=edit_request())
    opened.add_node(made)
    opened.add_job(Job(request=edit_request(5), model="m"))
    opened.set_preview(image(50, 50))
    opened.set_references(edit_request(9).pictures)
    opened.save(simple_state(1000), "kept")
    for seed in range(1, 20):
        opened.write(simple_state(seed), str(seed))
    versions = opened.versions()
    assert 2 <= len(versions) <= 10
    assert versions[0].name == "19"
    assert any(version.name == "kept" for version in versions)
    for version in versions:
        opened.state_at(version)
    opened.write(simple_state(3), "pixels that went come again")
    size = opened.path.stat().st_size
    opened.close()
    again = Project.open(tmp_path / "a.ink")
    assert plain(again.state) == plain(simple_state(3))
    assert plain(again.nodes) == plain((made,))
    assert again.jobs()[0].request == edit_request(5)
    assert plain(again.preview()) == plain(image(50, 50))
    assert again.references() == edit_request(9).pictures
    again.close()
    assert size < 12_000_000


def test_a_project_does_not_grow_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(project, "PRUNE_EVERY", 5)
    monkeypatch.setattr(journal, "KEPT_BYTES", 2_000_000)
    opened = Project.create(tmp_path / "a.ink", simple_state(0))
    sizes = []
    for seed in range(60):
        opened.write(simple_state(seed), "stroke")
        sizes.append(opened.path.stat().st_size)
    opened.close()
    assert max(sizes[30:]) <= max(sizes[:30]) + 1_000_000


def _version(number: int, day: int, saved: bool) -> Version:
    return Version(number=number, name="", time=f"2026-03-{day:02}T00:00:00", saved=saved)


@pytest.mark.parametrize(
    ("rows", "kept"),
    [
        ([], set()),
        ([(3, 1, False), (2, 1, False)], {3}),
        ([(n, 1, True) for n in range(9, 0, -1)], {9, 8, 7}),
        ([(n, n, True) for n in range(20, 0, -1)], {20, 19, 18, 17, 16, 15, 14}),
        ([(9, 2, False), (8, 2, True), (7, 2, True), (6, 1, True), (5, 1, True)], {9, 8, 7, 6}),
        # a clock that was set back changes no order
        ([(9, 1, True), (8, 9, True), (7, 9, True), (6, 5, True), (5, 5, True)], {9, 8, 7, 6}),
    ],
)
def test_which_versions_are_kept(rows: list[tuple[int, int, bool]], kept: set[int]) -> None:
    assert marked_versions([_version(*row) for row in rows]) == kept


def test_delete_removes_what_lies_beside(tmp_path: Path) -> None:
    _kill_while_open(tmp_path / "a.ink")
    delete_project(tmp_path / "a.ink")
    assert {entry.name for entry in tmp_path.iterdir()} <= {"a.ink-lock"}
    delete_project(tmp_path / "a.ink")


def test_close_twice_and_tiles_shared_after_opening(tmp_path: Path) -> None:
    tiles = Tiles.empty().filled(QRect(0, 0, 512, 256), QColor("red"))
    state = dataclasses.replace(simple_state(), layers=(PixelLayer(tiles=tiles),))
    opened = Project.create(tmp_path / "a.ink", state)
    layer = opened.state.layers[0]
    assert isinstance(layer, PixelLayer)
    assert layer.tiles.tile((0, 0)) is layer.tiles.tile((1, 0))
    opened.close()
    opened.close()
