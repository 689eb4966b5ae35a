"""A model comes whole and proved, or not at all, whatever the hub, the line or the disk does."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import hashlib
import json
import os
import random
import threading
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import pytest

from model.errors import HubError, ModelError, Stopped
from model.hub import download as downloading
from model.hub import parts
from model.hub.download import RECORD, Progress, Stage, discard, download
from model.hub.endpoints import endpoint
from model.hub.local import partial_bytes, partial_folder
from tests.hub import (
    COMMIT,
    QUICK,
    Hub,
    after_cut,
    answer,
    cut,
    drip,
    redirect,
    serving,
    small,
    stall,
    status,
)

SHARD = "transformer/diffusion_pytorch_model-00001-of-00002.safetensors"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setattr(parts, "CHECK_BYTES", 2**14)
    monkeypatch.setattr(downloading, "REPORT_S", 0.01)
    entry, files = small()
    with serving(Hub(entry=entry, files=files)) as found:
        yield found


def get(hub: Hub, folder: Path, *, source: str = "", **options) -> Path:
    stall_s = options.pop("stall_s", 20.0)
    place = endpoint(source or hub.url, options.pop("token", ""), stall_s=stall_s)
    options.setdefault("patience", QUICK)
    return download(hub.entry, place, folder, **options)


def check(hub: Hub, path: Path) -> None:
    """Exactly the hub's files, byte for byte, and nothing left over."""
    for name, data in hub.files.items():
        assert (path / name).read_bytes() == data, name
    found = {p.relative_to(path).as_posix() for p in path.rglob("*") if p.is_file()}
    assert found == {*hub.files, RECORD}
    assert not (path.parent / ".downloads").exists()


def check_quarantine(hub: Hub, folder: Path) -> None:
    """No file has its name before its content is proved."""
    place = partial_folder(folder, hub.entry)
    for path in place.rglob("*"):
        name = path.relative_to(place).as_posix()
        if name in hub.files:
            assert path.read_bytes() == hub.files[name], name


def refused(hub: Hub, folder: Path, **options) -> str:
    """The one sentence of a failure; the model is not there."""
    with pytest.raises(ModelError) as caught:
        get(hub, folder, **options)
    assert not (folder / hub.entry.name).exists()
    check_quarantine(hub, folder)
    text = str(caught.value)
    assert "\n" not in text
    return text


# --- as it should be ---


@pytest.mark.parametrize("dialect", ["", "modelscope:"])
def test_model_arrives_whole(hub: Hub, tmp_path: Path, dialect: str) -> None:
    seen: list[Progress] = []
    path = get(hub, tmp_path, source=dialect + hub.url, on_progress=seen.append)
    assert path == tmp_path / "Qwen-Image-2512"
    check(hub, path)
    assert seen[0].stage is Stage.asking
    assert (seen[-1].done, seen[-1].total) == (hub.total, hub.total)
    record = json.loads((path / RECORD).read_text())
    assert record["source"] == hub.url
    assert record["revision"] == ("master" if dialect else COMMIT)
    assert record["files"][SHARD]["digest"] == f"sha256:{_sha256(hub.files[SHARD])}"


def test_what_is_there_is_not_fetched_again(hub: Hub, tmp_path: Path) -> None:
    path = get(hub, tmp_path)
    hub.requests.clear()
    assert get(hub, tmp_path) == path
    assert hub.requests == []


def test_files_that_the_catalogue_does_not_name_are_left_alone(hub: Hub, tmp_path: Path) -> None:
    for name in (
        "../../evil", "/etc/passwd", "C:\\evil.exe", "\\\\host\\share", "modeling.py", "NUL",
        "transformer/x.bin", "vae/../../up.json", "text_encoder/model.safetensors\0.py",
    ):  # fmt: skip
        hub.extra.append({"type": "file", "oid": "b" * 40, "size": 4, "path": name})
    check(hub, get(hub, tmp_path))
    assert {seen.name for seen in hub.requests if not seen.name.startswith("/")} == {*hub.files}


def test_list_in_pages(hub: Hub, tmp_path: Path) -> None:
    hub.page_items = 3
    check(hub, get(hub, tmp_path))


