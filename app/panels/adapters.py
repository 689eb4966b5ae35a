"""What the sections of LoRAs and of ControlNets share: rows of choices, a menu of what is on this
computer, files that are dropped.

Knows a Generation; asks for files by signals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QResizeEvent
from PySide6.QtWidgets import QCheckBox, QMenu, QSizePolicy, QToolButton, QWidget

from app.i18n import translate
from app.state.choices import Choice
from app.state.generation import Generation
from app.state.observable import watch
from app.theme import HALF
from app.widgets.icons import Icons
from app.widgets.parts import column, note, row, set_role, tool
from app.widgets.section import Section
from model.engine.protocol import AdapterKind

Chosen = TypeVar("Chosen", bound=Choice)


class Name(QCheckBox):
    """A name as long as there is room for it, to be switched on and off."""

    def __init__(self) -> None:
        super().__init__()
        self._name = ""
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def set_name(self, name: str) -> None:
        self._name = name
        self.setAccessibleName(name)
        self._elide()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._elide()

    def _elide(self) -> None:
        room = self.width() - 28  # the box and its distance
        elide = Qt.TextElideMode.ElideMiddle
        text = self.fontMetrics().elidedText(self._name, elide, max(room, 40))
        self.setText(text.replace("&", "&&"))


class AdapterRow(QWidget, Generic[Chosen]):
    """One choice. `changed` carries it with a person's new values. `line` says what is special
    about it, or why it cannot be used."""

    changed = Signal(object)
    removed = Signal()

    def __init__(self, icons: Icons) -> None:
        super().__init__()
        self.choice: Chosen | None = None
        self.name = Name()
        self.remove = tool()
        self.remove.setIcon(icons("x"))
        self.line = note()
        self.name.toggled.connect(lambda is_on: self.change(is_on=is_on))
        self.remove.clicked.connect(self.removed)
        head = row(self.name, self.remove)
        head.setStretch(0, 1)
        self.content = column(head, spacing=HALF)
        self.setLayout(self.content)

    def change(self, **values: Any) -> None:
        if self.choice is not None:
            self.changed.emit(replace(self.choice, **values))

    def show_choice(self, choice: Chosen) -> None:
        self.choice = choice
        blocked = self.name.blockSignals(True)
        self.name.setChecked(choice.is_used)
        self.name.blockSignals(blocked)
        self.name.setEnabled(not choice.problem)
        self.name.set_name(choice.name)
        self.name.setToolTip(choice.path)
        text = choice.problem or self.remark(choice)
        set_role(self.line, "warning" if choice.problem else "muted")
        self.line.setText(text)
        self.line.setVisible(bool(text))
        remove = translate("Adapters", "Take out")
        self.remove.setToolTip(remove)
        self.remove.setAccessibleName(remove)

    def remark(self, choice: Chosen) -> str:
        if not choice.sha256:
            return translate("Adapters", "Reading the file…")
        return ""


class AdapterSection(Section, Generic[Chosen]):
    """`file_wanted` asks for another one from the disk; `chosen` carries the path of one."""

    file_wanted = Signal()
    chosen = Signal(object)

    def __init__(self, generation: Generation, icons: Icons, kind: AdapterKind, field: str) -> None:
        super().__init__(icons)
        self.generation = generation
        self.rows: list[AdapterRow[Chosen]] = []
        self._kind = kind
        self.menu = QMenu(self)
        self.add.setMenu(self.menu)
        self.add.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.menu.setToolTipsVisible(True)
        self.menu.aboutToShow.connect(self._fill_menu)
        self.empty = note()
        self.content.addWidget(self.empty)
        self.setAcceptDrops(True)
        self.retranslate()
        watch(generation, field, self._show)

    # What the two kinds say and do differently.

    def title(self) -> str:
        raise NotImplementedError

    def words(self) -> tuple[str, str, str]:
        """What the button adds, how the disk is asked, and what an empty section says."""
        raise NotImplementedError

    def make_row(self) -> AdapterRow[Chosen]:
        raise NotImplementedError

    def choices(self) -> tuple[Chosen, ...]:
        raise NotImplementedError

    def put(self, choices: tuple[Chosen, ...]) -> None:
        raise NotImplementedError

    def is_wanted(self, path: Path) -> bool:
        """Whether a dropped file or folder may be one."""
        return path.suffix == ".safetensors"

    # --- showing ---

    def retranslate(self) -> None:
        add, _, empty = self.words()
        self.add.setToolTip(add)
        self.add.setAccessibleName(add)
        self.empty.setText(empty)
        self._show(self.choices())

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()

    def _show(self, choices: Sequence[Chosen]) -> None:
        """Rows stay the same widgets while their values change: one may be under the pointer."""
        if len(choices) > len(self.rows):
            self.unfold()
        while len(self.rows) > len(choices):
            self._drop_row()
        while len(self.rows) < len(choices):
            self._add_row()
        for shown, choice in zip(self.rows, choices, strict=True):
            shown.show_choice(choice)
        self.empty.setVisible(not choices)
        self.set_title(self.title(), len(choices))

    def _add_row(self) -> None:
        added = self.make_row()
        added.changed.connect(self._changed)
        added.removed.connect(lambda: self._remove(added))
        self.rows.append(added)
        self.content.addWidget(added)

    def _drop_row(self) -> None:
        dropped = self.rows.pop()
        self.content.removeWidget(dropped)
        dropped.hide()
        dropped.deleteLater()

    # --- changing ---

    def _changed(self, changed: Chosen) -> None:
        self.put(tuple(changed if c.id == changed.id else c for c in self.choices()))

    def _remove(self, removed: AdapterRow[Chosen]) -> None:
        gone = removed.choice
        self.put(tuple(c for c in self.choices() if gone is None or c.id != gone.id))
        if not self.choices():
            self.unfold(False)

    def _fill_menu(self) -> None:
        """What is on this computer, and the way to the rest."""
        self.menu.clear()
        for found in self.generation.adapters:
            if found.kind is self._kind:
                action = self.menu.addAction(found.name.replace("&", "&&"))
                action.setEnabled(not found.problem)
                action.setToolTip(found.problem or found.path)
                action.triggered.connect(lambda _=False, p=found.path: self.chosen.emit(Path(p)))
        if not self.menu.isEmpty():
            self.menu.addSeparator()
        self.menu.addAction(self.words()[1]).triggered.connect(lambda: self.file_wanted.emit())

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if self._dropped(event):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        for path in self._dropped(event):
            self.chosen.emit(path)
        event.acceptProposedAction()

    def _dropped(self, event: QDropEvent) -> list[Path]:
        urls = event.mimeData().urls()
        files = [Path(url.toLocalFile()) for url in urls if url.isLocalFile()]
        return [path for path in files if self.is_wanted(path)]
