"""Layered files, read back by other programs: same pixels, same names, same structure."""

from __future__ import annotations

import dataclasses
import io
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy
import pytest
from PIL import Image
from psd_tools import PSDImage
from PySide6.QtCore import QPoint, QRect
from PySide6.QtGui import QColor, QGuiApplication, QImage, QLinearGradient, QPainter

from app.document.blend import Blend
from app.document.composite import render
from app.document.geometry import Page
from app.document.layers import GroupLayer, Layer, LayerMask, PixelLayer, TextLayer
from app.document.state import DocumentState
from app.document.tiles import PixelKind, Tiles
from app.files import psd as psd_module
from app.files.errors import ExportFailed
from app.files.export import export
from app.files.psd import psd_bytes, write_psd
from app.files.raster import read_recipe, to_pil
from model.recipes import to_recipe
from model.requests import TextToImage

PAGE = Page(width=320, height=280, dpi=150, background="#f0e8d0")
CONVERT = shutil.which("magick") or shutil.which("convert")


def _gradient(first: str, last: str, width: int = 200, height: int = 180) -> Tiles:
    image = QImage(width, height, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(0)
    gradient = QLinearGradient(0, 0, width, height)
    gradient.setColorAt(0, QColor(first))
    gradient.setColorAt(1, QColor(last))
    with QPainter(image) as painter:
        painter.fillRect(0, 0, width, height, gradient)
    return Tiles.from_image(image, QPoint(0, 0))


def _mask() -> LayerMask:
    grey = Tiles.empty(PixelKind.grey).filled(QRect(20, 30, 100, 90), QColor(255, 255, 255))
    return LayerMask(tiles=grey.filled(QRect(60, 50, 90, 40), QColor(128, 128, 128)))


def _state(*layers: Layer, page: Page = PAGE) -> DocumentState:
    return DocumentState(page=page, layers=layers)


def _over_white(image: Image.Image) -> numpy.ndarray:
    """8 bits cannot say the colour of what is nearly transparent; what shows is compared."""
    white = Image.new("RGBA", image.size, "white")
    return numpy.asarray(Image.alpha_composite(white, image.convert("RGBA")))[..., :3].astype(int)


def _flat(state: DocumentState) -> numpy.ndarray:
    return _over_white(to_pil(render(state)))


def _difference(state: DocumentState) -> int:
    """From our flatten, as psd-tools paints the layers of our file."""
    found = PSDImage.open(io.BytesIO(psd_bytes(state))).composite(ignore_preview=True)
    return int(abs(_over_white(found) - _flat(state)).max())


@pytest.mark.parametrize("blend", Blend)
def test_every_blend_mode_looks_the_same(qapp: QGuiApplication, blend: Blend) -> None:
    below = PixelLayer(tiles=_gradient("#2040c0", "#f0d010"), x=10, y=20)
    partly = 1.0 if blend is Blend.add else 0.7  # where a program clips shows in `add`
    above = PixelLayer(tiles=_gradient("#e02060", "#20f0a0"), x=60, y=50, blend=blend)
    state = _state(below, dataclasses.replace(above, opacity=partly))
    # Qt's own exclusion is up to 2.8 of 255 from the formula, for opaque pixels too.
    assert _difference(state) <= (3 if blend is Blend.exclusion else 2)
    read = PSDImage.open(io.BytesIO(psd_bytes(state)))
    assert read[-1].blend_mode.value == blend.psd
    assert read[-1].opacity == round(partly * 255)


def _poster() -> DocumentState:
    base = PixelLayer(name="背景", tiles=_gradient("#ff8000", "#0080ff", 320, 280))
    glow = PixelLayer(
        name="Glow é", tiles=_gradient("#ffffff00", "#ffffffff"), x=40, y=-30, opacity=0.5
    )
    shade = PixelLayer(name="shade", tiles=_gradient("#808080", "#202020"), blend=Blend.multiply)
    text = TextLayer(name="标题 😀", text="SALE", size_px=60, color="#102030", x=30, y=100)
    inner = GroupLayer(name="inner", children=(shade,), opacity=0.8, mask=_mask())
    group = GroupLayer(name="组", children=(inner, text), opacity=0.9, blend=Blend.normal)
    masked = PixelLayer(name="masked", tiles=_gradient("#00c040", "#c000c0"), mask=_mask(), x=90)
    off = dataclasses.replace(_mask(), enabled=False)
    unmasked = PixelLayer(name="mask off", tiles=_gradient("#ffff0080", "#00ffff80"), mask=off)
    hidden = PixelLayer(name="hidden", tiles=_gradient("#000000", "#000000"), visible=False)
    empty = PixelLayer(name="empty", locked=True, x=5)
    return _state(base, glow, group, masked, unmasked, hidden, empty)


def test_a_poster_looks_the_same_in_psd_tools(qapp: QGuiApplication) -> None:
    assert _difference(_poster()) <= 2


def test_the_merged_picture_is_our_flatten(qapp: QGuiApplication) -> None:
    state = _poster()
    read = PSDImage.open(io.BytesIO(psd_bytes(state)))
    preview = read.topil()
    assert preview is not None
    assert abs(_over_white(preview) - _flat(state)).max() == 0


@pytest.mark.skipif(CONVERT is None, reason="ImageMagick is not installed")
@pytest.mark.parametrize("background", ["#f0e8d0", None])
def test_imagemagick_sees_the_same(
    qapp: QGuiApplication, tmp_path: Path, background: str | None
) -> None:
    page = dataclasses.replace(PAGE, background=background)
    state = dataclasses.replace(_poster(), page=page)
    if background is None:
        state = dataclasses.replace(state, layers=state.layers[1:])
    write_psd(tmp_path / "a.psd", state)
    assert CONVERT is not None
    merged = tmp_path / "merged.png"
    subprocess.run([CONVERT, f"{tmp_path / 'a.psd'}[0]", f"PNG32:{merged}"], check=True)
    with Image.open(merged) as found:
        assert abs(_over_white(found) - _flat(state)).max() <= 2


@pytest.mark.skipif(CONVERT is None, reason="ImageMagick is not installed")
def test_imagemagick_paints_our_layers(qapp: QGuiApplication, tmp_path: Path) -> None:
    below = PixelLayer(name="背景", tiles=_gradient("#ff8000", "#0080ff", 320, 280))
    partly = PixelLayer(tiles=_gradient("#2040c0", "#f0d010"), x=40, y=30, opacity=0.5)
    masked = PixelLayer(tiles=_gradient("#00c040", "#c000c0"), mask=_mask(), x=90)
    multiplied = PixelLayer(tiles=_gradient("#808080", "#f0f0f0"), blend=Blend.multiply, y=60)
    state = _state(below, partly, masked, multiplied)
    write_psd(tmp_path / "a.psd", state)
    assert CONVERT is not None
    out = tmp_path / "out.png"
    layers = f"{tmp_path / 'a.psd'}[1--1]"
    subprocess.run([CONVERT, layers, "-flatten", f"PNG32:{out}"], check=True)
    with Image.open(out) as found:
        assert abs(_over_white(found) - _flat(state)).max() <= 2


def _describe(layers: Any) -> list[Any]:
    found = []
    for layer in layers:
        children = _describe(layer) if layer.is_group() else []
        mask = layer.mask
        found.append(
            (
                layer.name,
                layer.visible,
                layer.opacity,
                None if mask is None else mask.disabled,
                children,
            )
        )
    return found


def test_names_order_masks_and_groups_are_there(qapp: QGuiApplication) -> None:
    read = PSDImage.open(io.BytesIO(psd_bytes(_poster())))
    inner = ("inner", True, 204, False, [("shade", True, 255, None, [])])
    assert _describe(read) == [
        ("Page", True, 255, None, []),
        ("背景", True, 255, None, []),
        ("Glow é", True, 128, None, []),
        ("组", True, 230, None, [inner, ("标题 😀", True, 255, None, [])]),
        ("masked", True, 255, False, []),
        ("mask off", True, 255, True, []),
        ("hidden", False, 255, None, []),
        ("empty", True, 255, None, []),
    ]
    assert read[1].bbox == (0, 0, 320, 280)
    assert read[-1].locks is not None
    assert read[-1].locks.complete


def test_a_transparent_page_stays_transparent(qapp: QGuiApplication) -> None:
    page = dataclasses.replace(PAGE, background=None)
    state = _state(PixelLayer(tiles=_gradient("#ff000040", "#0000ffff"), x=50), page=page)
    read = PSDImage.open(io.BytesIO(psd_bytes(state)))
    for found in (read.composite(ignore_preview=True), read.topil()):
        assert found is not None
        ours = numpy.asarray(to_pil(render(state)))[..., 3].astype(int)
        assert abs(numpy.asarray(found.convert("RGBA"))[..., 3] - ours).max() <= 2
    assert _difference(state) <= 2


@pytest.mark.parametrize(
    "name", ["", "x" * 400, "字" * 300, "😀" * 200, "a\ud83d", "tab\tnew\nline"]
)
def test_odd_names(qapp: QGuiApplication, name: str) -> None:
    state = _state(PixelLayer(name=name, tiles=_gradient("#123456", "#654321")))
    found = PSDImage.open(io.BytesIO(psd_bytes(state)))[-1].name
    assert name.encode("utf-16", "replace").decode("utf-16").startswith(found)
    assert len(found) >= min(len(name), 120)


def test_an_empty_document(qapp: QGuiApplication) -> None:
    page = dataclasses.replace(PAGE, background=None)
    read = PSDImage.open(io.BytesIO(psd_bytes(_state(page=page))))
    assert (len(list(read)), read.size) == (0, (320, 280))


def test_resolution(qapp: QGuiApplication, tmp_path: Path) -> None:
    write_psd(tmp_path / "a.psd", _state())
    if CONVERT is None:
        pytest.skip("ImageMagick is not installed")
    command = [CONVERT, f"{tmp_path / 'a.psd'}[0]", "-format", "%x %U", "info:"]
    found = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert found in ("150 PixelsPerInch", "59.06 PixelsPerCentimeter")


def test_export_chooses_by_suffix(qapp: QGuiApplication, tmp_path: Path) -> None:
    state = _poster()
    recipe = to_recipe(TextToImage(prompt="海报"))
    for name in ("a.PNG", "a.psd"):
        export(state, tmp_path / name, recipe=recipe)
    assert read_recipe(tmp_path / "a.PNG") == recipe
    with Image.open(tmp_path / "a.PNG") as found:
        assert abs(_over_white(found) - _flat(state)).max() == 0
        assert found.info["dpi"] == pytest.approx((150, 150), abs=0.1)
    assert len(list(PSDImage.open(tmp_path / "a.psd"))) == 8


@pytest.mark.parametrize("name", ["a.tga", "a", "a.psd.exe", ".png"])
def test_other_suffixes_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ExportFailed, match=r"\.psd, \.png"):
        export(_state(), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_written_leaves_the_old_file(
    qapp: QGuiApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.psd"
    path.write_bytes(b"old")
    monkeypatch.setattr(psd_module, "MAX_BYTES", 1000)
    with pytest.raises(ExportFailed, match="2 GB"):
        write_psd(path, _poster())
    assert path.read_bytes() == b"old"
    monkeypatch.undo()
    with pytest.raises(ExportFailed):
        write_psd(tmp_path / "gone" / "a.psd", _state())
