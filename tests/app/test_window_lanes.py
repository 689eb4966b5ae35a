"""Edit trees drawn as lanes: every edge is one unbroken line from parent to child."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.panels.lanes import lay_out


@st.composite
def trees(draw: st.DrawFn) -> list[tuple[str, str | None]]:
    count = draw(st.integers(0, 14))
    parents = [draw(st.none() | st.integers(0, k - 1)) if k else None for k in range(count)]
    return [(str(k), None if p is None else str(p)) for k, p in enumerate(parents)]


def test_branch_beside_its_trunk() -> None:
    rows = lay_out([("a", None), ("b", "a"), ("c", "a"), ("d", "b")])
    assert [row.lane for row in rows] == [0, 0, 1, 0]
    assert [row.children for row in rows] == [(0, 1), (0,), (), ()]
    assert [row.passing for row in rows] == [(), (1,), (0,), ()]


def test_lane_is_used_again_when_it_is_free() -> None:
    rows = lay_out([("a", None), ("b", "a"), ("c", "a"), ("d", "b"), ("e", "d"), ("f", "d")])
    assert [row.lane for row in rows] == [0, 0, 1, 0, 0, 1]


def test_unknown_parent_makes_a_root() -> None:
    assert lay_out([("b", "gone")])[0].has_parent is False


@given(trees())
def test_every_edge_is_drawn_without_a_gap(nodes: list[tuple[str, str | None]]) -> None:
    rows = lay_out(nodes)
    index = {row.id: k for k, row in enumerate(rows)}
    for child, parent in nodes:
        if parent is None:
            continue
        start, end = index[parent], index[child]
        lane = rows[end].lane
        assert lane in rows[start].children
        assert rows[end].has_parent
        assert all(lane in rows[k].passing for k in range(start + 1, end))


@given(trees())
def test_no_dot_lies_on_a_foreign_line(nodes: list[tuple[str, str | None]]) -> None:
    for row in lay_out(nodes):
        assert row.lane not in row.passing
        assert len(set(row.passing)) == len(row.passing)
