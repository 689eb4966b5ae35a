"""Several layers at once, and groups dissolved: order, look, refusals, one step of undo."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QRect

from app.document.blend import Blend
from app.document.commands import GroupLayers, SetLayer
from app.document.composite import render
from app.document.document import Document
from app.document.errors import DocumentError, LayerLocked
from app.document.layers import (
    GroupLayer,
    Layer,
    Layers,
    TextLayer,
    find_layer,
    shown_name,
    walk,
)
from app.document.stacking import (
    MoveLayers,
    StepLayers,
    Ungroup,
    duplicated,
    looks_kept,
    removed,
    set_each,
)
from app.document.state import DocumentState
from tests.app.test_document_commands import order
from tests.documents import PAGE, layers, looks, mask_of, pixel, raw, single_layers, three


def grouped(*children: Layer, **look: object) -> DocumentState:
    """Below, the group, above."""
    group = GroupLayer(id="g", children=children, **look)  # type: ignore[arg-type]
    return DocumentState(page=PAGE, layers=(pixel("a"), group, pixel("z")), active="g")


def names(layers: Layers) -> str:
    """Bottom first, what lies in a group in brackets behind it."""
    inside = [
        f"({names(layer.children)})" if isinstance(layer, GroupLayer) else "" for layer in layers
    ]
    return ", ".join(shown_name(layer) + rest for layer, rest in zip(layers, inside, strict=True))


def furthest(one: DocumentState, other: DocumentState) -> int:
    """The largest difference of a channel between what the two show."""
    return int(np.abs(raw(render(one)) - raw(render(other))).max())


@pytest.mark.parametrize(
    ("ids", "parent", "index", "expected"),
    [
        (("b", "a"), None, 1, "g(cd)ab"),
        (("a", "c"), None, 99, "bg(d)ac"),
        (("a", "b"), "g", 1, "g(cabd)"),
        (("g", "c"), None, 0, "g(cd)ab"),
    ],
)
def test_several_are_moved_in_their_order(
    qapp: object, ids: tuple[str, ...], parent: str | None, index: int, expected: str
) -> None:
    assert order(MoveLayers(layer_ids=ids, parent=parent, index=index).apply(three())) == expected


@pytest.mark.parametrize(
    ("ids", "up", "expected"),
    [
        ("a", True, "bag(cd)"),
        ("ab", True, "g(cd)ab"),
        ("bg", True, "abg(cd)"),
        ("ag", True, "bag(cd)"),
        ("bg", False, "bg(cd)a"),
        ("ab", False, "abg(cd)"),
        ("ac", True, "bag(dc)"),
        ("gc", False, "ag(cd)b"),
    ],
)
def test_a_step_up_or_down(qapp: object, ids: str, up: bool, expected: str) -> None:
    assert order(StepLayers(layer_ids=frozenset(ids), up=up).apply(three())) == expected


def test_several_are_deleted_or_hidden_as_one_step(qapp: object) -> None:
    before = three()
    document = Document(before)
    document.do(set_each(("a", "b"), visible=False))
    assert [layer.visible for layer in document.state.layers] == [False, False, True]
    assert (document.undo_steps, document.undo_name) == (1, "Hide layer (2)")
    document.do(removed(document.state.layers, ("a", "c", "g")))
    assert order(document.state) == "b"
    assert document.undo_name == "Delete layer (2)"
    document.undo()
    document.undo()
    assert document.state == before


def test_a_drag_over_several_is_one_step(qapp: object) -> None:
    document = Document(three())
    for percent in (90, 60, 30):
        document.do(set_each(("a", "b"), opacity=percent / 100, gesture="drag"))
    assert [layer.opacity for layer in document.state.layers] == [0.3, 0.3, 1.0]
    assert (document.undo_steps, document.undo_name) == (1, "Layer opacity (2)")
    document.do(set_each(("a",), opacity=0.2, gesture="drag"))
    assert document.undo_steps == 2, "other layers are another step"


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ("b", "a, b, b copy, Group(c, d)"),
        ("ba", "a, b, a copy, b copy, Group(c, d)"),
        ("ac", "a, a copy, b, Group(c, c copy, d)"),
        ("gd", "a, b, Group(c, d), Group copy(c, d)"),
    ],
)
def test_copies_stand_above_the_topmost_of_their_originals(
    qapp: object, ids: str, expected: str
) -> None:
    before = three()
    document = Document(before)
    document.do(duplicated(before.layers, tuple(ids)))
    assert names(document.state.layers) == expected
    found = [layer.id for layer in walk(document.state.layers)]
    assert len(set(found)) == len(found)
    assert document.state.active not in [layer.id for layer in walk(before.layers)]
    assert document.undo_steps == 1
    assert document.undo_name.startswith("Duplicate layer")
    document.undo()
    assert document.state == before


def test_one_locked_layer_holds_up_all(qapp: object) -> None:
    state = SetLayer(layer_id="b", locked=True).apply(three())
    with pytest.raises(LayerLocked, match="b"):
        removed(state.layers, ("a", "b")).apply(state)


def test_layers_take_the_place_of_their_group(qapp: object) -> None:
    document = Document(grouped(pixel("c"), GroupLayer(id="h", children=(pixel("d"),)), pixel("e")))
    before = document.state
    document.do(Ungroup(layer_id="g"))
    assert order(document.state) == "ach(d)ez"
    assert document.state.active == "e"
    assert (document.undo_steps, document.undo_name) == (1, "Ungroup")
    document.undo()
    assert document.state == before
    document.activate("h")
    document.do(Ungroup(layer_id="h"))
    assert order(document.state) == "ag(cde)z"


def test_an_empty_group_just_goes(qapp: object) -> None:
    found = Ungroup(layer_id="g").apply(grouped())
    assert (order(found), found.active) == ("az", "a")


def test_what_is_no_group_or_is_locked_is_refused(qapp: object) -> None:
    state = grouped(pixel("c"), locked=True)
    with pytest.raises(LayerLocked):
        Ungroup(layer_id="g").apply(state)
    with pytest.raises(DocumentError, match="Only a group"):
        Ungroup(layer_id="a").apply(state)


@settings(max_examples=25, deadline=None)
@given(child=layers, look=st.fixed_dictionaries(looks))
def test_a_single_layer_carries_its_group_s_look(
    qapp: object, child: Layer, look: dict[str, object]
) -> None:
    state = grouped(child, **look)
    group = find_layer(state.layers, "g")
    assert isinstance(group, GroupLayer)
    if looks_kept(group):
        assert furthest(Ungroup(layer_id="g").apply(state), state) <= 2


def test_a_sum_that_the_layer_s_opacity_dims_is_not_kept(qapp: object) -> None:
    text = TextLayer(text="Poster", size_px=8, color="#ff0000", opacity=0.5)
    state = grouped(text, blend=Blend.add)
    group = find_layer(state.layers, "g")
    assert isinstance(group, GroupLayer)
    assert not looks_kept(group)
    assert furthest(Ungroup(layer_id="g").apply(state), state) > 2


@settings(max_examples=25, deadline=None)
@given(
    children=st.lists(single_layers, min_size=2, max_size=3),
    opacity=st.sampled_from([1.0, 0.5]),
    visible=st.booleans(),
)
def test_what_is_called_kept_is_kept(
    qapp: object, children: list[Layer], opacity: float, visible: bool
) -> None:
    state = grouped(*children, opacity=opacity, visible=visible)
    group = find_layer(state.layers, "g")
    assert isinstance(group, GroupLayer)
    if looks_kept(group):
        assert furthest(Ungroup(layer_id="g").apply(state), state) <= 3


@pytest.mark.parametrize(
    "look",
    [
        {"opacity": 0.5},
        {"blend": Blend.multiply},
        {"mask": mask_of(QRect(0, 0, 20, 20))},
    ],
)
def test_several_layers_cannot_carry_it_and_keep_their_own(
    qapp: object, look: dict[str, object]
) -> None:
    state = grouped(pixel("c"), pixel("d"), **look)
    group = find_layer(state.layers, "g")
    assert isinstance(group, GroupLayer)
    assert not looks_kept(group)
    found = Ungroup(layer_id="g").apply(state)
    assert found.layers[1:3] == group.children


def test_a_mask_of_a_mask_is_not_guessed(qapp: object) -> None:
    inner = pixel("c", mask=mask_of(QRect(0, 0, 9, 9)))
    group = GroupLayer(id="g", children=(inner,), mask=mask_of(QRect(5, 5, 9, 9)))
    assert not looks_kept(group)
    assert looks_kept(dataclasses.replace(group, mask=None))


def test_grouping_and_ungrouping_is_as_before(qapp: object) -> None:
    state = three()
    group = GroupLayer(id="n")
    found = Ungroup(layer_id="n").apply(GroupLayers(layer_ids=("a", "b"), group=group).apply(state))
    assert order(found) == "abg(cd)"
    assert render(found) == render(state)
