"""Live text: the colour, the size and the place that were asked for."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from PySide6.QtCore import QRect
from PySide6.QtGui import QFont, QFontMetricsF

from app.document.composite import render
from app.document.geometry import Page
from app.document.layers import Align, TextLayer
from app.document.state import DocumentState
from app.document.text import _Drawn, text_box, text_tiles
from app.document.tiles import TILE_PX
from tests.documents import array

AREA = QRect(-300, -300, 1200, 1200)


def ink(layer: TextLayer) -> QRect:
    return text_tiles(layer).bounds()


@pytest.mark.parametrize("color", ["#ff0000", "#000000", "#12ab9f", "#ffffff"])
def test_the_colour_is_exact(qapp: object, color: str) -> None:
    found = array(text_tiles(TextLayer(text="■M", size_px=120, color=color)).image(AREA))
    solid = found[found[..., 3] == 255]
    assert len(solid) > 500
    assert (solid[:, :3] == [int(color[i : i + 2], 16) for i in (1, 3, 5)]).all()


def test_the_edges_are_grey_not_coloured(qapp: object) -> None:
    found = array(text_tiles(TextLayer(text="Sphinx", size_px=40, color="#808080")).image(AREA))
    edge = found[(found[..., 3] > 40) & (found[..., 3] < 255)].astype(int)
    assert len(edge) > 50
    assert np.abs(edge[:, :3] - 128).max() <= 3


def test_the_size_is_in_pixels_of_the_page(qapp: object) -> None:
    font = QFont()
    font.setPixelSize(200)
    font.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    height = QFontMetricsF(font).tightBoundingRect("H").height()
    assert abs(ink(TextLayer(text="H", size_px=200)).height() - height) <= 2
    twice = ink(TextLayer(text="Hamburg", size_px=100)).width()
    once = ink(TextLayer(text="Hamburg", size_px=50)).width()
    assert abs(twice - 2 * once) <= 4


@pytest.mark.parametrize(
    ("align", "left", "right"), [(Align.left, 0, 1), (Align.center, 1, 1), (Align.right, 1, 0)]
)
def test_alignment_in_a_box(qapp: object, align: Align, left: int, right: int) -> None:
    found = ink(TextLayer(text="Ink", size_px=40, align=align, width_px=400))
    rest = 400 - found.width()
    spaces = (found.left(), 400 - found.right() - 1)
    expected = (rest * left / (left + right), rest * right / (left + right))
    assert np.abs(np.subtract(spaces, expected)).max() <= 5


def test_alignment_without_a_box_is_that_of_the_longest_line(qapp: object) -> None:
    layer = TextLayer(text="A long first line\nit", size_px=30)
    both = [ink(dataclasses.replace(layer, align=align)) for align in Align]
    assert both[0].left() == pytest.approx(both[1].left(), abs=1)
    assert both[0].right() == pytest.approx(both[2].right(), abs=1)
    tiles = text_tiles(dataclasses.replace(layer, align=Align.right))
    second = array(tiles.image(QRect(0, 40, 600, 30)))[..., 3].any(axis=0).nonzero()[0]
    assert second.min() > both[0].width() / 2


def test_a_box_wraps_and_line_spacing_spreads(qapp: object) -> None:
    layer = TextLayer(text="one two three four", size_px=30)
    wide, narrow = text_box(layer), text_box(dataclasses.replace(layer, width_px=90))
    assert narrow.width() == 90
    assert narrow.height() >= 3 * wide.height()
    spread = text_box(dataclasses.replace(layer, text="a\nb\nc", line_spacing=2.0))
    tight = text_box(dataclasses.replace(layer, text="a\nb\nc"))
    assert spread.height() == pytest.approx(2 * tight.height(), abs=tight.height() / 2)


def test_bold_and_italic_differ(qapp: object) -> None:
    plain = TextLayer(text="Poster", size_px=60)
    images = [
        text_tiles(dataclasses.replace(plain, **look)).image(AREA)
        for look in ({}, {"bold": True}, {"italic": True})
    ]
    assert images[0] != images[1] != images[2] != images[0]


def test_text_is_never_markup(qapp: object) -> None:
    marked = ink(TextLayer(text="<b>i</b>", size_px=40))
    assert marked.width() > 3 * ink(TextLayer(text="i", size_px=40)).width()


def test_ink_beyond_the_box_is_drawn(qapp: object) -> None:
    """Tight lines push the first line's accents over the top of the box."""
    layer = TextLayer(text="ÅÉ", size_px=80, line_spacing=0.5)
    full = ink(dataclasses.replace(layer, line_spacing=1.0)).height()
    assert abs(ink(layer).height() - full) <= 2


def test_nothing_is_drawn_without_text_and_equal_text_is_drawn_once(qapp: object) -> None:
    assert text_tiles(TextLayer(text="")).is_empty
    one = TextLayer(text="Ink", size_px=50, name="one", x=5, opacity=0.5)
    assert text_tiles(one) is text_tiles(TextLayer(text="Ink", size_px=50))


def test_what_is_kept_is_limited_by_memory(qapp: object) -> None:
    kept = _Drawn(limit_bytes=3 * TILE_PX * TILE_PX * 4)
    layers = [TextLayer(id="", text="i", size_px=size) for size in range(20, 26)]
    drawn = [kept.get(layer) for layer in layers]
    assert [tiles.memory_bytes for tiles in drawn] == 6 * [TILE_PX * TILE_PX * 4]
    assert all(kept.get(layer) is drawn[3 + i] for i, layer in enumerate(layers[3:]))
    assert kept.get(layers[5]) is drawn[5]
    assert kept.get(layers[0]) is not drawn[0]


def test_a_layer_s_place_moves_whole_pixels(qapp: object) -> None:
    page = Page(width=400, height=200)
    layer = TextLayer(text="Ink", size_px=60)
    here = render(DocumentState(page=page, layers=(layer,)), QRect(0, 0, 200, 100))
    moved = dataclasses.replace(layer, x=123, y=45)
    there = render(DocumentState(page=page, layers=(moved,)), QRect(123, 45, 200, 100))
    assert here == there
