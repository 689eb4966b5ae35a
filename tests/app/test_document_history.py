"""The edit tree: nodes, branches, and the pictures that regions on a path make together."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, QRect, QSize
from PySide6.QtGui import QColor, QImage, QPainter

from app.document.errors import UnknownNode
from app.document.history import EditTree
from app.document.tiles import Mode, PixelKind
from tests.documents import array, node, noise, solid

regions = st.builds(
    QRect, st.integers(0, 40), st.integers(0, 20), st.integers(1, 20), st.integers(1, 20)
)


@pytest.fixture
def tree(qapp: object) -> EditTree:
    """a - b - d, a - c; and e, another root."""
    root = solid(60, 40, "#101010")
    return EditTree(
        [
            node("a", None, root),
            node("b", "a", solid(10, 10, "#ff0000"), QPoint(5, 5)),
            node("c", "a", solid(10, 10, "#00ff00"), QPoint(20, 20)),
            node("d", "b", solid(10, 10, "#0000ff"), QPoint(10, 10)),
            node("e", None, solid(60, 40, "#ffffff")),
        ]
    )


def test_reading_the_tree(tree: EditTree) -> None:
    assert [found.id for found in tree.roots()] == ["a", "e"]
    assert [found.id for found in tree.children_of("a")] == ["b", "c"]
    assert [found.id for found in tree.path("d")] == ["a", "b", "d"]
    assert list(tree.nodes) == ["a", "b", "c", "d", "e"]


def test_pictures_along_a_branch(tree: EditTree) -> None:
    spots = {"a": (7, 7), "b": (7, 7), "c": (7, 7), "d": (12, 12)}
    found = {name: tree.picture_at(name).pixelColor(*spot).name() for name, spot in spots.items()}
    assert found == {"a": "#101010", "b": "#ff0000", "c": "#101010", "d": "#0000ff"}
    assert tree.picture_at("d").pixelColor(6, 6).name() == "#ff0000"
    assert tree.picture_at("e") == solid(60, 40, "#ffffff")


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(regions, st.integers(0, 9)), max_size=8))
def test_a_picture_is_what_was_painted_on_the_way(
    qapp: object, edits: list[tuple[QRect, int]]
) -> None:
    oracle = noise(60, 40, 99)
    tree = EditTree([node("0", None, oracle.copy())])
    for step, (region, seed) in enumerate(edits):
        image = noise(region.width(), region.height(), seed)
        tree.add(node(str(step + 1), str(step), image, region.topLeft()))
        with QPainter(oracle) as painter:
            painter.setCompositionMode(Mode.CompositionMode_Source)
            painter.drawImage(region.topLeft(), image)
    assert tree.picture_at(str(len(edits))) == oracle


def test_after_another_page_size_a_picture_stands_for_itself(tree: EditTree) -> None:
    tree.add(node("f", "d", noise(80, 30, 1), size=QSize(80, 30)))
    tree.add(node("g", "f", solid(5, 5, "red"), QPoint(70, 0), QSize(80, 30)))
    picture = tree.picture_at("g")
    assert picture.size() == QSize(80, 30)
    assert (array(picture)[:, :70] == array(noise(80, 30, 1))[:, :70]).all()


def test_a_picture_of_another_format_comes_out_the_same(qapp: object) -> None:
    image = QImage(60, 40, QImage.Format.Format_RGB888)
    image.fill(QColor("#123456"))
    found = EditTree([node("a", None, image)]).picture_at("a")
    assert found.format() is PixelKind.color.value
    assert (array(found)[..., :3] == np.array([0x12, 0x34, 0x56])).all()


def test_adding_naming_and_pinning_are_told(tree: EditTree) -> None:
    told: list[str] = []
    tree.changed.connect(told.append)
    tree.add(node("f", "d", solid(4, 4, "red")))
    tree.rename("f", "the red one")
    tree.rename("f", "the red one")
    tree.pin("f", True)
    assert told == ["f", "f", "f"]
    assert (tree.node("f").name, tree.node("f").pinned) == ("the red one", True)
    assert list(tree.nodes)[-1] == "f"


def test_unknown_nodes_are_refused(tree: EditTree) -> None:
    for ask in (tree.node, tree.path, tree.picture_at):
        with pytest.raises(UnknownNode):
            ask("nobody")
    with pytest.raises(UnknownNode):
        tree.add(node("x", "nobody", solid(4, 4, "red")))
    with pytest.raises(UnknownNode):
        EditTree([node("x", "nobody", solid(4, 4, "red"))])
    assert "x" not in tree.nodes


def test_a_node_s_region_lies_in_its_picture(qapp: object) -> None:
    with pytest.raises(ValueError, match="outside"):
        node("x", None, solid(10, 10, "red"), QPoint(55, 0))
    with pytest.raises(ValueError, match="size"):
        dataclasses.replace(node("x", None, solid(10, 10, "red")), region=QRect(0, 0, 9, 9))
