"""Each command."""

from __future__ import annotations

import dataclasses

import pytest
from PySide6.QtCore import QPoint, QRect

from app.document import commands as cmd
from app.document.blend import Blend
from app.document.composite import render
from app.document.document import DocumentState
from app.document.errors import DocumentError, LayerLocked
from app.document.geometry import Page
from app.document.layers import (
    Align,
    GroupLayer,
    Layer,
    PixelLayer,
    TextLayer,
    find_layer,
    has_layer,
    place_of,
    walk,
    with_new_ids,
)
from app.document.selection import rectangle
from app.document.stacking import MoveLayers
from app.document.tiles import Tiles
from tests.documents import PAGE, mask_of, pixel, solid, three


def order(state: DocumentState) -> str:
    """The tree in letters: `ab(cd)`."""

    def letters(layer: Layer) -> str:
        if isinstance(layer, GroupLayer):
            return f"{layer.id}({''.join(map(letters, layer.children))})"
        return layer.id

    return "".join(map(letters, state.layers))


# --- the stack ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("active", "parent", "index", "expected"),
    [
        ("a", None, None, "aNbg(cd)"),
        ("g", None, None, "abg(cd)N"),
        (None, None, None, "abg(cd)N"),
        ("c", None, None, "abg(cNd)"),
        ("a", "g", None, "abg(cdN)"),
        ("a", "g", 0, "abg(Ncd)"),
        ("a", None, 0, "Nabg(cd)"),
    ],
)
def test_where_a_new_layer_goes(
    qapp: object, active: str | None, parent: str | None, index: int | None, expected: str
) -> None:
    state = dataclasses.replace(three(), active=active)
    found = cmd.AddLayer(layer=pixel("N"), parent=parent, index=index).apply(state)
    assert (order(found), found.active) == (expected, "N")


@pytest.mark.parametrize(
    ("layer_id", "parent", "index", "expected"),
    [
        ("a", None, 2, "bg(cd)a"),
        ("a", None, 1, "bag(cd)"),
        ("a", "g", 1, "bg(cad)"),
        ("d", None, 0, "dabg(c)"),
        ("c", "g", 1, "abg(dc)"),
        ("g", None, 0, "g(cd)ab"),
        ("b", None, 99, "ag(cd)b"),
    ],
)
def test_moving_in_the_stack(
    qapp: object, layer_id: str, parent: str | None, index: int, expected: str
) -> None:
    found = MoveLayers(layer_ids=(layer_id,), parent=parent, index=index).apply(three())
    assert order(found) == expected


def test_a_group_does_not_go_into_itself_nor_anything_into_a_picture(qapp: object) -> None:
    for layer_id, parent in (("g", "g"), ("a", "b")):
        with pytest.raises(DocumentError):
            MoveLayers(layer_ids=(layer_id,), parent=parent, index=0).apply(three())


@pytest.mark.parametrize(
    ("removed", "active", "expected"),
    [
        ("b", "b", "a"),
        ("a", "a", "b"),
        ("c", "c", "d"),
        ("g", "d", "b"),
        ("a", "b", "b"),
    ],
)
def test_which_layer_is_active_after_a_removal(
    qapp: object, removed: str, active: str, expected: str
) -> None:
    state = dataclasses.replace(three(), active=active)
    assert cmd.RemoveLayer(layer_id=removed).apply(state).active == expected


def test_without_its_layer_there_is_no_picture(qapp: object) -> None:
    state = dataclasses.replace(three(), picture="d", current_node="n")
    found = cmd.RemoveLayer(layer_id="g").apply(state)
    assert (found.picture, found.current_node) == (None, None)
    kept = cmd.RemoveLayer(layer_id="a").apply(state)
    assert (kept.picture, kept.current_node) == ("d", "n")


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [(("a", "b"), "N(ab)g(cd)"), (("b", "a"), "N(ab)g(cd)"), (("a", "d"), "bg(cN(ad))"),
     (("g", "c"), "abN(g(cd))"), ((), "abg(cd)")],
)  # fmt: skip
def test_grouping(qapp: object, chosen: tuple[str, ...], expected: str) -> None:
    found = cmd.GroupLayers(layer_ids=chosen, group=GroupLayer(id="N")).apply(three())
    assert order(found) == expected


def test_a_copy_has_ids_of_its_own(qapp: object) -> None:
    group = find_layer(three().layers, "g")
    copy = with_new_ids(group)
    ids = {layer.id for layer in walk((copy,))}
    assert len(ids) == 3
    assert not ids & {layer.id for layer in walk((group,))}
    assert render(DocumentState(page=PAGE, layers=(copy,))) == render(
        DocumentState(page=PAGE, layers=(group,))
    )


def test_place_and_path(qapp: object) -> None:
    layers = three().layers
    assert [place_of(layers, name) for name in "abgd"] == [
        (None, 0),
        (None, 1),
        (None, 2),
        ("g", 1),
    ]
    assert not has_layer(layers, None)


