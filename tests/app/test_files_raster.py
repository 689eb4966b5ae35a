"""Pictures in and out: what is taken, what is refused, and that recipes travel with them."""

from __future__ import annotations

import io
import os
import random
import struct
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms
from PySide6.QtGui import QColor, QImage

from app.files import raster
from app.files.errors import ExportFailed, ImportFailed
from model.recipes import from_recipe, to_recipe
from model.requests import ModelIdentity, Picture, TextToImage

FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP")


def _colours(width: int = 40, height: int = 30) -> Image.Image:
    y, x = numpy.mgrid[0:height, 0:width]
    rows = numpy.stack([x * 6, y * 8, (x + y) * 3], axis=-1).astype(numpy.uint8)
    return Image.fromarray(rows)


def _encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def _pixels(picture: Picture) -> numpy.ndarray:
    shape = (picture.height, picture.width, len(picture.mode))
    return numpy.frombuffer(picture.data, numpy.uint8).reshape(shape)


@pytest.mark.parametrize("kind", FORMATS)
def test_reads_every_kind_whatever_its_suffix(tmp_path: Path, kind: str) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    path = tmp_path / "名字 with spaces.png"
    path.write_bytes(_encoded(_colours(), kind, **options))
    picture = raster.read_picture(path)
    assert (picture.width, picture.height, picture.mode) == (40, 30, "RGB")
    difference = _pixels(picture).astype(int) - numpy.asarray(_colours())
    assert abs(difference).max() <= (40 if kind == "JPEG" else 0)


def test_alpha_is_kept_only_where_it_shows() -> None:
    image = _colours().convert("RGBA")
    assert raster.read_picture_bytes(_encoded(image, "PNG")).mode == "RGB"
    image.putpixel((3, 4), (9, 8, 7, 100))
    picture = raster.read_picture_bytes(_encoded(image, "PNG"))
    assert picture.mode == "RGBA"
    assert tuple(_pixels(picture)[4, 3]) == (9, 8, 7, 100)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_camera_is_turned(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "a camera"
    picture = raster.read_picture_bytes(_encoded(_colours(), "PNG", exif=exif))
    turned = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }[orientation]
    expected = _colours() if turned is None else _colours().transpose(turned)
    assert numpy.array_equal(_pixels(picture), numpy.asarray(expected))


def test_sixteen_bits_are_scaled_not_clipped() -> None:
    grey = Image.fromarray(numpy.array([[0, 257, 32_896, 65_535]], numpy.uint16))
    picture = raster.read_picture_bytes(_encoded(grey, "PNG"))
    assert [int(v) for v in _pixels(picture)[0, :, 0]] == [0, 1, 128, 255]


def test_palette_and_its_transparency() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.putdata([0, 1])
    picture = raster.read_picture_bytes(_encoded(image, "PNG", transparency=1))
    assert picture.mode == "RGBA"
    assert _pixels(picture).tolist() == [[[255, 0, 0, 255], [0, 255, 0, 0]]]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "CMYK", "YCbCr"])
def test_other_modes_become_rgb(mode: str) -> None:
    kind = "TIFF" if mode in ("CMYK", "YCbCr") else "PNG"
    white = _encoded(Image.new("RGB", (4, 4), "white").convert(mode), kind)
    picture = raster.read_picture_bytes(white)
    assert picture.mode == "RGB"
    assert _pixels(picture).min() >= 254


def test_colours_of_another_profile_are_converted() -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    sane = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    for profile in (lab.tobytes(), b"x" * 500, sane.tobytes()):
        data = _encoded(_colours(), "PNG", icc_profile=profile)
        assert numpy.array_equal(
            _pixels(raster.read_picture_bytes(data)), numpy.asarray(_colours())
        )


def _png(width: int, height: int, body: bytes = b"") -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        raster.PNG_SIGNATURE
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(body))
        + chunk(b"IEND", b"")
    )


