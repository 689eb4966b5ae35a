"""Builds the window: one root, passed on. Nothing heavy is imported on this way."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication

from app.deeds import Deeds
from app.engine.client import EngineClient
from app.i18n import Languages
from app.main_window import MainWindow
from app.paths import Paths, assets
from app.settings import Settings
from app.state.making import Making
from app.state.workspace import Workspace
from app.theme import Theme


@dataclass(frozen=True, kw_only=True)
class Root:
    """Everything that lives as long as the program."""

    window: MainWindow
    workspace: Workspace
    making: Making
    deeds: Deeds
    settings: Settings
    theme: Theme
    languages: Languages


def build(app: QApplication, paths: Paths, client: EngineClient | None = None) -> Root:
    """The window and all behind it, not shown yet. A test passes a client of its own."""
    settings = Settings(paths.settings)
    languages = Languages(app)
    languages.use(settings.language)
    theme = Theme(app)
    theme.use(settings.theme)
    log = paths.cache / "engine.log"
    own_command = client is not None
    workspace = Workspace(settings, paths, client or EngineClient(log=log))
    making = Making(workspace, keeps_command=own_command)
    window = MainWindow(workspace, making, theme)
    deeds = Deeds(window, making)
    app.installEventFilter(window)
    settings.changed.connect(lambda name: _apply(name, settings, languages, theme, window, making))
    window.painted.connect(making.start_engine)
    return Root(
        window=window,
        workspace=workspace,
        making=making,
        deeds=deeds,
        settings=settings,
        theme=theme,
        languages=languages,
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Open the window, with a project if one is named; the exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    app = QApplication([sys.argv[0], *arguments])
    app.setApplicationName("Inkstone")
    app.setApplicationDisplayName("Inkstone")
    app.setWindowIcon(QIcon(str(assets() / "icons" / "inkstone.svg")))
    names = [name for name in app.arguments()[1:] if not name.startswith("-")]
    root = build(app, Paths.default())
    root.workspace.start(Path(names[0]).resolve() if names else None)
    root.window.restore_layout()
    root.window.show()
    root.window.prompt.prompt.setFocus()
    try:
        return app.exec()
    finally:
        root.workspace.shutdown()


def _apply(
    name: str,
    settings: Settings,
    languages: Languages,
    theme: Theme,
    window: MainWindow,
    making: Making,
) -> None:
    """A choice in the settings counts at once."""
    match name:
        case "language":
            languages.use(settings.language)
        case "theme":
            theme.use(settings.theme)
        case "reduced_motion":
            window.show_theme()
        case "keys":
            window.actions_table.use_keys(settings.keys)
        case "device" | "budget_bytes" | "model_folders" | "variants":
            making.start_engine()
        case "welcomed":
            window.show_welcome()
