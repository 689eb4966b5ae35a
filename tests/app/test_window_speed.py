"""The choice between exact and quicker: offered as the engine says, sent, told and kept."""

from __future__ import annotations

import dataclasses

from app.panels.history import ROW_ROLE, tip
from app.run import Root
from app.state.generation import STEP_CACHE, Generation
from model.requests import TextToImage
from tests.studio import Studio


def choose(root: Root, index: int) -> None:
    modes = root.window.prompt.extras.speed.modes
    modes.setCurrentIndex(index)
    modes.activated.emit(index)


def shown(root: Root) -> list[str]:
    modes = root.window.prompt.extras.speed.modes
    return [modes.itemText(index) for index in range(modes.count())]


def test_it_is_exact_until_something_else_is_chosen(studio: Studio) -> None:
    root = studio.open()
    modes = root.window.prompt.extras.speed.modes
    assert modes.isVisible()
    assert modes.currentText() == "Exact"
    assert shown(root) == [
        "Exact",
        "Step cache (inexact)",
        "8-bit attention (inexact)",
    ]
    node = root.workspace.tree.node(studio.make("a poster"))
    assert node.differences is None
    assert "step_cache" not in node.recipe["request"]
    assert "off where checked" not in root.window.status.work.text()


def test_what_a_computer_has_no_kernel_for_is_not_offered(qapp, qtbot) -> None:
    from app.panels.speed import SpeedChoice

    make = Generation()
    choice = SpeedChoice(make)
    qtbot.addWidget(choice)
    assert [choice.modes.itemText(k) for k in range(choice.modes.count())] == [
        "Exact",
        "Step cache (inexact)",
    ]
    make.attentions = ("fp8", "sage")
    assert choice.modes.count() == 4
    make.take(TextToImage(prompt="x", step_cache=0.25, attention="sage"))
    assert choice.modes.currentText() == "Step cache 0.25 + Sage attention (inexact)"


def test_how_far_it_is_off_is_shown_and_kept(studio: Studio) -> None:
    root = studio.open()
    choose(root, 1)
    root.workspace.generation.steps = 12
    node = root.workspace.tree.node(studio.make("a poster"))
    words = "4 of 12 steps reused, 1.2 % off where checked (step 3)"
    assert words in root.window.status.work.text()
    assert tip(node).endswith(words)
    history = root.window.history.model
    assert history.data(history.index(0), ROW_ROLE).detail.endswith(" · 1.2 % off")
    assert node.recipe["request"]["step_cache"] == STEP_CACHE
    root.workspace.generation.switch(False)
    choose(root, 2)
    other = root.workspace.tree.node(studio.make("another"))
    assert tip(other).endswith("attention 0.4 % off where checked (step 2)")
    assert other.recipe["request"]["attention"] == "fp8"
    path = studio.home / "a.ink"
    root.workspace.save_as(path)
    studio.written()
    studio.close()
    again = studio.open(path=path)
    tree = again.workspace.tree
    assert tree.node(node.id).differences == node.differences
    assert tree.node(other.id).differences == other.differences
    assert again.workspace.generation.attention == "fp8", "the project keeps the choice"
    again.making.use_settings(node.id)
    assert again.workspace.generation.step_cache == STEP_CACHE
    assert again.window.prompt.extras.speed.modes.currentIndex() == 1
    again.languages.use("zh_CN")
    caption = again.window.prompt.extras.speed.caption
    studio.wait(lambda: caption.text() == "速度")
    assert shown(again)[1] == "步骤缓存（不精确）"


def test_values_that_no_project_wrote_are_passed_over(qapp) -> None:
    make = Generation()
    make.restore({"step_cache": 7.0, "attention": "int2", "prompts": []})
    assert (make.step_cache, make.attention) == (0.0, "exact")
    make.restore({"step_cache": 0.25, "attention": "sage", "prompts": []})
    assert (make.step_cache, make.attention) == (0.25, "sage")
    make.restore({"prompts": []})
    assert (make.step_cache, make.attention) == (0.0, "exact")


def test_results_of_older_projects_have_no_differences(studio: Studio) -> None:
    from app.store.blobs import Blobs
    from app.store.pixels import PixelWriter
    from app.store.records import seal
    from app.store.results import decode_node, encode_node

    root = studio.open()
    node = root.workspace.tree.node(studio.make("a poster"))
    project = root.workspace.project
    assert project is not None
    blobs = Blobs(project._connection)
    record = encode_node(dataclasses.replace(node, differences=None), PixelWriter(blobs))
    del record["differences"]
    found = decode_node((node.id, node.name, 0, *seal(record)), blobs, None)  # type: ignore[arg-type]
    assert found.differences is None
