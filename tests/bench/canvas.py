"""How long the canvas takes from a pointer event to painted pixels: p50 and p99 of many frames.

`cpu` counts this process's work alone: on a crowded machine it says what the clock cannot.

    python tests/bench/canvas.py [--size 3840x2160] [--layers 20] [--view 1600x1000] [--busy]

`--busy` runs a child beside it that multiplies matrices all the time, with as many threads and at
the priority that an engine at work has.
"""

from __future__ import annotations

import argparse
import math
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter, process_time

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QSize, Qt
from PySide6.QtGui import QColor, QLinearGradient, QMouseEvent, QPainter
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from app.canvas.view import CanvasView
from app.document.document import Document
from app.document.geometry import Page
from app.document.layers import PixelLayer
from app.document.state import DocumentState
from app.document.tiles import PixelKind, Tiles

ROOT = Path(__file__).resolve().parents[2]
BUSY = """
import torch
from model.engine.process import step_back
step_back()
a = torch.rand(1024, 1024)
print("at work", flush=True)
while True: a @ a
"""
FRAME_MS = 1000 / 60
REACH_MS = 500  # from choosing a layer to dragging it

Times = tuple[float, float]
Keys = Qt.KeyboardModifier
HOLD_ACTIVE = Keys.ControlModifier  # else the drag takes hold of the topmost layer


def main() -> None:
    options = _options()
    app = QApplication([])
    view = CanvasView()
    view.resize(options.view)
    document = _document(options.size, options.layers)
    started = perf_counter()
    view.set_document(document)
    view.show()
    app.processEvents()
    print(f"page {_text(options.size)} px, {options.layers} layers, view {_text(options.view)} px")
    print(f"beside it: {'a busy child' if options.busy else 'nothing'}")
    print(f"first picture: {1000 * (perf_counter() - started):.0f} ms\n")
    heads = f"{'p50 ms':>10}{'p99 ms':>10}{'cpu p50':>10}{'cpu p99':>10}"
    print(f"{'gesture':24}{'frames':>8}{heads}{'within 1/60 s':>16}")
    with _busy_child(options.busy):
        for name, drag in _drags(view, document):
            _report(name, drag(options.frames))
    view.close()
    app.quit()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--size", type=_size, default=QSize(3840, 2160))
    parser.add_argument("--view", type=_size, default=QSize(1600, 1000))
    parser.add_argument("--layers", type=int, default=20)
    parser.add_argument("--frames", type=int, default=240)
    parser.add_argument("--busy", action="store_true")
    return parser.parse_args()


def _drags(
    view: CanvasView, document: Document
) -> Iterator[tuple[str, Callable[[int], list[Times]]]]:
    """Every gesture with the state of the view that it begins in."""
    for zoom in (None, 1.0, 3.0):
        name = "fit" if zoom is None else f"{zoom:.0%}"
        view.zoom_fit() if zoom is None else view.zoom_to(zoom)
        view.set_tool("hand")
        yield f"pan, {name}", lambda frames: _dragged(view, frames)
    view.zoom_fit()
    yield "zoom, fit to 400 %", lambda frames: _zoomed(view, frames)
    view.zoom_fit()
    for tool, size in (("brush", 100), ("brush", 600)):
        view.set_tool(tool)
        view.brush_size = size
        yield f"brush {size} px, fit", lambda frames: _dragged(view, frames)
    view.zoom_to(1.0)
    yield "brush 600 px, 100%", lambda frames: _dragged(view, frames)
    view.set_tool("move")
    for name, layer in (("1000 px layer", -1), ("layer of page size", 1)):
        document.activate(document.state.layers[layer].id)
        for zoom in (1.0, None):
            view.zoom_fit() if zoom is None else view.zoom_to(zoom)
            QTest.qWait(REACH_MS)
            where = "fit" if zoom is None else f"{zoom:.0%}"
            yield f"move a {name}, {where}", lambda frames: _dragged(view, frames, HOLD_ACTIVE)


