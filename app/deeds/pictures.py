"""Pictures from outside, read for whatever becomes of them; one that cannot be read is told."""

from __future__ import annotations

from PySide6.QtGui import QImage

from app.document.pictures import to_image
from app.document.tiles import PixelKind
from app.files.errors import ImportFailed
from app.files.raster import read_picture
from app.i18n import translate
from app.main_window import MainWindow
from app.state.messages import Kind, Message
from app.widgets.drops import SUFFIXES, Dropped

PATTERNS = " ".join(f"*{suffix}" for suffix in SUFFIXES)


def picture_kinds() -> str:
    """For dialogs that ask for pictures."""
    return translate("Files", "Pictures ({kinds})").format(kinds=PATTERNS)


def read_dropped(window: MainWindow, picture: Dropped) -> QImage | None:
    if isinstance(picture, QImage):
        return picture.convertToFormat(PixelKind.color.value)
    try:
        image = to_image(read_picture(picture))
    except ImportFailed as error:
        title = translate("Files", "“{name}” was not opened.").format(name=picture.name)
        window.show_message(Message(kind=Kind.error, title=title, text=str(error)))
        return None
    return image.convertToFormat(PixelKind.color.value)
