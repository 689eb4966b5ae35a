"""The whole way with a real model: `main.py engine` as the window starts it, over the starter that
comes with the program."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QProcess
from pytestqt.qtbot import QtBot

from app.engine.client import EngineClient
from app.engine.command import engine_command
from model.bench.tiny import Tiny, write
from model.engine.protocol import Described, Failed, Failure, Finished, Loaded, Progress, Stopped
from model.requests import Edit, TextToImage

WAIT_MS = 120_000
PROMPT = TextToImage(prompt='"HELLO" in white on a dark green page', steps=4, seed=1)

pytestmark = pytest.mark.skipif(
    not (Path(__file__).parents[2] / "assets" / "starter" / "model_index.json").is_file(),
    reason="assets/starter holds no model",
)


class Talk:
    """Asks one thing at a time."""

    def __init__(self, client: EngineClient, qtbot: QtBot) -> None:
        self.client = client
        self.progress: list[Progress] = []
        self._qtbot = qtbot
        self._endings: dict[int, Any] = {}
        for name in ("described", "loaded", "planned", "finished", "failed", "stopped"):
            getattr(client, name).connect(self._ended)
        client.progress.connect(self.progress.append)

    def _ended(self, message: Any) -> None:
        assert message.id not in self._endings
        self._endings[message.id] = message

    def wait(self, id: int) -> Any:
        self._qtbot.waitUntil(lambda: id in self._endings, timeout=WAIT_MS)
        return self._endings[id]


@pytest.fixture
def talk(qtbot: QtBot, tmp_path: Path) -> Iterator[Talk]:
    write(Tiny(), tmp_path / "models" / "tiny")
    damaged = write(Tiny(), tmp_path / "models" / "damaged")
    weights = damaged / "vae" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    command = engine_command(device="cpu", model_folders=[tmp_path / "models"])
    client = EngineClient(command, log=tmp_path / "engine.log")
    yield Talk(client, qtbot)
    client.shutdown()
    client.deleteLater()


def test_describe_load_make_edit_stop_and_survive(talk: Talk, tmp_path: Path) -> None:
    client = talk.client
    described = talk.wait(client.describe())
    assert isinstance(described, Described)
    assert described.models[0].name == "starter"
    assert {model.name for model in described.models} == {"starter", "tiny", "damaged"}
    assert described.devices[-1] == "cpu"
    starter = described.models[0]
    assert not starter.problem

    loaded = talk.wait(client.load(starter.path))
    assert isinstance(loaded, Loaded)
    assert loaded.model == starter

    assert talk.wait(client.plan("", PROMPT)).outlook.seconds is None
    made = talk.wait(client.run("", PROMPT))
    assert isinstance(made, Finished), made
    assert (talk.progress[-1].step, talk.progress[-1].total) == (4, 4)
    assert talk.progress[0].preview is not None
    again = talk.wait(client.run(starter.path, made.result.requests[0]))
    assert again.result.pictures == made.result.pictures
    assert talk.wait(client.plan("", PROMPT)).outlook.seconds > 0

    if "edit" in starter.tasks:
        edit = Edit(prompt="make the page dark red", images=made.result.pictures, steps=2)
        edited = talk.wait(client.run("", edit))
        assert isinstance(edited, Finished), edited
        assert edited.result.requests[0].pictures == made.result.pictures

    id = client.run("tiny", TextToImage(prompt="x", steps=1000))
    talk.progress.clear()
    talk._qtbot.waitUntil(lambda: bool(talk.progress), timeout=WAIT_MS)
    client.stop(id)
    assert isinstance(talk.wait(id), Stopped)

    failed = talk.wait(client.run("damaged", PROMPT))
    assert (failed.kind, "vae" in failed.message) == (Failure.checkpoint, True)
    failed = talk.wait(client.run("unheard of", PROMPT))
    assert failed.kind == Failure.checkpoint
    assert "starter, damaged, tiny" in failed.message
    assert "Traceback" not in (tmp_path / "engine.log").read_text()


@pytest.mark.skipif(os.name == "nt", reason="signals are for POSIX")
def test_a_kill_in_the_middle_of_a_run_and_the_same_picture_after_it(talk: Talk) -> None:
    client = talk.client
    id = client.run("tiny", TextToImage(prompt="x", steps=1000))
    talk._qtbot.waitUntil(lambda: bool(talk.progress), timeout=WAIT_MS)
    process = client.findChild(QProcess)
    assert process
    os.kill(process.processId(), signal.SIGKILL)
    failed = talk.wait(id)
    assert isinstance(failed, Failed)
    assert failed.kind == Failure.engine_lost
    assert isinstance(talk.wait(client.run("tiny", TextToImage(prompt="x"))), Finished)
