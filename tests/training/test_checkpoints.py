"""Checkpoints: whole or not there, verified when read, the last good ones kept."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import pytest
import torch

from training import checkpoints
from training.checkpoints import Checkpoint
from training.errors import CheckpointError


def checkpoint(step: int) -> Checkpoint:
    weights = {"a.weight": torch.arange(6.0).view(2, 3) + step, "a.step": torch.tensor(step)}
    return Checkpoint(step=step, tensors={"weights": weights}, state={"seconds": 1.5})


def steps(folder: Path) -> list[int]:
    return [int(path.name.removeprefix("step-")) for path in checkpoints.found(folder)]


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = checkpoints.write(tmp_path, checkpoint(7), keep=2)
    found = checkpoints.read(path)
    assert found.step == 7
    assert found.state == {"seconds": 1.5}
    expected = checkpoint(7).tensors["weights"]
    assert set(found.tensors["weights"]) == set(expected)
    assert all(torch.equal(found.tensors["weights"][name], expected[name]) for name in expected)


def test_the_newest_two_are_kept(tmp_path: Path) -> None:
    for step in (1, 2, 3, 10):
        checkpoints.write(tmp_path, checkpoint(step), keep=2)
    assert steps(tmp_path) == [10, 3]


def test_fewer_than_two_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 2"):
        checkpoints.write(tmp_path, checkpoint(1), keep=1)


def test_damaged_ones_do_not_count_as_kept(tmp_path: Path) -> None:
    for step in (1, 2):
        checkpoints.write(tmp_path, checkpoint(step), keep=2)
    newest = checkpoints.found(tmp_path)[0]
    (newest / checkpoints.STATE).write_text("{}")
    checkpoints.write(tmp_path, checkpoint(3), keep=2)
    assert steps(tmp_path) == [3, 2, 1]  # 3 and 1 verify


def test_the_same_step_again_replaces_it(tmp_path: Path) -> None:
    checkpoints.write(tmp_path, checkpoint(4), keep=2)
    other = Checkpoint(step=4, tensors={"weights": {"b": torch.ones(1)}}, state={})
    checkpoints.write(tmp_path, other, keep=2)
    assert set(checkpoints.read(checkpoints.found(tmp_path)[0]).tensors["weights"]) == {"b"}


def test_every_kind_of_damage_is_found_and_the_one_before_taken(tmp_path: Path) -> None:
    """Bytes changed, cut, added or removed, anywhere in any file of the newest one."""
    checkpoints.write(tmp_path, checkpoint(1), keep=2)
    newest = checkpoints.write(tmp_path, checkpoint(2), keep=2)
    chance = random.Random(5)
    files = {path: path.read_bytes() for path in newest.iterdir()}
    for _ in range(200):
        path = chance.choice(list(files))
        damaged = _damaged(files[path], chance)
        path.write_bytes(damaged)
        skipped: list[Path] = []
        found = checkpoints.newest(tmp_path, lambda p, reason, seen=skipped: seen.append(p))
        assert found is not None
        assert found.step == 1, f"{path.name}: {damaged!r}"
        assert skipped == [newest]
        path.write_bytes(files[path])
    assert checkpoints.read(newest).step == 2


def _damaged(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data))
    match chance.randrange(4):
        case 0:
            return data[:at] + bytes([data[at] ^ (1 << chance.randrange(8))]) + data[at + 1 :]
        case 1:
            return data[:at]
        case 2:
            return data[:at] + data[at + 1 :]
    return data[:at] + b"\x07" + data[at:]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    path = checkpoints.write(tmp_path, checkpoint(1), keep=2)
    (path / "weights.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"weights\.safetensors"):
        checkpoints.read(path)


def test_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = checkpoints.write(tmp_path, checkpoint(1), keep=2)
    manifest = json.loads((path / checkpoints.MANIFEST).read_text())
    body = {"version": 99, "step": 1, "files": manifest["files"]}
    whole = body | {"sha256": checkpoints._hash_json(body)}
    (path / checkpoints.MANIFEST).write_text(checkpoints._dump(whole))
    with pytest.raises(CheckpointError, match="version 99"):
        checkpoints.read(path)


@pytest.mark.parametrize("call", ["save_file", "_write_json", "_sync_file", "sync_folder"])
def test_a_fault_at_any_call_leaves_the_old_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    checkpoints.write(tmp_path, checkpoint(1), keep=2)

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(checkpoints, call, fail)
        with pytest.raises(OSError, match="No space"):
            checkpoints.write(tmp_path, checkpoint(2), keep=2)
    found = checkpoints.newest(tmp_path, lambda path, reason: None)
    assert found is not None
    assert found.step == 1
    checkpoints.write(tmp_path, checkpoint(3), keep=2)
    assert steps(tmp_path)[0] == 3


def test_a_fault_at_the_rename_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoints.write(tmp_path, checkpoint(1), keep=2)
    with monkeypatch.context() as patched:
        patched.setattr(os, "rename", _refuse)
        with pytest.raises(PermissionError):
            checkpoints.write(tmp_path, checkpoint(2), keep=2)
    assert [p.name for p in (tmp_path / checkpoints.FOLDER).iterdir()] == ["step-000000001"]


def _refuse(*_: object) -> None:
    raise PermissionError(13, "refused")


def test_what_a_kill_left_is_no_checkpoint_and_is_removed(tmp_path: Path) -> None:
    unfinished = tmp_path / checkpoints.FOLDER / f"{checkpoints.TEMPORARY}x"
    unfinished.mkdir(parents=True)
    (unfinished / "weights.safetensors").write_bytes(b"half")
    assert checkpoints.newest(tmp_path, lambda path, reason: None) is None
    checkpoints.write(tmp_path, checkpoint(1), keep=2)
    assert not unfinished.exists()
