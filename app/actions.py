"""Everything the user can do, as one table: menus, tool bars, keys and enablement come from it.

Knows names, keys and conditions; what an action does is connected by the main window.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction, QActionGroup, QKeySequence

from app.action_spec import ActionSpec, Situation
from app.action_spec import row as _row
from app.canvas.tools.table import tools
from app.canvas.tools.tool import Tool
from app.i18n import mark, translate
from app.layer_actions import layer_rows
from app.widgets.icons import Icons

CONTEXT = "Actions"

MENUS = {
    "file": mark(CONTEXT, "&File"),
    "edit": mark(CONTEXT, "&Edit"),
    "picture": mark(CONTEXT, "&Picture"),
    "layer": mark(CONTEXT, "&Layer"),
    "select": mark(CONTEXT, "&Select"),
    "tool": mark(CONTEXT, "&Tools"),
    "view": mark(CONTEXT, "&View"),
    "help": mark(CONTEXT, "&Help"),
}


def table() -> tuple[ActionSpec, ...]:
    """All actions, in the order of the menus."""
    return (
        *_file(),
        *_edit(),
        *_picture(),
        *layer_rows(),
        *_select(),
        *_tool(),
        *_view(),
        *_help(),
    )


def _file() -> tuple[ActionSpec, ...]:
    return (
        _row("new", "file", mark(CONTEXT, "&New Page…"), "Ctrl+N", icon="file-plus"),
        _row("open", "file", mark(CONTEXT, "&Open…"), "Ctrl+O", icon="folder-open"),
        _row("place", "file", mark(CONTEXT, "&Place Picture…"), "Ctrl+Shift+P", icon="image"),
        _row(
            "save",
            "file",
            mark(CONTEXT, "&Save"),
            "Ctrl+S",
            icon="floppy-disk",
            separated=True,
            when=lambda now: now.is_writable,
        ),
        _row("save_as", "file", mark(CONTEXT, "Save &As…"), "Ctrl+Shift+S"),
        _row(
            "export",
            "file",
            mark(CONTEXT, "&Export…"),
            "Ctrl+Shift+E",
            icon="export",
            separated=True,
        ),
        _row("models", "file", mark(CONTEXT, "&Models…"), icon="download", separated=True),
        _row("settings", "file", mark(CONTEXT, "Se&ttings…"), "Ctrl+,", icon="gear-six"),
        _row("quit", "file", mark(CONTEXT, "&Quit"), "Ctrl+Q", separated=True),
    )


def _edit() -> tuple[ActionSpec, ...]:
    return (
        _row(
            "undo",
            "edit",
            mark(CONTEXT, "&Undo"),
            "Ctrl+Z",
            icon="arrow-u-up-left",
            when=lambda now: now.can_undo,
        ),
        _row(
            "redo",
            "edit",
            mark(CONTEXT, "&Redo"),
            "Ctrl+Shift+Z",
            "Ctrl+Y",
            icon="arrow-u-up-right",
            when=lambda now: now.can_redo,
        ),
        _row("copy", "edit", mark(CONTEXT, "&Copy Visible"), "Ctrl+C", icon="copy", separated=True),
        _row("paste", "edit", mark(CONTEXT, "&Paste"), "Ctrl+V", icon="clipboard-text"),
        _row("page", "edit", mark(CONTEXT, "Pa&ge Size…"), icon="frame-corners", separated=True),
    )


def _picture() -> tuple[ActionSpec, ...]:
    return (
        _row(
            "generate",
            "picture",
            mark(CONTEXT, "&Generate"),
            "Ctrl+Return",
            "Ctrl+Enter",
            icon="sparkle",
        ),
        _row(
            "cancel",
            "picture",
            mark(CONTEXT, "&Cancel"),
            "Esc",
            icon="stop-circle",
            when=lambda now: now.is_busy or now.is_peeking or now.is_mask_alone,
        ),
        _row("mode_new", "picture", mark(CONTEXT, "&New Picture"), "Alt+1", separated=True),
        _row(
            "mode_change",
            "picture",
            mark(CONTEXT, "C&hange This Picture"),
            "Alt+2",
            when=lambda now: now.has_picture,
        ),
        _row(
            "extend",
            "picture",
            mark(CONTEXT, "E&xtend to Page…"),
            icon="arrows-out",
            when=lambda now: not now.extension_hindrance,
            why=lambda now: now.extension_hindrance,
        ),
        _row("prompt_focus", "picture", mark(CONTEXT, "Go to &Prompt"), "Ctrl+L"),
        _row(
            "polish",
            "picture",
            mark(CONTEXT, "P&olish Prompt"),
            "Ctrl+Shift+L",
            icon="magic-wand",
            when=lambda now: now.can_polish,
        ),
        _row(
            "describe",
            "picture",
            mark(CONTEXT, "&Describe Picture"),
            when=lambda now: now.can_describe,
        ),
        _row(
            "preset",
            "picture",
            mark(CONTEXT, "Change by P&reset…"),
            "Ctrl+Shift+K",
            icon="list-bullets",
            when=lambda now: now.has_picture,
        ),
        _row("random_seed", "picture", mark(CONTEXT, "New &Seed"), "Alt+R", icon="dice-five"),
        _row(
            "use_settings",
            "picture",
            mark(CONTEXT, "&Use These Settings Again"),
            "Ctrl+Shift+U",
            icon="arrow-counter-clockwise",
            when=lambda now: now.has_node,
        ),
        _row(
            "node_reference",
            "picture",
            mark(CONTEXT, "Add Step to Prompt as Pic&ture"),
            when=lambda now: now.has_node,
        ),
        _row(
            "node_rename",
            "picture",
            mark(CONTEXT, "&Rename Step…"),
            icon="pencil-simple",
            separated=True,
            when=lambda now: now.has_node,
        ),
        _row(
            "node_pin",
            "picture",
            mark(CONTEXT, "P&in Step"),
            icon="push-pin",
            when=lambda now: now.has_node,
        ),
        _row(
            "node_prune",
            "picture",
            mark(CONTEXT, "Re&move Step…"),
            icon="trash-simple",
            when=lambda now: now.has_node,
        ),
    )


def _select() -> tuple[ActionSpec, ...]:
    return (
        _row("select_all", "select", mark(CONTEXT, "&All"), "Ctrl+A", icon="selection-all"),
        _row(
            "select_none",
            "select",
            mark(CONTEXT, "&None"),
            "Ctrl+D",
            icon="selection-slash",
            when=lambda now: now.has_selection,
        ),
        _row(
            "select_invert",
            "select",
            mark(CONTEXT, "&Invert"),
            "Ctrl+Shift+I",
            icon="selection-inverse",
            when=lambda now: now.has_selection,
        ),
    )


def _tool() -> tuple[ActionSpec, ...]:
    return (
        *(_tool_row(tool) for tool in tools().values()),
        _row("brush_swap", "tool", mark(CONTEXT, "S&wap Brush and Eraser"), "X", separated=True),
        _row("brush_smaller", "tool", mark(CONTEXT, "Brush &Smaller"), "["),
        _row("brush_larger", "tool", mark(CONTEXT, "Brush &Larger"), "]"),
        _row("mask_look", "tool", mark(CONTEXT, "Mask as &Tint or Outline"), "Q"),
    )


def _tool_row(tool: Tool) -> ActionSpec:
    return ActionSpec(
        id=f"tool_{tool.name}",
        menu="tool",
        text=tool.title,
        keys=(tool.shortcut,),
        icon=tool.icon,
        checkable=True,
        group="tool",
        context="Canvas",
    )


def _view() -> tuple[ActionSpec, ...]:
    return (
        _row(
            "zoom_in",
            "view",
            mark(CONTEXT, "Zoom &In"),
            "Ctrl++",
            "Ctrl+=",
            icon="magnifying-glass-plus",
        ),
        _row(
            "zoom_out", "view", mark(CONTEXT, "Zoom &Out"), "Ctrl+-", icon="magnifying-glass-minus"
        ),
        _row("zoom_fit", "view", mark(CONTEXT, "&Fit Page"), "Ctrl+0", icon="corners-out"),
        _row("zoom_actual", "view", mark(CONTEXT, "&Actual Size"), "Ctrl+1"),
        _row("zoom_double", "view", mark(CONTEXT, "&Twice the Size"), "Ctrl+2"),
        _row("zoom_fourfold", "view", mark(CONTEXT, "Fou&r Times the Size"), "Ctrl+3"),
        _row("zoom_eightfold", "view", mark(CONTEXT, "&Eight Times the Size"), "Ctrl+4"),
        _row(
            "panel_prompt", "view", mark(CONTEXT, "&Prompt Panel"), separated=True, checkable=True
        ),
        _row("panel_side", "view", mark(CONTEXT, "&History and Layers"), checkable=True),
        _row("panels", "view", mark(CONTEXT, "&Hide All Panels"), "Tab", checkable=True),
        _row("fullscreen", "view", mark(CONTEXT, "F&ull Screen"), "F11", checkable=True),
    )


def _help() -> tuple[ActionSpec, ...]:
    return (
        _row("welcome", "help", mark(CONTEXT, "&First Steps"), "F1", icon="lightbulb"),
        _row("shortcuts", "help", mark(CONTEXT, "&Keyboard Shortcuts…"), "Ctrl+/", icon="keyboard"),
        _row("about", "help", mark(CONTEXT, "&About Inkstone"), icon="info"),
    )


class Actions(QObject):
    """The QActions of the table, with the user's keys and the language in use."""

    def __init__(self, parent: QObject, icons: Icons, keys: Mapping[str, str]) -> None:
        super().__init__(parent)
        self.specs = {spec.id: spec for spec in table()}
        self._actions = {spec.id: self._build(spec, icons) for spec in self.specs.values()}
        self._groups = self._group()
        self.use_keys(keys)
        self.retranslate()

    def __getitem__(self, id: str) -> QAction:
        return self._actions[id]

    def __iter__(self) -> Iterator[QAction]:
        return iter(self._actions.values())

    def connect_all(self, handlers: Mapping[str, Callable[..., object]]) -> None:
        """Give every action its deed; one without, or a deed without action, is our mistake."""
        assert set(handlers) == set(self._actions), set(handlers) ^ set(self._actions)
        for id, handler in handlers.items():
            self._actions[id].triggered.connect(_without_state(handler))

    def in_menu(self, menu: str) -> list[ActionSpec]:
        return [spec for spec in self.specs.values() if spec.menu == menu]

    def follow(self, now: Situation) -> None:
        """Enable what makes sense now; what is disabled says why, where the table knows."""
        for id, spec in self.specs.items():
            is_enabled = spec.when(now)
            self._actions[id].setEnabled(is_enabled)
            self._actions[id].setWhatsThis("" if is_enabled else spec.why(now))
        self._show_tips()

    def use_keys(self, keys: Mapping[str, str]) -> None:
        """Apply the user's keys over the table's; an empty text takes an action's keys away."""
        for id, spec in self.specs.items():
            self._actions[id].setShortcuts([QKeySequence(k) for k in keys_of(spec, keys)])
        self._show_tips()

    def retranslate(self) -> None:
        for id, spec in self.specs.items():
            self._actions[id].setText(translate(spec.context, spec.text))
        self._show_tips()

    def _show_tips(self) -> None:
        for id, action in self._actions.items():
            name = plain(translate(self.specs[id].context, self.specs[id].text))
            keys = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
            tip = f"{name}  ({keys})" if keys else name
            action.setToolTip("\n".join(filter(None, (tip, action.whatsThis()))))

    def _build(self, spec: ActionSpec, icons: Icons) -> QAction:
        action = QAction(self)
        action.setObjectName(spec.id)
        action.setCheckable(spec.checkable)
        if spec.icon:
            action.setIcon(icons(spec.icon))
        return action

    def _group(self) -> dict[str, QActionGroup]:
        groups: dict[str, QActionGroup] = {}
        for spec in self.specs.values():
            if spec.group:
                group = groups.setdefault(spec.group, QActionGroup(self))
                group.addAction(self._actions[spec.id])
        return groups


def keys_of(spec: ActionSpec, chosen: Mapping[str, str]) -> tuple[str, ...]:
    """The keys of an action under the user's choices."""
    if spec.id not in chosen:
        return spec.keys
    return (chosen[spec.id],) if chosen[spec.id] else ()


def conflicts(chosen: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Which keys would fire several actions: key -> their ids."""
    users: dict[str, list[str]] = {}
    for spec in table():
        for key in keys_of(spec, chosen):
            users.setdefault(QKeySequence(key).toString(), []).append(spec.id)
    return {key: tuple(ids) for key, ids in users.items() if len(ids) > 1}


def plain(text: str) -> str:
    """A menu text without its access key and dots: how tool tips and lists show it."""
    text = re.sub(r"\(&.\)", "", text)  # Chinese menus put the access key in brackets
    return text.replace("&", "").rstrip("…").strip()


def _without_state(handler: Callable[..., object]) -> Callable[[bool], object]:
    return lambda checked=False: handler()
