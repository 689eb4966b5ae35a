"""Documents for tests: made by chance, small, and comparable by their pixels."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from enum import Enum
from typing import Any

from hypothesis import strategies as st
from PySide6.QtCore import QPoint, QRect, QSize
from PySide6.QtGui import QColor, QImage

from app.document.blend import Blend
from app.document.geometry import Page
from app.document.history import Made, Node
from app.document.layers import Align, GroupLayer, Layer, LayerMask, Layers, PixelLayer, TextLayer
from app.document.selection import Selection
from app.document.state import DocumentState
from app.document.tiles import PixelKind, Tiles
from model.recipes import to_recipe
from model.requests import Edit, ModelIdentity, Picture, Request, TextToImage

MODEL = ModelIdentity(name="启动", sha256="ab" * 32, licence="Apache-2.0")
NAMES = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
IDS = st.none() | st.sampled_from(["a", "b", "c" * 32])


@st.composite
def tiles(draw: st.DrawFn, kind: PixelKind = PixelKind.color) -> Tiles:
    found = Tiles.empty(kind)
    for _ in range(draw(st.integers(0, 3))):
        left, top, size = (draw(st.integers(*ends)) for ends in ((-300, 600), (-300, 600), (1, 40)))
        color = QColor.fromRgba(draw(st.integers(0, 2**32 - 1)))
        found = found.filled(QRect(left, top, size, size + 3), color)
    return found


def _shared() -> dict[str, Any]:
    masks = st.builds(LayerMask, tiles=tiles(PixelKind.grey), enabled=st.booleans())
    return {
        "name": NAMES,
        "visible": st.booleans(),
        "locked": st.booleans(),
        "opacity": st.floats(0, 1),
        "blend": st.sampled_from(Blend),
        "mask": st.none() | masks,
        "x": st.integers(-5000, 5000),
        "y": st.integers(-5000, 5000),
    }


def leaves() -> st.SearchStrategy[Layer]:
    pixel = st.builds(PixelLayer, tiles=tiles(), **_shared())
    text = st.builds(
        TextLayer,
        text=NAMES,
        family=NAMES,
        size_px=st.integers(1, 4096),
        bold=st.booleans(),
        italic=st.booleans(),
        color=st.sampled_from(["#000000", "#12ab9f"]),
        align=st.sampled_from(Align),
        width_px=st.none() | st.integers(1, 4000),
        line_spacing=st.floats(0.1, 10),
        **_shared(),
    )
    return pixel | text


def layers() -> st.SearchStrategy[Layers]:
    def group(children: st.SearchStrategy[Layer]) -> st.SearchStrategy[Layer]:
        some = st.lists(children, max_size=3).map(tuple)
        return st.builds(GroupLayer, children=some, **_shared())

    tree = st.recursive(leaves(), group, max_leaves=5)
    return st.lists(tree, max_size=3).map(tuple)


def pages() -> st.SearchStrategy[Page]:
    return st.builds(
        Page,
        width=st.integers(200, 3000),
        height=st.integers(200, 3000),
        dpi=st.floats(30, 600),
        bleed_mm=st.floats(0, 1),
        background=st.none() | st.sampled_from(["#ffffff", "#0a0b0c"]),
    )


def states() -> st.SearchStrategy[DocumentState]:
    return st.builds(
        DocumentState,
        page=pages(),
        layers=layers(),
        selection=st.none() | st.builds(Selection, tiles(PixelKind.grey)),
        active=IDS,
        picture=IDS,
        current_node=IDS,
        painted_mask=IDS,
        pruned=st.frozensets(st.sampled_from(["a", "b", "c" * 32])),
    )


def image(width: int = 30, height: int = 20, seed: int = 0) -> QImage:
    """An image that has a colour of its own in every pixel, as noisy as a photograph."""
    import numpy

    rows = numpy.random.default_rng(seed).integers(0, 256, (height, width, 4), numpy.uint8)
    rows[..., 3] = 255
    found = QImage(rows.tobytes(), width, height, QImage.Format.Format_ARGB32)
    return found.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)


def simple_state(seed: int = 0, side: int = 300, name: str = "背景") -> DocumentState:
    """A page with one layer of noise."""
    layer = PixelLayer(
        id="base", name=name, tiles=Tiles.from_image(image(side, side, seed), QPoint(0, 0))
    )
    page = Page(width=side, height=side, dpi=72)
    return DocumentState(page=page, layers=(layer,), active="base")


def node(
    parent: str | None = None, seed: int = 0, request: Request | None = None, **values: Any
) -> Node:
    request = request or TextToImage(prompt=f"poster {seed}", seed=seed, width=32, height=32)
    content = {"request": request, "mask": None, "image": image(30, 20, seed)}
    content |= {name: values.pop(name) for name in content.keys() & values.keys()}
    shared: dict[str, Any] = {
        "parent": parent,
        "name": f"结果 {seed}",
        "recipe": to_recipe(request, MODEL),
        "content": Made(**content),
        "region": QRect(2, 3, 30, 20),
        "size": QSize(32, 32),
        "model": MODEL,
        "seconds": 1.5,
        "time": "2026-01-02T03:04:05+00:00",
    }
    return Node(**{**shared, **values})


def edit_request(seed: int = 0) -> Edit:
    picture = Picture(width=5, height=3, mode="RGB", data=bytes(range(45)))
    return Edit(prompt="make the sky red", images=(picture,), seed=seed)


def plain(value: Any) -> Any:
    """The value by content: equal for equal pixels, whichever objects hold them."""
    if isinstance(value, Tiles):
        return value.kind, {key: plain(tile) for key, tile in value.items()}
    if isinstance(value, QImage):
        data, stride, used = bytes(value.constBits()), value.bytesPerLine(), value.depth() // 8
        starts = range(0, len(data), stride)  # a row may end in padding
        rows = [data[at : at + value.width() * used] for at in starts]
        return value.format(), value.width(), b"".join(rows)
    if isinstance(value, (QRect, QSize)):
        return value.toTuple() if isinstance(value, QSize) else value.getRect()
    if isinstance(value, Node):
        fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        content = {"request": value.request, "mask": value.mask, "image": value.image}
        return {
            name: plain(found) for name, found in (fields | {"content": None} | content).items()
        }
    if dataclasses.is_dataclass(value) and not isinstance(value, (type, Picture, Request)):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, tuple):
        return tuple(map(plain, value))
    if isinstance(value, frozenset):
        return value
    if isinstance(value, Enum):
        return value.value
    return dict(value) if isinstance(value, Mapping) else value