def test_several_files_come_at_once(hub: Hub, tmp_path: Path) -> None:
    hub.piece_s = 0.01
    at_once = [0]
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.005):
            open_now = sum(
                0 < seen.sent < len(hub.files.get(seen.name, b"")) for seen in list(hub.requests)
            )
            at_once.append(open_now)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        check(hub, get(hub, tmp_path))
    finally:
        done.set()
        watcher.join()
    assert 2 <= max(at_once) <= downloading.AT_ONCE


def test_speed_and_time_left(hub: Hub, tmp_path: Path) -> None:
    hub.piece_s = 0.12
    seen: list[Progress] = []
    get(hub, tmp_path, on_progress=seen.append)
    told = [progress for progress in seen if progress.seconds_left is not None]
    assert told
    assert told[0].bytes_per_s > 0
    assert told[-1].seconds_left < told[0].seconds_left


# --- the line ---


def test_cut_anywhere_goes_on_there(hub: Hub, tmp_path: Path) -> None:
    size = len(hub.files[SHARD])
    chance = random.Random(1)
    marks = sorted({chance.randrange(1, size) for _ in range(3)} | {size - 1})
    steps = [b - a for a, b in zip([0, *marks], marks, strict=False)]
    hub.faults[SHARD] = deque(cut(step) for step in steps)
    check(hub, get(hub, tmp_path))
    asked = hub.asked(SHARD)
    assert len(asked) == len(steps) + 1
    assert all("Range" in seen.headers and "If-Range" in seen.headers for seen in asked[1:])
    assert sum(seen.sent for seen in asked) == size  # nothing came twice


def test_silence_ends_at_a_deadline(hub: Hub, tmp_path: Path) -> None:
    hub.always[SHARD] = stall(60.0, 1000)
    text = refused(hub, tmp_path, stall_s=0.4)
    assert "no answer in time, 3 times in a row" in text
    assert "what has arrived is kept" in text


def test_a_trickle_ends_at_a_deadline(hub: Hub, tmp_path: Path) -> None:
    hub.always[SHARD] = drip(60.0)
    patience = dataclasses.replace(QUICK, slow_s=0.4)
    assert "almost nothing arrives" in refused(hub, tmp_path, patience=patience)


@pytest.mark.parametrize("code", [408, 429, 500, 503])
def test_busy_hub_is_asked_again(hub: Hub, tmp_path: Path, code: int) -> None:
    hub.faults[SHARD] = deque([status(code, {"Retry-After": "0"}), status(code)])
    check(hub, get(hub, tmp_path))


def test_hub_that_stays_busy(hub: Hub, tmp_path: Path) -> None:
    hub.always[SHARD] = status(503)
    assert "busy, status 503, 3 times in a row" in refused(hub, tmp_path)


def test_no_connection(hub: Hub, tmp_path: Path) -> None:
    text = refused(hub, tmp_path, source="http://127.0.0.1:9")
    assert text == "127.0.0.1: no connection; check the connection, or try another source"


# --- lies ---


@pytest.mark.parametrize(
    "lie",
    [
        answer(),  # the whole file, in place of the rest
        answer(code=206, headers={"Content-Range": "bytes 0-99/100"}),
        answer(code=206),
        answer(lambda data: data[50_000:], 206, {"Content-Range": "bytes 49999-99998/100000"}),
        answer(headers={"Content-Encoding": "gzip"}),
        status(416),
        answer(lambda data: data + b"more"),
        answer(lambda data: data[:-1]),
    ],
)
def test_lies_about_ranges_and_sizes_do_no_harm(hub: Hub, tmp_path: Path, lie) -> None:
    hub.faults[SHARD] = after_cut(50_000, lie)
    check(hub, get(hub, tmp_path))


def test_damage_on_the_way_is_fetched_again(hub: Hub, tmp_path: Path) -> None:
    hub.faults[SHARD] = deque([answer(_flip)])
    check(hub, get(hub, tmp_path))


def test_every_single_flipped_bit_is_found(hub: Hub, tmp_path: Path) -> None:
    """Of small files too, whose hash is git's."""
    for name in (SHARD, "vae/config.json"):
        hub.always[name] = answer(_flip)
        folder = tmp_path / name.partition("/")[0]
        text = refused(hub, folder)
        assert f"{name} arrived twice with other content" in text
        del hub.always[name]
        check(hub, get(hub, folder))


