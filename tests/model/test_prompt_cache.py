"""Text states that are kept, the vision tower that waits for a picture, and the text encoder that
makes room for the transformer."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from model import loader
from model.bench import tiny, tiny21
from model.bench.reference import noise_image, to_picture
from model.errors import CheckpointError, Stopped
from model.memory.prompts import PromptCache
from model.memory.stay import Stay, move
from model.requests import Edit, Polish, TextToImage
from model.text_encoder.encoder import TextEncoder, TextStates

CPU = torch.device("cpu")
IMAGES = [noise_image(56, 56), noise_image(84, 56)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write(tiny.Tiny(), tmp_path_factory.mktemp("prompts") / "tiny")


@pytest.fixture
def model(folder: Path) -> loader.Model:
    return loader.load(folder)


def calls_of(encoder: TextEncoder) -> Any:
    return mock.patch.object(encoder, "_states", side_effect=encoder._states)


def text(prompt: str, **values: Any) -> TextToImage:
    return TextToImage(prompt=prompt, width=64, height=64, steps=1, **values)


def edit(prompt: str, *images: Image.Image) -> Edit:
    return Edit(prompt=prompt, images=tuple(map(to_picture, images)), steps=1, guidance=1.0)


# --- the cache --------------------------------------------------------------------------------


def test_the_encoder_is_not_asked_twice(model: loader.Model) -> None:
    with calls_of(model.networks.text_encoder) as states:
        first = model.run(text("a", guidance=2.0, seed=1))
        assert states.call_count == 2  # the prompt and the negative one
        again = model.run(text("a", guidance=2.0, seed=1))
        model.run(text("a", guidance=3.0, seed=7, count=2))
        assert states.call_count == 2
        model.run(text("b", guidance=2.0))
        assert states.call_count == 3
    assert first.pictures[0].data == again.pictures[0].data


def test_what_decides_about_states_is_in_the_key(folder: Path, tmp_path: Path) -> None:
    cache = PromptCache()
    model = loader.load(folder, prompts=cache)
    encoder = model.networks.text_encoder

    def asked(one: loader.Model, request: TextToImage | Edit) -> int:
        with calls_of(one.networks.text_encoder) as states:
            one.run(request)
            return states.call_count

    assert asked(model, edit("x", IMAGES[0])) == 1
    assert asked(model, edit("x", IMAGES[0])) == 0
    assert asked(model, edit("x", IMAGES[1])) == 1
    lightened = IMAGES[0].point(lambda level: min(level + 1, 255))
    assert asked(model, edit("x", lightened)) == 1
    assert asked(model, text("x", guidance=1.0)) == 1  # no picture is another template
    assert asked(model, text("x", guidance=1.0)) == 0

    # The same encoder under another model asks nothing again; another one does.
    shared = loader.load(folder, prompts=cache)
    assert asked(shared, edit("x", IMAGES[0])) == 0
    other = tiny.write(tiny.like(tiny.Tiny(), seed=9), tmp_path / "other")
    assert asked(loader.load(other, prompts=cache), edit("x", IMAGES[0])) == 1
    assert asked(loader.load(folder, prompts=cache, dtype="bfloat16"), edit("x", IMAGES[0])) == 1

    template = dataclasses.replace(encoder.row.edit_template, after="!")
    encoder.row = dataclasses.replace(encoder.row, edit_template=template)
    assert asked(model, edit("x", IMAGES[0])) == 1
    assert asked(model, edit("x", IMAGES[0])) == 0


def test_states_are_the_very_ones(model: loader.Model) -> None:
    encoder, encode = model.networks.text_encoder, model.networks.encode
    assert encode is not None
    with torch.inference_mode():
        for images in (None, IMAGES):
            first, again = (encode(["a", "b"] if images else ["a"], images, no_poll) for _ in "12")
            prompts = ["a", "b"] if images else ["a"]
            plain = encoder.encode(prompts, images)
            assert again.states is first.states
            assert torch.equal(first.states, plain.states)
            assert (first.valid is None) == (plain.valid is None)
            assert first.is_slot == plain.is_slot


def no_poll() -> None: ...


class Silent:
    """An encoder of states of a given length, for the bound alone."""

    def __init__(self) -> None:
        self.device, self.image_config, self.asked = CPU, None, []
        self.row = mock.Mock(text_template=1, edit_template=2)
        self.network = mock.Mock(dtype=torch.float32)

    def encode(self, prompts: list[str], images: None, poll: Any) -> TextStates:
        self.asked.append(prompts[0])
        return TextStates(states=torch.zeros(1, len(prompts[0]), 1), valid=None)


@settings(max_examples=60, deadline=None)
@given(
    prompts=st.lists(st.text("ab", min_size=1, max_size=5), min_size=1, max_size=30),
    room=st.integers(0, 60),
)
def test_no_more_is_kept_than_there_is_room(prompts: list[str], room: int) -> None:
    cache, encoder = PromptCache(room), Silent()
    encode = cache.remembering(encoder, "hash")  # type: ignore[arg-type]
    model: list[str] = []  # the newest last
    for prompt in prompts:
        before = len(encoder.asked)
        assert encode([prompt], None, no_poll).states.shape[1] == len(prompt)
        assert (len(encoder.asked) == before) == (prompt in model)
        model = [p for p in model if p != prompt] + [prompt]
        while sum(4 * len(p) for p in model) > room:
            model.pop(0)
        assert cache._total_bytes() == sum(4 * len(p) for p in model) <= room


def test_a_stop_leaves_nothing_half_done(model: loader.Model) -> None:
    encode = model.networks.encode
    assert encode is not None

    def stop() -> None:
        raise Stopped

    with torch.inference_mode():
        with pytest.raises(Stopped):
            encode(["a"], None, stop)
        assert encode(["a"], None, no_poll).states.shape[0] == 1


# --- the vision tower -------------------------------------------------------------------------


@pytest.mark.parametrize("generation", [1, 2])
def test_the_eye_is_loaded_with_the_first_picture(generation: int, tmp_path: Path) -> None:
    if generation == 1:
        tiny.write(tiny.Tiny(), tmp_path / "model")
    else:
        tiny21.write_with_diffusers(tiny21.Tiny21(), tmp_path / "model")
    model = loader.load(tmp_path / "model", accepted=["Qwen Research License"])
    network = model.networks.text_encoder.network
    reads = mock.patch("model.checkpoint.deferred.Deferred.load", autospec=True)
    with reads as load:
        model.run(text("x"))
        assert not load.called
    assert not [name for name in network.state_dict() if name.startswith("visual.")]
    request = edit("x", IMAGES[0])
    (first,) = model.run(request).pictures
    assert [name for name in network.state_dict() if name.startswith("visual.")]
    with reads as load:
        model.run(edit("y", IMAGES[0]))
        assert not load.called
    seeing = loader.load(tmp_path / "model", accepted=["Qwen Research License"])
    seeing.networks.text_encoder.open_eye()
    assert seeing.run(request).pictures[0].data == first.data


def test_words_need_no_eye(folder: Path, tmp_path: Path) -> None:
    pipeline = tiny.write_with_diffusers(tiny.Tiny(), tmp_path / "model")
    assert pipeline is not None
    model = loader.load(tmp_path / "model")
    writer = model.networks.writer
    assert writer is not None
    with torch.inference_mode():
        writer.write("s", "u", sampling=mock.Mock(max_tokens=3, temperature=0))
        names = model.networks.text_encoder.network.state_dict()
        assert not [name for name in names if name.startswith("visual.")]
        writer.write("s", "u", IMAGES, sampling=mock.Mock(max_tokens=3, temperature=0))
    assert Polish.task in model.tasks


def test_an_eye_that_cannot_be_read_stays_shut(folder: Path, tmp_path: Path) -> None:
    copied = shutil.copytree(folder, tmp_path / "copy")
    model = loader.load(copied)
    path = copied / "text_encoder/model.safetensors"
    kept = path.read_bytes()
    path.unlink()
    for _ in range(2):
        with pytest.raises(CheckpointError):
            model.run(edit("x", IMAGES[0]))
    assert len(model.run(text("x")).pictures) == 1
    path.write_bytes(kept)  # another file by the system's count
    with pytest.raises(CheckpointError):
        model.run(edit("x", IMAGES[0]))


# --- where the encoder is ---------------------------------------------------------------------


class Recorded(Stay):
    """A device of which there is none here: what would be moved is noted."""

    def __init__(self, events: list[str], encoder: TextEncoder) -> None:
        super().__init__(CPU, CPU, encoder.network)
        self._events, self.home = events, torch.device("meta")

    def _move(self, device: torch.device) -> None:
        self._events.append("home" if device == self.home else "device")


def test_it_leaves_before_the_transformer_works(model: loader.Model) -> None:
    events: list[str] = []
    networks = model.networks
    networks.text_encoder.stay(Recorded(events, networks.text_encoder))

    def note(name: str) -> Any:
        return lambda *_: events.append(name)

    networks.text_encoder.network.register_forward_pre_hook(note("read"))
    networks.transformer.img_in.register_forward_pre_hook(note("draw"))
    model.run(text("x", guidance=2.0))
    assert events == ["device", "read", "read", "home", "draw"]
    events.clear()
    model.run(text("x", guidance=2.0, seed=3))
    assert events == ["draw"]  # remembered, so it never comes
    events.clear()
    model.run_together([text("x", guidance=1.0), text("y", guidance=1.0)])
    assert events == ["device", "read", "home", "draw"]


def test_nothing_moves_on_the_cpu(model: loader.Model) -> None:
    with mock.patch("model.memory.stay.move") as moved:
        model.run(text("x"))
        model.networks.text_encoder.leave()
    assert not moved.called


def test_what_has_no_values_is_not_moved() -> None:
    there, absent = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2, device="meta")
    both = torch.nn.ModuleList([there, absent])
    move(both, CPU)
    assert there.weight.device == CPU
    assert absent.weight.is_meta
    move(both, torch.device("meta"))
    assert there.weight.is_meta


def test_what_was_taken_along_comes_and_leaves_too(model: loader.Model) -> None:
    events: list[tuple[torch.nn.Module, torch.device]] = []
    encoder, head = model.networks.text_encoder, torch.nn.Linear(1, 1)
    stay = Stay(torch.device("meta"), CPU, encoder.network)
    encoder.stay(stay)
    with mock.patch("model.memory.stay.move", side_effect=lambda *seen: events.append(seen)):
        with encoder.polling(no_poll):
            encoder.take_along(head)
        encoder.leave()
        encoder.leave()
        with encoder.polling(no_poll), encoder.polling(no_poll):
            pass
    network, home = encoder.network, stay.home
    assert events == [(network, CPU), (network, home), (head, home), (network, CPU), (head, CPU)]