def _dragged(view: CanvasView, frames: int, keys: Keys = Keys.NoModifier) -> list[Times]:
    """Milliseconds of every frame while the left button draws a slow figure of eight."""
    middle = QPointF(view.rect().center())
    _send(view, QEvent.Type.MouseButtonPress, middle, keys)
    times = []
    for i in range(frames):
        turn = 2 * math.pi * i / frames
        way = QPointF(math.sin(turn) * view.width() / 3, math.sin(2 * turn) * view.height() / 3)
        started = _now()
        _send(view, QEvent.Type.MouseMove, middle + way)
        _paint(view)
        times.append(_since(started))
    _send(view, QEvent.Type.MouseButtonRelease, middle)
    return times


def _zoomed(view: CanvasView, frames: int) -> list[Times]:
    start, times = view.viewport.zoom, []
    for i in range(frames):
        part = 0.5 - 0.5 * math.cos(2 * math.pi * i / frames)
        started = _now()
        view.zoom_to(start * (4.0 / start) ** part)
        _paint(view)
        times.append(_since(started))
    return times


def _now() -> Times:
    return perf_counter(), process_time()


def _since(start: Times) -> Times:
    """Milliseconds by the clock, and of this process's own work."""
    return 1000 * (perf_counter() - start[0]), 1000 * (process_time() - start[1])


def _send(view: CanvasView, kind: QEvent.Type, at: QPointF, keys: Keys = Keys.NoModifier) -> None:
    left = Qt.MouseButton.LeftButton
    QApplication.sendEvent(view, QMouseEvent(kind, at, view.mapToGlobal(at), left, left, keys))


def _paint(view: CanvasView) -> None:
    """What is due to be repainted, now."""
    QApplication.sendEvent(view.window(), QEvent(QEvent.Type.UpdateRequest))


def _document(size: QSize, layers: int) -> Document:
    page = Page(width=size.width(), height=size.height())
    full = tuple(_layer(size, QPoint(), i) for i in range(layers - 2))
    middle = page.rect.center() - QPoint(500, 500)
    part = tuple(_layer(QSize(1000, 1000), middle + QPoint(200 * i, 0), i) for i in range(2))
    return Document(DocumentState(page=page, layers=(*full, *part)))


def _layer(size: QSize, at: QPoint, number: int) -> PixelLayer:
    image = PixelKind.color.blank(size.width(), size.height())
    with QPainter(image) as painter:
        gradient = QLinearGradient(0, 0, size.width(), size.height())
        gradient.setColorAt(0, QColor.fromHsv(47 * number % 360, 200, 230, 160))
        gradient.setColorAt(1, QColor(0, 0, 0, 40))
        painter.fillRect(QRect(QPoint(), size), gradient)
    return PixelLayer(name=str(number), tiles=Tiles.from_image(image), x=at.x(), y=at.y())


def _report(name: str, times: list[Times]) -> None:
    clock, own = sorted(time[0] for time in times), sorted(time[1] for time in times)
    middle, last = len(times) // 2, len(times) * 99 // 100
    within = sum(time <= FRAME_MS for time in clock) / len(times)
    numbers = f"{clock[middle]:10.1f}{clock[last]:10.1f}{own[middle]:10.1f}{own[last]:10.1f}"
    print(f"{name:24}{len(times):8}{numbers}{within:16.0%}")


@contextmanager
def _busy_child(is_wanted: bool) -> Iterator[None]:
    if not is_wanted:
        yield
        return
    child = subprocess.Popen([sys.executable, "-c", BUSY], cwd=ROOT, stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    try:
        yield
    finally:
        child.kill()
        child.wait()


def _size(text: str) -> QSize:
    width, height = text.split("x")
    return QSize(int(width), int(height))


def _text(size: QSize) -> str:
    return f"{size.width()} x {size.height()}"


if __name__ == "__main__":
    main()
