"""The window: panels around the canvas, and the wires between them and the workspace.

Lays out and connects; what an action does is in `app.deeds`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QByteArray, QEvent, QObject, QPointF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QKeyEvent, QPaintEvent
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QMainWindow,
    QMenu,
    QPlainTextEdit,
    QSizePolicy,
    QSplitter,
    QToolBar,
    QVBoxLayout,
    QWidget,
)

from app.actions import CONTEXT, MENUS, Actions, Situation
from app.canvas.palette import DARK, LIGHT
from app.canvas.text_editor import TextEditor
from app.canvas.view import CanvasView
from app.document.commands import Command
from app.document.edits import has_mask
from app.document.errors import DocumentError
from app.document.extending import extension_hindrance
from app.document.layers import GroupLayer, PixelLayer, TextLayer, is_locked
from app.document.masking import can_apply_mask
from app.i18n import translate
from app.panels.history import HistoryPanel
from app.panels.layers import LayersPanel
from app.panels.prompt import PromptPanel
from app.panels.text import TextPanel
from app.state.making import Making
from app.state.messages import Kind, Message
from app.state.workspace import Workspace
from app.theme import HALF, ICON_PX, SPACE, Theme
from app.widgets.canvas_area import CanvasArea
from app.widgets.icons import Icons
from app.widgets.menus import ReasonMenu
from app.widgets.parts import number, tool
from app.widgets.status import StatusBar

PROMPT_PX, SIDE_PX = 304, 288
TOOLBAR = ("new", "open", "save", "", "undo", "redo", "", "zoom_out", "zoom_fit", "zoom_in")
_WIDE = (QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
TYPING = (QLineEdit, QPlainTextEdit, QComboBox, TextEditor)


class MainWindow(QMainWindow):
    """`painted` comes once, after the first paint: then the engine may start."""

    painted = Signal()
    compare_held = Signal(bool)

    def __init__(self, workspace: Workspace, making: Making, theme: Theme) -> None:
        super().__init__()
        self.workspace = workspace
        self.making = making
        self.theme = theme
        self._was_painted = False
        self._may_close = False
        icons = Icons(theme)
        self.actions_table = Actions(self, icons, workspace.settings.keys)
        self.canvas = CanvasView()
        self.canvas.has_own_keys = False
        self.area = CanvasArea(self.canvas, icons)
        self.prompt = PromptPanel(workspace.generation, icons)
        self.history = HistoryPanel(icons)
        self.layers = LayersPanel(icons, self.actions_table)
        self.text = TextPanel(icons)
        self.status = StatusBar()
        self.brush = number(1, 2000, " px")
        self.recent = QMenu(self)
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self.side = QSplitter(Qt.Orientation.Vertical)
        self._menus: dict[str, QMenu] = {}
        self._lay_out()
        self._add_bars()
        self._add_menus()
        self._connect()
        self.show_theme()
        self.retranslate()

    # --- showing the state ---

    def show_project(self) -> None:
        """Everything of another project."""
        state, project = self.workspace.document.state, self.workspace.project
        view = project.view() if project is not None else {}
        self.canvas.set_document(self.workspace.document)
        place = view.get("canvas")
        self.canvas.restore_place(place if isinstance(place, dict) else {})
        self.canvas.set_preview(None)
        self.history.show_tree(self.workspace.tree, state)
        self.layers.show_state(state)
        self.status.show_outside(None)
        self.status.show_work("")
        self.prompt.bar.show_ready()
        self.follow()

    def follow(self) -> None:
        """Everything that depends on the document's state."""
        state = self.workspace.document.state
        layer = state.active_layer
        self.layers.show_state(state)
        self.history.follow(state)
        self.text.show_layer(layer if isinstance(layer, TextLayer) else None)
        self.status.show_page(state.page.width, state.page.height)
        self.status.show_step(state.current_node)
        self.prompt.follow_situation(bool(state.layers))
        self.workspace.generation.has_mask = has_mask(state)
        if not state.layers and self.workspace.generation.is_change:
            self.workspace.generation.switch(False)
        self.show_welcome()
        self.follow_situation()

    def follow_situation(self) -> None:
        """Enable what makes sense, and name what undo would take back."""
        self.actions_table.follow(self.situation())
        masked = self.workspace.document.state.masked_layer
        self.actions_table["mask_paint"].setChecked(masked is not None)
        self.actions_table["mask_alone"].setChecked(self.canvas.is_mask_alone)
        document = self.workspace.document
        for name, what in (("undo", document.undo_name), ("redo", document.redo_name)):
            verb = translate(CONTEXT, self.actions_table.specs[name].text)
            self.actions_table[name].setText(f"{verb}: {what}" if what else verb)
        self.recent.setEnabled(bool(self.workspace.settings.recent))

    def situation(self) -> Situation:
        document, state = self.workspace.document, self.workspace.document.state
        layer = state.active_layer
        return Situation(
            can_undo=document.can_undo,
            can_redo=document.can_redo,
            has_picture=bool(state.layers),
            has_layer=layer is not None,
            is_locked=layer is not None and is_locked(state.layers, layer.id),
            has_group=any(isinstance(layer, GroupLayer) for layer in self.layers.selected_layers),
            is_text=isinstance(layer, TextLayer),
            is_pixels=isinstance(layer, PixelLayer),
            has_mask=layer is not None and layer.mask is not None,
            can_apply_mask=can_apply_mask(layer),
            has_selection=state.selection is not None,
            has_node=self.history.selected is not None,
            is_busy=self.making.is_busy,
            can_polish=self.making.can_polish,
            can_describe=self.making.can_describe and bool(state.layers),
            extension_hindrance=extension_hindrance(state),
            is_peeking=self.is_peeking,
            is_mask_alone=self.canvas.is_mask_alone,
            is_writable=self.workspace.is_writable,
        )

    @property
    def is_peeking(self) -> bool:
        """Whether the canvas shows another step than the document's own."""
        node = self.history.selected
        return node is not None and node.id != self.workspace.document.state.current_node

    def show_title(self) -> None:
        read_only = "" if self.workspace.is_writable else translate("Window", " (read only)")
        self.setWindowTitle(f"{self.workspace.title}[*]{read_only} — Inkstone")
        self.setWindowModified(self.workspace.is_dirty)

    def show_message(self, message: Message) -> None:
        self.area.banner.show_message(message)

    def show_theme(self) -> None:
        self.canvas.set_colors(DARK if self.theme.name == "dark" else LIGHT)
        self.canvas.set_reduced_motion(self.workspace.settings.reduced_motion)

    def show_welcome(self) -> None:
        """The card stands there as long as nothing has been made, unless it was closed."""
        wanted = self.workspace.is_untouched and not self.workspace.settings.welcomed
        self.area.welcome.setVisible(wanted and not self.making.is_busy)

    def do(self, command: Command) -> None:
        """Through the document's door; a refusal is told, and nothing changes."""
        self.attempt(lambda: self.workspace.document.do(command))

    def attempt(self, deed: Callable[[], object]) -> bool:
        """Whether it was done; what the document says against it is told."""
        try:
            deed()
        except DocumentError as error:
            self.refuse(str(error))
            return False
        return True

    def refuse(self, text: str) -> None:
        self.show_message(Message(kind=Kind.warning, title=text))

    def view_values(self) -> dict[str, Any]:
        """What is kept with the project beside its content."""
        return {"canvas": self.canvas.place()}

    # --- language ---

    def retranslate(self) -> None:
        self.actions_table.retranslate()
        for name, text in MENUS.items():
            self._menus[name].setTitle(translate(CONTEXT, text))
        self.recent.setTitle(translate("Actions", "Open &Recent"))
        self.brush.setToolTip(translate("Window", "Brush size  ([ and ])"))
        self.brush.setAccessibleName(translate("Window", "Brush size"))
        self.canvas.setAccessibleName(translate("Window", "Canvas"))
        self.show_title()
        self.follow_situation()
        self.canvas.update()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()

    # --- events ---

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self._was_painted:
            self._was_painted = True
            QTimer.singleShot(0, self.painted.emit)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Never asks and never loses: what is unwritten is written now."""
        geometry = bytes(self.saveGeometry().toBase64().data()).decode()
        self.workspace.settings.window = {
            "geometry": geometry,
            "splitter": self.splitter.sizes(),
            "side": self.side.sizes(),
        }
        if not self._may_close and not self.workspace.close():
            self._offer_to_close()
            event.ignore()
            return
        self.workspace.shutdown()
        event.accept()

    def _offer_to_close(self) -> None:
        """The newest change is not on disk: the window stays, and says what can be done."""
        save_as = self.actions_table["save_as"]
        self.show_message(
            Message(
                kind=Kind.error,
                title=translate("Window", "The last changes could not be written."),
                text=translate("Window", "Everything before them is in the file."),
                deeds=(
                    (translate("Window", "Save As…"), save_as.trigger),
                    (translate("Window", "Close all the same"), self._close_all_the_same),
                ),
            )
        )

    def _close_all_the_same(self) -> None:
        self._may_close = True
        self.close()

    def restore_layout(self) -> None:
        kept = self.workspace.settings.window
        with contextlib.suppress(KeyError, TypeError, ValueError):
            self.restoreGeometry(QByteArray.fromBase64(str(kept["geometry"]).encode()))
            for splitter, name in ((self.splitter, "splitter"), (self.side, "side")):
                sizes = [int(size) for size in kept[name]]
                if len(sizes) == splitter.count() and sum(sizes):
                    splitter.setSizes(sizes)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The key that shows "before" is held, so it cannot be a shortcut."""
        if isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Backslash:
            is_typing = isinstance(QApplication.focusWidget(), TYPING)
            kinds = (QEvent.Type.KeyPress, QEvent.Type.KeyRelease)
            if self.isActiveWindow() and not is_typing and event.type() in kinds:
                if not event.isAutoRepeat():
                    self.compare_held.emit(event.type() == QEvent.Type.KeyPress)
                return True
        return False

    # --- layout ---

    def _lay_out(self) -> None:
        self.side.addWidget(self.history)
        self.side.addWidget(self.layers)
        side = QWidget()
        column = QVBoxLayout(side)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACE)
        column.addWidget(self.side, 1)
        column.addWidget(self.text)
        for panel, least in ((self.prompt, 264), (side, 264)):
            panel.setMinimumWidth(least)
        for widget, stretch in ((self.prompt, 0), (self._with_tools(), 1), (side, 0)):
            self.splitter.addWidget(widget)
            self.splitter.setStretchFactor(self.splitter.count() - 1, stretch)
            self.splitter.setCollapsible(self.splitter.count() - 1, False)
        self.side_panel = side
        for splitter in (self.splitter, self.side):
            splitter.setHandleWidth(SPACE)
            splitter.setChildrenCollapsible(False)
        self.splitter.setSizes([PROMPT_PX, 10_000, SIDE_PX])
        frame = QWidget()
        frame.setObjectName("Frame")
        row = QHBoxLayout(frame)
        row.setContentsMargins(SPACE, 0, SPACE, 0)
        row.addWidget(self.splitter)
        self.setCentralWidget(frame)
        self.setStatusBar(self.status)
        self.setMinimumSize(960, 600)
        self.resize(1280, 800)

    def _with_tools(self) -> QWidget:
        """The canvas with the tools down its left edge."""
        strip = QToolBar()
        strip.setOrientation(Qt.Orientation.Vertical)
        strip.setIconSize(QSize(ICON_PX + 2, ICON_PX + 2))
        for name in self.canvas.tools:
            strip.addWidget(tool(self.actions_table[f"tool_{name}"]))
        holder = QFrame()
        row = QHBoxLayout(holder)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(HALF)
        row.addWidget(strip)
        row.addWidget(self.area, 1)
        return holder

    def _add_bars(self) -> None:
        self.bar = QToolBar()
        self.bar.setMovable(False)
        self.bar.setIconSize(QSize(ICON_PX + 2, ICON_PX + 2))
        for name in TOOLBAR:
            if name:
                self.bar.addWidget(tool(self.actions_table[name]))
            else:
                self.bar.addSeparator()
        self.bar.addSeparator()
        self.brush_action = self.bar.addWidget(self.brush)
        spring = QWidget()
        spring.setSizePolicy(*_WIDE)
        self.bar.addWidget(spring)
        for name in ("export", "settings"):
            self.bar.addWidget(tool(self.actions_table[name]))
        self.addToolBar(self.bar)

    def _add_menus(self) -> None:
        for name in MENUS:
            menu = self._menus[name] = ReasonMenu(self)
            self.menuBar().addMenu(menu)
            for spec in self.actions_table.in_menu(name):
                if spec.separated:
                    menu.addSeparator()
                menu.addAction(self.actions_table[spec.id])
                if spec.id == "open":
                    menu.addMenu(self.recent)
        # Tab moves between controls everywhere but on the canvas.
        self.actions_table["panels"].setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        self.canvas.addAction(self.actions_table["panels"])

    # --- wires ---

    def _connect(self) -> None:
        workspace = self.workspace
        workspace.view = self.view_values
        workspace.opened.connect(self.show_project)
        workspace.closing.connect(self.canvas.leave_text)
        workspace.titled.connect(self.show_title)
        workspace.told.connect(self.show_message)
        workspace.document.changed.connect(self.follow)
        workspace.jobs.changed.connect(self._follow_jobs)
        workspace.client.memory.connect(self.status.show_memory)
        self.making.told.connect(self.show_message)
        self.theme.changed.connect(self.show_theme)
        self.layers.wish.connect(self.do)
        self.layers.chosen.connect(self._activate)
        self.layers.selected_changed.connect(self.follow_situation)
        self.text.wish.connect(self.do)
        self.canvas.refused.connect(self.refuse)
        self.canvas.mask_alone_changed.connect(self.follow_situation)
        self.canvas.zoom_changed.connect(self.status.show_zoom)
        self.canvas.zoom_changed.connect(workspace.touch)
        self.canvas.tool_changed.connect(self._show_tool)
        self.canvas.brush_size_changed.connect(self.brush.setValue)
        self.brush.valueChanged.connect(lambda size: setattr(self.canvas, "brush_size", size))
        self.brush.setValue(self.canvas.brush_size)
        self._show_tool(self.canvas.tool)

    def _activate(self, layer_id: str, on_mask: bool) -> None:
        self.workspace.document.activate(layer_id, on_mask=on_mask)

    def _follow_jobs(self) -> None:
        self.show_welcome()
        self.follow_situation()

    def _show_tool(self, name: str) -> None:
        self.actions_table[f"tool_{name}"].setChecked(True)
        self.brush_action.setVisible(self.canvas.tools[name].has_brush)

    def page_middle(self) -> QPointF:
        """The point of the page in the middle of what is seen."""
        return self.canvas.viewport.to_page(QPointF(self.canvas.rect().center()))
