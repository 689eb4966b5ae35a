"""Light and dark: one table of colours, one scale of spaces, and the style sheet made of both.

Knows colours and style only; icons ask it for their tint.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from string import Template

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

from app.paths import assets

SPACE = 8
HALF = SPACE // 2
CONTROL_PX = 30
ICON_PX = 18


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """The colours of one theme, as #rrggbb, by what they are for."""

    window: str
    panel: str
    field: str
    raised: str
    hover: str
    pressed: str
    canvas: str
    border: str
    outline: str
    text: str
    muted: str
    accent: str
    accent_hover: str
    on_accent: str
    marked: str
    danger: str
    warning: str
    success: str
    notice: str


DARK = Tokens(
    window="#1b1c1f",
    panel="#232529",
    field="#191a1d",
    raised="#2f3237",
    hover="#3a3e45",
    pressed="#44484f",
    canvas="#131416",
    border="#34373d",
    outline="#777d88",
    text="#eceef1",
    muted="#a3a9b3",
    accent="#5b8def",
    accent_hover="#7aa4f7",
    on_accent="#0b1220",
    marked="#2c3b57",
    danger="#ff8a80",
    warning="#f0b95a",
    success="#6fcf97",
    notice="#2b303a",
)
LIGHT = Tokens(
    window="#eceef1",
    panel="#f8f9fa",
    field="#ffffff",
    raised="#ffffff",
    hover="#e6e9ee",
    pressed="#d9dee6",
    canvas="#d5d8dd",
    border="#d4d8de",
    outline="#767d88",
    text="#1c1f24",
    muted="#565d68",
    accent="#2459c5",
    accent_hover="#1d4aa6",
    on_accent="#ffffff",
    marked="#dbe6fb",
    danger="#b3261e",
    warning="#7d5300",
    success="#146c3c",
    notice="#e4ecfb",
)
THEMES = {"dark": DARK, "light": LIGHT}


def contrast(one: str, other: str) -> float:
    """The WCAG 2 ratio between two colours, 1…21."""
    bright, dim = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def _luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


class Theme(QObject):
    """The theme in use. `changed` comes after palette and style sheet have been exchanged."""

    changed = Signal()

    def __init__(self, app: QApplication) -> None:
        super().__init__(app)
        self._app = app
        self.name = "dark"
        app.setStyle("Fusion")
        app.setFont(_font(app.font()))
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._follow)
        self._choice = ""

    @property
    def tokens(self) -> Tokens:
        return THEMES[self.name]

    def use(self, choice: str) -> None:
        """Dress the application; an empty choice follows the computer."""
        self._choice = choice
        self.name = choice if choice in THEMES else _system_theme()
        self._app.setPalette(palette(self.tokens))
        self._app.setStyleSheet(style_sheet(self.name))
        self.changed.emit()

    def _follow(self) -> None:
        if self._choice not in THEMES and self.name != _system_theme():
            self.use(self._choice)


def palette(tokens: Tokens) -> QPalette:
    roles = {
        QPalette.ColorRole.Window: tokens.window,
        QPalette.ColorRole.WindowText: tokens.text,
        QPalette.ColorRole.Base: tokens.field,
        QPalette.ColorRole.AlternateBase: tokens.panel,
        QPalette.ColorRole.Text: tokens.text,
        QPalette.ColorRole.Button: tokens.raised,
        QPalette.ColorRole.ButtonText: tokens.text,
        QPalette.ColorRole.Highlight: tokens.accent,
        QPalette.ColorRole.HighlightedText: tokens.on_accent,
        QPalette.ColorRole.PlaceholderText: tokens.muted,
        QPalette.ColorRole.ToolTipBase: tokens.raised,
        QPalette.ColorRole.ToolTipText: tokens.text,
        QPalette.ColorRole.Link: tokens.accent,
        QPalette.ColorRole.Mid: tokens.border,
        QPalette.ColorRole.Accent: tokens.accent,
    }
    result = QPalette()
    for role, colour in roles.items():
        result.setColor(role, QColor(colour))
    faded = QColor(tokens.muted)
    faded.setAlpha(140)
    for role in (QPalette.ColorRole.Text, QPalette.ColorRole.WindowText):
        result.setColor(QPalette.ColorGroup.Disabled, role, faded)
    result.setColor(QPalette.ColorGroup.Disabled, QPalette.ColorRole.ButtonText, faded)
    return result


def style_sheet(name: str) -> str:
    """The style sheet of assets/themes with this theme's colours put in."""
    source = (assets() / "themes" / "inkstone.qss").read_text("utf-8")
    icons = (assets() / "icons").as_posix()
    return Template(source).substitute(asdict(THEMES[name]), icons=icons, theme=name)


def _system_theme() -> str:
    scheme = QGuiApplication.styleHints().colorScheme()
    return "light" if scheme == Qt.ColorScheme.Light else "dark"


def _font(font: QFont) -> QFont:
    font.setPixelSize(13)
    return font
