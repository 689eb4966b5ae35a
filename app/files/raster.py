"""Flat pictures: PNG, JPEG, WebP, TIFF and BMP in; PNG with its recipe out.

What comes in is foreign: the decoder is chosen by content, sizes are checked before decoding, one
error leaves, and of the file only its pixels come back (turned as its camera meant, in sRGB).
Knows nothing of documents and layers.
"""

from __future__ import annotations

import io
import os
import stat
import warnings
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from PySide6.QtGui import QImage

from app.files.errors import ExportFailed, ImportFailed
from app.i18n import translate
from app.store import strict_json
from app.store.atomic import write_file
from app.store.errors import WriteFailed
from model.recipes import RECIPE_VERSION
from model.requests import Picture

if TYPE_CHECKING:
    from PIL import Image

MAX_PIXELS = 178_000_000  # A0 at 300 dpi is 140 million
MAX_SIDE_PX = 65_535
MAX_FILE_BYTES = 1 << 30
MAX_PROFILE_BYTES = 4 << 20
RECIPE_KEY = "inkstone"
MAX_RECIPE_BYTES = 1 << 20

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp")
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def read_picture(path: Path) -> Picture:
    """The pixels of a picture file, RGB or RGBA. Raises ImportFailed and nothing else."""
    with _opened(path) as file:
        return _decode(file, path.name)


def read_mask(path: Path) -> Picture:
    """A picture file as a mask, one grey channel: how bright it is, and 0 where transparent."""
    from PIL import Image

    picture = read_picture(path)
    image = to_pil(picture)
    if image.mode == "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, "black"), image)
    grey = image.convert("L")
    return Picture(width=grey.width, height=grey.height, mode="L", data=grey.tobytes())


def read_picture_bytes(data: bytes, name: str = "") -> Picture:
    """The same for bytes from the clipboard or a drop; `name` is how an error calls them."""
    shown = name or translate("Files", "The clipboard's picture")
    if len(data) > MAX_FILE_BYTES:
        raise _too_large(shown)
    return _decode(io.BytesIO(data), shown)


def write_png(
    path: Path,
    image: QImage | Picture,
    recipe: Mapping[str, Any] | None = None,
    *,
    dpi: float | None = None,
) -> None:
    """Write a PNG, with the recipe inside it if there is one. Raises ExportFailed."""
    data = png_bytes(image, recipe, dpi=dpi)
    try:
        write_file(path, data)
    except WriteFailed as error:
        raise ExportFailed(str(error)) from error


def png_bytes(
    image: QImage | Picture,
    recipe: Mapping[str, Any] | None = None,
    *,
    dpi: float | None = None,
) -> bytes:
    """The file that `write_png` writes."""
    from PIL.PngImagePlugin import PngInfo

    extra: dict[str, Any] = {} if dpi is None else {"dpi": (dpi, dpi)}
    if recipe is not None:
        chunks = PngInfo()
        chunks.add_itxt(RECIPE_KEY, strict_json.dumps(dict(recipe)))
        extra["pnginfo"] = chunks
    out = io.BytesIO()
    to_pil(image).save(out, "PNG", **extra)
    return out.getvalue()


def read_recipe(path: Path) -> dict[str, Any] | None:
    """The recipe inside a PNG; None where there is none, in any kind of picture.

    Raises ImportFailed where there is one that cannot be used: damaged, or of a newer version.
    """
    with _opened(path) as file:
        if file.read(len(PNG_SIGNATURE)) != PNG_SIGNATURE:
            return None
        found = _recipe_chunk(file, path.name)
    if found is None:
        return None
    try:
        recipe = strict_json.loads(found, max_bytes=MAX_RECIPE_BYTES)
        version = recipe["version"] if isinstance(recipe, dict) else None
        if not isinstance(version, int) or isinstance(version, bool) or version < 1:
            raise ValueError("no version")
    except (ValueError, KeyError) as error:
        raise _bad_recipe(path.name) from error
    if version > RECIPE_VERSION:
        text = translate(
            "Files",
            "{name}: its recipe was written by a newer Inkstone (form {version}; this one reads "
            "up to {known}). Update Inkstone to use it.",
        )
        raise ImportFailed(
            "newer", text.format(name=path.name, version=version, known=RECIPE_VERSION)
        )
    return recipe


def to_pil(image: QImage | Picture) -> Image.Image:
    """The same pixels for Pillow: RGBA where anything shows through, RGB otherwise, L for masks."""
    from PIL import Image

    if isinstance(image, Picture):
        return Image.frombytes(image.mode, (image.width, image.height), image.data)
    if image.format() in (QImage.Format.Format_Grayscale8, QImage.Format.Format_Alpha8):
        mode, flat = "L", image
    else:
        mode = "RGBA" if image.hasAlphaChannel() else "RGB"
        wanted = QImage.Format.Format_RGBA8888 if mode == "RGBA" else QImage.Format.Format_RGB888
        flat = image.convertToFormat(wanted)
    size = (flat.width(), flat.height())
    rows = bytes(flat.constBits())
    found = Image.frombytes(mode, size, rows, "raw", mode, flat.bytesPerLine(), 1)
    return _without_idle_alpha(found)


def _opened(path: Path) -> IO[bytes]:
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):  # a pipe would wait for ever
            raise OSError("not a file")
        if status.st_size > MAX_FILE_BYTES:
            raise _too_large(path.name)
        return open(path, "rb")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        text = translate("Files", "{name} cannot be read: {reason}. Check the file and its folder.")
        raise ImportFailed("missing", text.format(name=path.name, reason=reason)) from error


