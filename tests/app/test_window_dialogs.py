"""The dialogs return what was chosen, refuse what cannot be, and change settings at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QDialogButtonBox

from app.dialogs.about import LICENCES, AboutDialog
from app.dialogs.keys import KeysEditor
from app.dialogs.page import MM, PX, PageDialog
from app.dialogs.settings import SettingsDialog
from app.document.geometry import Page, presets
from app.settings import Settings
from app.state.messages import Kind, Message
from app.theme import Theme
from app.widgets.banner import Banner
from app.widgets.icons import Icons
from app.widgets.words import clock, count, duration, memory


@pytest.fixture
def settings(tmp_path: Path, qapp) -> Settings:
    return Settings(tmp_path / "settings.json")


# --- page ---


def page_dialog(qtbot, page: Page | None = None) -> PageDialog:
    dialog = PageDialog(page or Page(width=640, height=480, dpi=72), "New Page")
    qtbot.addWidget(dialog)
    return dialog


def test_page_comes_back_as_it_was(qtbot) -> None:
    for page in (
        Page(width=640, height=480, dpi=72),
        Page(width=300, height=200, dpi=150, bleed_mm=3, background="#102030"),
        Page(width=300, height=200, background=None),
    ):
        assert page_dialog(qtbot, page).chosen == page


def test_every_preset_gives_its_page(qtbot) -> None:
    dialog = page_dialog(qtbot)
    for row, preset in enumerate(presets()):
        dialog.presets.setCurrentRow(row)
        assert dialog.chosen == preset.page()


def test_millimetres_and_bleed(qtbot) -> None:
    dialog = page_dialog(qtbot)
    dialog.unit.chosen.emit(MM)
    dialog.width_box.setValue(297)
    dialog.height_box.setValue(420)
    dialog.dpi.setValue(300)
    dialog.bleed.setValue(3)
    page = dialog.chosen
    assert (page.trim.width(), page.trim.height()) == (3508, 4961)
    assert page.size_mm == pytest.approx((303, 426), abs=0.1)
    dialog.unit.chosen.emit(PX)
    assert dialog.chosen.trim.size() == page.trim.size()


def test_impossible_page_is_refused_in_words(qtbot) -> None:
    dialog = page_dialog(qtbot)
    dialog.width_box.setValue(99_000)
    accept = dialog.buttons.button(QDialogButtonBox.StandardButton.Ok)
    assert not accept.isEnabled()
    assert "too large" in dialog.summary.text()
    dialog.width_box.setValue(640)
    assert accept.isEnabled()


def test_sides_are_swapped(qtbot) -> None:
    dialog = page_dialog(qtbot)
    dialog.turn.click()
    assert (dialog.chosen.width, dialog.chosen.height) == (480, 640)


# --- settings and keys ---


def test_settings_count_at_once(settings: Settings, qtbot) -> None:
    dialog = SettingsDialog(settings, ("cpu", "cuda"))
    qtbot.addWidget(dialog)
    dialog.theme.setCurrentIndex(dialog.theme.findData("light"))
    dialog.theme.activated.emit(dialog.theme.currentIndex())
    dialog.device.setCurrentIndex(dialog.device.findData("cuda"))
    dialog.device.activated.emit(dialog.device.currentIndex())
    dialog.motion.setChecked(True)
    assert (settings.theme, settings.device, settings.reduced_motion) == ("light", "cuda", True)


def test_model_folder_is_removed(settings: Settings, qtbot) -> None:
    settings.model_folders = ("/a", "/b")
    dialog = SettingsDialog(settings, ())
    qtbot.addWidget(dialog)
    dialog.folders.setCurrentRow(0)
    dialog.remove.click()
    assert settings.model_folders == ("/b",)


def keys_editor(settings: Settings, qtbot) -> KeysEditor:
    editor = KeysEditor(settings)
    qtbot.addWidget(editor)
    return editor


def choose(editor: KeysEditor, action_id: str) -> None:
    for item in editor._items():
        if item.data(0, Qt.ItemDataRole.UserRole).id == action_id:
            editor.list.setCurrentItem(item)


def test_keys_are_changed_warned_of_and_reset(settings: Settings, qtbot) -> None:
    editor = keys_editor(settings, qtbot)
    choose(editor, "open")
    editor.key.setKeySequence(QKeySequence("Ctrl+S"))
    editor.key.editingFinished.emit()
    assert settings.keys == {"open": "Ctrl+S"}
    assert "Ctrl+S is used by Open, Save" in editor.warning.text()
    assert not editor.warning.isHidden()
    editor.reset.click()
    assert settings.keys == {}
    assert editor.warning.isHidden()


def test_keys_are_taken_away(settings: Settings, qtbot) -> None:
    editor = keys_editor(settings, qtbot)
    choose(editor, "cancel")
    editor.none.click()
    assert settings.keys == {"cancel": ""}
    editor.reset_all.click()
    assert settings.keys == {}


def test_actions_are_found_by_name_and_key(settings: Settings, qtbot) -> None:
    editor = keys_editor(settings, qtbot)
    for text, expected in (("generate", "generate"), ("ctrl+j", "layer_duplicate")):
        editor.search.setText(text)
        shown = [i for i in editor._items() if not i.isHidden()]
        assert [i.data(0, Qt.ItemDataRole.UserRole).id for i in shown] == [expected]


# --- telling ---


def test_about_names_every_licence(qtbot) -> None:
    from PySide6.QtWidgets import QTextBrowser

    dialog = AboutDialog("1.2.3")
    qtbot.addWidget(dialog)
    text = dialog.findChild(QTextBrowser).toPlainText()
    assert all(name in text and licence in text for name, licence in LICENCES)


def test_banner_offers_deeds_and_leaves_when_one_is_chosen(qtbot, qapp) -> None:
    banner, done = Banner(Icons(Theme(qapp))), []
    qtbot.addWidget(banner)
    deeds = (("Try again", lambda: done.append(1)),)
    banner.show_message(Message(kind=Kind.error, title="Lost", text="Kept", deeds=deeds))
    assert (banner.title.text(), banner.text.text()) == ("Lost", "Kept")
    banner._deeds.itemAt(0).widget().click()
    assert done == [1]
    assert not banner.isVisible()
    banner.show_message(Message(kind=Kind.notice, title="Saved."))
    assert banner._deeds.count() == 0
    assert banner._timer.isActive()
    banner.dismiss()
    banner._timer.stop()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (8.2, "8 s"), (125, "2 min 5 s"), (4800, "1 h 20 min"), (-1, "0 s")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_memory_counts_and_times() -> None:
    sizes = (4e5, 12e6, 512e6, 1.5e9, 57.7e9)
    assert [memory(size) for size in sizes] == ["0.4 MB", "12 MB", "512 MB", "1.5 GB", "57.7 GB"]
    assert count(1234567) == "1\u202f234\u202f567"
    assert clock("not a time") == ""
    assert clock("2001-02-03T04:05:06+00:00").startswith("2001-02-0")
