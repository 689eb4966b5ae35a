"""Undo and redo over any sequence of commands, gestures, the limit of memory, and what is told."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, QRect

from app.document import commands as cmd
from app.document.changes import STEP_BYTES, Change
from app.document.composite import render
from app.document.document import Document, DocumentState
from app.document.errors import DocumentError, UnknownLayer
from app.document.geometry import Page
from app.document.layers import find_layer, walk
from app.document.placing import PlaceResult
from app.document.selection import rectangle
from app.document.tiles import TILE_PX
from tests.documents import next_command, noise, pixel, solid, states, three


@settings(max_examples=40, deadline=None)
@given(states(), st.data())
def test_undo_all_is_the_beginning_and_redo_all_the_end(
    qapp: object, state: DocumentState, data: st.DataObject
) -> None:
    document = Document(state)
    reached = [state]
    for _ in range(data.draw(st.integers(1, 10))):
        before = document.state
        try:
            document.do(data.draw(st.composite(next_command)(document.state)))
        except DocumentError:
            assert document.state is before
        reached = [*reached[: document.undo_steps], document.state]
    for step in reversed(reached[:-1]):
        assert document.undo_name
        document.undo()
        assert document.state is step
    assert not document.can_undo
    assert document.state is state
    for step in reached[1:]:
        assert document.redo_name
        document.redo()
        assert document.state is step
    assert not document.can_redo


@settings(max_examples=40, deadline=None)
@given(states(), st.data())
def test_a_snapshot_never_changes(qapp: object, state: DocumentState, data: st.DataObject) -> None:
    before = render(state)
    document = Document(state)
    for _ in range(data.draw(st.integers(1, 4))):
        try:
            document.do(data.draw(st.composite(next_command)(document.state)))
        except DocumentError:
            continue
    assert render(state) == before


def test_layer_ids_stay_unique_and_the_active_layer_exists(qapp: object) -> None:
    @settings(max_examples=40, deadline=None, database=None)
    @given(states(), st.data())
    def holds(state: DocumentState, data: st.DataObject) -> None:
        for _ in range(data.draw(st.integers(1, 8))):
            try:
                state = data.draw(st.composite(next_command)(state)).apply(state)
            except DocumentError:
                continue
            ids = [layer.id for layer in walk(state.layers)]
            assert len(ids) == len(set(ids))
            assert state.active is None or state.active in ids
            assert state.picture is None or state.picture in ids

    holds()


def test_doing_forgets_what_was_undone(qapp: object) -> None:
    document = Document(three())
    document.do(cmd.SetLayer(layer_id="a", opacity=0.5))
    document.undo()
    document.do(cmd.SetLayer(layer_id="a", opacity=0.2))
    assert not document.can_redo
    document.redo()
    assert find_layer(document.state.layers, "a").opacity == 0.2


def test_what_changes_nothing_is_no_step(qapp: object) -> None:
    document = Document(three())
    document.do(cmd.SetLayer(layer_id="a", opacity=1.0))
    document.do(cmd.OffsetLayer(layer_id="a", dx=0, dy=0))
    blank = cmd.PaintTiles(layer_id="a", image=solid(5, 5, "#00000000"), at=QPoint(0, 0))
    document.do(blank)
    assert not document.can_undo


def test_one_drag_is_one_step(qapp: object) -> None:
    beginning = three()
    document = Document(beginning)
    for value in (0.9, 0.5, 0.1):
        document.do(cmd.SetLayer(layer_id="a", opacity=value, gesture="first"))
    assert document.undo_steps == 1
    document.do(cmd.SetLayer(layer_id="a", opacity=0.7, gesture="second"))
    document.do(cmd.SetLayer(layer_id="b", opacity=0.7, gesture="second"))
    document.do(cmd.SetLayer(layer_id="b", visible=False, gesture="second"))
    assert document.undo_steps == 4
    for _ in range(4):
        document.undo()
    assert document.state is beginning
    document.redo()
    assert find_layer(document.state.layers, "a").opacity == 0.1


def test_a_drag_that_comes_back_is_no_step(qapp: object) -> None:
    document = Document(three())
    for dx in (5, -5):
        document.do(cmd.OffsetLayer(layer_id="a", dx=dx, dy=0, gesture="drag"))
    assert not document.can_undo
    assert find_layer(document.state.layers, "a").x == 0


def test_a_gesture_does_not_go_on_after_undo(qapp: object) -> None:
    document = Document(three())
    document.do(cmd.OffsetLayer(layer_id="a", dx=1, dy=0, gesture="drag"))
    document.do(cmd.OffsetLayer(layer_id="a", dx=1, dy=0, gesture="drag"))
    document.undo()
    document.redo()
    document.do(cmd.OffsetLayer(layer_id="a", dx=1, dy=0, gesture="drag"))
    assert document.undo_steps == 2
    assert find_layer(document.state.layers, "a").x == 3


def test_undo_is_limited_by_memory(qapp: object) -> None:
    tile = TILE_PX * TILE_PX * 4
    document = Document(three(), undo_bytes=6 * (tile + STEP_BYTES))
    for number in range(20):
        image = noise(40, 40, number + 1, opaque=True)
        document.do(cmd.PaintTiles(layer_id="a", image=image, at=QPoint(0, 0)))
    assert document.undo_steps == 3  # each holds the tile before and the tile after
    tiny = Document(three(), undo_bytes=1)
    tiny.do(cmd.RemoveLayer(layer_id="a"))
    assert tiny.can_undo  # the last step stays, whatever it costs


def test_changed_says_what_is_different(qapp: object) -> None:
    document = Document(three())
    changes: list[Change] = []
    document.changed.connect(changes.append)
    document.do(cmd.SetSelection(selection=rectangle(QRect(0, 0, 5, 5))))
    document.do(cmd.SetLayer(layer_id="a", new_name="other"))
    document.activate("a")
    document.do(PlaceResult(node="n", layer=pixel("p"), index=0))
    document.do(cmd.SetPage(page=Page(width=50, height=60)))
    document.reset(three())
    flags = [
        "".join(name[0] for name in ("layers", "selection", "history", "page", "active")
                if getattr(change, name))
        for change in changes
    ]  # fmt: skip
    assert flags == ["s", "l", "a", "lh", "sp", "lhpa"]
    assert [change.rect.isEmpty() for change in changes] == [True, True, True, False, False, False]


def test_activating_is_no_step_and_unknown_layers_are_refused(qapp: object) -> None:
    document = Document(three())
    document.activate("d")
    assert (document.state.active, document.can_undo) == ("d", False)
    with pytest.raises(UnknownLayer):
        document.activate("nobody")
    with pytest.raises(UnknownLayer):
        document.do(cmd.RemoveLayer(layer_id="nobody"))
