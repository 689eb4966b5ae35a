"""The pictures that the prompt speaks of beside the page: a strip of them, in their order."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QSize, Qt, Signal
from PySide6.QtGui import QIcon, QKeyEvent, QKeySequence, QPixmap
from PySide6.QtWidgets import QFrame, QListView, QListWidget, QListWidgetItem

from app.document.pictures import to_image
from app.i18n import translate
from app.widgets.icons import Icons
from app.widgets.parts import column, note, row, set_role, tool
from model.requests import Picture

ICON = QSize(56, 44)
STRIP_PX = 84


class ReferenceStrip(QFrame):
    """Hidden while there are none. `changed` carries what the user made of them: another order,
    or fewer."""

    changed = Signal(tuple)

    def __init__(self, icons: Icons) -> None:
        super().__init__()
        self._pictures: tuple[Picture, ...] = ()
        self._first = 1
        self.list = QListWidget()
        self.problem = note()
        set_role(self.problem, "warning")
        self.remove = tool()
        self.remove.setIcon(icons("x"))
        self.list.setViewMode(QListView.ViewMode.IconMode)
        self.list.setFlow(QListView.Flow.LeftToRight)
        self.list.setWrapping(False)
        self.list.setMovement(QListView.Movement.Snap)
        self.list.setDragDropMode(QListWidget.DragDropMode.InternalMove)
        self.list.setDefaultDropAction(Qt.DropAction.MoveAction)
        self.list.setIconSize(ICON)
        self.list.setFixedHeight(STRIP_PX)
        self.list.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        strip = row(self.list, self.remove)
        strip.setStretch(0, 1)
        layout = column(strip, self.problem)
        layout.setContentsMargins(0, 0, 0, 0)
        self.setLayout(layout)
        self.remove.clicked.connect(self.remove_current)
        self.list.model().rowsMoved.connect(self._on_moved)
        self.list.installEventFilter(self)
        self._keys = {
            "Del": self.remove_current,
            "Ctrl+Left": lambda: self.move_current(-1),
            "Ctrl+Right": lambda: self.move_current(1),
        }
        self.show_pictures((), 1)
        self.retranslate()

    def show_pictures(self, pictures: tuple[Picture, ...], first: int, problem: str = "") -> None:
        """`first` is the number by which the prompt speaks of the first of them; `problem` says
        why they cannot be used as they are."""
        self.problem.setText(problem)
        self.problem.setVisible(bool(problem))
        if (pictures, first) != (self._pictures, self._first):
            self._show_strip(pictures, first)
        self.setVisible(bool(pictures))

    def _show_strip(self, pictures: tuple[Picture, ...], first: int) -> None:
        current = self.list.currentRow()
        self._pictures, self._first = pictures, first
        self.list.clear()
        for k, picture in enumerate(pictures):
            image = to_image(picture).scaled(
                ICON, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
            )
            item = QListWidgetItem(QIcon(QPixmap.fromImage(image)), self._name(first + k))
            item.setData(Qt.ItemDataRole.UserRole, k)
            item.setToolTip(f"{picture.width} × {picture.height}")
            self.list.addItem(item)
        self.list.setCurrentRow(min(max(current, 0), len(pictures) - 1))

    def remove_current(self) -> None:
        here = self.list.currentRow()
        self.changed.emit(tuple(p for k, p in enumerate(self._pictures) if k != here))

    def move_current(self, step: int) -> None:
        here = self.list.currentRow()
        there = here + step
        if 0 <= there < len(self._pictures):
            order = list(self._pictures)
            order.insert(there, order.pop(here))
            self.list.setCurrentRow(there)
            self.changed.emit(tuple(order))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The strip's keys go before those of the window, which delete layers."""
        kinds = (QEvent.Type.ShortcutOverride, QEvent.Type.KeyPress)
        if event.type() not in kinds or not isinstance(event, QKeyEvent):
            return super().eventFilter(watched, event)
        deed = self._keys.get(QKeySequence(event.keyCombination()).toString())
        if deed is None:
            return super().eventFilter(watched, event)
        event.accept()
        if event.type() == QEvent.Type.KeyPress:
            deed()
        return True

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()

    def retranslate(self) -> None:
        self.list.setAccessibleName(translate("References", "Pictures beside the page"))
        self.list.setToolTip(
            translate("References", "Drag, or Ctrl+Left and Ctrl+Right, to change the order")
        )
        self.remove.setToolTip(translate("References", "Without this picture  (Delete)"))
        self.remove.setAccessibleName(translate("References", "Without this picture"))
        for k in range(self.list.count()):
            self.list.item(k).setText(self._name(self._first + k))

    def _on_moved(self) -> None:
        role = Qt.ItemDataRole.UserRole
        order = [self.list.item(k).data(role) for k in range(self.list.count())]
        self.changed.emit(tuple(self._pictures[k] for k in order))

    @staticmethod
    def _name(number: int) -> str:
        """As the published models number pictures, in the prompt too."""
        return translate("References", "Picture {number}").format(number=number)
