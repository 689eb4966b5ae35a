"""The keys of all actions: searchable, changeable, with a warning where two would clash.

Writes the user's choices into Settings; an action without a choice has the table's keys.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QKeySequenceEdit,
    QLineEdit,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.actions import CONTEXT, MENUS, ActionSpec, conflicts, keys_of, plain, table
from app.i18n import translate
from app.settings import Settings
from app.theme import SPACE
from app.widgets.parts import button, column, note, row, set_role


class KeysEditor(QWidget):
    """A list of actions; the keys of the chosen one are changed below it."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self._settings = settings
        self.search = QLineEdit()
        self.list = QTreeWidget()
        self.key = QKeySequenceEdit()
        self.key.setMaximumSequenceLength(1)
        self.none, self.reset, self.reset_all = button(), button(), button()
        self.warning = note()
        self._lay_out()
        self._fill()
        self._connect()
        self.retranslate()

    def retranslate(self) -> None:
        self.search.setPlaceholderText(translate("Keys", "Search actions and keys"))
        self.search.setAccessibleName(translate("Keys", "Search"))
        self.list.setHeaderLabels([translate("Keys", "Action"), translate("Keys", "Keys")])
        self.key.setAccessibleName(translate("Keys", "Press the new keys"))
        self.none.setText(translate("Keys", "No Keys"))
        self.reset.setText(translate("Keys", "Reset"))
        self.reset_all.setText(translate("Keys", "Reset All"))
        self._show()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()

    def change(self, action_id: str, key: str) -> None:
        """Give an action other keys; an empty text takes them away."""
        self._settings.keys = self._settings.keys | {action_id: key}
        self._show()

    def _fill(self) -> None:
        for spec in table():
            item = QTreeWidgetItem(self.list)
            item.setData(0, Qt.ItemDataRole.UserRole, spec)

    def _connect(self) -> None:
        self.search.textChanged.connect(self._filter)
        self.list.currentItemChanged.connect(lambda: self._show_chosen())
        self.key.editingFinished.connect(self._take_key)
        self.none.clicked.connect(lambda: self._chosen and self.change(self._chosen.id, ""))
        self.reset.clicked.connect(self._reset_one)
        self.reset_all.clicked.connect(self._reset_all)

    @property
    def _chosen(self) -> ActionSpec | None:
        item = self.list.currentItem()
        return item.data(0, Qt.ItemDataRole.UserRole) if item is not None else None

    def _items(self) -> list[QTreeWidgetItem]:
        found = (self.list.topLevelItem(i) for i in range(self.list.topLevelItemCount()))
        return [item for item in found if item is not None]

    def _take_key(self) -> None:
        spec = self._chosen
        key = self.key.keySequence().toString()
        if spec is not None and key and key != _first(keys_of(spec, self._settings.keys)):
            self.change(spec.id, key)

    def _reset_one(self) -> None:
        if self._chosen is not None:
            kept = {k: v for k, v in self._settings.keys.items() if k != self._chosen.id}
            self._settings.keys = kept
            self._show()

    def _reset_all(self) -> None:
        self._settings.keys = {}
        self._show()

    def _show(self) -> None:
        clashing = conflicts(self._settings.keys)
        for item in self._items():
            self._show_item(item, clashing)
        self.list.resizeColumnToContents(0)
        self._show_chosen()
        self._warn(clashing)

    def _show_item(self, item: QTreeWidgetItem, clashing: dict[str, tuple[str, ...]]) -> None:
        spec: ActionSpec = item.data(0, Qt.ItemDataRole.UserRole)
        keys = keys_of(spec, self._settings.keys)
        menu = plain(translate(CONTEXT, MENUS[spec.menu]))
        item.setText(0, f"{menu} · {plain(translate(spec.context, spec.text))}")
        item.setText(1, "   ".join(dict.fromkeys(native(key) for key in keys)))
        is_clashing = any(spec.id in ids for ids in clashing.values())
        font = item.font(1)
        font.setBold(spec.id in self._settings.keys or is_clashing)
        item.setFont(1, font)

    def _warn(self, clashing: dict[str, tuple[str, ...]]) -> None:
        self.warning.setVisible(bool(clashing))
        names = {spec.id: plain(translate(spec.context, spec.text)) for spec in table()}
        lines = [
            translate("Keys", "{key} is used by {actions}.").format(
                key=native(key), actions=", ".join(names[id] for id in ids)
            )
            for key, ids in clashing.items()
        ]
        self.warning.setText("\n".join(lines))

    def _show_chosen(self) -> None:
        spec = self._chosen
        for widget in (self.key, self.none, self.reset):
            widget.setEnabled(spec is not None)
        keys = keys_of(spec, self._settings.keys) if spec is not None else ()
        self.key.setKeySequence(QKeySequence(_first(keys)))

    def _filter(self, text: str) -> None:
        for item in self._items():
            shown = f"{item.text(0)} {item.text(1)}".casefold()
            item.setHidden(text.casefold() not in shown)

    def _lay_out(self) -> None:
        self.list.setObjectName("Boxed")
        self.list.setRootIsDecorated(False)
        set_role(self.warning, "warning")
        bar = row(self.key, self.none, self.reset, None, self.reset_all, spacing=SPACE)
        self.setLayout(column(self.search, self.list, self.warning, bar))


class KeysDialog(QDialog):
    """The keyboard shortcuts by themselves."""

    def __init__(self, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(translate("Keys", "Keyboard Shortcuts"))
        self.editor = KeysEditor(settings)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * SPACE, 2 * SPACE, 2 * SPACE, 2 * SPACE)
        layout.addWidget(self.editor)
        layout.addWidget(buttons)
        self.resize(560, 560)


def native(key: str) -> str:
    """Keys as this computer writes them."""
    return QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText)


def _first(keys: tuple[str, ...]) -> str:
    return keys[0] if keys else ""