def test_file_that_changes_half_way(hub: Hub, tmp_path: Path) -> None:
    """It is never put together from two."""
    new = hashlib.shake_128(b"new").digest(len(hub.files[SHARD]))

    def change(handler, hub, name) -> bool:
        handler.serve(new)
        return True

    hub.faults[SHARD] = after_cut(50_000, change)
    hub.always = {}
    check(hub, get(hub, tmp_path))  # the new one does not fit the list; the old one is asked again
    assert hub.asked(SHARD)[1].headers["If-Range"]


def test_repository_that_changes_between_two_starts(hub: Hub, tmp_path: Path) -> None:
    """Files of the same size too are those of the newer list."""
    other, arrived = SHARD.replace("00001", "00002", 1), partial_folder(tmp_path, hub.entry) / SHARD

    def late(handler, hub, name) -> bool:
        while not arrived.exists() and not hub.over.wait(0.01):
            pass
        return status(404)(handler, hub, name)

    hub.always[other] = late
    refused(hub, tmp_path)
    assert arrived.exists()
    del hub.always[other]
    hub.files[SHARD] = hub.files[SHARD][::-1]
    check(hub, get(hub, tmp_path))


def test_wrong_hash_in_the_list(hub: Hub, tmp_path: Path) -> None:
    hub.digests[SHARD] = "0" * 64
    assert "arrived twice with other content" in refused(hub, tmp_path)


# --- lists ---


@pytest.mark.parametrize(
    "listing",
    [b"", b"<html>", b"[" * 5000, b'{"a": 1}', b'[{"path": 1}]', b'[{"type": "file"}]', b"[NaN]"],
)
def test_senseless_list(hub: Hub, tmp_path: Path, listing: bytes) -> None:
    def fault(handler, hub, name) -> bool:
        handler.send(200, listing)
        return True

    hub.always[f"/api/models/{hub.entry.repository}/tree/{COMMIT}"] = fault
    assert "does not tell the files" in refused(hub, tmp_path)


@pytest.mark.parametrize(
    "item",
    [
        {"size": -1, "lfs": {"oid": "a" * 64}},
        {"size": "5", "lfs": {"oid": "a" * 64}},
        {"size": 5, "lfs": {"oid": "../../x"}},
        {"size": 5, "oid": "A" * 40},
    ],
)
def test_senseless_items(hub: Hub, tmp_path: Path, item: dict) -> None:
    hub.extra.append({"type": "file", "path": "model_index.json", **item})
    assert "which is no" in refused(hub, tmp_path)


def test_repository_without_a_file(hub: Hub, tmp_path: Path) -> None:
    del hub.files["vae/config.json"]
    assert "lacks vae/config.json of Qwen-Image-2512" in refused(hub, tmp_path)


def test_repository_without_a_shard(hub: Hub, tmp_path: Path) -> None:
    del hub.files[SHARD]
    assert "lacks weights of the transformer" in refused(hub, tmp_path)


def test_repository_of_another_size(hub: Hub, tmp_path: Path) -> None:
    hub.files["vae/diffusion_pytorch_model.safetensors"] *= 3
    text = refused(hub, tmp_path)
    assert "0.6 MB for the vae of Qwen-Image-2512, which has 0.2 MB" in text


@pytest.mark.parametrize("index", [b'{"_class_name": "FluxPipeline"}', b"{}", b"<html>"])
def test_repository_of_another_model(hub: Hub, tmp_path: Path, index: bytes) -> None:
    """Said before the weights are here."""
    hub.files["model_index.json"] = index
    hub.always[SHARD] = stall(60.0)
    text = refused(hub, tmp_path)
    assert "has another model under the name of Qwen-Image-2512" in text or "not valid JSON" in text


def test_unknown_repository(hub: Hub, tmp_path: Path) -> None:
    hub.always[f"/api/models/{hub.entry.repository}/revision/main"] = status(404)
    assert refused(hub, tmp_path) == "127.0.0.1 has no Qwen/Qwen-Image-2512; try another source"
    hub.always[f"/api/v1/models/{hub.entry.repository}/repo/files"] = lambda handler, hub, name: (
        handler.send_json({"Code": 200, "Success": True, "Data": {"Files": None}}) or True
    )
    text = refused(hub, tmp_path, source=f"modelscope:{hub.url}")
    assert text == "127.0.0.1 has no Qwen/Qwen-Image-2512; try another source"


# --- redirects and the token ---


