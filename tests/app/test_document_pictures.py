"""Images and pictures: the same pixels, both ways."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QColor, QImage

from app.document.pictures import over_white, to_image, to_picture
from model.requests import CHANNELS, Picture
from tests.documents import array, noise, solid


@pytest.mark.parametrize("width", [1, 2, 3, 4, 17])
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_there_and_back(qapp: object, mode: str, width: int) -> None:
    count = width * 5 * CHANNELS[mode]
    picture = Picture(
        width=width, height=5, mode=mode, data=bytes(i * 7 % 256 for i in range(count))
    )
    assert to_picture(to_image(picture), mode) == picture


def test_what_is_transparent_lies_over_white(qapp: object) -> None:
    assert to_picture(solid(1, 1, QColor(255, 0, 0, 0))).data == b"\xff\xff\xff"
    assert to_picture(solid(1, 1, QColor(0, 0, 0, 51))).data == b"\xcc\xcc\xcc"
    assert not over_white(noise(4, 4)).hasAlphaChannel()


def test_an_image_outlives_its_picture(qapp: object) -> None:
    image = to_image(Picture(width=2, height=1, mode="RGB", data=bytes(range(6))))
    assert array(image)[0].tolist() == [[0, 1, 2, 255], [3, 4, 5, 255]]
    assert image.format() == QImage.Format.Format_RGB888