def _decode(file: IO[bytes], name: str) -> Picture:
    from PIL import Image

    kind = _kind(file.read(16))
    if kind is None:
        text = translate(
            "Files",
            "{name} is not a picture that Inkstone can open. "
            "It opens PNG, JPEG, WebP, TIFF and BMP.",
        )
        raise ImportFailed("kind", text.format(name=name))
    file.seek(0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about metadata that we drop, and sizes we check
            with Image.open(file, formats=[kind]) as image:
                _check_size(image.size, name)
                found = _plain(image, name)
    except ImportFailed:
        raise
    except Image.DecompressionBombError as error:
        raise _too_large(name) from error
    except Exception as error:  # decoders raise anything: OSError, SyntaxError, struct.error …
        text = translate(
            "Files", "{name} is damaged or incomplete and cannot be opened. Try another copy of it."
        )
        raise ImportFailed("damaged", text.format(name=name)) from error
    return Picture(width=found.width, height=found.height, mode=found.mode, data=found.tobytes())


def _kind(head: bytes) -> str | None:
    if head.startswith(PNG_SIGNATURE):
        return "PNG"
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[:4] in (b"II*\0", b"MM\0*"):
        return "TIFF"
    return "BMP" if head.startswith(b"BM") else None


def _check_size(size: tuple[int, int], name: str) -> None:
    width, height = size
    if max(size) > MAX_SIDE_PX or width * height > MAX_PIXELS:
        raise _too_large(name, f" ({width} × {height} px)")


def _too_large(name: str, size: str = "") -> ImportFailed:
    text = translate(
        "Files",
        "{name}{size} is too large. Inkstone opens pictures up to {limit} million pixels and "
        "files up to 1 GB. Make it smaller and open it again.",
    )
    shown = text.format(name=name, size=size, limit=MAX_PIXELS // 1_000_000)
    return ImportFailed("size", shown)


def _plain(image: Image.Image, name: str) -> Image.Image:
    from PIL import ImageOps

    profile = image.info.get("icc_profile")
    image.load()
    image = ImageOps.exif_transpose(image)
    image = _eight_bits(image, name)
    if "transparency" in image.info or image.mode in ("PA", "LA", "La", "RGBa"):
        image = image.convert("RGBA")
    elif image.mode in ("P", "1"):
        image = image.convert("RGB")
    image = _in_srgb(image, profile)
    if image.mode not in ("RGB", "RGBA"):
        image = image.convert("RGB")
    return _without_idle_alpha(image)


def _eight_bits(image: Image.Image, name: str) -> Image.Image:
    """Grey of 16 bits scaled to 8, which Pillow's own conversion would clip."""
    if not image.mode.startswith(("I", "F")):
        return image
    import numpy
    from PIL import Image

    grey = numpy.asarray(image)
    if image.mode == "F" or grey.min() < 0 or grey.max() > 65_535:
        text = translate(
            "Files",
            "{name} holds numbers of 32 bits, which Inkstone does not read. "
            "Save it with 8 or 16 bits for each channel.",
        )
        raise ImportFailed("kind", text.format(name=name))
    return Image.fromarray(((grey.astype(numpy.uint32) + 128) // 257).astype(numpy.uint8))


def _in_srgb(image: Image.Image, profile: object) -> Image.Image:
    """Colours as the file's own profile means them. A profile that makes no sense is left aside."""
    if not isinstance(profile, bytes) or not 128 <= len(profile) <= MAX_PROFILE_BYTES:
        return image
    from PIL import ImageCms

    mode = "RGBA" if image.mode == "RGBA" else "RGB"
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        target = ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(image, source, target, outputMode=mode)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return image
    return image if converted is None else converted


def _without_idle_alpha(image: Image.Image) -> Image.Image:
    if image.mode == "RGBA" and image.getchannel("A").getextrema() == (255, 255):
        return image.convert("RGB")
    return image


def _recipe_chunk(file: IO[bytes], name: str) -> bytes | None:
    """The text of our iTXt chunk, found by walking over the others without decoding them."""
    while True:
        head = file.read(8)
        if len(head) < 8 or head[4:] == b"IEND":
            return None
        length = int.from_bytes(head[:4], "big")
        if head[4:] != b"iTXt" or length > MAX_RECIPE_BYTES:
            file.seek(length + 4, os.SEEK_CUR)
            continue
        body = file.read(length)
        checksum = file.read(4)
        if not body.startswith(RECIPE_KEY.encode() + b"\0"):
            continue
        if zlib.crc32(b"iTXt" + body).to_bytes(4, "big") != checksum:
            raise _bad_recipe(name)
        return _chunk_text(body[len(RECIPE_KEY) + 1 :], name)


def _chunk_text(body: bytes, name: str) -> bytes:
    """What stands after the key: packed?, method, language\\0, translated key\\0, text."""
    parts = body[2:].split(b"\0", 2)
    if len(body) < 2 or len(parts) < 3:
        raise _bad_recipe(name)
    if body[0] == 0:
        return parts[2]
    try:
        unpacker = zlib.decompressobj()
        text = unpacker.decompress(parts[2], MAX_RECIPE_BYTES)
    except zlib.error as error:
        raise _bad_recipe(name) from error
    if not unpacker.eof:
        raise _bad_recipe(name)
    return text


def _bad_recipe(name: str) -> ImportFailed:
    text = translate("Files", "{name}: the recipe inside it is damaged and cannot be used.")
    return ImportFailed("damaged", text.format(name=name))
