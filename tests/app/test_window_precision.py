"""In how many bits a model works, and how much memory it may take: chosen, remembered, told to the
engine; and a model that has no room says what would fit."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from app.dialogs.memory import AT_MOST, AUTOMATIC
from app.dialogs.settings import SettingsDialog
from app.engine.command import engine_command
from app.run import Root
from app.settings import Settings
from app.widgets.needs import advice, fitting, way_text, ways_text
from model.engine.protocol import Need
from tests.fakes import DESCRIPTION, do
from tests.studio import Studio

GB = 10**9
NEEDS = (
    Need(scheme="", whole=40 * GB, encoder_read=30 * GB, blocks_read=4 * GB),
    Need(scheme="int8", whole=34 * GB, encoder_read=22 * GB),
    Need(scheme="fp8", whole=34 * GB, encoder_read=22 * GB),
    Need(scheme="int4", whole=25 * GB, encoder_read=13_840_000_000),
)
LARGE = dataclasses.replace(DESCRIPTION, name="large", path="/models/large", needs=NEEDS)


def choose(root: Root, room: int = 24 * GB) -> None:
    generation = root.workspace.generation
    generation.room = room
    generation.models = (DESCRIPTION, LARGE)
    generation.choose(LARGE)


def test_precision_is_offered_with_what_it_takes(studio: Studio) -> None:
    root = studio.open()
    choice = root.window.prompt.extras.precision
    assert choice.isHidden()  # of this model nothing is known
    choose(root)
    assert not choice.isHidden()
    texts = [choice.schemes.itemText(index) for index in range(choice.schemes.count())]
    assert texts == [
        "Full precision · 40.0 GB",
        "8-bit (int8) · 34.0 GB",
        "8-bit (fp8) · 34.0 GB",
        "4-bit (int4) · 25.0 GB",
    ]
    assert choice.way.text().startswith("Streamed, slower")
    root.workspace.generation.choose(DESCRIPTION)
    assert choice.isHidden()


def test_choice_is_loaded_remembered_and_sent_with_every_question(studio: Studio) -> None:
    root = studio.open()
    choose(root)
    client, choice = root.workspace.client, root.window.prompt.extras.precision
    choice.schemes.setCurrentIndex(3)
    choice.schemes.activated.emit(3)
    work = root.window.status.work
    assert work.text() == "Loading large: 4-bit (int4)…"
    studio.wait(lambda: work.text() == "large is ready, loaded in 0 s")
    assert choice.way.text() == "Text encoder from disk: 13.9 GB of 24.0 GB"
    asked = []
    client._deliver = lambda child, question: asked.append(question)
    request = root.workspace.generation.request(None, prompt="x")
    client.load(LARGE.path), client.plan(LARGE.path, request), client.run(LARGE.path, request)
    client.run("/models/fake", request)
    assert [question.quantization for question in asked] == ["int4", "int4", "int4", ""]
    again = Settings(root.settings.path)
    assert again.schemes == {LARGE.path: "int4"}
    root.workspace.generation.choose(DESCRIPTION)
    assert root.workspace.generation.scheme == ""
    root.workspace.generation.choose(LARGE)
    assert root.workspace.generation.scheme == "int4"


def test_model_that_is_packed_by_now_forgets_its_choice(studio: Studio) -> None:
    root = studio.open()
    root.settings.schemes = {LARGE.path: "int8"}
    packed = dataclasses.replace(LARGE, needs=())
    root.workspace.generation.models = (packed,)
    root.workspace.generation.choose(packed)
    assert root.settings.schemes == {}
    assert root.workspace.client.schemes == {}


def test_model_without_room_says_what_would_fit_and_does_it(studio: Studio) -> None:
    refusal = "large needs 22.0 GB, 16.0 GB are there for it; choose a smaller model"
    fails = [do("fail", kind="out_of_memory", message=refusal)]
    root = studio.open({"load": fails})
    choose(root, 16 * GB)
    choice, banner = root.window.prompt.extras.precision, root.window.area.banner
    choice.schemes.setCurrentIndex(1)
    choice.schemes.activated.emit(1)
    studio.wait(lambda: banner.title.text() == "There is not enough memory for large.")
    assert banner.text.text() == (
        "8-bit (int8) needs at least 22.0 GB, and 16.0 GB are there for it. 4-bit (int4) fits."
    )
    texts = [banner._deeds.itemAt(k).widget().text() for k in range(banner._deeds.count())]
    assert texts == ["Use 4-bit (int4)", "Memory for Models…"]
    banner._deeds.itemAt(0).widget().click()
    assert root.settings.schemes == {LARGE.path: "int4"}


def test_engine_s_own_words_where_nothing_was_counted(studio: Studio) -> None:
    fails = [do("fail", kind="out_of_memory", message="small needs 2.0 GB, 1.0 GB are there")]
    root = studio.open({"load": fails})
    banner = root.window.area.banner
    studio.wait(lambda: banner.text.text() == "Small needs 2.0 GB, 1.0 GB are there")


# --- words ---


def test_ways_in_words(qapp) -> None:
    assert ways_text(NEEDS, 48 * GB) == "Runs whole: 40.0 GB of 48.0 GB"
    assert ways_text(NEEDS, 26 * GB) == (
        "Full precision streamed, slower · 8-bit in 22.0 GB, text encoder from disk · "
        "4-bit whole in 25.0 GB"
    )
    assert ways_text(NEEDS, 3 * GB) == "Does not fit: it needs at least 4.0 GB"
    assert ways_text(NEEDS, 0) == "Needs 40.0 GB"
    assert ways_text((), 3 * GB) == ""
    assert way_text(NEEDS[1], 3 * GB) == ("Does not fit: needs 22.0 GB, has 3.0 GB")


def test_advice_is_never_too_little(qapp) -> None:
    assert advice(NEEDS, "", 24 * GB) == ""
    fewer = NEEDS[1:]
    assert fitting(fewer, "int4", 12 * GB) is None
    assert advice(fewer, "int4", 12 * GB) == (
        "4-bit (int4) needs at least 13.9 GB, and 12.0 GB are there for it."
    )  # 13.84 GB would be shown as 13.8
    assert advice(fewer, "int8", 12 * GB).endswith(
        "The least that any precision needs are 13.9 GB."
    )


# --- how much memory ---


@pytest.fixture
def settings(tmp_path: Path, qapp) -> Settings:
    return Settings(tmp_path / "settings.json")


def dialog(settings: Settings, qtbot, scheme: str = "int8") -> SettingsDialog:
    found = SettingsDialog(settings, ("cuda",), room=24 * GB, model=LARGE, scheme=scheme)
    qtbot.addWidget(found)
    found.show()
    found.tabs.setCurrentIndex(1)
    return found


def test_memory_is_limited_once_a_number_is_entered(settings: Settings, qtbot) -> None:
    found = dialog(settings, qtbot)
    memory = found.memory
    assert not memory.most.isVisible()
    assert memory.meaning.text() == (
        "large · 8-bit (int8) · Text encoder from disk: 22.0 GB of 24.0 GB"
    )
    memory.kind.setCurrentIndex(AT_MOST)
    memory.kind.activated.emit(AT_MOST)
    assert settings.budget_bytes == 8 * GB
    changes = []
    settings.changed.connect(changes.append)
    memory.most.setValue(12)
    assert changes == []  # every one starts the engine anew
    assert memory.meaning.text() == (
        "large · 8-bit (int8) needs at least 22.0 GB, and 12.0 GB are there for it. "
        "Full precision fits."
    )
    memory.most.editingFinished.emit()
    assert settings.budget_bytes == 12 * GB
    again = dialog(settings, qtbot)
    assert again.memory.most.value() == 12
    memory.kind.setCurrentIndex(AUTOMATIC)
    memory.kind.activated.emit(AUTOMATIC)
    assert settings.budget_bytes == 0


def test_what_was_typed_last_counts_when_the_dialog_is_closed(settings: Settings, qtbot) -> None:
    settings.budget_bytes = 8 * GB
    found = dialog(settings, qtbot)
    found.memory.most.setValue(10)
    found.reject()
    assert settings.budget_bytes == 10 * GB


def test_no_more_is_offered_than_there_is(settings: Settings, qtbot) -> None:
    found = dialog(settings, qtbot)
    found.memory.most.setValue(100)
    assert found.memory.most.value() == 24


def test_engine_gets_the_budget() -> None:
    assert engine_command(budget_bytes=8 * GB)[-2:] == ["--budget", str(8 * GB)]
    assert "--budget" not in engine_command()