BOMBS = {
    "13300 squared": _png(13_400, 13_400),
    "one row": _png(2**31 - 1, 1),
    "too high": _png(1, 70_000),
    "bmp": b"BM"
    + struct.pack("<IHHIIiiHHIIiiII", 0, 0, 0, 54, 40, 60_000, 60_000, 1, 24, *[0] * 6),
}


@pytest.mark.parametrize("name", BOMBS)
def test_sizes_are_refused_before_decoding(name: str) -> None:
    with pytest.raises(ImportFailed) as failure:
        raster.read_picture_bytes(BOMBS[name], "bomb.png")
    assert failure.value.code == "size"
    assert "bomb.png" in str(failure.value)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"just text",
        b"<svg/>",
        b"GIF89a" + bytes(40),
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        b"8BPS" + bytes(40),
        b"PK\x03\x04" + bytes(40),
    ],
)
def test_other_kinds_are_refused_whatever_their_suffix(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(data)
    with pytest.raises(ImportFailed) as failure:
        raster.read_picture(path)
    assert failure.value.code == "kind"
    assert raster.read_recipe(path) is None


def _opened_or_refused(data: bytes) -> Picture | None:
    """Any error but ours fails the test."""
    try:
        return raster.read_picture_bytes(data)
    except ImportFailed:
        return None


@pytest.mark.parametrize("kind", FORMATS)
def test_a_picture_cut_anywhere_is_one_error_or_whole(kind: str) -> None:
    whole = _encoded(_colours(), kind)
    picture = raster.read_picture_bytes(whole)
    refused = 0
    for length in range(0, len(whole), max(1, len(whole) // 100)):
        found = _opened_or_refused(whole[:length])
        assert found in (picture, None)
        refused += found is None
    assert refused >= 80  # the rest lacks only what stands behind the pixels


@pytest.mark.parametrize("kind", FORMATS)
def test_damaged_pictures_raise_nothing_else(kind: str) -> None:
    chance = random.Random(7)
    whole = _encoded(_colours(), kind)
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 8)):
            data[chance.randrange(len(data))] = chance.choice((0, 255, chance.randrange(256)))
        found = _opened_or_refused(bytes(data))
        assert found is None or found.width * found.height <= raster.MAX_PIXELS


def test_missing_folders_and_pipes_are_errors(tmp_path: Path) -> None:
    paths = [tmp_path / "gone.png", tmp_path]
    if sys.platform != "win32":
        os.mkfifo(tmp_path / "pipe.png")
        paths.append(tmp_path / "pipe.png")
    for path in paths:
        with pytest.raises(ImportFailed) as failure:
            raster.read_picture(path)
        assert failure.value.code == "missing"


prompts = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=60).filter(
    lambda text: bool(text.strip())
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(prompt=prompts, negative=st.none() | prompts, seed=st.integers(0, 2**63 - 1))
def test_recipes_come_back(tmp_path: Path, prompt: str, negative: str | None, seed: int) -> None:
    request = TextToImage(prompt=prompt, negative=negative, seed=seed, width=64, height=32)
    model = ModelIdentity(name="启动", sha256="ab" * 32, licence="Apache-2.0")
    recipe = to_recipe(request, model)
    path = tmp_path / "a.png"
    raster.write_png(path, Picture(width=2, height=1, mode="RGB", data=b"abcdef"), recipe)
    assert raster.read_recipe(path) == recipe
    assert from_recipe(raster.read_recipe(path)) == request


def test_recipes_survive_another_program(tmp_path: Path) -> None:
    recipe = to_recipe(TextToImage(prompt="海报 “春” <b>\n", seed=5))
    path = tmp_path / "a.png"
    raster.write_png(path, Picture(width=1, height=1, mode="L", data=b"a"), recipe)
    for packed in (False, True):
        with Image.open(path) as image:
            from PIL.PngImagePlugin import PngInfo

            kept = PngInfo()
            kept.add_itxt("comment", "someone else's")
            kept.add_itxt("inkstone", image.info["inkstone"], zip=packed)
            image.save(tmp_path / "b.png", pnginfo=kept)
        assert raster.read_recipe(tmp_path / "b.png") == recipe


def test_pixels_come_back_exactly(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    image = QImage(33, 17, QImage.Format.Format_ARGB32)
    image.fill(QColor(1, 2, 3, 4))
    image.setPixelColor(32, 16, QColor(200, 100, 50, 255))
    raster.write_png(path, image, dpi=300)
    picture = raster.read_picture(path)
    assert (picture.width, picture.height, picture.mode) == (33, 17, "RGBA")
    assert _pixels(picture)[0, 0].tolist() == [1, 2, 3, 4]
    assert _pixels(picture)[16, 32].tolist() == [200, 100, 50, 255]
    with Image.open(path) as other:
        assert other.info["dpi"] == pytest.approx((300, 300), abs=0.1)


def test_an_opaque_page_becomes_rgb(tmp_path: Path) -> None:
    image = QImage(5, 3, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(QColor(10, 20, 30))
    raster.write_png(tmp_path / "a.png", image)
    picture = raster.read_picture(tmp_path / "a.png")
    assert (picture.mode, picture.data) == ("RGB", bytes([10, 20, 30]) * 15)


def _with_recipe(tmp_path: Path, text: str) -> Path:
    from PIL.PngImagePlugin import PngInfo

    chunks = PngInfo()
    chunks.add_itxt("inkstone", text)
    path = tmp_path / "r.png"
    Image.new("RGB", (2, 2)).save(path, pnginfo=chunks)
    return path


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "damaged"),
        ("[]", "damaged"),
        ('{"version": 1', "damaged"),
        ('{"version": "1"}', "damaged"),
        ('{"version": true}', "damaged"),
        ('{"version": 0}', "damaged"),
        ('{"version": 1, "version": 1}', "damaged"),
        ('{"version": 1, "seed": NaN}', "damaged"),
        ('{"version": 1, "seed": 1e999}', "damaged"),
        ('{"version": 1, "a": "\\ud800"}', "damaged"),
        ('{"version": 1, "a": ' + "[" * 5000 + "]" * 5000 + "}", "damaged"),
        ('{"version": 99}', "newer"),
    ],
)
def test_recipes_that_cannot_be_used(tmp_path: Path, text: str, code: str) -> None:
    with pytest.raises(ImportFailed) as failure:
        raster.read_recipe(_with_recipe(tmp_path, text))
    assert failure.value.code == code


