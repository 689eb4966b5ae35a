"""Killed at any instant, a download leaves nothing wrong under a final name, and loses little."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from model.hub.local import partial_folder
from model.hub.parts import AT_ONCE
from tests.hub import Hub, serving, small

KILLS = 200
CHECK_BYTES = 2**14
PROGRAM = '''
"""Forks downloads and kills each after a random time, until so many were killed. Every byte that a
download takes from the line is counted in a file; one line a round says what became of it."""
import os, random, signal, sys, time
from pathlib import Path

import model.hub.download as downloading
import model.hub.fetch as fetching
import model.hub.parts as parts
from model.hub.endpoints import endpoint
from tests.hub import QUICK, small

url, folder, kills, check_bytes = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
parts.CHECK_BYTES = fetching.BLOCK_BYTES = check_bytes
downloading.REPORT_S = 0.005
entry, _ = small(weights=600_000)
count = os.open(sys.argv[5], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
write = os.write


def put(handle, data):
    write(count, len(data).to_bytes(8, "big"))  # before the bytes: at most too many are counted
    return write(handle, data)


parts.put = put
chance, rounds, killed = random.Random(5), 0, 0
while killed < kills:
    child = os.fork()
    if child == 0:
        downloading.download(entry, endpoint(url), folder / str(rounds), patience=QUICK)
        os._exit(0)
    time.sleep(chance.uniform(0.0, 0.12))
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        killed += 1
        print("killed", rounds, flush=True)
    else:
        assert os.WEXITSTATUS(status) == 0, status
        print("done", rounds, flush=True)
        rounds += 1
downloading.download(entry, endpoint(url), folder / str(rounds), patience=QUICK)
print("done", rounds)
'''


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_killed_two_hundred_times(tmp_path: Path) -> None:
    entry, files = small(weights=600_000)
    counted = tmp_path / "count"
    with serving(Hub(entry=entry, files=files, piece_s=0.002)) as hub:
        command = [sys.executable, "-c", PROGRAM, hub.url, tmp_path, KILLS, CHECK_BYTES, counted]
        lines = []
        words = [str(word) for word in command]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            for line in child.stdout:
                lines.append(line.split())
                _check_names(tmp_path / line.split()[1], hub)
        assert child.returncode == 0
    killed = sum(word == "killed" for word, _ in lines)
    done = [number for word, number in lines if word == "done"]
    assert killed == KILLS
    assert done
    for number in done:
        found = tmp_path / number / entry.name
        assert {name: (found / name).read_bytes() for name in files} == files
    taken = counted.read_bytes()
    received = sum(int.from_bytes(taken[at : at + 8], "big") for at in range(0, len(taken), 8))
    twice = received - hub.total * len(done)
    assert 0 <= twice <= killed * AT_ONCE * 2 * CHECK_BYTES


def _check_names(folder: Path, hub: Hub) -> None:
    """What has its final name is whole, in the quarantine too, while the next one is at work."""
    for place in (partial_folder(folder, hub.entry), folder / hub.entry.name):
        for name, data in hub.files.items():
            path = place / name
            if path.exists():
                try:
                    assert path.read_bytes() == data, name
                except FileNotFoundError:
                    continue  # the whole folder has just got its name
