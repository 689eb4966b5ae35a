"""What is painted, against the formulae, and what may not differ: a part and the whole."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from PySide6.QtCore import QRect
from PySide6.QtGui import QColor, QImage

from app.document.blend import Blend
from app.document.composite import flatten, layer_bounds, render, shown_bounds
from app.document.geometry import Page
from app.document.layers import GroupLayer, Layer, LayerMask, PixelLayer
from app.document.state import DocumentState
from app.document.tiles import PixelKind, Tiles
from tests.documents import array, grey, layers, mask_of, noise, raw, rects, solid, states

Channel = np.ndarray
SIDE = 96
WHOLE = QRect(0, 0, SIDE, SIDE)


def soft_light(b: Channel, s: Channel) -> Channel:
    dark = np.where(b <= 0.25, ((16 * b - 12) * b + 4) * b, np.sqrt(b))
    return np.where(s <= 0.5, b - (1 - 2 * s) * b * (1 - b), b + (2 * s - 1) * (dark - b))


def hard_light(b: Channel, s: Channel) -> Channel:
    return np.where(s <= 0.5, 2 * b * s, b + 2 * s - 1 - b * (2 * s - 1))


def dodge(b: Channel, s: Channel) -> Channel:
    quotient = np.minimum(1, b / np.maximum(1 - s, 1e-9))
    return np.where(b == 0, 0, np.where(s >= 1, 1, quotient))


def burn(b: Channel, s: Channel) -> Channel:
    quotient = 1 - np.minimum(1, (1 - b) / np.maximum(s, 1e-9))
    return np.where(b >= 1, 1, np.where(s <= 0, 0, quotient))


# backdrop, source -> blended: the separable modes of the W3C's "Compositing and Blending"
FORMULAE: dict[Blend, Callable[[Channel, Channel], Channel]] = {
    Blend.normal: lambda b, s: s,
    Blend.multiply: lambda b, s: b * s,
    Blend.screen: lambda b, s: b + s - b * s,
    Blend.overlay: lambda b, s: hard_light(s, b),
    Blend.darken: np.minimum,
    Blend.lighten: np.maximum,
    Blend.color_dodge: dodge,
    Blend.color_burn: burn,
    Blend.hard_light: hard_light,
    Blend.soft_light: soft_light,
    Blend.difference: lambda b, s: np.abs(b - s),
    Blend.exclusion: lambda b, s: b + s - 2 * b * s,
}

WITHIN = {Blend.soft_light: 3, Blend.exclusion: 3}  # of 255, where it is more than 1


def layer(image: QImage, **look: object) -> PixelLayer:
    return PixelLayer(tiles=Tiles.from_image(image), **look)


def state(*stack: Layer, background: str | None = None) -> DocumentState:
    return DocumentState(
        page=Page(width=SIDE, height=SIDE, background=background), layers=tuple(stack)
    )


def straight(image: QImage) -> tuple[Channel, Channel]:
    """Colour and alpha as the stored bytes mean them, 0…1."""
    values = raw(image) / 255.0
    alpha = values[..., 3:]
    return values[..., :3] / np.maximum(alpha, 1e-9), alpha


def blended(blend: Blend, below: QImage, above: QImage, opacity: float = 1.0) -> Channel:
    """Premultiplied BGRA, 0…255."""
    (b, ab), (s, a_s) = straight(below), straight(above)
    a_s = a_s * opacity
    mixed = FORMULAE[blend](np.clip(b, 0, 1), np.clip(s, 0, 1))
    color = (1 - a_s) * ab * b + a_s * (1 - ab) * s + a_s * ab * mixed
    return 255 * np.concatenate([color, a_s + ab - a_s * ab], axis=2)


@pytest.mark.parametrize("opacity", [1.0, 0.4])
@pytest.mark.parametrize("blend", list(FORMULAE))
def test_blend_modes_follow_their_formulae(qapp: object, blend: Blend, opacity: float) -> None:
    below, above = noise(SIDE, SIDE, 1), noise(SIDE, SIDE, 2)
    found = render(state(layer(below), layer(above, blend=blend, opacity=opacity)))
    difference = np.abs(raw(found) - blended(blend, below, above, opacity))
    assert np.quantile(difference, 0.999) <= WITHIN.get(blend, 2)
    # dividing by what is left of a nearly transparent pixel magnifies its rounding
    assert difference.max() <= (16 if blend is Blend.color_dodge else WITHIN.get(blend, 2))


@pytest.mark.parametrize("blend", list(FORMULAE))
def test_blend_modes_on_an_opaque_page(qapp: object, blend: Blend) -> None:
    below, above = noise(SIDE, SIDE, 1, opaque=True), noise(SIDE, SIDE, 2, opaque=True)
    found = render(state(layer(below), layer(above, blend=blend)))
    assert np.abs(raw(found) - blended(blend, below, above)).max() <= WITHIN.get(blend, 1)


def test_add_is_the_sum_cut_at_white(qapp: object) -> None:
    below, above = noise(SIDE, SIDE, 1), noise(SIDE, SIDE, 2)
    found = render(state(layer(below), layer(above, blend=Blend.add)))
    assert (raw(found) == np.minimum(raw(below) + raw(above), 255)).all()


def test_every_mode_has_one_name_in_each_program() -> None:
    assert len({blend.psd for blend in Blend}) == len({blend.ora for blend in Blend}) == len(Blend)
    assert all(len(blend.psd) == 4 and blend.ora.startswith("svg:") for blend in Blend)
    assert [Blend.from_psd(blend.psd) for blend in Blend] == list(Blend)
    assert Blend.from_psd(b"hue ") is Blend.normal


def test_every_mode_leaves_alone_what_the_layer_does_not_cover(qapp: object) -> None:
    below = noise(SIDE, SIDE, 1)
    patch = layer(solid(10, 10, "red"), x=20, y=30)
    for blend in Blend:
        found = raw(render(state(layer(below), dataclasses.replace(patch, blend=blend))))
        found[30:40, 20:30] = raw(below)[30:40, 20:30]
        assert (found == raw(below)).all(), blend


def test_a_mask_scales_alpha(qapp: object) -> None:
    picture, mask = noise(SIDE, SIDE, 3), grey(SIDE, SIDE, 4)
    masked = LayerMask(tiles=Tiles.from_image(mask, kind=PixelKind.grey))
    found = raw(render(state(layer(picture, mask=masked))))
    scale = np.array(mask.constBits(), np.uint8).reshape(SIDE, SIDE, 1) / 255
    assert np.abs(found - raw(picture) * scale).max() <= 1


def test_what_a_mask_does_not_reach_is_hidden_and_off_it_shows_all(qapp: object) -> None:
    picture = layer(solid(SIDE, SIDE, "red"), mask=mask_of(QRect(10, 10, 5, 5)))
    found = array(render(state(picture)))[..., 3]
    assert found.sum() == 25 * 255
    assert (found[10:15, 10:15] == 255).all()
    off = dataclasses.replace(picture, mask=mask_of(QRect(10, 10, 5, 5), enabled=False))
    assert array(render(state(off)))[..., 3].min() == 255


def test_a_layer_and_its_mask_move_together(qapp: object) -> None:
    picture = layer(solid(20, 20, "red"), mask=mask_of(QRect(0, 0, 5, 5)), x=40, y=50)
    found = array(render(state(picture)))[..., 3]
    assert found.sum() == 25 * 255
    assert (found[50:55, 40:45] == 255).all()


def test_a_group_is_isolated(qapp: object) -> None:
    """Multiply inside a group finds nothing below it: the layer shows as it is."""
    gray = solid(SIDE, SIDE, "#808080")
    group = GroupLayer(children=(layer(gray, blend=Blend.multiply),))
    assert array(render(state(layer(gray), group)))[0, 0, 0] == 128
    flat = array(render(state(layer(gray), layer(gray, blend=Blend.multiply))))[0, 0, 0]
    assert abs(int(flat) - 64) <= 1


def test_a_group_s_opacity_counts_once(qapp: object) -> None:
    """Two opaque layers in a group of half opacity let half of what is below through."""
    pair = (layer(solid(SIDE, SIDE, "red")), layer(solid(SIDE, SIDE, "red")))
    group = GroupLayer(children=pair, opacity=0.5)
    assert abs(int(array(render(state(group)))[0, 0, 3]) - 128) <= 1


def test_a_group_s_mask_and_blend_apply_to_all_of_it(qapp: object) -> None:
    below, child = noise(SIDE, SIDE, 1, opaque=True), noise(SIDE, SIDE, 2, opaque=True)
    rect = QRect(8, 8, 40, 40)
    group = GroupLayer(children=(layer(child),), blend=Blend.screen, mask=mask_of(rect))
    found = raw(render(state(layer(below), group)))
    expected = raw(below).astype(float)
    expected[8:48, 8:48] = blended(Blend.screen, below, child)[8:48, 8:48]
    assert np.abs(found - expected).max() <= 1


@pytest.mark.parametrize(
    "hidden",
    [
        {"visible": False},
        {"opacity": 0.0},
        {"mask": mask_of(QRect(900, 900, 5, 5))},
        {"mask": mask_of(WHOLE, 0)},
    ],
)
def test_what_does_not_show_costs_nothing(qapp: object, hidden: dict[str, object]) -> None:
    found = layer(solid(SIDE, SIDE, "red"), **hidden)
    assert flatten((found,)) == ()
    assert array(render(state(found))).max() == 0
    assert flatten((GroupLayer(children=(layer(solid(5, 5, "red")),), visible=False),)) == ()


def test_the_page_has_its_background_and_nothing_around_it(qapp: object) -> None:
    found = array(render(state(background="#102030"), QRect(-5, -5, SIDE + 10, SIDE + 10)))
    assert (found[5:-5, 5:-5] == (0x10, 0x20, 0x30, 255)).all()
    found[5:-5, 5:-5] = 0
    assert not found.any()


@pytest.mark.parametrize(("scale", "size"), [(0.5, 48), (2.0, 192), (0.001, 1)])
def test_scale(qapp: object, scale: float, size: int) -> None:
    found = render(state(layer(solid(SIDE, SIDE, "red"))), scale=scale)
    assert (found.width(), found.height()) == (size, size)
    assert found.pixelColor(size // 2, size // 2) == QColor("red")


@settings(max_examples=40, deadline=None)
@given(states(), rects)
def test_a_part_equals_the_same_part_of_the_whole(
    qapp: object, found: DocumentState, rect: QRect
) -> None:
    inside = rect.intersected(found.page.rect)
    if not inside.isEmpty():
        whole = render(found)
        assert render(found, inside) == whole.copy(inside)
        part = render(found, rect)
        assert part.copy(inside.translated(-rect.topLeft())) == whole.copy(inside)


@settings(max_examples=40, deadline=None)
@given(layers)
def test_nothing_shows_outside_the_bounds(qapp: object, found: Layer) -> None:
    bounds = shown_bounds(found)
    assert bounds.isEmpty() or layer_bounds(found).contains(bounds)
    seen = array(render(state(found)))[..., 3]
    inside = bounds.intersected(WHOLE)
    if not inside.isEmpty():
        left, top = inside.left(), inside.top()
        seen[top : inside.bottom() + 1, left : inside.right() + 1] = 0
    assert not seen.any()
