"""The layers panel: the stack, and opacity and blend mode of all layers that are marked in it.

Shows a document's state; every change leaves as a command, every choice of a layer as its id.
"""

from __future__ import annotations

from collections.abc import Collection

from PySide6.QtCore import (
    QEvent,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QSignalBlocker,
    Qt,
    Signal,
)
from PySide6.QtWidgets import QAbstractItemView, QSlider

from app.actions import Actions
from app.document.blend import Blend
from app.document.layers import Layers, find_layer, is_locked, new_id, walk
from app.document.masking import EnableMask
from app.document.stacking import set_each
from app.document.state import DocumentState
from app.i18n import mark, translate
from app.panels.layer_model import LayerModel
from app.panels.layer_rows import LayerPainter, Part
from app.panels.layer_view import LayerView
from app.theme import SPACE
from app.widgets.icons import Icons
from app.widgets.parts import Combo, MixedNumber, Panel, label, note, row, set_role, tool

Flag = QItemSelectionModel.SelectionFlag
BUTTONS = (
    "layer_new", "layer_text", "layer_group", "mask_add", "layer_duplicate", "split",
    "layer_delete",
)  # fmt: skip


class LayersPanel(Panel):
    """Signals: `wish` carries a command; `chosen` the id of the layer to make active, and whether
    its mask is to be painted; `mask_looked_at` the id of a layer whose mask is to be seen alone, or
    no more; `selected_changed` that other rows are marked."""

    wish = Signal(object)
    chosen = Signal(str, bool)
    mask_looked_at = Signal(str)
    selected_changed = Signal()

    def __init__(self, icons: Icons, actions: Actions) -> None:
        super().__init__()
        self._state: DocumentState | None = None
        self._gesture: str | None = None
        self.model = LayerModel(self)
        self.view = LayerView()
        self.painter = LayerPainter(icons, self.view)
        self.empty = note()
        self.blend = Combo()
        self.opacity = QSlider(Qt.Orientation.Horizontal)
        self.percent = MixedNumber(0, 100, " %")
        self.opacity_label = label("", "muted")
        self._lay_out(actions)
        self._connect()
        self.retranslate()

    def show_state(self, state: DocumentState) -> None:
        """Show the document as it is now."""
        self._state = state
        self.painter.show_state(state)
        closed, marked = self._closed(), self._marked()
        if self.model.show_layers(state.layers):
            self.view.expandAll()
            for layer_id in closed:
                self.view.collapse(self.model.index_of(layer_id))
            self.select(marked if state.active in marked else ())
        self._mark_active(state.active)
        self._show_look()
        self.empty.setVisible(not state.layers)
        self.view.setVisible(bool(state.layers))

    @property
    def selected_layers(self) -> Layers:
        """The marked layers, bottom first; at least the active one, if there is one."""
        ids = self._marked()
        if self._state is not None and self._state.active is not None:
            ids.add(self._state.active)
        return tuple(layer for layer in walk(self.model.layers) if layer.id in ids)

    @property
    def selected(self) -> tuple[str, ...]:
        return tuple(layer.id for layer in self.selected_layers)

    def select(self, layer_ids: Collection[str]) -> None:
        """Mark these rows and no others."""
        rows = QItemSelection()
        for layer_id in layer_ids:
            index = self.model.index_of(layer_id)
            rows.select(index, index)
        blocker = QSignalBlocker(self.view.selectionModel())
        self.view.selectionModel().select(rows, Flag.ClearAndSelect)
        blocker.unblock()
        self.view.viewport().update()
        self._show_look()
        self.selected_changed.emit()

    def edit_name(self) -> None:
        if self.view.currentIndex().isValid():
            self.view.edit(self.view.currentIndex())

    def retranslate(self) -> None:
        self.set_title(translate("Layers", "Layers"))
        self.view.setAccessibleName(translate("Layers", "Layers"))
        self.opacity_label.setText(translate("Layers", "Opacity"))
        for box in (self.opacity, self.percent):
            box.setAccessibleName(translate("Layers", "Opacity"))
        self.blend.setAccessibleName(translate("Layers", "Blend mode"))
        self.blend.setPlaceholderText(translate("Layers", "Mixed"))
        self.empty.setText(
            translate("Layers", "No layers yet. A generated picture becomes the first one; text "
                      "and pictures lie above it.")
        )  # fmt: skip
        for index, blend in enumerate(Blend):
            self.blend.setItemText(index, translate("Blend", _BLEND_NAMES[blend]))
        if self._state is not None:
            self.model.show_layers(self._state.layers)
        self._show_look()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()

    def _lay_out(self, actions: Actions) -> None:
        self.view.setObjectName("Rows")
        self.view.setModel(self.model)
        self.view.setItemDelegate(self.painter)
        self.view.setHeaderHidden(True)
        self.view.setIndentation(16)
        self.view.setUniformRowHeights(True)
        self.view.setMinimumHeight(96)
        self.view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.view.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self.view.setDefaultDropAction(Qt.DropAction.MoveAction)
        self.view.setEditTriggers(QAbstractItemView.EditTrigger.DoubleClicked)
        self.view.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.view.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        self.view.addActions([actions[spec.id] for spec in actions.in_menu("layer")])
        self.opacity.setRange(0, 100)
        for blend in Blend:
            self.blend.addItem("", blend)
        self.percent.setFixedWidth(72)
        self.body.addWidget(self.blend)
        self.body.addLayout(row(self.opacity_label, self.opacity, self.percent, spacing=SPACE))
        self.body.addWidget(self.empty, 1, Qt.AlignmentFlag.AlignTop)
        self.body.addWidget(self.view, 1)
        self.body.addLayout(row(*(tool(actions[name]) for name in BUTTONS), None))

    def _connect(self) -> None:
        self.model.wish.connect(self.wish)
        self.view.switched.connect(self._switch)
        self.view.chosen.connect(self.chosen)
        self.view.mask_looked_at.connect(self.mask_looked_at)
        self.view.selectionModel().currentChanged.connect(self._on_current)
        self.view.selectionModel().selectionChanged.connect(self._on_selected)
        self.opacity.sliderPressed.connect(self._begin_drag)
        self.opacity.sliderReleased.connect(self._end_drag)
        self.opacity.valueChanged.connect(self._set_opacity)
        self.percent.valueChanged.connect(self._set_opacity)
        self.blend.activated.connect(self._set_blend)

    def _switch(self, layer_id: str, part: Part) -> None:
        """Turn an eye, a lock or a mask on or off."""
        layer = find_layer(self.model.layers, layer_id)
        match part:
            case Part.eye:
                self.wish.emit(set_each(self._together_with(layer_id), visible=not layer.visible))
            case Part.lock:
                self.wish.emit(set_each(self._together_with(layer_id), locked=not layer.locked))
            case Part.mask if layer.mask is not None:
                self.wish.emit(EnableMask(layer_id=layer_id, enabled=not layer.mask.enabled))

    def _together_with(self, layer_id: str) -> tuple[str, ...]:
        """All marked layers if this is one of them."""
        return self.selected if layer_id in self.selected else (layer_id,)

    def _begin_drag(self) -> None:
        self._gesture = new_id()

    def _end_drag(self) -> None:
        self._gesture = None

    def _set_opacity(self, percent: int) -> None:
        if self.selected:
            self.wish.emit(set_each(self.selected, opacity=percent / 100, gesture=self._gesture))

    def _set_blend(self) -> None:
        if self.selected:
            self.wish.emit(set_each(self.selected, blend=self.blend.currentData()))

    def _on_current(self, index: QModelIndex) -> None:
        layer = self.model.layer_at(index)
        if layer is not None and (self._state is None or layer.id != self._state.active):
            self.chosen.emit(layer.id, False)

    def _on_selected(self) -> None:
        """Where the active layer's mark was taken away, another marked one becomes active."""
        marks = self.view.selectionModel()
        rows = marks.selectedIndexes()
        if rows and not marks.isSelected(self.view.currentIndex()):
            marks.setCurrentIndex(rows[-1], Flag.NoUpdate)
        self._show_look()
        self.selected_changed.emit()

    def _mark_active(self, layer_id: str | None) -> None:
        """Another layer is marked alone; the same one leaves the marks as they are."""
        index = self.model.index_of(layer_id)
        if index != self.view.currentIndex() or not self.view.selectionModel().hasSelection():
            blocker = QSignalBlocker(self.view.selectionModel())
            is_marked = self.view.selectionModel().isSelected(index)
            how = Flag.NoUpdate if is_marked else Flag.ClearAndSelect
            self.view.selectionModel().setCurrentIndex(index, how)
            blocker.unblock()
        self.view.viewport().update()

    def _show_look(self) -> None:
        """Opacity and blend mode of the marked layers: where they differ, that they do."""
        marked = self.selected_layers
        is_open = bool(marked) and not any(is_locked(self.model.layers, each.id) for each in marked)
        for widget in (self.blend, self.opacity, self.percent):
            widget.setEnabled(is_open)
        blends = {layer.blend for layer in marked}
        percents = {round(layer.opacity * 100) for layer in marked}
        self._show_blend(blends)
        self._show_opacity(percents)
        self.blend.setToolTip(_tip(translate("Layers", "How the layer mixes with those below it"),
                                   is_mixed=len(blends) > 1))  # fmt: skip
        for box in (self.opacity, self.percent):
            box.setToolTip(_tip(translate("Layers", "Opacity"), is_mixed=len(percents) > 1))

    def _show_blend(self, blends: set[Blend]) -> None:
        if not blends:
            return
        blocker = QSignalBlocker(self.blend)
        first, *others = blends
        self.blend.setCurrentIndex(-1 if others else list(Blend).index(first))
        blocker.unblock()

    def _show_opacity(self, percents: set[int]) -> None:
        """The slider stands where the active layer is."""
        layer = self._state.active_layer if self._state is not None else None
        if layer is None:
            return
        percent = round(layer.opacity * 100)
        blocker = QSignalBlocker(self.opacity)
        self.opacity.setValue(percent)
        blocker.unblock()
        set_role(self.opacity, "mixed" if len(percents) > 1 else "")
        self.percent.show_value(percent, is_mixed=len(percents) > 1)

    def _marked(self) -> set[str]:
        rows = self.view.selectionModel().selectedIndexes()
        return {layer.id for index in rows if (layer := self.model.layer_at(index)) is not None}

    def _closed(self) -> list[str]:
        return [
            layer_id
            for layer_id in self.model._ids()
            if (index := self.model.index_of(layer_id)).isValid()
            and self.model.rowCount(index)
            and not self.view.isExpanded(index)
        ]


def _tip(text: str, *, is_mixed: bool) -> str:
    if not is_mixed:
        return text
    return f"{text}\n{translate('Layers', 'The marked layers differ; a new value is for all')}"


_BLEND_NAMES = {
    Blend.normal: mark("Blend", "Normal"),
    Blend.multiply: mark("Blend", "Multiply"),
    Blend.screen: mark("Blend", "Screen"),
    Blend.overlay: mark("Blend", "Overlay"),
    Blend.darken: mark("Blend", "Darken"),
    Blend.lighten: mark("Blend", "Lighten"),
    Blend.color_dodge: mark("Blend", "Color Dodge"),
    Blend.color_burn: mark("Blend", "Color Burn"),
    Blend.hard_light: mark("Blend", "Hard Light"),
    Blend.soft_light: mark("Blend", "Soft Light"),
    Blend.difference: mark("Blend", "Difference"),
    Blend.exclusion: mark("Blend", "Exclusion"),
    Blend.add: mark("Blend", "Add"),
}