# --- single layers -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (cmd.SetLayer(layer_id="a", visible=False), "Hide layer"),
        (cmd.SetLayer(layer_id="a", visible=True), "Show layer"),
        (cmd.SetLayer(layer_id="a", locked=True), "Lock layer"),
        (cmd.SetLayer(layer_id="a", opacity=0.5), "Layer opacity"),
        (cmd.SetLayer(layer_id="a", blend=Blend.screen), "Blend mode"),
        (cmd.SetLayer(layer_id="a", new_name="x"), "Rename layer"),
        (cmd.SetSelection(selection=None), "Deselect"),
        (cmd.SetMask(layer_id="a", mask=None), "Remove mask"),
        (cmd.AddLayer(layer=TextLayer()), "Add text"),
        (cmd.AddLayer(layer=GroupLayer()), "Add group"),
    ],
)
def test_names(command: cmd.Command, name: str) -> None:
    assert command.name() == name


def test_moving_a_group_moves_all_of_it(qapp: object) -> None:
    masked = cmd.SetMask(layer_id="g", mask=mask_of(QRect(5, 5, 20, 20))).apply(three())
    found = cmd.OffsetLayer(layer_id="g", dx=30, dy=-4).apply(masked)
    for name in "gcd":
        layer = find_layer(found.layers, name)
        assert (layer.x, layer.y) == (30, -4)
    only = [dataclasses.replace(state, layers=state.layers[2:]) for state in (masked, found)]
    assert render(only[0], QRect(5, 5, 20, 20)) == render(only[1], QRect(35, 1, 20, 20))


@pytest.mark.parametrize(
    "command",
    [
        cmd.RemoveLayer(layer_id="c"),
        cmd.OffsetLayer(layer_id="c", dx=1, dy=0),
        cmd.SetLayer(layer_id="c", opacity=0.5),
        cmd.SetMask(layer_id="c", mask=None),
        cmd.PaintTiles(layer_id="c", image=solid(3, 3, "red"), at=QPoint(0, 0)),
    ],
)
def test_a_locked_layer_and_a_locked_group_refuse(qapp: object, command: cmd.Command) -> None:
    for locked in ("c", "g"):
        state = cmd.SetLayer(layer_id=locked, locked=True, new_name="Sky").apply(three())
        with pytest.raises(LayerLocked, match="Sky"):
            command.apply(state)
    hidden = cmd.SetLayer(layer_id="g", visible=False).apply(state)
    assert not find_layer(hidden.layers, "g").visible


def test_painting_lands_where_it_is_seen(qapp: object) -> None:
    state = DocumentState(page=PAGE, layers=(PixelLayer(id="p", x=70, y=-30),))
    found = cmd.PaintTiles(layer_id="p", image=solid(9, 9, "red"), at=QPoint(100, 50)).apply(state)
    seen = render(found)
    assert seen.pixelColor(100, 50).name() == seen.pixelColor(108, 58).name() == "#ff0000"
    assert seen.pixelColor(99, 50).name() == seen.pixelColor(109, 58).name() == "#ffffff"


def test_painting_on_a_mask_hides(qapp: object) -> None:
    layer = PixelLayer(
        id="p", tiles=Tiles.from_image(solid(80, 80, "red")), mask=mask_of(QRect(0, 0, 80, 80))
    )
    state = DocumentState(page=PAGE, layers=(layer,))
    black = solid(10, 10, "black")
    found = cmd.PaintTiles(layer_id="p", image=black, at=QPoint(20, 20), on_mask=True).apply(state)
    assert render(found).pixelColor(25, 25).name() == "#ffffff"
    assert render(found).pixelColor(35, 25).name() == "#ff0000"


def test_only_what_has_pixels_is_painted_on(qapp: object) -> None:
    for on_mask in (False, True):
        dab = cmd.PaintTiles(
            layer_id="g", image=solid(3, 3, "red"), at=QPoint(0, 0), on_mask=on_mask
        )
        with pytest.raises(DocumentError, match="pixel layer"):
            dab.apply(three())


def test_editing_text(qapp: object) -> None:
    state = DocumentState(page=PAGE, layers=(TextLayer(id="t", text="Ink", width_px=80),))
    found = cmd.EditText(layer_id="t", text="Stone", align=Align.right, bold=False).apply(state)
    layer = find_layer(found.layers, "t")
    assert isinstance(layer, TextLayer)
    assert (layer.text, layer.align, layer.width_px) == ("Stone", Align.right, 80)
    free = cmd.EditText(layer_id="t", set_width=True).apply(found)
    assert find_layer(free.layers, "t") == dataclasses.replace(layer, width_px=None)
    with pytest.raises(DocumentError, match="no text"):
        cmd.EditText(layer_id="a", text="x").apply(three())


def test_a_selection_stays_on_the_page(qapp: object) -> None:
    found = cmd.SetSelection(selection=rectangle(QRect(-50, -50, 100, 100))).apply(three())
    assert found.selection is not None
    assert found.selection.bounds == QRect(0, 0, 50, 50)
    off = cmd.SetSelection(selection=rectangle(QRect(900, 0, 5, 5))).apply(found)
    assert off.selection is None


def test_another_page_cuts_no_layer(qapp: object) -> None:
    smaller = Page(width=10, height=10)
    found = cmd.SetPage(page=smaller, dx=-5, dy=-5).apply(three())
    back = cmd.SetPage(page=PAGE, dx=5, dy=5).apply(found)
    assert render(back) == render(three())
    assert render(found) == render(three(), QRect(5, 5, 10, 10))


@pytest.mark.parametrize(
    "wrong",
    [{"size_px": 0}, {"size_px": 5000}, {"width_px": 0}, {"line_spacing": 0.0}, {"opacity": 1.5}],
)
def test_impossible_layers_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"outside"):
        TextLayer(**wrong)
