"""The place of the canvas, with messages floating over it and first steps below it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from app.i18n import translate
from app.theme import HALF, SPACE
from app.widgets.banner import Banner
from app.widgets.icons import Icons
from app.widgets.parts import button, column, label, note, row, tool

BANNER_PX = 640


class WelcomeCard(QFrame):
    """First steps: what the starter is, and how to get real models. Stands in nobody's way."""

    real_models = Signal()
    open_wanted = Signal()
    closed = Signal()

    def __init__(self, icons: Icons, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("Card")
        self.title = label("", "heading")
        self.steps, self.starter = note("", ""), note()
        self.models, self.open = button(), button()
        self.close_button = tool()
        self.close_button.setIcon(icons("x"))
        self.models.clicked.connect(self.real_models)
        self.open.clicked.connect(self.open_wanted)
        self.close_button.clicked.connect(self._close)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * SPACE, SPACE + HALF, SPACE + HALF, 2 * SPACE)
        layout.setSpacing(SPACE)
        layout.addLayout(row(self.title, None, self.close_button))
        layout.addLayout(column(self.steps, self.starter, spacing=HALF))
        layout.addLayout(row(self.models, self.open, None, spacing=SPACE))
        self.retranslate()

    def retranslate(self) -> None:
        self.title.setText(translate("Welcome", "Welcome to Inkstone"))
        self.steps.setText(
            translate("Welcome", "Describe a poster at the left and press Ctrl+Enter. Then say "
                      "what to change. Every picture stays in the history.")
        )  # fmt: skip
        self.starter.setText(
            translate("Welcome", "The starter model comes with Inkstone. It is small and for "
                      "trying out: little pictures, single words, flat shapes.")
        )  # fmt: skip
        self.models.setText(translate("Welcome", "Get real models"))
        self.open.setText(translate("Welcome", "Open a project…"))
        self.close_button.setToolTip(translate("Welcome", "Close"))
        self.close_button.setAccessibleName(translate("Welcome", "Close"))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()

    def _close(self) -> None:
        self.hide()
        self.closed.emit()


class CanvasArea(QWidget):
    """Holds the canvas; messages float over it and never change its size."""

    def __init__(self, canvas: QWidget, icons: Icons) -> None:
        super().__init__()
        self.banner = Banner(icons, self)
        self.welcome = WelcomeCard(icons)
        self.welcome.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACE)
        layout.addWidget(canvas, 1)
        layout.addWidget(self.welcome)
        self.banner.installEventFilter(self)

    def eventFilter(self, watched: object, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.Show, QEvent.Type.LayoutRequest):
            self._place()
        return False

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place()

    def _place(self) -> None:
        margin = SPACE + HALF
        width = max(160, min(BANNER_PX, self.width() - 2 * margin))
        layout = self.banner.layout()
        assert layout is not None
        height = max(layout.totalHeightForWidth(width), self.banner.minimumSizeHint().height())
        self.banner.setGeometry((self.width() - width) // 2, margin, width, height)
        self.banner.raise_()
