"""Writing a document to a foreign file: the suffix of its name chooses the kind."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.document.composite import render
from app.document.state import DocumentState
from app.files.errors import ExportFailed
from app.files.psd import write_psd
from app.files.raster import write_png
from app.i18n import translate

EXPORT_SUFFIXES = (".psd", ".png")


def export(state: DocumentState, path: Path, *, recipe: Mapping[str, Any] | None = None) -> None:
    """Write the document to `path`: .psd with its layers, .png flat and with the recipe, if given.

    Raises ExportFailed; an older file of that name is then as it was.
    """
    match path.suffix.lower():
        case ".psd":
            write_psd(path, state)
        case ".png":
            write_png(path, render(state), recipe, dpi=state.page.dpi)
        case _:
            text = translate(
                "Files",
                "{name} was not written: its name must end in {kinds}. Choose one of these.",
            )
            kinds = ", ".join(EXPORT_SUFFIXES)
            raise ExportFailed(text.format(name=path.name, kinds=kinds))
