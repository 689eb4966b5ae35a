"""Pictures dragged or pasted from outside: paths of files, or pixels. Opens no file."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QEvent, QMimeData, QObject, QPointF, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QImage
from PySide6.QtWidgets import QWidget

Dropped = Path | QImage
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp")


class DropTarget(QObject):
    """Watches drags over a widget. `dropped` carries paths or images, and the widget's point."""

    dropped = Signal(list, QPointF)
    over_changed = Signal()

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self.is_over = False
        widget.setAcceptDrops(True)
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QDragEnterEvent):
            self._set_over(bool(dropped_pictures(event.mimeData())))
            event.setAccepted(self.is_over)
            if self.is_over:
                event.acceptProposedAction()
        elif event.type() == QEvent.Type.DragLeave:
            self._set_over(False)
        elif event.type() == QEvent.Type.Drop and isinstance(event, QDropEvent):
            self._set_over(False)
            if pictures := dropped_pictures(event.mimeData()):
                event.acceptProposedAction()
                self.dropped.emit(pictures, event.position())
        else:
            return False
        return True

    def _set_over(self, is_over: bool) -> None:
        self.is_over = is_over
        self.over_changed.emit()


def dropped_pictures(mime: QMimeData) -> list[Dropped]:
    """Files if there are any, for their names say more than pixels do."""
    files = [Path(url.toLocalFile()) for url in mime.urls() if url.isLocalFile()]
    pictures: list[Dropped] = [path for path in files if path.suffix.lower() in SUFFIXES]
    if not pictures and mime.hasImage():
        image = QImage(mime.imageData())
        pictures = [] if image.isNull() else [image]
    return pictures
