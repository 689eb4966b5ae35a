"""Documents for tests: images of noise, and strategies for layers, states and commands."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, QRect, QSize
from PySide6.QtGui import QColor, QImage

from app.document import commands as cmd
from app.document.blend import Blend
from app.document.geometry import Page
from app.document.history import Made, Node
from app.document.layers import Align, GroupLayer, Layer, LayerMask, PixelLayer, TextLayer, walk
from app.document.placing import PlaceResult
from app.document.selection import rectangle
from app.document.stacking import MoveLayers, Ungroup
from app.document.state import DocumentState
from app.document.tiles import Mode, PixelKind, Tiles
from model.recipes import to_recipe
from model.requests import ModelIdentity, TextToImage

MODEL = ModelIdentity(name="starter", sha256="0" * 64, licence="Apache-2.0")
NODE_SIZE = QSize(60, 40)
PAGE = Page(width=300, height=280)


def noise(width: int, height: int, seed: int = 0, *, opaque: bool = False) -> QImage:
    """Random colours with random alpha, premultiplied."""
    values = np.random.default_rng(seed).integers(0, 256, (height, width, 4), dtype=np.uint8)
    if opaque:
        values[..., 3] = 255
    image = QImage(values.tobytes(), width, height, width * 4, QImage.Format.Format_RGBA8888)
    return image.convertToFormat(PixelKind.color.value)


def solid(width: int, height: int, color: str | QColor) -> QImage:
    image = QImage(width, height, PixelKind.color.value)
    image.fill(QColor(color))
    return image


def grey(width: int, height: int, seed: int = 0) -> QImage:
    values = np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)
    return QImage(values.tobytes(), width, height, width, PixelKind.grey.value).copy()


def array(image: QImage) -> np.ndarray:
    """RGBA, straight for straight formats: a copy as bytes of height x width x 4."""
    found = image.convertToFormat(QImage.Format.Format_RGBA8888)
    return np.array(found.constBits(), np.uint8).reshape(found.height(), found.width(), 4).copy()


def raw(image: QImage) -> np.ndarray:
    """The stored bytes of a premultiplied image, BGRA, as numbers that may be subtracted."""
    assert image.format() is PixelKind.color.value
    found = np.array(image.constBits(), np.uint8).reshape(image.height(), image.width(), 4)
    return found.astype(np.int16)


def pixel(name: str, **look: object) -> PixelLayer:
    return PixelLayer(id=name, name=name, tiles=Tiles.from_image(noise(40, 40)), **look)


def three() -> DocumentState:
    """a below b below the group g, which holds c and d."""
    group = GroupLayer(id="g", children=(pixel("c"), pixel("d")))
    return DocumentState(page=PAGE, layers=(pixel("a"), pixel("b"), group), active="b")


def mask_of(rect: QRect, value: int = 255, *, enabled: bool = True) -> LayerMask:
    tiles = Tiles.empty(PixelKind.grey).filled(rect, QColor(value, value, value))
    return LayerMask(tiles=tiles, enabled=enabled)


def node(
    name: str, parent: str | None, image: QImage, at: QPoint | None = None, size: QSize = NODE_SIZE
) -> Node:
    """A node called and asked for by `name`, whose region lies at `at` of a picture of `size`."""
    request = TextToImage(prompt=name)
    return Node(
        id=name,
        parent=parent,
        name=name,
        recipe=to_recipe(request, MODEL),
        content=Made(request=request, mask=None, image=image),
        region=QRect(at or QPoint(0, 0), image.size()),
        size=size,
        model=MODEL,
        seconds=1.5,
        time="2026-01-02T03:04:05+00:00",
    )


rects = st.builds(
    QRect,
    st.integers(-60, 320),
    st.integers(-60, 300),
    st.integers(1, 200),
    st.integers(1, 200),
)
masks = st.none() | st.builds(mask_of, rects, st.integers(0, 255), enabled=st.booleans())
looks = {
    "visible": st.sampled_from([True, True, True, False]),
    "opacity": st.sampled_from([1.0, 1.0, 0.5, 0.25, 0.0]),
    "blend": st.sampled_from(list(Blend)),
    "mask": masks,
    "x": st.integers(-50, 50),
    "y": st.integers(-50, 50),
}


@st.composite
def pixel_layers(draw: st.DrawFn) -> PixelLayer:
    rect = draw(rects)
    image = noise(rect.width(), rect.height(), draw(st.integers(0, 9)), opaque=draw(st.booleans()))
    tiles = Tiles.from_image(image, rect.topLeft())
    return PixelLayer(tiles=tiles, **{name: draw(value) for name, value in looks.items()})


text_layers = st.builds(
    TextLayer,
    text=st.sampled_from(["Poster", "Ink\nstone", "海报", ""]),
    size_px=st.integers(8, 80),
    color=st.sampled_from(["#ff0000", "#102030"]),
    align=st.sampled_from(list(Align)),
    width_px=st.none() | st.integers(20, 200),
    **looks,
)
single_layers = pixel_layers() | text_layers
layers = single_layers | st.builds(
    GroupLayer, children=st.lists(single_layers, max_size=3).map(tuple), **looks
)


def states(**page: object) -> st.SearchStrategy[DocumentState]:
    pages = st.sampled_from([PAGE, Page(width=300, height=280, background=None)])
    found = st.builds(DocumentState, page=pages, layers=st.lists(layers, max_size=5).map(tuple))
    return found.flatmap(
        lambda state: st.sampled_from([None, *(layer.id for layer in walk(state.layers))]).map(
            lambda active: DocumentState(page=state.page, layers=state.layers, active=active)
        )
    )


def next_command(draw: st.DrawFn, state: DocumentState) -> cmd.Command:
    """Any command, on a layer that is there if there is one. It may still be refused."""
    ids = [layer.id for layer in walk(state.layers)]
    if not ids:
        return cmd.AddLayer(layer=draw(layers))
    chosen = draw(st.sampled_from(ids))
    gesture = draw(st.sampled_from([None, "drag"]))
    kinds: list[st.SearchStrategy[cmd.Command]] = [
        st.builds(cmd.AddLayer, layer=layers),
        st.just(cmd.RemoveLayer(layer_id=chosen)),
        _moves(state, chosen),
        _looks_of(chosen, gesture),
        st.builds(
            cmd.OffsetLayer,
            layer_id=st.just(chosen),
            dx=st.integers(-40, 40),
            dy=st.integers(-40, 40),
            gesture=st.just(gesture),
        ),
        st.builds(_dab, st.just(chosen), rects, st.booleans(), st.just(gesture)),
        st.builds(cmd.SetMask, layer_id=st.just(chosen), mask=masks),
        st.builds(
            cmd.EditText,
            layer_id=st.just(chosen),
            text=st.sampled_from(["A", "B"]),
            gesture=st.just(gesture),
        ),
        st.builds(cmd.SetSelection, selection=st.none() | rects.map(rectangle)),
        st.builds(
            cmd.SetPage,
            page=st.sampled_from([PAGE, Page(width=200, height=310, background="#00ff00")]),
            dx=st.integers(-20, 20),
        ),
        st.just(Ungroup(layer_id=chosen)),
        st.just(cmd.GroupLayers(layer_ids=tuple(ids[-2:]), group=GroupLayer())),
        st.builds(_result, st.integers(0, 9), st.just(state)),
    ]
    return draw(st.one_of(kinds))


def _moves(state: DocumentState, chosen: str) -> st.SearchStrategy[cmd.Command]:
    groups = [layer.id for layer in walk(state.layers) if isinstance(layer, GroupLayer)]
    return st.builds(
        MoveLayers,
        layer_ids=st.just((chosen,)),
        parent=st.sampled_from([None, *groups]),
        index=st.integers(0, 4),
    )


def _looks_of(chosen: str, gesture: str | None) -> st.SearchStrategy[cmd.Command]:
    return st.builds(
        cmd.SetLayer,
        layer_id=st.just(chosen),
        visible=st.none() | st.booleans(),
        locked=st.sampled_from([None, None, True, False]),
        opacity=st.none() | st.sampled_from([0.0, 0.5, 1.0]),
        blend=st.none() | st.sampled_from(list(Blend)),
        new_name=st.none() | st.just("renamed"),
        gesture=st.just(gesture),
    )


def _dab(chosen: str, rect: QRect, erase: bool, gesture: str | None) -> cmd.Command:
    mode = Mode.CompositionMode_DestinationOut if erase else Mode.CompositionMode_SourceOver
    image = noise(rect.width(), rect.height(), 1)
    return cmd.PaintTiles(
        layer_id=chosen, image=image, at=rect.topLeft(), mode=mode, gesture=gesture
    )


def _result(seed: int, state: DocumentState) -> cmd.Command:
    tiles = Tiles.from_image(noise(64, 64, seed, opaque=True), QPoint(0, 0))
    layer: Layer | None = state.picture_layer
    if isinstance(layer, PixelLayer):
        return PlaceResult(node=f"node {seed}", layer=PixelLayer(id=layer.id, tiles=tiles))
    return PlaceResult(node=f"node {seed}", layer=PixelLayer(tiles=tiles), index=0)
