"""What can go wrong with foreign files. Each text says what happened and what to do.

FilesError
├── ImportFailed   a file, or bytes from the clipboard, that is no picture we take
└── ExportFailed   nothing was written; an older file of that name is as it was
"""

from __future__ import annotations


class FilesError(Exception):
    """Anything reading or writing foreign files reports. The text is for the designer."""


class ImportFailed(FilesError):
    """The one error that leaves a reader. `code`: missing, kind, size, damaged or newer."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class ExportFailed(FilesError):
    """Nothing was written; an older file of that name is as it was."""
