"""A split picture in the document: one group that shows the same, in place of what it was."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QRect
from PySide6.QtGui import QImage

from app.document import edits
from app.document.composite import render
from app.document.document import Document
from app.document.geometry import Page
from app.document.layers import GroupLayer, Layer, PixelLayer, TextLayer, find_layer
from app.document.placing import PlaceSplit, SetCurrentNode
from app.document.splitting import Split, place_split, split
from app.document.state import DocumentState
from app.document.tiles import Tiles
from tests.documents import PAGE, array, mask_of, noise, solid


def picture(**look: object) -> PixelLayer:
    image = noise(PAGE.width, PAGE.height, 5, opaque=True)
    return PixelLayer(id="p", tiles=Tiles.from_image(image), **look)


def state(*layers: Layer, **rest: object) -> DocumentState:
    return DocumentState(page=PAGE, layers=layers, picture="p", current_node="n0", **rest)


def taken(before: DocumentState, layers: int = 2, page: Page = PAGE) -> Split:
    """Layers of another size than the picture, as a model gives them."""
    return split(page, edits.source_for_edit(before), [noise(64, 64, k) for k in range(layers)])


def placed(before: DocumentState, found: Split) -> tuple[PlaceSplit, DocumentState]:
    command = dataclasses.replace(place_split(before, found), node="s")
    return command, command.apply(before)


def test_a_picture_that_lies_alone_becomes_a_group_in_its_place(qapp: object) -> None:
    before = state(picture(), active="p")
    document = Document(before)
    document.do(placed(before, taken(before))[0])
    after = document.state
    (group,) = after.layers
    assert isinstance(group, GroupLayer)
    assert [layer.name for layer in group.children] == ["Layer 1", "Layer 2", "Correction"]
    assert (group.id, after.picture, after.active, after.current_node) == ("p", "p", "p", "s")
    assert np.array_equal(array(render(after)), array(render(before)))
    assert document.undo_name == "Split into layers"
    document.undo()
    assert document.state == before


@pytest.mark.parametrize(
    "layers",
    [
        (picture(), TextLayer(id="t", text="OPEN", size_px=60, x=20, y=20)),
        (picture(opacity=0.5),),
        (picture(mask=mask_of(QRect(0, 0, 99, 99))),),
        (picture(locked=True),),
        (PixelLayer(id="own", tiles=Tiles.from_image(noise(300, 280, 9, opaque=True))),),
    ],
)
def test_otherwise_it_lies_on_top_and_what_it_shows_is_hidden(
    qapp: object, layers: tuple[Layer, ...]
) -> None:
    before = state(*layers)
    _, after = placed(before, taken(before))
    *below, group = after.layers
    assert isinstance(group, GroupLayer)
    assert after.picture == group.id
    assert [layer.id for layer in below] == [layer.id for layer in layers], "nothing is deleted"
    assert not any(layer.visible for layer in below)
    assert np.array_equal(array(render(after)), array(render(before)))


def test_the_whole_is_exact_on_a_page_of_another_size(qapp: object) -> None:
    before = state(picture())
    page = Page(width=400, height=280)
    found = taken(before, page=page)
    shown = render(DocumentState(page=page, layers=(found.group,)))
    whole = edits.fitted_to_page(edits.source_for_edit(before), page)
    assert np.array_equal(array(shown), array(whole))


def test_a_poor_split_is_told_from_one_that_is_only_inexact(qapp: object) -> None:
    grey = solid(40, 30, "#808080")
    near = split(Page(width=40, height=30), grey, [solid(40, 30, "#848484")])
    assert (near.share, near.visible, near.is_poor) == (1.0, 0.0, False)
    far = split(Page(width=40, height=30), grey, [solid(40, 30, "#c08080")])
    assert (far.share, far.visible, far.is_poor) == (1.0, 1.0, True)


def after_split() -> DocumentState:
    before = state(picture(), TextLayer(id="t", text="x", visible=False))
    return placed(before, taken(before))[1]


def test_another_step_takes_the_group_s_place_and_the_group_that_of_the_step(qapp: object) -> None:
    old = noise(PAGE.width, PAGE.height, 8, opaque=True)
    begun = after_split()
    child = begun.layers[0].children[0].id  # type: ignore[union-attr]
    begun = dataclasses.replace(begun, active=child)
    after = edits.make_current(begun, "n0", old).apply(begun)
    assert render(after) == old
    layer = find_layer(after.layers, "p")
    assert isinstance(layer, PixelLayer)
    assert (layer.name, after.active, len(after.layers)) == ("Picture", "p", 2)
    back = place_split(after, taken(after))
    again = SetCurrentNode(node="s", layer=back.layer, index=back.index, hides=back.hides)
    assert [layer.id for layer in again.apply(after).layers] == ["p", "t"]


def test_an_edit_of_a_split_picture_lies_above_the_layers(qapp: object) -> None:
    before = after_split()
    result = noise(PAGE.width, PAGE.height, 3, opaque=True)
    after = edits.place_result(before, result, mask=None, base=None).command("n").apply(before)
    assert render(after) == result
    assert find_layer(after.layers, "p") is before.layers[0], "the layers stay as they were"


def test_a_new_picture_is_never_made_below_the_group(qapp: object) -> None:
    before = dataclasses.replace(after_split(), picture=None)
    result: QImage = noise(PAGE.width, PAGE.height, 3, opaque=True)
    after = edits.place_picture(before, result, base=None).command("n").apply(before)
    assert render(after) == result


def test_layers_move_with_the_page(qapp: object) -> None:
    from app.document.commands import SetPage

    before = after_split()
    page = Page(width=PAGE.width + 20, height=PAGE.height)
    after = SetPage(page=page, dx=10).apply(before)
    at = QRect(QPoint(10, 0), PAGE.rect.size())
    assert render(after, at) == render(before)
