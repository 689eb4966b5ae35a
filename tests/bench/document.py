"""How long documents take to paint, beside QPainter alone on whole images, in one run.

    python tests/bench/document.py [--size 3840x2160] [--layers 20]

Every row is the least of several rounds, in milliseconds of the clock.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QPoint, QRect
from PySide6.QtGui import QGuiApplication, QImage, QPainter

from app.document.commands import PaintTiles, SetLayer
from app.document.composite import render
from app.document.compositor import Compositor
from app.document.document import Document, DocumentState
from app.document.geometry import Page
from app.document.layers import PixelLayer
from app.document.tiles import PixelKind, Tiles, keys_over
from tests.documents import noise, solid

STEPS = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", default="3840x2160")
    parser.add_argument("--layers", type=int, default=20)
    options = parser.parse_args()
    width, height = (int(side) for side in options.size.split("x"))
    app = QGuiApplication([])
    images = [noise(width, height, seed) for seed in range(options.layers)]
    document = _document(images)
    print(f"page {width}x{height} px, {len(images)} layers of random colour and alpha\n")
    peer = _least(lambda: _plain(images, QRect(0, 0, width, height)))
    ours = _least(lambda: render(document.state))
    print(f"{'whole page, QPainter alone':34}{peer:9.2f} ms")
    print(f"{'whole page':34}{ours:9.2f} ms   {ours / peer:.2f} of it")
    for side in (128, 256, 512):
        rect = QRect(width // 3, height // 3, side, side)
        _row(f"{side} px square, uncached", lambda rect=rect: render(document.state, rect))
    compositor = Compositor(document.state)
    _row("a dab of a stroke", lambda: _stroke(document, compositor), STEPS)
    _row("a step of an opacity slider", lambda: _fade(document, compositor), STEPS)
    app.shutdown()


def _document(images: list[QImage]) -> Document:
    layers = tuple(PixelLayer(tiles=Tiles.from_image(image)) for image in images)
    page = Page(width=images[0].width(), height=images[0].height())
    return Document(DocumentState(page=page, layers=layers, active=layers[len(layers) // 2].id))


def _plain(images: list[QImage], rect: QRect) -> QImage:
    found = PixelKind.color.blank(rect.width(), rect.height())
    with QPainter(found) as painter:
        for image in images:
            painter.drawImage(0, 0, image)
    return found


def _stroke(document: Document, compositor: Compositor) -> None:
    dab = solid(100, 100, "#80ff0000")
    for step in range(STEPS):
        at = QPoint(500 + 20 * step, 800)
        layer_id = document.state.active or ""
        document.do(PaintTiles(layer_id=layer_id, image=dab, at=at, gesture="stroke"))
        _show(compositor, compositor.update(document.state))


def _fade(document: Document, compositor: Compositor) -> None:
    for step in range(STEPS):
        layer_id = document.state.active or ""
        document.do(SetLayer(layer_id=layer_id, opacity=0.5 + step / 100, gesture="fade"))
        _show(compositor, compositor.update(document.state))


def _show(compositor: Compositor, rect: QRect) -> None:
    for key in keys_over(rect):
        compositor.tile(key)


def _least(work: Callable[[], object], rounds: int = 5) -> float:
    found = []
    for _ in range(rounds):
        started = perf_counter()
        work()
        found.append(1000 * (perf_counter() - started))
    return min(found)


def _row(name: str, work: Callable[[], object], steps: int = 1) -> None:
    print(f"{name:34}{_least(work) / steps:9.2f} ms")


if __name__ == "__main__":
    main()
