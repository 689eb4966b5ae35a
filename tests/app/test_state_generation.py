"""The prompt panel's values and the request they make."""

from __future__ import annotations

import pytest

from app.document.geometry import Page
from app.state.generation import Generation
from app.state.observable import Observable, Property, bind, property_names, watch
from model.engine.protocol import ModelDescription
from model.requests import Edit, ImageToImage, Inpaint, Picture, RequestError, TextToImage

SMALL = ModelDescription(
    name="small", path="/m/small", sizes=((64, 64), (96, 64)), steps=4, guidance=2.0
)
LARGE = ModelDescription(name="large", path="/m/large", sizes=((1328, 1328),), steps=50)
BROKEN = ModelDescription(name="broken", path="/m/broken", problem="its weights are missing")
PICTURE = Picture(width=2, height=1, mode="L", data=b"ab")
OTHER = Picture(width=1, height=2, mode="L", data=b"ab")


@pytest.fixture
def make(qapp) -> Generation:
    found = Generation()
    found.offer((BROKEN, SMALL, LARGE))
    found.prompt = "a poster"
    return found


def test_first_usable_model_is_chosen_with_its_recommendations(make: Generation) -> None:
    assert make.model == SMALL
    assert (make.steps, make.guidance, make.size) == (4, 2.0, (64, 64))


def test_preferred_model_is_chosen_unless_it_is_broken(qapp) -> None:
    preferred, broken = Generation(), Generation()
    preferred.offer((SMALL, LARGE), "/m/large")
    broken.offer((BROKEN, SMALL), "/m/broken")
    assert preferred.model == LARGE
    assert broken.model == SMALL


def test_same_model_offered_again_keeps_what_was_set(make: Generation) -> None:
    make.steps = 9
    make.offer((SMALL, LARGE))
    assert make.steps == 9


def test_new_picture(make: Generation) -> None:
    make.seed = 7
    request = make.request(PICTURE)
    assert request == TextToImage(
        prompt="a poster", width=64, height=64, steps=4, guidance=2.0, seed=7
    )


def test_change_carries_the_picture_and_leaves_its_size_to_the_model(make: Generation) -> None:
    make.switch(True)
    make.prompt = "green"
    request = make.request(PICTURE)
    assert isinstance(request, Edit)
    assert request.images == (PICTURE,)
    assert request.width is None


def test_a_model_that_cannot_edit_paints_anew(make: Generation) -> None:
    words = ModelDescription(
        name="words", path="/m/words", sizes=((64, 64),), tasks=("text_to_image", "inpaint")
    )
    make.offer((words,))
    make.choose(words)
    make.switch(True)
    make.prompt = "a green poster"
    whole = make.request(PICTURE)
    assert isinstance(whole, ImageToImage)
    assert (whole.image, whole.width) == (PICTURE, None)
    mask = Picture(width=2, height=1, mode="L", data=b"\xff\0")
    part = make.request(PICTURE, mask=mask)
    assert isinstance(part, Inpaint)
    assert (part.image, part.mask, part.strength) == (PICTURE, mask, 1.0)
    assert not make.follows_instructions
    make.choose(SMALL)
    assert isinstance(make.request(PICTURE, mask=mask), Edit)


def test_reference_makes_a_new_picture_after_it(make: Generation) -> None:
    make.references = (PICTURE,)
    request = make.request(None)
    assert isinstance(request, Edit)
    assert (request.images, request.width) == ((PICTURE,), 64)
    make.references = (PICTURE, PICTURE)
    with pytest.raises(RequestError, match="2 pictures are too many: this model takes 1"):
        make.request(None)


