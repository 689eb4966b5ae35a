"""The edit tree as a list of thumbnails, its branches as lanes beside them.

Shows an EditTree and asks by signals: look at a node, make it current, compare with before.
"""

from __future__ import annotations

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QKeyCombination,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    Qt,
    Signal,
)
from PySide6.QtGui import QImage, QKeyEvent, QPixmap
from PySide6.QtWidgets import QAbstractItemView, QListView, QMenu, QVBoxLayout, QWidget

from app.document.geometry import Page
from app.document.history import EditTree, Node
from app.document.pruning import standing_nodes
from app.document.state import DocumentState
from app.i18n import translate
from app.panels.history_rows import RowPainter, RowView
from app.panels.lanes import Row, lay_out
from app.widgets.icons import Icons
from app.widgets.parts import Panel, note, tool
from app.widgets.words import clock, differences_text, worst_text

Index = QModelIndex | QPersistentModelIndex
REMOVE_KEY = QKeyCombination(Qt.Key.Key_Delete)
ROW_ROLE = Qt.ItemDataRole.UserRole


class HistoryModel(QAbstractListModel):
    """A thin adapter: rows of lanes over the tree's nodes."""

    renamed = Signal(str, str)
    thumbnail_wanted = Signal(str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._tree = EditTree()
        self._rows: list[Row] = []
        self.state = DocumentState(page=Page(width=1, height=1))
        self._thumbnails: dict[str, QPixmap] = {}
        self._asked: str | None = None

    @property
    def current(self) -> str | None:
        return self.state.current_node

    def show_tree(self, tree: EditTree, state: DocumentState) -> None:
        if tree is not self._tree:
            self._thumbnails.clear()
            self._asked = None
        self.beginResetModel()
        self._tree, self.state = tree, state
        nodes = standing_nodes(tree.nodes.values(), state)
        self._rows = lay_out([(node.id, node.parent) for node in nodes])
        self.endResetModel()

    def follow(self, state: DocumentState) -> None:
        before, self.state = self.state, state
        if state.pruned != before.pruned:
            self.show_tree(self._tree, state)
        elif state.current_node != before.current_node:
            self.refresh()

    def set_thumbnail(self, node_id: str, image: QImage | None) -> None:
        """What was asked for last; None: it cannot be read."""
        self._asked = None
        self._thumbnails[node_id] = QPixmap() if image is None else QPixmap.fromImage(image)
        self.refresh()

    def thumbnail(self, node_id: str) -> QPixmap | None:
        """The step's small picture, if it is there and could be read."""
        found = self._thumbnails.get(node_id)
        return None if found is None or found.isNull() else found

    def refresh(self) -> None:
        if self._rows:
            self.dataChanged.emit(self.index(0), self.index(len(self._rows) - 1))

    def node_at(self, index: Index) -> Node | None:
        return self._tree.nodes.get(self._rows[index.row()].id) if index.isValid() else None

    def index_of(self, node_id: str | None) -> QModelIndex:
        rows = [row.id for row in self._rows]
        return self.index(rows.index(node_id)) if node_id in rows else QModelIndex()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        node = self.node_at(index)
        if node is None:
            return None
        if role == ROW_ROLE:
            return self._view(self._rows[index.row()], node)
        if role == Qt.ItemDataRole.ToolTipRole:
            return tip(node)
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole):
            return node.name
        return None

    def setData(self, index: Index, value: str, role: int = Qt.ItemDataRole.EditRole) -> bool:
        node = self.node_at(index)
        if node is None or role != Qt.ItemDataRole.EditRole or not value.strip():
            return False
        self.renamed.emit(node.id, value.strip())
        return True

    def flags(self, index: Index) -> Qt.ItemFlag:
        return super().flags(index) | Qt.ItemFlag.ItemIsEditable

    def _view(self, row: Row, node: Node) -> RowView:
        picture = self._thumbnails.get(node.id)
        if picture is None and self._asked is None:  # one at a time, of the rows that are seen
            self._asked = node.id
            self.thumbnail_wanted.emit(node.id)
        return RowView(
            row=row,
            picture=picture,
            name=node.name,
            detail=_detail(node),
            is_current=node.id == self.current,
            is_pinned=node.pinned,
        )


class HistoryView(QListView):
    """`removed`: the key for it was pressed here, whatever it does elsewhere in the window."""

    removed = Signal()

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and _is_removing(event):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if _is_removing(event):
            self.removed.emit()
        else:
            super().keyPressEvent(event)


