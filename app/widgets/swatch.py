"""A colour as a small patch, and asking for another."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPen, QPixmap
from PySide6.QtWidgets import QColorDialog, QWidget

WIDTH_PX, HEIGHT_PX = 56, 32


def swatch(colour: str) -> QIcon:
    """Twice the shown size, for dense screens."""
    picture = QPixmap(WIDTH_PX, HEIGHT_PX)
    picture.fill(Qt.GlobalColor.transparent)
    with QPainter(picture) as painter:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(128, 128, 128), 2))
        painter.setBrush(QColor(colour))
        painter.drawRoundedRect(QRectF(1, 1, WIDTH_PX - 2, HEIGHT_PX - 2), 6, 6)
    return QIcon(picture)


def ask_color(
    before: str,
    title: str,
    parent: QWidget,
    preview: Callable[[str], object] = lambda colour: None,
) -> str | None:
    """The colour that was chosen, None if it was not; `preview` is told while it is looked for."""
    dialog = QColorDialog(QColor(before), parent)
    dialog.setOption(QColorDialog.ColorDialogOption.DontUseNativeDialog)
    dialog.setWindowTitle(title)
    dialog.currentColorChanged.connect(lambda colour: preview(colour.name()))
    is_accepted = dialog.exec() == QColorDialog.DialogCode.Accepted
    dialog.deleteLater()
    return dialog.selectedColor().name() if is_accepted else None