def test_a_recipe_with_a_changed_byte_is_refused(tmp_path: Path) -> None:
    path = _with_recipe(tmp_path, '{"version": 1, "prompt": "red"}')
    path.write_bytes(path.read_bytes().replace(b"red", b"rad"))
    with pytest.raises(ImportFailed):
        raster.read_recipe(path)


def test_a_packed_recipe_cannot_blow_up(tmp_path: Path) -> None:
    bomb = b"inkstone\0\1\0\0\0" + zlib.compress(bytes(50_000_000), 9)
    chunk = (
        struct.pack(">I", len(bomb))
        + b"iTXt"
        + bomb
        + struct.pack(">I", zlib.crc32(b"iTXt" + bomb))
    )
    path = tmp_path / "a.png"
    path.write_bytes(_png(1, 1)[:33] + chunk)
    with pytest.raises(ImportFailed):
        raster.read_recipe(path)


def test_no_recipe_is_none(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(_encoded(_colours(), "JPEG"))
    assert raster.read_recipe(path) is None
    path.write_bytes(_encoded(_colours(), "PNG"))
    assert raster.read_recipe(path) is None
    path.write_bytes(raster.PNG_SIGNATURE + b"\xff\xff\xff\xffiTXt")
    assert raster.read_recipe(path) is None


def test_a_failed_write_is_an_export_error(tmp_path: Path) -> None:
    with pytest.raises(ExportFailed, match=r"a\.png"):
        raster.write_png(
            tmp_path / "gone" / "a.png", Picture(width=1, height=1, mode="L", data=b"a")
        )
