"""The window gets a model in a program of its own: progress, pause, going on, and the list."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QMessageBox

from app.dialogs.models import ModelsDialog, transfer_text
from app.engine.downloads import Downloads, Transfer
from app.settings import Settings
from tests.hub import Hub, models_command, of_folder, serving, stall, status

NAME = "Qwen-Image-Edit"
PATIENCE_MS = 60_000


@pytest.fixture(autouse=True)
def _own_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("INKSTONE_HOME", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))


@pytest.fixture
def hub(tiny: Path) -> Iterator[Hub]:
    entry, files = of_folder(NAME, tiny)
    with serving(Hub(entry=entry, files=files)) as found:
        yield found


class Shop:
    """The dialog over a catalogue with the tiny model."""

    def __init__(self, tmp_path: Path, tiny: Path, hub: Hub, qtbot) -> None:
        self.settings = Settings(tmp_path / "config/settings.json")
        self.settings.model_source = hub.url
        self.downloads = Downloads(models_command(NAME, tiny))
        self.dialog = ModelsDialog(self.downloads, self.settings, tmp_path / "data/models")
        qtbot.addWidget(self.dialog)
        self.dialog.show()
        self.qtbot = qtbot
        self.arrived: list[tuple[str, str]] = []
        self.failed: list[tuple[str, str]] = []
        self.downloads.arrived.connect(lambda *values: self.arrived.append(values))
        self.downloads.failed.connect(lambda *values: self.failed.append(values))
        self.downloads.refresh()
        self.wait(lambda: NAME in self.dialog.rows)

    def wait(self, condition) -> None:
        self.qtbot.waitUntil(condition, timeout=PATIENCE_MS)

    @property
    def row(self):
        return self.dialog.rows[NAME]


@pytest.fixture
def shop(tmp_path: Path, tiny: Path, hub: Hub, qtbot) -> Iterator[Shop]:
    found = Shop(tmp_path, tiny, hub, qtbot)
    yield found
    found.downloads.shutdown()


def test_model_arrives(shop: Shop, tmp_path: Path) -> None:
    ways = shop.row.ways.text()
    assert "Runs whole" in ways or "from disk" in ways or "needs" in ways
    assert "of the main memory" in shop.dialog.place.text()
    assert "57.7 GB" in shop.dialog.rows["Qwen-Image"].facts.text()
    shop.row.get_button.click()
    assert shop.row.pause_button.isVisible()
    assert shop.row.state.text() == "Asks the source…"
    shop.wait(lambda: bool(shop.arrived))
    path = str(tmp_path / "data/models" / NAME)
    assert shop.arrived == [(NAME, path)]
    assert shop.row.here.isVisible()
    assert shop.row.state.text() == path
    assert not shop.row.get_button.isVisible()


def test_pause_and_go_on_after_a_restart(
    shop: Shop, hub: Hub, tmp_path: Path, tiny: Path, qtbot
) -> None:
    hub.piece_s = 0.02
    shop.row.get_button.click()
    shop.wait(lambda: shop.downloads.transfer.done > 500_000)
    shop.row.pause_button.click()
    assert shop.row.state.text() == "Stops…"
    shop.wait(lambda: not shop.downloads.current)
    assert (shop.arrived, shop.failed) == ([], [])
    assert shop.row.get_button.text() == "Go On"
    assert shop.row.bar.value() > 0
    hub.piece_s = 0.0
    hub.requests.clear()
    later = Shop(tmp_path, tiny, hub, qtbot)
    assert later.row.get_button.text() == "Go On"
    assert "have arrived" in later.row.state.text()
    later.row.get_button.click()
    later.wait(lambda: bool(later.arrived))
    sent = sum(seen.sent for seen in hub.requests if seen.name in hub.files)
    assert sent <= hub.total - 500_000
    later.downloads.shutdown()


def test_failure_is_said_and_going_on_works(shop: Shop, hub: Hub) -> None:
    hub.faults["vae/config.json"] = deque([status(404)])
    shop.row.get_button.click()
    shop.wait(lambda: bool(shop.failed))
    assert shop.failed[0][1] == "127.0.0.1 has no Qwen/Qwen-Image-Edit; try another source"
    assert shop.row.state.text() == shop.failed[0][1]
    shop.row.get_button.click()
    shop.wait(lambda: bool(shop.arrived))


def test_delete_what_has_arrived(shop: Shop, hub: Hub, tmp_path: Path) -> None:
    hub.always["vae/config.json"] = status(404)
    shop.row.get_button.click()
    shop.wait(lambda: shop.row.discard_button.isVisible())
    shop.row.discard_button.click()
    box = shop.dialog.findChild(QMessageBox)
    next(b for b in box.buttons() if b.text() == "Delete").click()
    shop.wait(lambda: not (tmp_path / "data/models/.downloads").exists())
    shop.wait(lambda: shop.row.get_button.text() == "Download")


def test_second_model_waits_and_can_be_taken_back(shop: Shop, hub: Hub) -> None:
    hub.always["vae/config.json"] = stall(60.0)
    shop.row.get_button.click()
    other = shop.dialog.rows["Qwen-Image"]
    other.get_button.click()
    assert other.state.text() == "Waits for its turn."
    other.pause_button.click()
    assert other.get_button.isVisible()
    assert shop.downloads.current == NAME


def test_licence_is_asked_once(shop: Shop) -> None:
    asked = shop.dialog.rows["Qwen-Image-2.1"]
    asked.get_button.click()
    box = shop.dialog.findChild(QMessageBox)
    assert "allows no commercial use" in box.text()
    assert "/Qwen/Qwen-Image-2.1" in box.informativeText()
    assert not shop.downloads.current
    next(b for b in box.buttons() if b.text() == "Accept and Download").click()
    assert shop.settings.accepted_licences == ("Qwen Research License",)
    assert shop.downloads.current == "Qwen-Image-2.1"
    shop.wait(lambda: bool(shop.failed))


def test_token_goes_through_the_pipe(shop: Shop, hub: Hub, tmp_path: Path) -> None:
    hub.token = "hf_secret"
    shop.dialog.token.setText("hf_secret")
    shop.row.get_button.click()
    shop.wait(lambda: bool(shop.arrived or shop.failed))
    assert shop.arrived
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(b"hf_secret" in path.read_bytes() for path in kept)


def test_arrived_model_stands_in_the_list_of_the_window(studio, hub: Hub, tiny: Path) -> None:
    """With the engine of the program itself."""
    root = studio.open(real=True)
    root.settings.model_source = hub.url
    models = root.deeds.models
    models.downloads._command = models_command(NAME, tiny)
    studio.trigger("models")
    studio.wait(lambda: NAME in models.dialog.rows, PATIENCE_MS)
    models.dialog.rows[NAME].get_button.click()
    path = str(studio.paths.models / NAME)
    studio.wait(
        lambda: path in [model.path for model in root.workspace.generation.models], PATIENCE_MS
    )
    assert root.window.area.banner.title.text() == f"{NAME} is here."
    models.dialog.close()


def test_source_is_a_setting(shop: Shop) -> None:
    dialog = shop.dialog
    assert dialog.address.text() == shop.settings.model_source
    dialog.source.setCurrentIndex(1)
    dialog.source.activated.emit(1)
    assert shop.settings.model_source == "modelscope"
    assert not dialog.address.isVisible()


def test_program_that_does_not_start(qtbot, tmp_path: Path) -> None:
    downloads = Downloads([str(tmp_path / "nothing")])
    dialog = ModelsDialog(downloads, Settings(tmp_path / "settings.json"), tmp_path)
    qtbot.addWidget(dialog)
    downloads.refresh()
    qtbot.waitUntil(lambda: bool(downloads.problem), timeout=PATIENCE_MS)
    assert dialog.place.text() == "The program that looks after models ended unexpectedly."


def test_figures_in_words(qapp) -> None:
    transfer = Transfer(
        stage="loading", done=10**9, total=2 * 10**9, bytes_per_s=4e7, seconds_left=75
    )
    assert transfer_text(transfer) == "1.0 GB of 2.0 GB · 40 MB a second · 1 min 15 s left"
