"""Languages of the interface: every visible text goes through `translate`, when it is shown.

Translations are Qt's files under assets/translations. English needs one too, for its plural forms.
Knows nothing of windows; whoever shows text listens to QEvent.LanguageChange.
"""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QCoreApplication, QLibraryInfo, QLocale, QTranslator

LANGUAGES = {"en": "English", "zh_CN": "简体中文"}
FOLDER = Path(__file__).resolve().parent.parent / "assets" / "translations"


def translate(context: str, text: str, n: int | None = None) -> str:
    """The text in the language of the interface; `n` fills `%n` and chooses the plural form."""
    if n is None:
        return QCoreApplication.translate(context, text)
    return QCoreApplication.translate(context, text, None, n)


def mark(context: str, text: str) -> str:
    """Names a text for the translators where it is declared; `translate` it where it is shown."""
    del context
    return text


def shown_language() -> str:
    """`zh` while the interface is Chinese, else `en`."""
    return "zh" if QLocale().language() == QLocale.Language.Chinese else "en"


def system_language() -> str:
    """The language of the computer, as far as we speak it; English otherwise."""
    return "zh_CN" if QLocale.system().language() == QLocale.Language.Chinese else "en"


class Languages:
    """Holds the installed translators, and exchanges them when the language changes."""

    def __init__(self, app: QCoreApplication) -> None:
        self._app = app
        self._installed: list[QTranslator] = []
        self.current = "en"

    def use(self, language: str) -> None:
        """Switch the interface; an empty string means the language of the computer."""
        self.current = language if language in LANGUAGES else system_language()
        for translator in self._installed:
            self._app.removeTranslator(translator)
        qt_texts = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
        self._installed = [
            translator
            for name, folder in (
                (f"qtbase_{self.current}", qt_texts),
                (_file(self.current), FOLDER),
            )
            if (translator := self._load(name, str(folder)))
        ]
        QLocale.setDefault(QLocale(self.current))

    def _load(self, name: str, folder: str) -> QTranslator | None:
        translator = QTranslator(self._app)
        if not translator.load(name, folder):
            return None
        self._app.installTranslator(translator)
        return translator


def _file(language: str) -> str:
    return f"inkstone_{language}"
