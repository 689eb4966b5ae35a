"""The layer stack as Qt's item model: a thin adapter, top layer first, moved by drag and drop.

Changes nothing itself: every wish of the user leaves as a command.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from PySide6.QtCore import QAbstractItemModel, QMimeData, QModelIndex, QObject, Qt, Signal
from PySide6.QtCore import QPersistentModelIndex as Persistent

from app.document.commands import SetLayer
from app.document.layers import (
    GroupLayer,
    Layer,
    Layers,
    find_layer,
    has_layer,
    outermost,
    place_of,
    shown_name,
    walk,
)
from app.document.stacking import MoveLayers
from app.i18n import translate

Index = QModelIndex | Persistent
LAYER_ROLE = Qt.ItemDataRole.UserRole
MIME = "application/x-inkstone-layer"


class LayerModel(QAbstractItemModel):
    """`wish` carries a command for the document."""

    wish = Signal(object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.layers: Layers = ()

    def show_layers(self, layers: Layers) -> bool:
        """Take a new stack; returns whether its shape changed, which resets the model."""
        same_shape = _shape(layers) == _shape(self.layers)
        if same_shape:
            self.layers = layers
            self._all_changed(QModelIndex())
        else:
            self.beginResetModel()
            self.layers = layers
            self.endResetModel()
        return not same_shape

    def layer_at(self, index: Index) -> Layer | None:
        if not index.isValid():
            return None
        layer_id = self._ids()[index.internalId()]
        return find_layer(self.layers, layer_id)

    def index_of(self, layer_id: str | None) -> QModelIndex:
        if layer_id is None or not has_layer(self.layers, layer_id):
            return QModelIndex()
        _, position = place_of(self.layers, layer_id)
        siblings = self._siblings(layer_id)
        return self.createIndex(len(siblings) - 1 - position, 0, self._ids().index(layer_id))

    def index(self, row: int, column: int, parent: Index = QModelIndex()) -> QModelIndex:  # noqa: B008
        children = self._children(parent)
        if column or not 0 <= row < len(children):
            return QModelIndex()
        layer = children[len(children) - 1 - row]
        return self.createIndex(row, 0, self._ids().index(layer.id))

    def parent(self, index: Index) -> QModelIndex:  # type: ignore[override]
        layer = self.layer_at(index)
        return QModelIndex() if layer is None else self.index_of(self._parent_id(layer.id))

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return len(self._children(parent))

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 1

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        layer = self.layer_at(index)
        if layer is None:
            return None
        if role == LAYER_ROLE:
            return layer
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole):
            return shown_name(layer)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            hidden = "" if layer.visible else translate("Layers", "hidden")
            return f"{shown_name(layer)} {hidden}".strip()
        return None

    def setData(self, index: Index, value: str, role: int = Qt.ItemDataRole.EditRole) -> bool:
        layer = self.layer_at(index)
        if layer is None or role != Qt.ItemDataRole.EditRole or not value.strip():
            return False
        self.wish.emit(SetLayer(layer_id=layer.id, new_name=value.strip()))
        return True

    def flags(self, index: Index) -> Qt.ItemFlag:
        if not index.isValid():
            return Qt.ItemFlag.ItemIsDropEnabled
        flags = super().flags(index) | Qt.ItemFlag.ItemIsEditable | Qt.ItemFlag.ItemIsDragEnabled
        is_group = isinstance(self.layer_at(index), GroupLayer)
        return flags | Qt.ItemFlag.ItemIsDropEnabled if is_group else flags

    def supportedDropActions(self) -> Qt.DropAction:
        return Qt.DropAction.MoveAction

    def mimeTypes(self) -> list[str]:
        return [MIME]

    def mimeData(self, indexes: Sequence[QModelIndex]) -> QMimeData:
        ids = [layer.id for index in indexes if (layer := self.layer_at(index)) is not None]
        data = QMimeData()
        data.setData(MIME, json.dumps(ids).encode())
        return data

    def dropMimeData(
        self, data: QMimeData, action: Qt.DropAction, row: int, column: int, parent: Index
    ) -> bool:
        """A row of -1 is a drop on the parent itself: into the top of a group."""
        group, siblings = self.layer_at(parent), self._children(parent)
        ids = frozenset(json.loads(bytes(data.data(MIME).data())))
        moved = {layer.id for layer in outermost(self.layers, ids)}
        index = len(siblings) - max(row, 0)
        index -= sum(layer.id in moved for layer in siblings[:index])
        parent_id = group.id if group is not None else None
        self.wish.emit(MoveLayers(layer_ids=tuple(moved), parent=parent_id, index=index))
        return False  # the document tells of the change; the view must not remove rows itself

    def _children(self, parent: Index) -> Layers:
        if not parent.isValid():
            return self.layers
        layer = self.layer_at(parent)
        return layer.children if isinstance(layer, GroupLayer) else ()

    def _siblings(self, layer_id: str) -> Layers:
        parent = self._parent_id(layer_id)
        if parent is None:
            return self.layers
        group = find_layer(self.layers, parent)
        return group.children if isinstance(group, GroupLayer) else ()

    def _parent_id(self, layer_id: str) -> str | None:
        return place_of(self.layers, layer_id)[0]

    def _ids(self) -> list[str]:
        return [layer.id for layer in walk(self.layers)]

    def _all_changed(self, parent: QModelIndex) -> None:
        rows = self.rowCount(parent)
        if rows:
            self.dataChanged.emit(self.index(0, 0, parent), self.index(rows - 1, 0, parent))
        for row in range(rows):
            self._all_changed(self.index(row, 0, parent))


def _shape(layers: Layers) -> tuple[object, ...]:
    return tuple(
        (layer.id, _shape(layer.children)) if isinstance(layer, GroupLayer) else layer.id
        for layer in layers
    )
