"""How long a project with a long history takes to open.

    python tests/bench/opening.py [--nodes 50] [--side 1328]

Every node but the first is a change of the whole page, and carries the picture that it changed, as
in the program. Each row is the least of three rounds, in milliseconds of the clock.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
import tempfile
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from PySide6.QtCore import QPoint
from PySide6.QtGui import QGuiApplication, QImage

from app.document.geometry import Page
from app.document.layers import PixelLayer
from app.document.pictures import to_picture
from app.document.state import DocumentState
from app.document.tiles import PixelKind, Tiles
from app.store.project import Project
from model.requests import Edit, TextToImage
from tests.app.documents import node

ROUNDS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=50)
    parser.add_argument("--side", type=int, default=1328)
    options = parser.parse_args()
    app = QGuiApplication([])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "long.ink"
        _make(path, options.nodes, options.side)
        size = path.stat().st_size / (1 << 20)
        print(f"{options.nodes} nodes of {options.side} px, {size:.0f} MiB\n")
        opening, last = zip(*(_open(path) for _ in range(ROUNDS)), strict=True)
        print(f"{'open':34}{min(opening):9.0f} ms")
        print(f"{'then the first picture':34}{min(last):9.0f} ms")
    app.shutdown()


def _make(path: Path, nodes: int, side: int) -> None:
    image, last = _photo(side, 0), None
    project = Project.create(path, DocumentState(page=Page(width=side, height=side)))
    for number in range(nodes):
        before, image = image, _photo(side, number)
        request = TextToImage(prompt="a poster")
        if number:
            request = Edit(prompt="another", images=(to_picture(before),))
        rest = {"region": image.rect(), "image": image, "size": image.size()}
        made = node(last, number, request, **rest)
        project.add_node(made)
        last = made.id
    layer = PixelLayer(tiles=Tiles.from_image(image, QPoint(0, 0)))
    state = dataclasses.replace(project.state, layers=(layer,), picture=layer.id, current_node=last)
    project.save(state)
    project.close()


def _photo(side: int, seed: int) -> QImage:
    """Soft shapes with a little grain."""
    chance = np.random.default_rng(seed)
    x, y = np.meshgrid(np.linspace(0, 6, side), np.linspace(0, 6, side))
    soft = np.sin(x[..., None] * chance.uniform(0.5, 2, 4) + y[..., None])
    values = 120 + 100 * soft + chance.integers(-6, 7, (side, side, 4))
    rows = np.ascontiguousarray(values.clip(0, 255).astype(np.uint8))
    rows[..., 3] = 255
    found = QImage(rows.tobytes(), side, side, 4 * side, QImage.Format.Format_RGB32)
    return found.convertToFormat(PixelKind.color.value)


def _open(path: Path) -> tuple[float, float]:
    started = perf_counter()
    project = Project.open(path)
    opened = perf_counter()
    project.tree.picture_at(project.nodes[0].id)
    seen = perf_counter()
    project.close()
    return 1000 * (opened - started), 1000 * (seen - opened)


if __name__ == "__main__":
    main()
