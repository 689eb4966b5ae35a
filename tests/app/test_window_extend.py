"""A page that grew, in the window: the offer, the words, what is painted, and what stays."""

from __future__ import annotations

import dataclasses

from PySide6.QtCore import QPoint, QRect

from app.dialogs.extend import ExtendDialog
from app.dialogs.page import PageDialog
from app.document.commands import AddLayer, SetPage
from app.document.composite import render
from app.document.extending import picture_area
from app.document.layers import PixelLayer, TextLayer
from app.document.tiles import Tiles
from app.run import Root
from model.requests import Outpaint
from tests.app.test_window_split import messages
from tests.documents import noise
from tests.fakes import DESCRIPTION, OUTPAINTING, do
from tests.studio import Studio, accept


def open_with_outpaint(studio: Studio, *starts: dict) -> Root:
    root = studio.open(*starts)
    root.workspace.generation.models = (OUTPAINTING,)
    root.workspace.generation.choose(OUTPAINTING, keep=True)
    return root


def larger_page(studio: Studio, anchor: int = 4) -> None:
    def fill(dialog: PageDialog) -> None:
        dialog.width_box.setValue(100)
        dialog.height_box.setValue(80)
        dialog.anchor._group.button(anchor).click()

    asked = accept(PageDialog, fill)
    studio.trigger("page")
    assert asked


def extend(studio: Studio, words: str | None = None) -> tuple[str, str]:
    """The words that stood there first, and the new step."""
    assert studio.root is not None
    workspace = studio.root.workspace
    count = len(workspace.tree.nodes)
    seen: list[str] = []

    def fill(dialog: ExtendDialog) -> None:
        seen.append(dialog.words)
        if words is not None:
            dialog.prompt.setPlainText(words)

    accept(ExtendDialog, fill)
    studio.trigger("extend")
    studio.wait(lambda: len(workspace.tree.nodes) > count and not workspace.jobs.is_busy)
    return seen[0], list(workspace.tree.nodes)[-1]


def test_the_page_grows_and_the_picture_after_it(studio: Studio) -> None:
    root = open_with_outpaint(studio)
    workspace, document = root.workspace, root.workspace.document
    first = studio.make("a poster")
    action = root.window.actions_table["extend"]
    assert not action.isEnabled()
    assert "covers the page already" in action.toolTip()
    picture = render(document.state)
    larger_page(studio)
    assert document.undo_name == "Change page"
    assert "larger than the picture" in messages(root)
    assert action.isEnabled()
    assert "\n" not in action.toolTip()
    grown = document.state
    at = picture_area(grown)
    assert at == QRect(18, 8, 64, 64)
    assert render(grown, at) == picture

    words, step = extend(studio)
    assert words == "a poster", "what the picture was said to show"
    assert picture_area(document.state) == QRect(0, 0, 100, 80)
    assert render(document.state, at) == picture
    assert root.window.status.outside.text() == "0 px changed outside"
    node = workspace.tree.node(step)
    assert (node.parent, node.name) == (first, "Extended to 100 × 80 px")
    assert document.state.current_node == step
    request = node.request
    assert isinstance(request, Outpaint)
    assert (request.left, request.right, request.top, request.bottom) == (18, 18, 8, 8)
    assert len(document.state.layers) == 1
    assert not action.isEnabled()
    studio.trigger("undo")
    assert document.state == grown
    assert root.window.status.outside.text() == "", "it was said of the step that is gone"
    studio.trigger("undo")
    assert render(document.state) == picture


def test_the_anchor_decides_where_it_grows(studio: Studio) -> None:
    root = open_with_outpaint(studio)
    studio.make("a poster")
    larger_page(studio, anchor=0)
    assert picture_area(root.workspace.document.state) == QRect(0, 0, 64, 64)


def test_a_smaller_page_offers_nothing(studio: Studio) -> None:
    root = open_with_outpaint(studio)
    studio.make("a poster")
    accept(PageDialog, lambda dialog: dialog.width_box.setValue(40))
    studio.trigger("page")
    assert root.workspace.document.state.page.width == 40
    assert messages(root) == ""


def test_an_opened_picture_gets_a_layer_below_live_text(studio: Studio) -> None:
    root = open_with_outpaint(studio)
    document = root.workspace.document
    image = noise(30, 20, 2, opaque=True)
    layer = PixelLayer(id="own", tiles=Tiles.from_image(image, QPoint(0, 0)), x=5, y=6)
    document.do(AddLayer(layer=layer))
    document.do(AddLayer(layer=TextLayer(id="t", text="OPEN", size_px=12)))
    words, _ = extend(studio, "a beach")
    assert "Continue the picture" in words, "the model follows instructions"
    assert [found.id for found in document.state.layers][::2] == ["own", "t"]
    without_text = dataclasses.replace(document.state, layers=document.state.layers[:2])
    assert render(without_text, QRect(5, 6, 30, 20)) == image


def test_nothing_to_say_is_asked_for(studio: Studio) -> None:
    root = open_with_outpaint(studio)
    studio.make("a poster")
    larger_page(studio)
    seen: list[str] = []

    def fill(dialog: ExtendDialog) -> None:
        dialog.prompt.setPlainText(" ")
        dialog.accept()
        seen.append(dialog.problem.text())
        dialog.reject()

    accept(ExtendDialog, fill)
    studio.trigger("extend")
    assert seen == ["Say in a few words what the picture shows."]
    assert not root.workspace.jobs.is_busy


def test_without_a_model_that_can_it_is_said(studio: Studio) -> None:
    root = studio.open()
    studio.make("a poster")
    larger_page(studio)
    assert root.workspace.generation.model == DESCRIPTION
    studio.trigger("extend")
    assert "can extend a picture" in messages(root)


def test_a_page_that_changes_meanwhile_keeps_the_picture(studio: Studio) -> None:
    slow = {"run": [do("wait", ms=700), do("reply")]}
    root = open_with_outpaint(studio, slow)
    studio.make("a poster")
    larger_page(studio)
    document = root.workspace.document
    accept(ExtendDialog, lambda dialog: None)
    studio.trigger("extend")
    count = len(root.workspace.tree.nodes)
    page = dataclasses.replace(document.state.page, width=140)
    document.do(SetPage(page=page, dx=31))
    at = picture_area(document.state)
    picture = render(document.state, at)
    studio.wait(lambda: len(root.workspace.tree.nodes) > count)
    studio.wait(lambda: picture_area(document.state) == page.rect)
    assert render(document.state, at) == picture
