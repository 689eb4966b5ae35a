"""LoRAs and ControlNets in the window: chosen, refused, sent, kept, and found again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QImage
from PySide6.QtWidgets import QFileDialog

from app.files.raster import read_recipe
from app.panels.control import ControlRow, Source
from app.panels.styles import LoraRow
from app.run import Root
from app.state.generation import WHOLE
from model.engine.protocol import AdapterKind
from model.requests import Inpaint, Picture, TextToImage
from tests.fakes import DESCRIPTION, do
from tests.studio import Studio

INK, FLUX, FAST = "/x/ink.safetensors", "/x/flux.safetensors", "/x/Lightning-4steps.safetensors"
DRAWING = Picture(width=2, height=1, mode="RGB", data=b"abcdef")


def add(studio: Studio, *paths: str, kind: AdapterKind = AdapterKind.lora) -> None:
    """Choose them, and wait for what the engine says of them."""
    root = studio.root
    assert root is not None
    for path in paths:
        root.making.adapters.add(kind, Path(path))
    make = root.workspace.generation
    studio.wait(lambda: all(c.sha256 or c.problem for c in (*make.loras, *make.controls)))


def lora_rows(root: Root) -> list[LoraRow]:
    return root.window.prompt.extras.styles.rows  # type: ignore[return-value]


def control_rows(root: Root) -> list[ControlRow]:
    return root.window.prompt.extras.control.rows  # type: ignore[return-value]


def recorded(root: Root) -> Any:
    """The request of the newest step, as its recipe has it."""
    return list(root.workspace.tree.nodes.values())[-1].recipe["request"]


# --- LoRAs ---


def test_a_lora_is_added_weighed_switched_off_and_taken_out(studio: Studio) -> None:
    root = studio.open()
    styles = root.window.prompt.extras.styles
    assert not styles.is_open
    styles.menu.aboutToShow.emit()
    assert [a.text() for a in styles.menu.actions() if a.text()] == ["ink", "From a file…"]
    styles.menu.actions()[0].trigger()
    assert styles.is_open
    assert "Reading the file" in lora_rows(root)[0].line.text()
    add(studio, INK)
    first, second = lora_rows(root)
    assert not first.line.isVisible()
    first.weight.slider.setValue(150)
    second.weight.box.setValue(-0.25)
    studio.make("a poster")
    used = recorded(root)["loras"]
    assert [(use["name"], use["weight"]) for use in used] == [("ink", 1.5), ("ink", -0.25)]
    assert "/" not in json.dumps(used)
    root.workspace.generation.switch(False)
    first.name.setChecked(False)
    second.remove.click()
    studio.make("another")
    assert recorded(root)["loras"] == []
    lora_rows(root)[0].remove.click()
    assert not styles.is_open


def test_the_slider_under_the_pointer_stays(studio: Studio) -> None:
    root = studio.open()
    add(studio, INK)
    (before,) = lora_rows(root)
    before.weight.slider.setValue(30)
    assert lora_rows(root) == [before]
    assert before.weight.box.value() == 0.3


def test_what_the_model_refuses_is_said_at_its_row(studio: Studio) -> None:
    root = studio.open()
    add(studio, FLUX, INK)
    refused, used = lora_rows(root)
    assert refused.line.text() == "this LoRA is for FLUX, not for Qwen-Image 1.x"
    assert not refused.name.isEnabled()
    assert not refused.name.isChecked()
    assert not used.line.isVisible()
    studio.make("a poster")
    assert [use["name"] for use in recorded(root)["loras"]] == ["ink"]


def test_another_model_is_asked_again(studio: Studio) -> None:
    root = studio.open()
    add(studio, INK)
    asked: list[str] = []
    root.workspace.client.identified.connect(lambda message: asked.append(message.adapter.name))
    root.workspace.generation.choose(replace(DESCRIPTION, name="other", path="/models/other"))
    studio.wait(lambda: asked == ["ink"])


def test_files_are_dropped_onto_the_section(studio: Studio, tmp_path: Path) -> None:
    root = studio.open()
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(tmp_path / n)) for n in ("a.safetensors", "a.png")])
    no = Qt.KeyboardModifier.NoModifier
    styles = root.window.prompt.extras.styles
    styles.dropEvent(
        QDropEvent(QPointF(1, 1), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, no)
    )
    assert [lora.path for lora in root.workspace.generation.loras] == [
        str(tmp_path / "a.safetensors")
    ]
    studio.wait(lambda: bool(root.workspace.generation.loras[0].sha256))


def test_a_lora_that_is_still_read_is_waited_for(studio: Studio) -> None:
    root = studio.open({"identify": [do("wait", ms=60_000), do("reply")]})
    root.making.adapters.add(AdapterKind.lora, Path(INK))
    root.window.prompt.prompt.setPlainText("a poster")
    studio.trigger("generate")
    assert "ink is still being read" in root.window.area.banner.title.text()
    assert not root.workspace.jobs.is_busy


def test_the_job_knows_where_its_files_lie_and_no_picture_does(
    studio: Studio, tmp_path: Path
) -> None:
    root = studio.open()
    add(studio, INK)
    studio.make("a poster")
    studio.written()
    assert root.workspace.project is not None
    (job,) = root.workspace.project.jobs()
    assert job.details["files"] == [INK]
    root.deeds.files.export_to(tmp_path / "a.png")
    studio.wait(lambda: (tmp_path / "a.png").exists())
    studio.written()
    recipe = read_recipe(tmp_path / "a.png")
    assert recipe is not None
    assert recipe["request"]["loras"][0]["name"] == "ink"
    assert b"/x/ink" not in (tmp_path / "a.png").read_bytes()


def test_settings_of_a_step_bring_back_its_loras(studio: Studio) -> None:
    root = studio.open()
    add(studio, INK)
    lora_rows(root)[0].weight.box.setValue(0.4)
    node = studio.make("a poster")
    lora_rows(root)[0].remove.click()
    root.making.use_settings(node)
    (lora,) = root.workspace.generation.loras
    assert (lora.name, lora.weight) == ("ink", 0.4)
    studio.wait(lambda: root.workspace.generation.loras[0].path == INK)
    assert not lora_rows(root)[0].line.isVisible()


def test_a_lora_that_is_gone_says_so(studio: Studio) -> None:
    root = studio.open()
    add(studio, "/x/gone.safetensors")
    node = studio.make("a poster")
    lora_rows(root)[0].remove.click()
    root.settings.adapter_files = {}
    root.making.use_settings(node)
    studio.wait(lambda: bool(root.workspace.generation.loras[0].problem))
    assert lora_rows(root)[0].line.text() == "gone is not on this computer"


def test_loras_come_back_with_the_project(studio: Studio, tmp_path: Path) -> None:
    path = tmp_path / "a.ink"
    root = studio.open()
    add(studio, INK, FAST)
    lora_rows(root)[0].weight.box.setValue(0.7)
    root.workspace.generation.steps = 6
    root.workspace.save_as(path)
    studio.wait(lambda: root.workspace.project is not None and root.workspace.project.path == path)
    studio.close()
    again = studio.open(path=path).workspace.generation
    assert [(lora.name, lora.weight) for lora in again.loras] == [
        ("ink", 0.7),
        ("Lightning-4steps", 1.0),
    ]
    studio.wait(lambda: again.loras[1].schedule == "lightning-4")
    assert again.steps == 6, "what was set stays"


# --- few steps ---


def test_lightning_is_shown_and_sets_steps_and_guidance(studio: Studio) -> None:
    root = studio.open()
    make, extras = root.workspace.generation, root.window.prompt.extras
    make.steps, make.guidance = 30, 4.0
    assert not extras.schedule.isVisible()
    add(studio, FAST)
    assert (make.steps, make.guidance) == (4, 1.0)
    assert extras.schedule.isVisible()
    assert extras.schedule.schedules.currentText() == "Lightning, 4 steps"
    assert lora_rows(root)[0].line.text() == "Lightning, 4 steps"
    make.steps = 6
    studio.make("a poster")
    assert [recorded(root)[name] for name in ("schedule", "steps", "guidance")] == [
        "lightning-4", 6, 1.0,
    ]  # fmt: skip
    lora_rows(root)[0].name.setChecked(False)
    assert (make.steps, make.guidance) == (DESCRIPTION.steps, DESCRIPTION.guidance)
    assert not extras.schedule.isVisible()


def test_ones_own_schedule_counts(studio: Studio) -> None:
    root = studio.open()
    make, schedules = root.workspace.generation, root.window.prompt.extras.schedule.schedules
    add(studio, FAST)
    schedules.setCurrentIndex(0)
    schedules.activated.emit(0)
    assert make.steps == DESCRIPTION.steps
    node = studio.make("a poster")
    assert recorded(root)["schedule"] == ""
    schedules.setCurrentIndex(1)
    schedules.activated.emit(1)
    assert (make.steps, make.schedule) == (4, None)
    root.making.use_settings(node)
    studio.wait(lambda: make.loras[0].schedule != "")
    assert make.effective_schedule == "", "as the step was made"


def test_a_model_made_for_few_steps(studio: Studio) -> None:
    root = studio.open()
    make = root.workspace.generation
    make.choose(replace(DESCRIPTION, path="/m/fast", schedule="lightning-8", steps=8))
    assert (make.steps, make.effective_schedule) == (8, "lightning-8")
    assert root.window.prompt.extras.schedule.isVisible()


# --- ControlNets ---


def test_a_control_is_sent_with_its_map(studio: Studio) -> None:
    root = studio.open()
    add(studio, "/models/edges", kind=AdapterKind.controlnet)
    (shown,) = control_rows(root)
    assert shown.line.text() == "Choose the picture that it follows."
    root.window.prompt.prompt.setPlainText("a poster")
    studio.trigger("generate")
    assert "edges has no map" in root.window.area.banner.title.text()
    root.making.adapters.follow(root.workspace.generation.controls[0].id, DRAWING)
    assert not shown.line.isVisible()
    shown.strength.box.setValue(0.8)
    shown.end.setValue(60)
    shown.start.setValue(10)
    node = studio.make("a poster")
    (control,) = recorded(root)["controls"]
    assert [control[k] for k in ("name", "strength", "start", "end")] == ["edges", 0.8, 0.1, 0.6]
    assert recorded(root)["maps"] == [DRAWING.sha256]
    assert not root.window.prompt.extras.control.isVisible(), "a change begins from the page"

    root.workspace.generation.switch(False)
    shown.remove.click()
    root.making.use_settings(node)
    (again,) = root.workspace.generation.controls
    assert (again.name, again.strength, again.start, again.end) == ("edges", 0.8, 0.1, 0.6)
    assert again.map == DRAWING
    assert not root.workspace.generation.is_change


def test_start_stays_before_end(studio: Studio) -> None:
    root = studio.open()
    add(studio, "/models/edges", kind=AdapterKind.controlnet)
    (shown,) = control_rows(root)
    shown.end.setValue(30)
    shown.start.setValue(50)
    assert (shown.start.value(), shown.end.value()) == (50, 51)
    shown.end.setValue(20)
    assert (shown.start.value(), shown.end.value()) == (19, 20)


def test_maps_from_a_file_a_layer_and_the_page(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = studio.open()
    add(studio, "/models/edges", kind=AdapterKind.controlnet)
    (shown,) = control_rows(root)

    def the_map() -> Picture | None:
        return root.workspace.generation.controls[0].map

    shown.map_wanted.emit(Source.edges)
    assert "nothing on the page" in root.window.area.banner.title.text()
    drawing = QImage(7, 5, QImage.Format.Format_RGB32)
    drawing.fill(0xFF204060)
    drawing.save(str(tmp_path / "map.png"))
    answer = (str(tmp_path / "map.png"), "")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: answer)
    shown.map_wanted.emit(Source.file)
    found = the_map()
    assert found is not None
    assert (found.width, found.height) == (7, 5)
    studio.make("a poster")
    root.workspace.generation.switch(False)
    page = root.workspace.document.state.page
    for source in (Source.layer, Source.edges):
        root.making.adapters.follow(root.workspace.generation.controls[0].id, DRAWING)
        shown.map_wanted.emit(source)
        studio.wait(lambda: (m := the_map()) is not None and m.width == page.width)
    assert the_map() is not None
    (tmp_path / "map.png").write_bytes(b"no picture")
    shown.map_wanted.emit(Source.file)
    assert "map.png" in root.window.area.banner.title.text()


def test_holes_are_black_for_a_drawing_and_kept_for_what_fills_them(studio: Studio) -> None:
    root = studio.open()
    add(studio, "/models/edges", kind=AdapterKind.controlnet)
    make = root.workspace.generation
    make.prompt = "a poster"
    holed = Picture(width=2, height=1, mode="RGBA", data=b"\xff\xff\xff\xff\xff\xff\xff\0")
    root.making.adapters.follow(make.controls[0].id, holed)
    request = make.request(None)
    assert isinstance(request, TextToImage)
    assert request.maps[0].data == b"\xff\xff\xff\0\0\0"
    make.controls = (replace(make.controls[0], fills_holes=True),)
    filled = make.request(None)
    assert isinstance(filled, TextToImage)
    assert filled.maps == (holed,)


# --- strength and variants ---


PAINTS = replace(DESCRIPTION, path="/m/words", tasks=("text_to_image", "image_to_image", "inpaint"))


def test_strength_is_asked_where_the_model_paints_anew(studio: Studio) -> None:
    root = studio.open()
    studio.make("a poster")
    form = root.window.prompt.extras.strength
    assert not form.isVisible(), "an edit has no strength"
    root.workspace.generation.choose(PAINTS)
    assert form.isVisible()
    assert not form.margin.isVisible()
    assert form.strength.box.value() == 0.6
    form.strength.box.setValue(0.3)
    node = studio.make("green")
    assert recorded(root)["strength"] == 0.3
    studio.trigger("select_all")
    assert form.margin.isVisible()
    assert form.strength.box.value() == 1.0
    assert form.margin.text() == "Whole page"
    form.margin.setValue(8)
    form.feather.setValue(3)
    studio.make("a cup")
    request = list(root.workspace.tree.nodes.values())[-1].request
    assert isinstance(request, Inpaint)
    assert (request.strength, request.margin, request.feather) == (1.0, 8, 3)
    form.strength.box.setValue(0.5)
    form.margin.setValue(WHOLE)
    root.making.use_settings(list(root.workspace.tree.nodes)[-1])
    make = root.workspace.generation
    assert (make.mask_strength, make.margin, make.is_change) == (1.0, 8, True)
    root.making.use_settings(node)
    assert make.strength == 0.3


def test_which_model_it_is_can_be_said(studio: Studio) -> None:
    root = studio.open()
    choice = root.window.prompt.extras.variants
    assert not choice.isVisible()
    root.workspace.generation.choose(
        replace(
            DESCRIPTION,
            path="/m/open",
            variant="Qwen-Image",
            variants=("Qwen-Image", "Qwen-Image-2512"),
            proposed_variant="Qwen-Image",
            fingerprint="ab",
        )
    )
    assert choice.isVisible()
    texts = [choice.itemText(k) for k in range(choice.count())]
    assert texts == ["Qwen-Image (proposed)", "Qwen-Image-2512"]
    choice.setCurrentIndex(1)
    choice.activated.emit(1)
    assert root.settings.variants == {"ab": "Qwen-Image-2512"}


def test_the_panel_needs_no_scrolling_at_first(studio: Studio) -> None:
    root = studio.open()
    root.window.resize(1280, 800)
    bar = root.window.prompt.scroller.verticalScrollBar()
    studio.wait(lambda: root.window.prompt.height() > 600)
    assert bar.maximum() == 0
