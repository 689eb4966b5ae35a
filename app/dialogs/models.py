"""The published models: what each is, how it would run, whether it is here; getting one."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QEvent, Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFrame,
    QLabel,
    QLineEdit,
    QProgressBar,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from app.dialogs.question import ask
from app.engine.downloads import Downloads, Offer, Transfer
from app.i18n import translate
from app.settings import Settings
from app.theme import HALF, SPACE
from app.widgets.needs import ways_text
from app.widgets.parts import Combo, button, column, label, note, row
from app.widgets.words import duration, memory

THOUSANDTHS = 1000
SOURCES = ("", "modelscope")
"""As the settings have them; any other is an address."""


class ModelsDialog(QDialog):
    """Shows what `downloads` knows, and asks it for what is clicked."""

    def __init__(
        self,
        downloads: Downloads,
        settings: Settings,
        folder: Path,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._downloads, self._settings, self._folder = downloads, settings, folder
        self.title, self.about, self.place = label("", "title"), note("", ""), note()
        self.rows: dict[str, ModelRow] = {}
        self._list, self._area, self._wanted = QVBoxLayout(), QScrollArea(), ""
        self._list.setSpacing(0)
        self.source, self.address, self.token = Combo(), QLineEdit(), QLineEdit()
        self._source_label, self._token_label = label(""), label("")
        self.open_folder = button()
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        self._lay_out()
        self._fill_source()
        self.retranslate()
        self._connect()
        self._show()

    def retranslate(self) -> None:
        self.setWindowTitle(translate("Models", "Models"))
        self.title.setText(translate("Models", "Real models"))
        self.about.setText(
            translate("Models", "The starter model is for trying out: small pictures, a few words, "
                      "flat shapes. Real posters come from the published Qwen-Image models. They "
                      "are large; a download that is stopped goes on where it was.")
        )  # fmt: skip
        self._source_label.setText(translate("Models", "Source"))
        self.source.setAccessibleName(self._source_label.text())
        for index, text in enumerate(
            ("Hugging Face", "ModelScope", translate("Models", "Another address…"))
        ):
            self.source.setItemText(index, text)
        self.address.setPlaceholderText("https://…")
        self.address.setAccessibleName(translate("Models", "Address of the source"))
        self._token_label.setText(translate("Models", "Access token"))
        self.token.setAccessibleName(self._token_label.text())
        self.token.setPlaceholderText(translate("Models", "only if the source asks for one"))
        self.token.setToolTip(
            translate("Models", "Kept until Inkstone is closed, never written down, and shown to "
                      "the source alone.")
        )  # fmt: skip
        self.open_folder.setText(translate("Models", "Open the Models Folder"))
        for model_row in self.rows.values():
            model_row.retranslate()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()
            self._show()

    def _show(self) -> None:
        downloads = self._downloads
        for offer in downloads.offers:
            if offer.name not in self.rows:
                self._add_row(offer)
            self.rows[offer.name].show_state(offer, downloads)
        self.place.setText(self._place_text())
        self._show_wanted()

    def point_to(self, name: str) -> None:
        """Bring a model into sight, now or as soon as it is known that it can be got."""
        self._wanted = name
        self._show_wanted()

    def _show_wanted(self) -> None:
        if self._wanted in self.rows:
            wanted = self.rows[self._wanted]
            self._wanted = ""
            self._list.activate()
            self._area.ensureWidgetVisible(wanted)
            wanted.get_button.setFocus()

    def _place_text(self) -> str:
        downloads = self._downloads
        if downloads.problem:
            return downloads.problem
        if not downloads.folder:
            return translate("Models", "Looking what is here…")
        text = translate("Models", "They are brought to {folder}, where {size} are free.").format(
            folder=downloads.folder, size=memory(downloads.free)
        )
        if downloads.comfy:
            found = translate("Models", "%n file(s) of a ComfyUI were found.", downloads.comfy)
            text = f"{text} {found}"
        return f"{text} {_room_text(downloads)}"

    def _add_row(self, offer: Offer) -> None:
        model_row = self.rows[offer.name] = ModelRow(offer)
        model_row.get.connect(lambda name=offer.name: self._get(name))
        model_row.pause.connect(lambda name=offer.name: self._downloads.pause(name))
        model_row.discard.connect(lambda name=offer.name: self._discard(name))
        self._list.insertWidget(self._list.count() - 1, model_row)

    # --- wishes ---

    def _get(self, name: str) -> None:
        offer = next(offer for offer in self._downloads.offers if offer.name == name)
        self._downloads.token = self.token.text().strip()
        if offer.is_commercial or offer.licence in self._settings.accepted_licences:
            self._downloads.get(name)
            return

        def accept() -> None:
            self._settings.accept_licence(offer.licence)
            self._downloads.get(name)

        ask(
            self,
            title=translate(
                "Models", "{model} is under the {licence}, which allows no commercial use."
            ).format(model=name, licence=offer.licence),
            text=translate("Models", "Read it at {page}, and accept it once to use the model.")
            .format(page=offer.page),
            verb=translate("Models", "Accept and Download"),
            then=accept,
        )  # fmt: skip

    def _discard(self, name: str) -> None:
        ask(
            self,
            title=translate("Models", "Delete what has arrived of {model}?").format(model=name),
            text=translate("Models", "The next download of it starts from the beginning."),
            verb=translate("Models", "Delete"),
            then=lambda: self._downloads.discard(name),
        )

    def _choose_source(self) -> None:
        index = self.source.currentIndex()
        self.address.setVisible(index == len(SOURCES))
        if index < len(SOURCES):
            self._settings.model_source = SOURCES[index]
        else:
            self._settings.model_source = self.address.text().strip()
            self.address.setFocus()

    def _open(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._folder)))

    # --- parts ---

    def _fill_source(self) -> None:
        for _ in range(len(SOURCES) + 1):
            self.source.addItem("")
        chosen = self._settings.model_source
        is_own = chosen not in SOURCES
        self.source.setCurrentIndex(len(SOURCES) if is_own else SOURCES.index(chosen))
        self.address.setText(chosen if is_own else "")
        self.address.setVisible(is_own)
        self.token.setText(self._downloads.token)
        self.token.setEchoMode(QLineEdit.EchoMode.Password)

    def _connect(self) -> None:
        self._downloads.changed.connect(self._show)
        self.source.activated.connect(self._choose_source)
        self.address.editingFinished.connect(self._choose_source)
        self.open_folder.clicked.connect(self._open)
        self.buttons.rejected.connect(self.reject)

    def _lay_out(self) -> None:
        self._list.setContentsMargins(0, 0, 0, 0)
        self._list.addStretch(1)
        content = QWidget()
        content.setLayout(self._list)
        self._area.setWidgetResizable(True)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._area.setWidget(content)
        layout = column(
            self.title,
            self.about,
            self._area,
            self.place,
            row(self._source_label, self.source, self.address, None, spacing=SPACE),
            row(self._token_label, self.token, None, self.open_folder, spacing=SPACE),
            self.buttons,
            spacing=SPACE + HALF,
        )
        self.source.setMinimumContentsLength(14)
        self.address.setMinimumWidth(220)
        self.token.setMinimumWidth(220)
        layout.setContentsMargins(2 * SPACE, 2 * SPACE, 2 * SPACE, 2 * SPACE)
        self.setLayout(layout)
        self.resize(720, 640)


class ModelRow(QFrame):
    """One model: what it is, what can be done about it, and how far that has come."""

    get = Signal()
    pause = Signal()
    discard = Signal()

    def __init__(self, offer: Offer) -> None:
        super().__init__()
        self.offer = offer
        self.name, self.facts, self.state = label(offer.name, "heading"), note(), note()
        self.ways = note()
        self.bar = QProgressBar()
        self.bar.setRange(0, THOUSANDTHS)
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(HALF)
        self.get_button, self.pause_button = button(), button()
        self.discard_button = button("", "link")
        self.get_button.clicked.connect(self.get)
        self.pause_button.clicked.connect(self.pause)
        self.discard_button.clicked.connect(self.discard)
        self.here = QLabel()
        self.here.setProperty("role", "success")
        head = row(self.name, None, self.here, self.discard_button, self.get_button,
                   self.pause_button, spacing=SPACE)  # fmt: skip
        layout = column(head, self.facts, self.ways, self.bar, self.state, spacing=HALF)
        layout.setContentsMargins(0, SPACE, SPACE, SPACE)
        self.setLayout(layout)
        self.retranslate()

    def retranslate(self) -> None:
        self.pause_button.setText(translate("Models", "Pause"))
        self.discard_button.setText(translate("Models", "Delete what has arrived"))
        self.here.setText(translate("Models", "On this computer"))
        self.facts.setText(facts(self.offer))

    def show_state(self, offer: Offer, downloads: Downloads) -> None:
        self.offer = offer
        self.ways.setText(ways_text(offer.needs, downloads.room))
        name, is_here = offer.name, bool(offer.path)
        is_current, is_waiting = name == downloads.current, name in downloads.waiting
        is_at_work = is_current or is_waiting
        reason = downloads.reasons.get(name, "")
        self.here.setVisible(is_here)
        has_focus = self.get_button.hasFocus() or self.pause_button.hasFocus()
        self.get_button.setVisible(not is_here and not is_at_work)
        self.get_button.setText(_verb(offer))
        self.get_button.setAccessibleName(f"{_verb(offer)}: {name}")
        self.pause_button.setVisible(is_at_work)
        if has_focus:  # or it would go to the button of another model
            (self.pause_button if is_at_work else self.get_button).setFocus()
        self.pause_button.setEnabled(not (is_current and downloads.is_pausing))
        self.pause_button.setAccessibleName(f"{self.pause_button.text()}: {name}")
        self.discard_button.setVisible(bool(offer.arrived) and not is_here and not is_at_work)
        transfer = downloads.transfer if is_current else Transfer(done=offer.arrived)
        total = transfer.total or offer.bytes
        share = min(transfer.done, total) * THOUSANDTHS // max(total, 1)
        self.bar.setVisible(is_current or (bool(offer.arrived) and not is_here))
        self.bar.setValue(int(share))
        text = offer.path if is_here else reason
        if is_current:
            text = transfer_text(transfer, is_pausing=downloads.is_pausing)
        elif is_waiting:
            text = translate("Models", "Waits for its turn.")
        elif not text and offer.arrived:
            text = translate("Models", "{size} have arrived.").format(size=memory(offer.arrived))
        self.state.setText(text)
        self.state.setVisible(bool(text))
        self.state.setProperty("role", "danger" if reason and not is_at_work else "muted")
        self.state.style().polish(self.state)


def transfer_text(transfer: Transfer, *, is_pausing: bool = False) -> str:
    """How far, how fast, how long still."""
    if is_pausing:
        return translate("Models", "Stops…")
    if transfer.stage == "asking" or not transfer.total:
        return translate("Models", "Asks the source…")
    size = translate("Models", "{done} of {total}").format(
        done=memory(transfer.done), total=memory(transfer.total)
    )
    if transfer.stage == "checking":
        return f"{size} · {translate('Models', 'checks what is here')}"
    if transfer.bytes_per_s is None:
        return size
    speed = translate("Models", "{size} a second").format(size=memory(transfer.bytes_per_s))
    if transfer.seconds_left is None:
        return f"{size} · {speed}"
    left = translate("Models", "{time} left").format(time=duration(transfer.seconds_left))
    return f"{size} · {speed} · {left}"


def facts(offer: Offer) -> str:
    """Size, licence, and what it is for."""
    tasks = {
        "make": translate("Models", "makes pictures"),
        "edit": translate("Models", "changes pictures"),
        "layers": translate("Models", "takes pictures apart"),
    }
    parts = [memory(offer.bytes), offer.licence, *(tasks[task] for task in offer.tasks)]
    return " · ".join(parts)


def _verb(offer: Offer) -> str:
    return translate("Models", "Go On") if offer.arrived else translate("Models", "Download")


def _room_text(downloads: Downloads) -> str:
    """How much memory the planner counts with."""
    if downloads.is_limited:
        text = translate("Models", "By your setting models may take {size} of memory.")
    elif downloads.has_card:
        text = translate("Models", "Models may take about {size} of the graphics memory.")
    else:
        text = translate(
            "Models", "Models may take about {size} of the main memory. Without a graphics card "
            "one of their pictures takes hours."
        )  # fmt: skip
    return text.format(size=memory(downloads.room)) if downloads.room else ""