def test_files_may_come_from_another_host(hub: Hub, tmp_path: Path) -> None:
    entry, files = small()
    with serving(Hub(entry=entry, files=files)) as other:
        path = f"{other.url}/{entry.repository}/resolve/{COMMIT}/{SHARD}"
        hub.always[SHARD] = redirect(f"{path}?signature=secret")
        check(hub, get(hub, tmp_path))
        assert other.asked(SHARD)


def test_token_goes_to_its_host_alone(hub: Hub, tmp_path: Path) -> None:
    hub.token = "hf_secret"
    entry, files = small()
    with serving(Hub(entry=entry, files=files)) as other:

        def send_on(handler, hub, name) -> bool:
            if "Authorization" not in handler.headers:
                return False
            handler.send(
                302, headers={"Location": f"{other.url}/{entry.repository}/resolve/{COMMIT}/{name}"}
            )
            return True

        hub.always[SHARD] = send_on
        check(hub, get(hub, tmp_path, token="hf_secret"))
        assert any("Authorization" in seen.headers for seen in hub.asked(SHARD))
        assert other.requests
        assert not any("Authorization" in seen.headers for seen in other.requests)


def test_token_is_not_shown_unasked(hub: Hub, tmp_path: Path) -> None:
    check(hub, get(hub, tmp_path, token="hf_secret"))
    assert not any("Authorization" in seen.headers for seen in hub.requests)


def test_hub_that_wants_a_token(hub: Hub, tmp_path: Path) -> None:
    hub.token = "hf_secret"
    text = refused(hub, tmp_path)
    assert "accept its terms at " in text
    assert "HF_TOKEN" in text
    assert "hf_wrong" not in refused(hub, tmp_path, token="hf_wrong")
    with pytest.raises(HubError, match="characters that no token has"):
        endpoint(hub.url, "hf_secret\r\nHost: evil")
    assert "hf_secret" not in repr(endpoint(hub.url, "hf_secret"))


@pytest.mark.parametrize(
    "target",
    [
        "http://example.com/x", "ftp://example.com/x", "file:///etc/passwd", "", "http://[::1",
        "javascript:alert(1)", "http://169.254.169.254/latest", "//example.com/x",
    ],
)  # fmt: skip
def test_redirect_to_where_nothing_is_encrypted(hub: Hub, tmp_path: Path, target: str) -> None:
    hub.always[SHARD] = redirect(target)
    assert "sends to an address that is not encrypted" in refused(hub, tmp_path)


def test_redirect_of_the_list_to_another_host(hub: Hub, tmp_path: Path) -> None:
    entry, files = small()
    with serving(Hub(entry=entry, files=files)) as other:
        name = f"/api/models/{entry.repository}/revision/main"
        hub.always[name] = redirect(other.url + name)
        assert "only its own counts" in refused(hub, tmp_path)
        assert not other.requests


def test_redirects_without_end(hub: Hub, tmp_path: Path) -> None:
    hub.always[SHARD] = redirect(f"/{hub.entry.repository}/resolve/{COMMIT}/{SHARD}")
    assert "from one address to another without end" in refused(hub, tmp_path)


# --- the disk ---


def test_too_little_room_is_said_before(hub: Hub, tmp_path: Path, monkeypatch) -> None:
    usage = type("Usage", (), {"free": int(hub.total * 1.05)})
    monkeypatch.setattr(downloading.shutil, "disk_usage", lambda path: usage)
    text = refused(hub, tmp_path)
    assert f"the disk of {tmp_path} has 0.6 MB free, and 0.7 MB are needed" in text
    assert not any(seen.name in hub.files for seen in hub.requests)


def test_disk_that_fills_at_any_write(hub: Hub, tmp_path: Path, monkeypatch) -> None:
    """Every write fails once, the writes before it stand; with room again it goes on."""
    written = [0]

    def fill(handle: int, data: bytes | memoryview) -> int:
        written[0] += 1
        if written[0] % 5 == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return os.write(handle, bytes(data)[:9_000])  # a short one, too

    monkeypatch.setattr(parts, "put", fill)
    for _ in range(200):
        with contextlib.suppress(HubError):
            path = get(hub, tmp_path)
            break
        check_quarantine(hub, tmp_path)
    check(hub, path)
    assert 20 < written[0] < 200  # what was written once was not written again