class HistoryPanel(Panel):
    """Signals carry node ids; `compare` is True while the "before" is to be seen."""

    shown = Signal(str)
    made_current = Signal(str)
    renamed = Signal(str, str)
    pinned = Signal(str, bool)
    settings_wanted = Signal(str)
    copied = Signal(str)
    reference_wanted = Signal(str)
    pruned = Signal(str)
    exported = Signal(str)
    compare = Signal(bool)

    def __init__(self, icons: Icons) -> None:
        super().__init__()
        self._tree = EditTree()
        self.model = HistoryModel(self)
        self.view = HistoryView()
        self.empty = note()
        self.before = tool()
        self.before.setIcon(icons("square-half"))
        self._lay_out(icons)
        self._connect()
        self.retranslate()

    def show_tree(self, tree: EditTree, state: DocumentState) -> None:
        """Show a document's tree from now on."""
        self._tree.changed.disconnect(self._on_node)
        self._tree = tree
        tree.changed.connect(self._on_node)
        self.model.show_tree(tree, state)
        self._show_empty()
        self.select(state.current_node)

    def follow(self, state: DocumentState) -> None:
        """Mark the current step, and hide what was taken out."""
        self.model.follow(state)
        self._show_empty()
        self.select(state.current_node)

    def select(self, node_id: str | None) -> None:
        """Mark a row without asking to see it."""
        index = self.model.index_of(node_id)
        self.view.selectionModel().blockSignals(True)
        self.view.setCurrentIndex(index)
        self.view.selectionModel().blockSignals(False)
        self.view.viewport().update()
        if index.isValid():
            self.view.scrollTo(index)

    @property
    def selected(self) -> Node | None:
        return self.model.node_at(self.view.currentIndex())

    def edit_name(self) -> None:
        if self.view.currentIndex().isValid():
            self.view.edit(self.view.currentIndex())

    def retranslate(self) -> None:
        self.set_title(translate("History", "History"))
        self.view.setAccessibleName(translate("History", "History of pictures"))
        self.before.setToolTip(translate("History", "Hold to see it before the last change  (\\)"))
        self.before.setAccessibleName(translate("History", "Show before"))
        self.empty.setText(
            translate("History", "Every picture you make is kept here. Go back to any of them and "
                      "change it again: that begins a branch.")
        )  # fmt: skip
        self.model.refresh()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()

    def _lay_out(self, icons: Icons) -> None:
        self.view.setObjectName("Rows")
        self.view.setModel(self.model)
        self.view.setItemDelegate(RowPainter(icons, self.view))
        self.view.setUniformItemSizes(True)
        self.view.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.view.setEditTriggers(QAbstractItemView.EditTrigger.EditKeyPressed)
        self.view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.view.setMinimumHeight(96)
        self.header.addWidget(self.before)
        box = QVBoxLayout()
        box.setContentsMargins(0, 0, 0, 0)
        box.addWidget(self.empty, 1, Qt.AlignmentFlag.AlignTop)
        box.addWidget(self.view, 1)
        self.body.addLayout(box, 1)

    def _connect(self) -> None:
        self._tree.changed.connect(self._on_node)
        self.view.selectionModel().currentChanged.connect(self._on_selected)
        self.view.clicked.connect(self._on_selected)
        self.view.doubleClicked.connect(self._make_current)
        self.view.activated.connect(self._make_current)
        self.view.customContextMenuRequested.connect(self._open_menu)
        self.view.removed.connect(self._remove)
        self.model.renamed.connect(self.renamed)
        self.before.pressed.connect(lambda: self.compare.emit(True))
        self.before.released.connect(lambda: self.compare.emit(False))

    def _on_node(self, node_id: str) -> None:
        """The row that is looked at stays marked: the canvas goes on showing it."""
        marked = self.selected
        self.model.show_tree(self._tree, self.model.state)
        self._show_empty()
        self.select(marked.id if marked is not None else self.model.current or node_id)

    def _show_empty(self) -> None:
        has_rows = self.model.rowCount() > 0
        self.empty.setVisible(not has_rows)
        self.view.setVisible(has_rows)
        self.before.setEnabled(has_rows)

    def _on_selected(self, index: Index) -> None:
        node = self.model.node_at(index)
        if node is not None:
            self.shown.emit(node.id)

    def _make_current(self, index: Index) -> None:
        node = self.model.node_at(index)
        if node is not None:
            self.made_current.emit(node.id)

    def _remove(self) -> None:
        if self.selected is not None:
            self.pruned.emit(self.selected.id)

    def _open_menu(self, at: QPoint) -> None:
        index = self.view.indexAt(at)
        node = self.model.node_at(index)
        if node is not None:
            self.view.setCurrentIndex(index)
            self._menu(node).popup(self.view.viewport().mapToGlobal(at))

    def _menu(self, node: Node) -> QMenu:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        pin = translate("History", "Unpin") if node.pinned else translate("History", "Pin")
        for text, deed in (
            (translate("History", "Make current"), lambda: self.made_current.emit(node.id)),
            (translate("History", "Use these settings again"),
             lambda: self.settings_wanted.emit(node.id)),
            (translate("History", "Add to prompt as picture"),
             lambda: self.reference_wanted.emit(node.id)),
            (translate("History", "Copy the prompt"), lambda: self.copied.emit(node.id)),
            (translate("History", "Rename"), self.edit_name),
            (pin, lambda: self.pinned.emit(node.id, not node.pinned)),
            (translate("History", "Export this picture…"), lambda: self.exported.emit(node.id)),
        ):  # fmt: skip
            menu.addAction(text, deed)
        menu.addSeparator()
        remove = menu.addAction(translate("History", "Remove…"), self._remove)
        remove.setShortcut(REMOVE_KEY)  # shown beside the words; the view itself minds the key
        return menu


def _is_removing(event: QEvent) -> bool:
    return isinstance(event, QKeyEvent) and event.keyCombination() == REMOVE_KEY


def tip(node: Node) -> str:
    """Everything that made the picture, one thing a line."""
    fields = node.recipe.get("request", {})
    size = f"{node.size.width()} × {node.size.height()}"
    lines = [
        str(fields.get("prompt", node.name)),
        translate("History", "Seed {seed} · {steps} steps · guidance {guidance}").format(
            seed=fields.get("seed"), steps=fields.get("steps"), guidance=fields.get("guidance")
        ),
        translate("History", "{model} ({licence}) · {size} px · {s} s").format(
            model=node.model.name, licence=node.model.licence, size=size, s=f"{node.seconds:.1f}"
        ),
    ]
    if node.differences is not None:
        lines.append(differences_text(node.differences))
    return "\n".join(lines)


def _detail(node: Node) -> str:
    kind = translate("History", "new") if node.parent is None else translate("History", "change")
    parts = [kind, clock(node.time)]
    if node.differences is not None and (off := worst_text(node.differences)):
        parts.append(off)
    return " · ".join(parts)
