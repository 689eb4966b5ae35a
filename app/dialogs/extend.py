"""Asks what the picture shows, that it may be continued to the edges of the page."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QWidget

from app.dialogs.choice import ModelDialog
from app.document.extending import Margins
from app.i18n import translate
from model.engine.protocol import ModelDescription


class ExtendDialog(ModelDialog):
    def __init__(
        self,
        models: Sequence[ModelDescription],
        chosen: ModelDescription,
        missing: Margins,
        prompt: str,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(translate("Extend", "Extend Picture to Page"), models, chosen, parent)
        self.prompt.setPlaceholderText(translate("Extend", "What the whole picture shows"))
        self.prompt.show_text(prompt)
        promise = translate(
            "Extend",
            "The model paints what is missing; the picture itself stays as it is, bit for bit.",
        )
        self.lay_out(f"{_missing_text(missing)} {promise}", translate("Extend", "Extend"))


def _missing_text(missing: Margins) -> str:
    sides = (
        (missing.left, translate("Extend", "{px} px at the left")),
        (missing.right, translate("Extend", "{px} px at the right")),
        (missing.top, translate("Extend", "{px} px at the top")),
        (missing.bottom, translate("Extend", "{px} px at the bottom")),
    )
    found = translate("Extend", ", ").join(text.format(px=px) for px, text in sides if px)
    return translate("Extend", "The page is larger than the picture: {sides}.").format(sides=found)
