"""A message over the canvas that stops nobody: what happened, what was kept, what to do."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QWidget

from app.i18n import translate
from app.state.messages import Kind, Message
from app.theme import HALF, ICON_PX, SPACE
from app.widgets.icons import Icons
from app.widgets.parts import button, column, label, note, set_role, tool

NOTICE_MS = 8000
_ICONS = {
    Kind.error: ("warning-octagon", "danger"),
    Kind.warning: ("warning", "warning"),
    Kind.notice: ("info", "accent"),
}


class Banner(QFrame):
    """Shows the newest message; notices leave by themselves, errors when they are closed."""

    closed = Signal()

    def __init__(self, icons: Icons, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("Banner")
        self._icons = icons
        self._icon = QLabel()
        self.title = label("", "heading")
        self.title.setWordWrap(True)
        self.text = note()
        self._deeds = QHBoxLayout()
        self._close = tool()
        self._close.setIcon(icons("x"))
        self._close.clicked.connect(self.dismiss)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.dismiss)
        self._lay_out()
        self.hide()

    def show_message(self, message: Message) -> None:
        icon, tint = _ICONS[message.kind]
        self._icon.setPixmap(self._icons(icon, tint).pixmap(ICON_PX + HALF, ICON_PX + HALF))
        self.title.setText(message.title)
        self.text.setText(message.text)
        self.text.setVisible(bool(message.text))
        self._close.setAccessibleName(translate("Banner", "Close this message"))
        self._close.setToolTip(translate("Banner", "Close this message"))
        self.setProperty("kind", message.kind.value)
        set_role(self, message.kind.value)
        self._offer(message.deeds)
        self.setAccessibleName(f"{message.title} {message.text}")
        self.show()
        self._timer.stop()
        if message.kind is Kind.notice and not message.deeds:
            self._timer.start(NOTICE_MS)

    def dismiss(self) -> None:
        self.hide()
        self.closed.emit()

    def _offer(self, deeds: tuple[tuple[str, Callable[[], object]], ...]) -> None:
        while self._deeds.count():
            item = self._deeds.takeAt(0)
            if item is not None and (widget := item.widget()) is not None:
                widget.deleteLater()
        for text, deed in deeds:
            self._deeds.addWidget(self._deed(text, deed))

    def _deed(self, text: str, deed: Callable[[], object]) -> QPushButton:
        result = button(text)
        result.clicked.connect(lambda: (self.dismiss(), deed()))
        return result

    def _lay_out(self) -> None:
        layout = QHBoxLayout(self)
        layout.setContentsMargins(SPACE + HALF, SPACE, SPACE, SPACE)
        layout.setSpacing(SPACE + HALF)
        layout.addWidget(self._icon)
        layout.addLayout(column(self.title, self.text, spacing=2), 1)
        layout.addLayout(self._deeds)
        layout.addWidget(self._close)
