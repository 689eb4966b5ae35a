"""Sheets of pictures with captions under them, as PNG files."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

MARGIN_PX = 8
LINE_PX = 14
FONT_PX = 11
CHINESE_FONTS = (
    "NotoSansCJK-Regular.ttc",
    "wqy-microhei.ttc",
    "DroidSansFallbackFull.ttf",
    "PingFang.ttc",
    "msyh.ttc",
)
"""Looked for among the system's fonts: Debian's three, macOS, Windows."""


def write_sheet(
    path: Path, pictures: Sequence[Image.Image], captions: Sequence[str], columns: int
) -> None:
    """Pictures in rows of `columns`, each above its caption, written whole or not at all."""
    sheet = make_sheet(pictures, captions, columns)
    buffer = io.BytesIO()
    sheet.save(buffer, format="PNG", optimize=True)
    write_bytes(path, buffer.getvalue())


def make_sheet(
    pictures: Sequence[Image.Image], captions: Sequence[str], columns: int
) -> Image.Image:
    width = max(picture.width for picture in pictures) + MARGIN_PX
    texts = [_wrap(caption, width - MARGIN_PX) for caption in captions]
    lines = max((len(text) for text in texts), default=0)
    height = max(picture.height for picture in pictures) + lines * LINE_PX + MARGIN_PX
    rows = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (columns * width + MARGIN_PX, rows * height + MARGIN_PX), "#f4f4f6")
    draw, font = ImageDraw.Draw(sheet), _font()
    for i, (picture, text) in enumerate(zip(pictures, texts, strict=True)):
        left, top = MARGIN_PX + i % columns * width, MARGIN_PX + i // columns * height
        sheet.paste(picture, (left, top))
        for k, line in enumerate(text):
            draw.text((left, top + picture.height + k * LINE_PX), line, fill="#222", font=font)
    return sheet


def write_bytes(path: Path, data: bytes) -> None:
    """Temporary file in the same folder, fsync, rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _wrap(text: str, width_px: int) -> list[str]:
    """Lines that fit the width; breaks anywhere, since Chinese has no spaces."""
    font, lines, line = _font(), [], ""
    for char in text:
        if line and font.getlength(line + char) > width_px:
            lines.append(line)
            line = ""
        line += char
    return [*lines, line] if line else lines


def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """A face with Chinese letters where the system has one, else Pillow's own."""
    for name in CHINESE_FONTS:
        try:
            return ImageFont.truetype(name, FONT_PX)
        except OSError:
            continue
    return ImageFont.load_default(FONT_PX)
