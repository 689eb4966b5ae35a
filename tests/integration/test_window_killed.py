"""The window is killed, as by a power cut: what was made is there when it is opened again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

from app.document.composite import render
from app.document.layers import TextLayer
from tests.studio import Studio

ROOT = Path(__file__).resolve().parents[2]
USER = """
import sys
from pathlib import Path
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from app.document.composite import render
from app.engine.client import EngineClient
from app.paths import Paths
from app.run import build
from tests.fakes import FakeEngine

home = Path(sys.argv[1])
app = QApplication([])
client = EngineClient(FakeEngine.write(home).command)
root = build(app, Paths.default(), client)
root.workspace.start()
root.window.show()
root.workspace.generation.prompt = "a poster"
root.window.actions_table["generate"].trigger()

def go_on():
    if not root.workspace.document.state.layers:
        return
    watch.stop()
    root.window.actions_table["layer_text"].trigger()
    root.window.text.words.setPlainText("typed before the cut")
    QTimer.singleShot(2000, done)

def done():
    render(root.workspace.document.state).save(str(home / "shown.png"))
    print("ready", flush=True)

watch = QTimer()
watch.timeout.connect(go_on)
watch.start(20)
app.exec()
"""


@pytest.fixture
def studio(tmp_path: Path, qtbot, qapp: QApplication) -> Iterator[Studio]:
    found = Studio(tmp_path, qtbot, qapp)
    yield found
    found.close()


def test_killed_window_loses_nothing_older_than_two_seconds(studio: Studio) -> None:
    from PySide6.QtGui import QImage

    environment = os.environ | {
        "INKSTONE_HOME": str(studio.home),
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
    }
    command = [sys.executable, "-c", USER, str(studio.home)]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    ) as user:
        assert user.stdout is not None
        assert user.stdout.readline() == "ready\n"
        os.kill(user.pid, signal.SIGKILL)
    root = studio.open()
    state = root.workspace.document.state
    layer = state.active_layer
    assert isinstance(layer, TextLayer)
    assert layer.text == "typed before the cut"
    assert len(root.workspace.tree.nodes) == 1
    assert root.workspace.is_writable
    shown = render(state)
    kept = QImage(str(studio.home / "shown.png")).convertToFormat(shown.format())
    assert kept == shown
