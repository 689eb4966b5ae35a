"""What an edit sends and what its result replaces: inside the mask the result, outside nothing."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, QRect
from PySide6.QtGui import QColor, QImage

from app.document import edits
from app.document.blend import Blend
from app.document.commands import SetLayer
from app.document.composite import render
from app.document.document import Document
from app.document.geometry import Page
from app.document.history import EditTree
from app.document.layers import GroupLayer, Layer, PixelLayer, TextLayer, find_layer, walk
from app.document.selection import Selection, feathered, rectangle
from app.document.state import DocumentState
from app.document.tiles import PixelKind, Tiles
from tests.documents import PAGE, array, grey, mask_of, node, noise, raw, rects, solid, states

SPOT = QRect(40, 50, 90, 70)
RESULT_SEED = 77


def result(page: Page = PAGE) -> QImage:
    return noise(page.width, page.height, RESULT_SEED, opaque=True)


def picture(**look: object) -> PixelLayer:
    image = noise(PAGE.width, PAGE.height, 5, opaque=True)
    return PixelLayer(id="p", tiles=Tiles.from_image(image), **look)


def state(*layers: Layer, **rest: object) -> DocumentState:
    return DocumentState(page=PAGE, layers=layers, picture="p", current_node="n0", **rest)


def stacked(over: Layer) -> DocumentState:
    return state(picture(), over)


def inside(rect: QRect) -> tuple[slice, slice]:
    return slice(rect.top(), rect.bottom() + 1), slice(rect.left(), rect.right() + 1)


# --- what is sent ------------------------------------------------------------------------------


def test_an_edit_sends_what_is_seen_on_white(qapp: object) -> None:
    page = Page(width=30, height=20, background=None)
    half = PixelLayer(tiles=Tiles.from_image(solid(10, 20, QColor(255, 0, 0, 255))))
    sent = edits.source_for_edit(DocumentState(page=page, layers=(half,)))
    assert [sent.pixelColor(x, 5).name() for x in (5, 15)] == ["#ff0000", "#ffffff"]
    assert not sent.hasAlphaChannel()


def test_where_an_edit_may_change(qapp: object) -> None:
    masked = picture(mask=mask_of(QRect(0, 0, 50, 40)), x=10, y=20)
    chosen = rectangle(SPOT)
    assert edits.mask_for(state(picture(), active="p")) is None
    assert edits.mask_for(state(masked)) is None
    found = edits.mask_for(state(masked, active="p"))
    assert found is not None
    assert found.bounds == QRect(10, 20, 50, 40)
    assert edits.mask_for(state(masked, active="p", selection=chosen)) == chosen
    soft = edits.mask_for(state(picture(), selection=chosen), feather_px=8)
    assert soft is not None
    assert soft.image(PAGE.rect) == feathered(chosen, 8, PAGE.rect).image(PAGE.rect)


# --- results -----------------------------------------------------------------------------------


def test_the_first_picture_makes_the_layer(qapp: object) -> None:
    empty = DocumentState(page=PAGE)
    placed = edits.place_picture(empty, result(), base=None)
    after = placed.command("n1").apply(empty)
    assert render(after) == result()
    assert [layer.id for layer in after.layers] == [after.picture] == [after.active]
    assert after.current_node == "n1"
    assert (placed.region, placed.image) == (PAGE.rect, result())


@pytest.mark.parametrize(
    ("size", "expected"),
    [((300, 280), QRect(0, 0, 300, 280)), ((150, 140), QRect(0, 0, 300, 280))],
)
def test_a_result_covers_the_page(qapp: object, size: tuple[int, int], expected: QRect) -> None:
    found = edits.fitted_to_page(solid(*size, "#336699"), PAGE)
    assert found.rect() == expected
    assert (array(found) == (0x33, 0x66, 0x99, 255)).all()


def test_a_result_of_another_shape_is_cut_evenly(qapp: object) -> None:
    """White with a red middle third: the middle stays in the middle."""
    wide = solid(600, 280, "white").convertToFormat(QImage.Format.Format_RGB888)
    for x in range(200, 400):
        for y in range(280):
            wide.setPixelColor(x, y, QColor("red"))
    found = array(edits.fitted_to_page(wide, PAGE))
    red = (found[100, :, 1] < 128).nonzero()[0]
    assert (red.min(), red.max()) == (50, 249)


@pytest.mark.parametrize(
    "over",
    [
        None,
        TextLayer(text="far away", size_px=20, x=150, y=240),
        PixelLayer(tiles=Tiles.from_image(solid(300, 280, "red")), visible=False),
    ],
)
def test_an_uncovered_picture_is_painted_through_the_mask(qapp: object, over: Layer | None) -> None:
    before = state(picture()) if over is None else stacked(over)
    placed = edits.place_result(before, result(), mask=rectangle(SPOT), base=None)
    after = placed.command("n1").apply(before)
    assert len(after.layers) == len(before.layers)
    assert after.picture == "p"
    seen = raw(render(before))
    seen[inside(SPOT)] = raw(result())[inside(SPOT)]
    assert (raw(render(after)) == seen).all()


@pytest.mark.parametrize(
    "before",
    [
        pytest.param(lambda: stacked(TextLayer(text="HEADLINE", size_px=60, y=40)), id="covered"),
        pytest.param(lambda: state(picture(opacity=0.5)), id="translucent"),
        pytest.param(lambda: state(picture(blend=Blend.multiply)), id="blended"),
        pytest.param(lambda: state(picture(locked=True)), id="locked"),
        pytest.param(lambda: state(picture(visible=False)), id="hidden"),
        pytest.param(lambda: state(picture(mask=mask_of(QRect(0, 0, 99, 99)))), id="masked"),
        pytest.param(
            lambda: state(GroupLayer(children=(picture(),), opacity=0.5)), id="in a group"
        ),
        pytest.param(lambda: DocumentState(page=PAGE, layers=(picture(),)), id="no picture"),
    ],
)
def test_otherwise_the_result_lies_on_top_of_all(qapp: object, before: object) -> None:
    old = before()
    placed = edits.place_result(old, result(), mask=rectangle(SPOT), base=None)
    after = placed.command("n1").apply(old)
    assert after.layers[:-1] == old.layers
    assert after.picture == after.layers[-1].id != "p"
    seen = raw(render(old))
    seen[inside(SPOT)] = raw(result())[inside(SPOT)]
    assert (raw(render(after)) == seen).all()
    assert placed.picture == render(after)


@settings(max_examples=40, deadline=None)
@given(states(), st.data())
def test_outside_the_mask_nothing_changes_and_inside_is_the_result(
    qapp: object, before: DocumentState, data: st.DataObject
) -> None:
    pixels = [layer.id for layer in walk(before.layers) if isinstance(layer, PixelLayer)]
    chosen = data.draw(st.sampled_from([None, *pixels]))
    before = dataclasses.replace(before, picture=chosen)
    area = data.draw(rects)
    assume(not area.intersected(PAGE.rect).isEmpty())
    mask = feathered(rectangle(area), data.draw(st.integers(0, 20)), PAGE.rect)
    if data.draw(st.booleans()):
        mask = Selection(Tiles.from_image(grey(90, 60), area.topLeft(), PixelKind.grey))
    placed = edits.place_result(before, result(), mask=mask, base=None)
    after = placed.command("n1").apply(before)
    alpha = array(mask.image(PAGE.rect))[..., 0]
    old, new = raw(render(before)), raw(render(after))
    assert (old == new)[alpha == 0].all()
    assert (new == raw(result()))[alpha == 255].all()
    assert placed.changed_outside == 0
    mixed = (alpha > 0) & (alpha < 255)
    weight = alpha[..., None] / 255
    expected = weight * raw(result()) + (1 - weight) * old
    assert np.abs(new - expected)[mixed].max(initial=0) <= 2


def test_without_a_mask_the_whole_page_is_the_result(qapp: object) -> None:
    for over in (TextLayer(text="HEADLINE", size_px=60), TextLayer(text="")):
        before = stacked(over)
        after = (
            edits.place_result(before, result(), mask=None, base=None).command("n").apply(before)
        )
        assert render(after) == result()
        assert find_layer(after.layers, over.id) == over


def test_untouched_tiles_stay_the_same_objects(qapp: object) -> None:
    before = state(picture())
    placed = edits.place_result(before, result(), mask=rectangle(QRect(9, 9, 9, 9)), base=None)
    old, new = picture_tiles(before), placed.placing.layer.tiles
    assert new.tile((1, 0)) is old.tile((1, 0))
    assert new.tile((0, 0)) is not old.tile((0, 0))


def test_a_moved_picture_layer_is_met_where_it_lies(qapp: object) -> None:
    before = state(picture(x=-30, y=25))
    placed = edits.place_result(before, result(), mask=rectangle(SPOT), base=None)
    after = placed.command("n1").apply(before)
    assert after.layers[0].id == "p"
    assert (raw(render(after)) == raw(result()))[inside(SPOT)].all()
    whole = edits.place_picture(before, result(), base=None).command("n2").apply(before)
    assert render(whole) == result()


def test_words_alone_stay_below_live_text(qapp: object) -> None:
    text = TextLayer(text="HEADLINE", size_px=60, color="#ff00ff")
    for before in (stacked(text), DocumentState(page=PAGE, layers=(text,))):
        after = edits.place_picture(before, result(), base=None).command("n").apply(before)
        assert after.layers[-1] == text
        assert after.picture == after.layers[0].id
    hidden = state(picture(visible=False), text)
    after = edits.place_picture(hidden, result(), base=None).command("n").apply(hidden)
    assert [layer.id for layer in after.layers] == ["p", after.picture, text.id]
    opened = DocumentState(page=PAGE, layers=(picture(), text))
    after = edits.place_picture(opened, result(), base=None).command("n").apply(opened)
    assert [layer.id for layer in after.layers] == ["p", after.picture, text.id]


def test_a_selection_off_the_page_changes_nothing(qapp: object) -> None:
    before = state(picture())
    placed = edits.place_result(before, result(), mask=rectangle(QRect(999, 0, 5, 5)), base=None)
    assert render(placed.command("n").apply(before)) == render(before)


# --- nodes -------------------------------------------------------------------------------------


def test_an_edit_is_stored_as_the_region_that_changed(qapp: object) -> None:
    before = state(picture())
    base = render(before)
    placed = edits.place_result(before, result(), mask=rectangle(SPOT), base=base)
    assert placed.region == SPOT
    assert placed.image == result().copy(SPOT)
    same = edits.place_result(before, base, mask=None, base=base)
    assert same.region.size().width() == same.image.width() == 1


def test_a_base_of_another_size_is_no_base(qapp: object) -> None:
    placed = edits.place_picture(state(picture()), result(), base=noise(20, 20))
    assert placed.region == PAGE.rect


def test_steps_through_the_tree(qapp: object) -> None:
    """Generate, edit inside a selection, go back, branch, and undo all of it."""
    document, tree = Document(DocumentState(page=PAGE)), EditTree()
    start = document.state

    def place(name: str, placed: edits.PlacedResult) -> QImage:
        parent = document.state.current_node
        tree.add(node(name, parent, placed.image, placed.region.topLeft(), PAGE.rect.size()))
        document.do(placed.command(name))
        assert tree.picture_at(name) == placed.picture
        return render(document.state)

    first = place("a", edits.place_picture(document.state, result(), base=None))
    changes = [noise(300, 280, seed, opaque=True) for seed in (1, 2)]
    soft = feathered(rectangle(SPOT), 9, PAGE.rect)
    second = place(
        "b", edits.place_result(document.state, changes[0], mask=soft, base=tree.picture_at("a"))
    )
    assert second == tree.picture_at("b") != first
    document.do(edits.make_current(document.state, "a", tree.picture_at("a")))
    assert (render(document.state), document.state.current_node) == (first, "a")
    third = place(
        "c", edits.place_result(document.state, changes[1], mask=soft, base=tree.picture_at("a"))
    )
    assert [found.id for found in tree.children_of("a")] == ["b", "c"]
    document.do(edits.make_current(document.state, "b", tree.picture_at("b")))
    assert render(document.state) == second
    for expected in (third, first, second, first):
        document.undo()
        assert render(document.state) == expected
    document.undo()
    assert document.state is start
    assert len(tree.nodes) == 3


def test_going_to_a_node_shares_the_tiles_that_are_equal(qapp: object) -> None:
    before = state(picture())
    other = render(before).copy()
    other.setPixelColor(290, 5, QColor("red"))
    after = edits.make_current(before, "n1", other).apply(before)
    old, new = picture_tiles(before), picture_tiles(after)
    assert new.tile((0, 0)) is old.tile((0, 0))
    assert new.tile((1, 0)) is not old.tile((1, 0))


def test_a_locked_picture_is_not_replaced(qapp: object) -> None:
    before = SetLayer(layer_id="p", locked=True).apply(state(picture()))
    for command in (
        edits.make_current(before, "n1", result()),
        edits.place_picture(before, result(), base=None).command("n1"),
    ):
        after = command.apply(before)
        assert after.layers[0] == before.layers[0]
        assert render(after) == result()


def test_measuring_sees_what_changed_outside(qapp: object) -> None:
    """The count must be able to say something other than 0."""
    before, after = noise(300, 280, 1), noise(300, 280, 1)
    for spot in (QPoint(0, 0), QPoint(299, 279), QPoint(50, 60)):
        after.setPixelColor(spot, QColor(1, 2, 3))
    assert edits.count_changed_outside(before, after, rectangle(SPOT)) == 2
    assert edits.changed_region(before, after) == PAGE.rect
    assert edits.changed_region(before, before) == QRect()


def picture_tiles(found: DocumentState) -> Tiles:
    layer = found.picture_layer
    assert isinstance(layer, PixelLayer)
    return layer.tiles
