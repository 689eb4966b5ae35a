"""The program as it is started: what its process loads, and that it ends cleanly."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("torch", "transformers", "diffusers", "safetensors", "numpy", "PIL", "psd_tools")
PROBE = f"""
import sys
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
import app.run as run

class Probe(QApplication):
    def exec(self):
        window = next(w for w in self.topLevelWidgets() if w.isVisible())
        window.painted.connect(lambda: print("at paint:", self.heavy(), flush=True))
        QTimer.singleShot(2500, window.close)
        return super().exec()

    @staticmethod
    def heavy():
        return [name for name in {HEAVY!r} if name in sys.modules]

run.QApplication = Probe
status = run.main([])
print("at end:", Probe.heavy())
sys.exit(status)
"""


def test_window_process_never_loads_torch(tmp_path: Path) -> None:
    environment = os.environ | {
        "INKSTONE_HOME": str(tmp_path),
        "QT_QPA_PLATFORM": "offscreen",
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
    }
    ended = subprocess.run(
        [sys.executable, "-c", PROBE],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert "at paint: []" in ended.stdout, "something heavy delays the first paint"
    assert "at end: []" in ended.stdout
    assert "Traceback" not in ended.stderr
