"""The canvas's picture, kept up to date by parts, against a render of the whole."""

from __future__ import annotations

import contextlib
import dataclasses
import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, QRect

from app.document.blend import Blend
from app.document.changes import change_between
from app.document.commands import PaintTiles, SetLayer
from app.document.composite import render
from app.document.compositor import Compositor
from app.document.errors import DocumentError
from app.document.geometry import Page
from app.document.layers import PixelLayer, walk
from app.document.state import DocumentState
from app.document.tiles import Tiles
from tests.documents import PAGE, next_command, noise, raw, solid, states


def difference(compositor: Compositor) -> int:
    return int(np.abs(raw(compositor.image) - raw(render(compositor.state))).max())


@settings(max_examples=30, deadline=None)
@given(states(), st.data())
def test_it_shows_what_a_full_render_shows(
    qapp: object, state: DocumentState, data: st.DataObject
) -> None:
    compositor = Compositor(state)
    # one rounding by 1 at each side of the upper image; modes that divide make more of it
    allowed = 2
    assert difference(compositor) <= allowed
    draw = data.draw
    for _ in range(draw(st.integers(1, 6))):
        with contextlib.suppress(DocumentError):
            state = draw(st.composite(next_command)(state)).apply(state)
        ids = [layer.id for layer in walk(state.layers)]
        if ids:
            state = dataclasses.replace(state, active=draw(st.sampled_from([None, *ids])))
        compositor.update(state)
        assert difference(compositor) <= allowed


@settings(max_examples=30, deadline=None)
@given(states(), st.data())
def test_a_change_s_rect_holds_every_pixel_that_changed(
    qapp: object, before: DocumentState, data: st.DataObject
) -> None:
    after = before
    with contextlib.suppress(DocumentError):
        after = data.draw(st.composite(next_command)(before)).apply(before)
    for old, new in ((before, after), (after, before)):
        change = change_between(old, new)
        if change.page:
            assert change.rect == new.page.rect
            continue
        differs = (raw(render(old)) != raw(render(new))).any(axis=2)
        rect = change.rect
        if not rect.isEmpty():
            differs[rect.top() : rect.bottom() + 1, rect.left() : rect.right() + 1] = False
        assert not differs.any()


def stack(count: int, **top: object) -> DocumentState:
    layers = [
        PixelLayer(id=str(number), tiles=Tiles.from_image(noise(300, 280, number)))
        for number in range(count)
    ]
    layers[-1] = dataclasses.replace(layers[-1], **top)
    return DocumentState(page=PAGE, layers=tuple(layers), active="1")


def test_below_the_active_layer_nothing_is_rounded_differently(qapp: object) -> None:
    state = dataclasses.replace(stack(5), active="4")
    assert difference(Compositor(state)) == 0


def test_modes_above_the_active_layer_see_what_is_below_it(qapp: object) -> None:
    for blend in Blend:
        compositor = Compositor(stack(4, blend=blend))
        assert difference(compositor) <= (2 if blend is Blend.normal else 0), blend


def test_only_what_changed_is_repainted(qapp: object) -> None:
    state = stack(4)
    compositor = Compositor(state)
    dab = PaintTiles(layer_id="1", image=solid(10, 10, "red"), at=QPoint(270, 20))
    rect = compositor.update(dab.apply(state))
    assert rect == QRect(256, 0, 44, 256)
    assert compositor.update(compositor.state) == QRect()
    renamed = SetLayer(layer_id="2", new_name="other").apply(compositor.state)
    assert compositor.update(renamed) == QRect()


def test_only_what_is_looked_at_is_composited(qapp: object) -> None:
    state = dataclasses.replace(stack(4), active="3")
    compositor = Compositor(state)
    before = {key: compositor.tile(key) for key in ((0, 0), (1, 0))}
    dab = PaintTiles(layer_id="3", image=solid(10, 10, "red"), at=QPoint(270, 20))
    compositor.update(dab.apply(state))
    assert compositor.tile((0, 0)) is before[0, 0]
    assert compositor.tile((1, 0)) is not before[1, 0]
    assert before[1, 0] != compositor.tile((1, 0))


def test_what_is_prepared_is_not_done_again(qapp: object) -> None:
    compositor = Compositor(stack(4))
    assert not compositor.prepare(PAGE.rect, -math.inf)
    assert compositor.prepare(PAGE.rect, math.inf)
    assert compositor.prepare(PAGE.rect, math.inf)
    assert compositor.below((0, 0)) is compositor.below((0, 0))


def test_another_page_begins_anew(qapp: object) -> None:
    compositor = Compositor(stack(3))
    state = dataclasses.replace(stack(3), page=Page(width=64, height=500, background="#00ff00"))
    assert compositor.update(state) == QRect(0, 0, 64, 500)
    assert compositor.image.size() == state.page.rect.size()
    assert difference(compositor) <= 2
