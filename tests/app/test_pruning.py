"""Steps taken out of the history: what goes, what is refused, undo, and the file."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QRect, QSize

from app.document.document import Document
from app.document.errors import CannotPrune, UnknownNode
from app.document.history import EditTree, Node
from app.document.pruning import PruneNodes, branch, standing, standing_nodes
from app.document.state import DocumentState
from app.store.project import Project
from tests.app.documents import image, node, plain, simple_state
from tests.documents import PAGE

SIDE = 200


@pytest.fixture
def tree(qapp: object) -> EditTree:
    """a - b - d, a - c; and e, another root."""
    parents = {"a": None, "b": "a", "c": "a", "d": "b", "e": None}
    return EditTree(node(parent, id=name, name=name) for name, parent in parents.items())


def names(nodes: tuple[Node, ...]) -> str:
    return "".join(found.id for found in nodes)


def state_at(current: str | None, pruned: str = "") -> DocumentState:
    return DocumentState(page=PAGE, current_node=current, pruned=frozenset(pruned))


@pytest.mark.parametrize(
    ("current", "pruned", "chosen", "expected"),
    [
        ("e", "", "a", "abcd"),
        ("e", "", "b", "bd"),
        ("c", "", "b", "bd"),
        ("c", "", "e", "e"),
        (None, "", "e", "e"),
        ("e", "d", "a", "abc"),
    ],
)
def test_a_step_goes_with_what_came_from_it(
    tree: EditTree, current: str | None, pruned: str, chosen: str, expected: str
) -> None:
    assert names(branch(tree, state_at(current, pruned), chosen)) == expected


@pytest.mark.parametrize("chosen", ["a", "b", "d"])
def test_the_current_step_and_where_it_comes_from_stay(tree: EditTree, chosen: str) -> None:
    with pytest.raises(CannotPrune, match=f"“{chosen}” stays"):
        branch(tree, state_at("d"), chosen)


def test_a_pin_holds_its_branch(tree: EditTree) -> None:
    tree.pin("d", True)
    with pytest.raises(CannotPrune, match="“d” is pinned"):
        branch(tree, state_at("c"), "b")
    with pytest.raises(UnknownNode):
        branch(tree, state_at("c"), "nobody")


def test_undo_brings_steps_back(tree: EditTree) -> None:
    document = Document(state_at("e"))
    document.do(PruneNodes(nodes=frozenset("bd")))
    assert names(standing_nodes(tree.nodes.values(), document.state)) == "ace"
    document.do(PruneNodes(nodes=frozenset("c")))
    document.undo()
    document.undo()
    assert names(standing_nodes(tree.nodes.values(), document.state)) == "abcde"
    document.redo()
    assert names(standing_nodes(tree.nodes.values(), document.state)) == "ace"


@given(st.data())
def test_what_stands_has_all_that_it_comes_from(data: st.DataObject) -> None:
    ids = [str(number) for number in range(data.draw(st.integers(0, 12)))]
    parents = {name: data.draw(st.sampled_from([None, *ids[:at]])) for at, name in enumerate(ids)}
    pruned = data.draw(st.sets(st.sampled_from(ids))) if ids else set()
    found = standing(parents, pruned)
    assert found >= parents.keys() - pruned
    assert all(parents[name] is None or parents[name] in found for name in found)
    leaves = found - {parents[name] for name in found}
    assert not leaves & pruned


def big(name: str, parent: str | None, seed: int) -> Node:
    """A node of enough bytes to be seen in the size of the file."""
    return node(
        parent,
        seed,
        id=name,
        image=image(SIDE, SIDE, seed),
        region=QRect(0, 0, SIDE, SIDE),
        size=QSize(SIDE, SIDE),
    )


def pruned_project(path: Path) -> tuple[int, DocumentState]:
    """Six nodes of which four were taken out, still open; the size before, and the state."""
    opened = Project.create(path, simple_state())
    for seed, (name, parent) in enumerate(
        {"a": None, "b": "a", "c": "b", "d": "b", "e": "d", "f": "a"}.items()
    ):
        opened.add_node(big(name, parent, seed))
    opened.save()
    size = path.stat().st_size
    state = PruneNodes(nodes=frozenset("bcde")).apply(opened.state)
    opened.write(state)
    assert len(opened.nodes) == 6
    opened.close()
    return size, state


def test_the_file_forgets_them_when_it_is_closed(qapp: object, tmp_path: Path) -> None:
    path = tmp_path / "a.ink"
    size, state = pruned_project(path)
    assert path.stat().st_size < size - 3 * SIDE * SIDE * 3
    again = Project.open(path)
    assert [found.id for found in again.nodes] == ["a", "f"]
    assert plain(again.nodes) == plain((big("a", None, 0), big("f", "a", 5)))
    assert plain(again.state) == plain(state)
    again.close()


def test_a_hidden_step_stays_as_long_as_one_comes_from_it(qapp: object, tmp_path: Path) -> None:
    path = tmp_path / "a.ink"
    opened = Project.create(path, simple_state())
    opened.add_node(big("a", None, 0))
    opened.write(PruneNodes(nodes=frozenset("a")).apply(opened.state))
    opened.add_node(node("a", 1, id="b"))
    opened.close()
    again = Project.open(path)
    assert [found.id for found in again.nodes] == ["a", "b"]
    again.close()


def test_what_was_pruned_is_hidden_after_a_kill(qapp: object, tmp_path: Path) -> None:
    path = tmp_path / "a.ink"
    opened = Project.create(path, simple_state())
    opened.add_node(big("a", None, 0))
    opened.write(PruneNodes(nodes=frozenset("a")).apply(opened.state))
    copy = tmp_path / "killed.ink"
    for suffix in ("", "-wal"):
        copy.with_name(copy.name + suffix).write_bytes(
            path.with_name(path.name + suffix).read_bytes()
        )
    again = Project.open(copy)
    assert standing_nodes(again.nodes, again.state) == ()
    again.close()
    opened.close()


def test_old_files_know_nothing_of_it(qapp: object, tmp_path: Path) -> None:
    from app.store.blobs import Blobs
    from app.store.encoding import decode_state, encode_state
    from app.store.pixels import PixelReader, PixelWriter

    opened = Project.create(tmp_path / "a.ink", simple_state())
    blobs = Blobs(opened._connection)
    record = encode_state(opened.state, PixelWriter(blobs))
    for later in ("pruned", "painted_mask"):
        del record[later]
    assert decode_state(record, PixelReader(blobs)).pruned == frozenset()
    for wrong in ([1], {"a": 1}, "a"):
        with pytest.raises(ValueError, match="pruned"):
            decode_state({**record, "pruned": wrong}, PixelReader(blobs))
    opened.close()