def test_the_page_is_the_first_of_several_and_gives_the_ratio(make: Generation) -> None:
    make.choose(
        ModelDescription(
            name="plus", path="/m/plus", sizes=((1024, 1024),), tasks=("edit",), max_references=3
        )
    )
    make.switch(True)
    make.prompt = "Put Picture 2 on the wall"
    make.references = (OTHER, PICTURE)
    wide = Picture(width=200, height=50, mode="L", data=bytes(200 * 50))
    request = make.request(wide)
    assert isinstance(request, Edit)
    assert request.images == (wide, OTHER, PICTURE)
    assert (request.width, request.height) == (2048, 512)
    make.references = (*make.references, OTHER)
    with pytest.raises(
        RequestError, match="4 pictures with the page are too many: this model takes 3"
    ):
        make.request(wide)
    make.references = ()
    alone = make.request(wide)
    assert isinstance(alone, Edit)
    assert (alone.images, alone.width) == ((wide,), None)


def test_settings_used_again_bring_the_pictures_back(make: Generation) -> None:
    change = Edit(prompt="x", images=(PICTURE, OTHER), width=64, height=64)
    make.take(change, is_change=True)
    assert make.is_change
    assert make.references == (OTHER,)
    make.take(change, is_change=False)
    assert not make.is_change
    assert make.references == (PICTURE, OTHER)
    make.take(TextToImage(prompt="x"))
    assert make.references == ()


def test_empty_prompt_is_refused_with_a_reason(make: Generation) -> None:
    make.prompt = " "
    with pytest.raises(RequestError, match="prompt"):
        make.request(None)


def test_each_kind_of_work_keeps_its_prompt(make: Generation) -> None:
    make.switch(True)
    assert make.prompt == ""
    make.prompt = "green"
    make.switch(False)
    assert make.prompt == "a poster"
    make.switch(True)
    assert make.prompt == "green"


def test_prompts_are_walked_and_the_unsent_one_comes_back(make: Generation) -> None:
    make.remember("one")
    make.remember("two")
    make.prompt = "unsent"
    walked = []
    for step in (-1, -1, -1, 1, 1, 1):
        make.recall(step)
        walked.append(make.prompt)
    assert walked == ["two", "one", "one", "two", "unsent", "unsent"]


def test_size_follows_the_page(make: Generation) -> None:
    make.fit_size(Page(width=3000, height=2000))
    assert make.size == (96, 64)


def test_values_come_back(make: Generation, qapp) -> None:
    make.switch(True)
    make.prompt, make.negative, make.count, make.is_seed_locked = "绿色", "blur", 3, True
    make.remember("绿色")
    other = Generation()
    other.restore(make.values())
    assert other.values() == make.values() | {"model": ""}


def test_values_of_wrong_types_are_passed_over(qapp) -> None:
    make = Generation()
    make.restore({"prompt": 3, "steps": "x", "size": [1], "prompts": [4, "a"], "seed": True})
    assert (make.prompt, make.steps, make.size, make.prompts) == ("", 1, None, ["a"])


def test_settings_of_a_step_are_taken_with_its_seed(make: Generation) -> None:
    make.take(TextToImage(prompt="p", width=96, height=64, steps=3, guidance=1.5, seed=5))
    assert (make.prompt, make.size, make.steps, make.guidance) == ("p", (96, 64), 3, 1.5)
    assert (make.seed, make.is_seed_locked) == (5, True)


# --- properties ---


class Thing(Observable):
    size = Property(1)
    name = Property("a")


def test_property_signals_changes_only(qapp) -> None:
    thing, seen = Thing(), []
    thing.changed.connect(seen.append)
    thing.size = 1
    thing.size = 2
    thing.name = "b"
    assert seen == ["size", "name"]
    assert property_names(Thing) == ("size", "name")
    assert Thing().size == 1


def test_watch_tells_now_and_later(qapp) -> None:
    thing, seen = Thing(), []
    watch(thing, "size", seen.append)
    thing.name = "b"
    thing.size = 3
    assert seen == [1, 3]


def test_bind_ties_both_ways(qtbot) -> None:
    from PySide6.QtWidgets import QSpinBox

    thing, box = Thing(), QSpinBox()
    qtbot.addWidget(box)
    bind(thing, "size", box.setValue, box.valueChanged)
    thing.size = 5
    assert box.value() == 5
    box.setValue(8)
    assert thing.size == 8
