"""Polishing in the window: words as they come, the user's choice, and models that cannot write."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from app.run import Root
from app.state.polishing import Phase, Polishing
from model.requests import Picture, Polish
from tests.fakes import DESCRIPTION, do
from tests.studio import Studio

SLOW = {"write": [do("words", text="a deep red"), do("wait", ms=60_000), do("reply")]}


def polishing(root: Root) -> Polishing:
    return root.making.polishing


def polish(studio: Studio, prompt: str, phase: Phase) -> Root:
    root = studio.root
    assert root is not None
    root.window.prompt.prompt.setPlainText(prompt)
    studio.trigger("polish")
    studio.wait(lambda: polishing(root).phase is phase)
    return root


def test_a_polished_prompt_is_taken_and_taken_back(studio: Studio) -> None:
    root = studio.open()
    panel = root.window.prompt
    assert not panel.preview.isVisible()
    panel.prompt.setPlainText("a red")
    panel.prompt.moveCursor(panel.prompt.textCursor().MoveOperation.End)
    studio.qtbot.keyClicks(panel.prompt, " poster")
    panel.polish.click()
    studio.wait(lambda: polishing(root).phase is Phase.ready)
    assert panel.preview.isVisible()
    assert panel.preview.text.toPlainText() == "a red poster, in fine detail"
    assert panel.prompt.toPlainText() == "a red poster", "nothing changes before it is taken"
    panel.preview.take.click()
    assert panel.prompt.toPlainText() == "a red poster, in fine detail"
    assert root.workspace.generation.prompt == "a red poster, in fine detail"
    assert not panel.preview.isVisible()
    studio.qtbot.keyClick(panel.prompt, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert root.workspace.generation.prompt == "a red poster"


def test_words_are_shown_as_they_come_and_can_be_stopped(studio: Studio) -> None:
    root = studio.open(SLOW)
    panel = root.window.prompt
    polish(studio, "a poster", Phase.writing)
    studio.wait(lambda: panel.preview.text.toPlainText() == "a deep red")
    assert not panel.preview.take.isEnabled()
    assert not panel.polish.isEnabled()
    studio.trigger("cancel")
    assert polishing(root).phase is Phase.idle
    assert panel.prompt.toPlainText() == "a poster"
    assert panel.polish.isEnabled()
    studio.wait(lambda: root.workspace.client.state.name == "ready")


def test_ones_own_prompt_is_kept(studio: Studio) -> None:
    root = studio.open()
    polish(studio, "a poster", Phase.ready)
    root.window.prompt.preview.keep.click()
    assert root.window.prompt.prompt.toPlainText() == "a poster"
    assert not root.window.prompt.preview.isVisible()


def test_a_rewriting_that_lost_words_cannot_be_taken(studio: Studio) -> None:
    root = studio.open({"write": [do("keep")]})
    polish(studio, 'a "SALE" poster', Phase.unchanged)
    preview = root.window.prompt.preview
    assert "stays as it is" in preview.line.text()
    assert not preview.take.isVisible()
    preview.keep.click()
    assert root.window.prompt.prompt.toPlainText() == 'a "SALE" poster'


def test_an_instruction_is_sent_with_the_page(studio: Studio) -> None:
    root = studio.open()
    studio.make("a poster")
    polish(studio, "make it green", Phase.ready)
    text = root.window.prompt.preview.text.toPlainText()
    assert text == "make it green, in fine detail, seen with 1"
    root.workspace.generation.switch(False)
    assert polishing(root).phase is Phase.idle, "the text was for another kind of prompt"
    polish(studio, "a poster", Phase.ready)
    assert "seen" not in root.window.prompt.preview.text.toPlainText()
    root.workspace.generation.references = (Picture(width=1, height=1, mode="L", data=b"x"),)
    polish(studio, "a poster", Phase.ready)
    assert "seen with 1" in root.window.prompt.preview.text.toPlainText()


def test_each_try_has_a_seed_of_its_own(studio: Studio) -> None:
    root = studio.open()
    seeds: list[int] = []
    root.workspace.client.written.connect(lambda m: seeds.append(m.text.request.seed))
    for _ in range(2):
        polish(studio, "a poster", Phase.ready)
    assert len(set(seeds)) == 2
    assert isinstance(seeds[0], int)


@pytest.mark.parametrize("name", ["starter", "other"])
def test_a_model_that_cannot_write_says_so_beside_the_prompt(studio: Studio, name: str) -> None:
    root = studio.open()
    assert root.window.prompt.polish.toolTip() == "Polish Prompt  (Ctrl+Shift+L)"
    tasks = tuple(task for task in DESCRIPTION.tasks if task not in (Polish.task, "caption"))
    root.workspace.generation.choose(replace(DESCRIPTION, name=name, tasks=tasks))
    panel = root.window.prompt
    assert not panel.polish.isEnabled()
    assert not root.window.actions_table["polish"].isEnabled()
    expected = {
        "starter": "The starter's encoder cannot write; load a real model",
        "other": "The text encoder of this model cannot write; load another",
    }
    assert panel.polish.toolTip() == expected[name]
    root.languages.use("zh_CN")
    QApplication.processEvents()
    assert panel.polish.text() == "润色"
    assert "编码器" in panel.polish.toolTip()


def test_failures_and_empty_prompts_are_told(studio: Studio) -> None:
    root = studio.open({"write": [do("fail", kind="out_of_memory", message="not enough memory")]})
    studio.trigger("polish")
    assert "Prompt: is empty" in root.window.area.banner.text.text()
    polish(studio, "a poster", Phase.idle)
    studio.wait(lambda: "Not enough memory" in root.window.area.banner.text.text())
    assert polishing(root).phase is Phase.idle


def test_polishing_waits_for_the_picture(studio: Studio) -> None:
    root = studio.open({"run": [do("progress", step=1), do("wait", ms=60_000), do("reply")]})
    root.workspace.generation.prompt = "a poster"
    studio.trigger("generate")
    assert not root.window.prompt.polish.isEnabled()
    studio.trigger("cancel")
    studio.wait(lambda: not root.workspace.jobs.is_busy)
    assert root.window.prompt.polish.isEnabled()


def test_another_project_lets_it_go(studio: Studio) -> None:
    root = studio.open(SLOW)
    polish(studio, "a poster", Phase.writing)
    root.workspace.opened.emit()
    assert polishing(root).phase is Phase.idle


# --- descriptions ---


def test_a_description_of_the_page_becomes_the_prompt_of_a_new_picture(studio: Studio) -> None:
    root = studio.open()
    assert not root.window.actions_table["describe"].isEnabled(), "there is nothing to see"
    studio.make("a poster")
    studio.trigger("describe")
    studio.wait(lambda: polishing(root).phase is Phase.ready)
    preview = root.window.prompt.preview
    assert preview.line.text() == "What the model sees on the page:"
    told = preview.text.toPlainText()
    assert told
    assert "{" not in told
    preview.take.click()
    assert not root.workspace.generation.is_change
    assert root.window.prompt.prompt.toPlainText() == told
    assert not preview.isVisible()


def test_a_model_that_cannot_see_says_so(studio: Studio) -> None:
    root = studio.open()
    studio.make("a poster")
    make = root.workspace.generation
    assert make.model is not None
    blind = replace(make.model, path="/m/blind", tasks=("text_to_image", "edit"), name="starter")
    make.models = (blind,)
    make.choose(blind)
    action = root.window.actions_table["describe"]
    assert not action.isEnabled()
    assert action.statusTip() == "The starter's encoder cannot write; load a real model"