def test_full_disk_is_said(hub: Hub, tmp_path: Path, monkeypatch) -> None:
    def refuse(handle: int, data: bytes | memoryview) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(parts, "put", refuse)
    assert "is full; what has arrived is kept: make room, then go on" in refused(hub, tmp_path)


def test_folder_that_may_not_be_written(hub: Hub, tmp_path: Path, monkeypatch) -> None:
    def refuse(handle: int, data: bytes | memoryview) -> int:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(parts, "put", refuse)
    assert "cannot be written (Permission denied)" in refused(hub, tmp_path)


def test_damage_on_the_disk_is_found_at_the_next_start(hub: Hub, tmp_path: Path) -> None:
    hub.always[SHARD] = cut(20_000)
    refused(hub, tmp_path)
    place = partial_folder(tmp_path, hub.entry) / (SHARD + parts.PART)
    data = bytearray(place.read_bytes())
    assert len(data) > 30_000
    data[25_000] ^= 1
    place.write_bytes(data)
    del hub.always[SHARD]
    hub.requests.clear()
    check(hub, get(hub, tmp_path))
    begin = int(hub.asked(SHARD)[0].headers["Range"].removeprefix("bytes=").rstrip("-"))
    assert 0 < begin <= 25_000


@pytest.mark.parametrize("log", [b"", b"\xff\0", b"{}\n{}", b"[" * 9000, b'{"version": 2}\n'])
def test_senseless_log_starts_anew(hub: Hub, tmp_path: Path, log: bytes) -> None:
    hub.always[SHARD] = cut(20_000)
    refused(hub, tmp_path)
    (partial_folder(tmp_path, hub.entry) / (SHARD + parts.LOG)).write_bytes(log)
    del hub.always[SHARD]
    check(hub, get(hub, tmp_path))


# --- stopping, and others ---


def test_pause_keeps_what_has_arrived(hub: Hub, tmp_path: Path) -> None:
    hub.piece_s = 0.01
    total = hub.total
    seen: list[Progress] = []
    with pytest.raises(Stopped):
        get(
            hub, tmp_path, on_progress=seen.append,
            should_stop=lambda: bool(seen) and seen[-1].done > total // 3,
        )  # fmt: skip
    check_quarantine(hub, tmp_path)
    kept = partial_bytes(tmp_path, hub.entry)
    assert kept > total // 3
    hub.requests.clear()
    check(hub, get(hub, tmp_path))
    assert sum(seen.sent for seen in hub.requests if seen.name in hub.files) == total - kept


def test_pause_does_not_wait_for_a_silent_hub(hub: Hub, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(downloading, "FAREWELL_S", 0.1)
    hub.always[SHARD] = stall(60.0, 1000)
    began = time.monotonic()
    with pytest.raises(Stopped):
        get(hub, tmp_path, should_stop=lambda: any(seen.sent for seen in hub.asked(SHARD)))
    assert time.monotonic() - began < 15


def test_discard_leaves_nothing(hub: Hub, tmp_path: Path) -> None:
    hub.always[SHARD] = status(404)
    refused(hub, tmp_path)
    assert partial_bytes(tmp_path, hub.entry)
    discard(hub.entry, tmp_path)
    assert list(tmp_path.iterdir()) == []
    discard(hub.entry, tmp_path)


def test_two_programs_at_one_model(hub: Hub, tmp_path: Path) -> None:
    hub.piece_s = 0.01
    texts: list[str] = []

    def second(progress: Progress) -> None:
        if progress.stage is Stage.loading and not texts:
            texts.append("")
            for deed in (lambda: get(hub, tmp_path), lambda: discard(hub.entry, tmp_path)):
                with pytest.raises(HubError) as caught:
                    deed()
                texts.append(str(caught.value))

    check(hub, get(hub, tmp_path, on_progress=second))
    assert texts[1:] == ["Qwen-Image-2512 is being downloaded by another program"] * 2


def test_another_thing_of_that_name_is_not_touched(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "Qwen-Image-2512").mkdir()
    (tmp_path / "Qwen-Image-2512/mine.txt").write_text("mine")
    with pytest.raises(HubError, match="exists and is not the whole of Qwen-Image-2512"):
        get(hub, tmp_path)
    assert (tmp_path / "Qwen-Image-2512/mine.txt").read_text() == "mine"


def _flip(data: bytes) -> bytes:
    at = len(data) // 2
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
