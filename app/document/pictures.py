"""Between the window's images and the pictures that requests carry: the same pixels, both ways."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter

from app.document.tiles import PixelKind
from model.requests import CHANNELS, Picture

_FORMATS = {
    "L": QImage.Format.Format_Grayscale8,
    "RGB": QImage.Format.Format_RGB888,
    "RGBA": QImage.Format.Format_RGBA8888,
}


def to_image(picture: Picture) -> QImage:
    """An image with its own memory, in the picture's format."""
    stride = picture.width * CHANNELS[picture.mode]
    form = _FORMATS[picture.mode]
    return QImage(picture.data, picture.width, picture.height, stride, form).copy()


def to_picture(image: QImage, mode: str = "RGB") -> Picture:
    """The image as a picture. For RGB, what is transparent lies over white."""
    if mode == "RGB" and image.hasAlphaChannel():
        image = over_white(image)
    found = image.convertToFormat(_FORMATS[mode])
    row, stride = found.width() * CHANNELS[mode], found.bytesPerLine()
    data = bytes(found.constBits())
    if row != stride:  # Qt begins every row at a multiple of four bytes
        data = b"".join(data[y * stride : y * stride + row] for y in range(found.height()))
    return Picture(width=found.width(), height=found.height(), mode=mode, data=data)


def over_white(image: QImage) -> QImage:
    """The image on white paper, opaque."""
    return _over(image, Qt.GlobalColor.white)


def over_black(image: QImage) -> QImage:
    """The image on black, opaque, as maps are drawn."""
    return _over(image, Qt.GlobalColor.black)


def _over(image: QImage, ground: Qt.GlobalColor) -> QImage:
    found = QImage(image.size(), QImage.Format.Format_RGB32)
    found.fill(QColor(ground))
    with QPainter(found) as painter:
        painter.drawImage(0, 0, image)
    return found


def sized(image: QImage, size: QSize) -> QImage:
    """The image at that size, whatever its ratio, as the document paints it."""
    image = image.convertToFormat(PixelKind.color.value)
    if image.size() == size:
        return image
    return image.scaled(
        size, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation
    )
