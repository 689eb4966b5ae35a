"""Words by the text encoder: against transformers' own generation, and what every writer keeps."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import torch
from PIL import Image

from model import loader
from model.bench import tiny, tiny21
from model.bench.reference import (
    Pair,
    make_pair,
    noise_image,
    to_picture,
)
from model.checkpoint.head import has_head, read_head
from model.checkpoint.weights import holds_tensor, read_tensor
from model.errors import CheckpointError, ModelError, Stopped
from model.requests import Caption, Decompose, Polish, RequestError
from model.text_encoder.writing import CHAT, Gumbel, Sampling, Writer
from tests.reference import (
    SIZES,
)

pytestmark = pytest.mark.filterwarnings("ignore")

GREEDY = Sampling(temperature=0, max_tokens=24)
DRAWN = Sampling(seed=5, temperature=2.0, top_p=0.95, max_tokens=24)
PICTURES = [noise_image(56, 84), noise_image(100, 40)]
RECORD = '{"Caption": "a “SALE” poster", "Image Type": "poster", "Watermark List": [],}'


@pytest.fixture(scope="session", params=["plain", "deep"])
def speaking(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    size = tiny.like(SIZES[request.param], pipeline=tiny.EDIT)
    return make_pair(size, tmp_path_factory.mktemp(f"speaking-{request.param}"))


@pytest.fixture(scope="session")
def layered(tmp_path_factory: pytest.TempPathFactory) -> loader.Model:
    return make_pair(tiny.Tiny(pipeline=tiny.LAYERED), tmp_path_factory.mktemp("layered")).ours


def writer_of(model: loader.Model) -> Writer:
    assert model.networks.writer is not None
    return model.networks.writer


def write(model: loader.Model, *args: Any, **options: Any) -> str:
    with torch.inference_mode():
        return writer_of(model).write("Be brief.", *args, **options)


def says(model: loader.Model, *answers: str) -> Any:
    """A writer that gives these answers, one after the other, half of each at first."""
    waiting = list(answers)

    def write(system: str, user: str, images: Any = (), **options: Any) -> str:
        answer = waiting.pop(0)
        if "on_text" in options:
            options["on_text"](answer[: len(answer) // 2])
            options["on_text"](answer)
        return answer

    return mock.patch.object(writer_of(model), "write", side_effect=write)


# --- against the reference -------------------------------------------------------------------


@pytest.mark.parity
@pytest.mark.parametrize("count", [0, 1, 2])
def test_greedy_words_are_those_of_transformers(speaking: Pair, count: int) -> None:
    compare(speaking.ours, speaking.reference, PICTURES[:count])


@pytest.mark.parity
@pytest.mark.parametrize("count", [0, 2])
def test_so_are_those_of_qwen3(tmp_path: Path, count: int) -> None:
    reference = tiny21.write_with_diffusers(tiny21.Tiny21(), tmp_path / "two-one")
    ours = loader.load(tmp_path / "two-one", accepted=["Qwen Research License"])
    assert ours.tasks[-2:] == ("polish", "caption")
    compare(ours, reference, PICTURES[:count])


@torch.inference_mode()
def compare(ours: loader.Model, reference: Any, images: list[Image.Image]) -> None:
    slots = "".join(
        (f"Picture {k}: " if len(images) > 1 else "")
        + "<|vision_start|><|image_pad|><|vision_end|>"
        for k in range(1, len(images) + 1)
    )
    chat = CHAT.format(system="Be brief.", slots=slots, user="What is “开” here?")
    processor, network = reference.processor, reference.text_encoder
    inputs = processor(text=[chat], images=images or None, return_tensors="pt")
    is_image = inputs["input_ids"] == network.config.image_token_id
    stops = ("<|im_end|>", "<|endoftext|>")
    expected = network.generate(
        **{name: inputs[name] for name in inputs if name != "mm_token_type_ids"},
        mm_token_type_ids=is_image.int(),
        max_new_tokens=24,
        do_sample=False,
        eos_token_id=[processor.tokenizer.convert_tokens_to_ids(token) for token in stops],
    )[0, inputs["input_ids"].shape[1] :]
    seen: list[list[int]] = []
    stream = mock.patch(
        "model.text_encoder.writing._Stream.put",
        lambda self, value: seen.append(value.flatten().tolist()),
    )
    with stream:
        write(ours, "What is “开” here?", images, sampling=GREEDY)
    found = [token for part in seen[1:] for token in part]
    assert found == expected.tolist()
    assert len(set(found)) > 1, "a text of one token proves little"


def test_draws_follow_the_softmax() -> None:
    scores = torch.tensor([[1.0, 0.0, -1.0, float("-inf")]])
    chance, count = Gumbel(3), 20_000
    drawn = Counter(int(chance(scores, scores).argmax()) for _ in range(count))
    for token, share in enumerate(scores.softmax(-1)[0].tolist()):
        assert abs(drawn[token] / count - share) < 0.015


# --- what a writer keeps ---------------------------------------------------------------------


def test_a_seed_repeats_and_another_differs(speaking: Pair) -> None:
    texts = [
        write(speaking.ours, "hello", PICTURES[:1], sampling=replace(DRAWN, seed=seed))
        for seed in (5, 5, 6)
    ]
    assert texts[0] == texts[1] != texts[2]


def test_the_text_grows_to_the_result(speaking: Pair) -> None:
    for sampling in (GREEDY, DRAWN):
        seen: list[str] = []
        text = write(speaking.ours, "hello", sampling=sampling, on_text=seen.append)
        assert seen[-1] == text
        assert all(later.startswith(early) for early, later in itertools.pairwise(seen))


def test_a_character_is_shown_once_it_is_whole(speaking: Pair) -> None:
    from model.text_encoder.writing import _Stream

    seen: list[str] = []
    tokenizer = speaking.ours.networks.text_encoder.tokenizer
    stream = _Stream(tokenizer, seen.append)
    stream.put(torch.tensor([[1, 2]]))
    for token in tokenizer("春!")["input_ids"]:
        stream.put(torch.tensor([token]))
    stream.end()
    assert seen == ["春", "春!"]


def test_random_state_and_encoding_are_untouched(speaking: Pair) -> None:
    encoder = speaking.ours.networks.text_encoder
    torch.manual_seed(1)
    state = torch.get_rng_state()
    before = encoder.encode(["hello"], PICTURES[:1]).states
    write(speaking.ours, "hello", PICTURES, sampling=DRAWN)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(encoder.encode(["hello"], PICTURES[:1]).states, before)
    assert not any("lm_head" in name for name, _ in encoder.named_parameters())


def test_a_stop_takes_effect_within_a_block(speaking: Pair) -> None:
    request = Polish(prompt="hello", images=(to_picture(PICTURES[0]),))
    polls = 0

    def stop_at(limit: int) -> bool:
        nonlocal polls
        polls += 1
        return polls >= limit

    for limit in (1, 2, 5, 9):
        polls = 0
        with pytest.raises(Stopped):
            speaking.ours.write(request, should_stop=lambda limit=limit: stop_at(limit))
        assert polls == limit


def test_marks_of_the_chat_are_refused(speaking: Pair) -> None:
    for mark in ("<|im_start|>", "<|im_end|>", "<|image_pad|>"):
        with pytest.raises(RequestError, match="leave it out"):
            speaking.ours.write(Polish(prompt=f"a poster {mark}"))


# --- files without, or with a wrong, output layer --------------------------------------------


def test_only_files_with_an_output_layer_can_write(speaking: Pair, tmp_path: Path) -> None:
    path = speaking.ours.path
    assert path is not None
    assert speaking.ours.tasks[-2:] == ("polish", "caption")
    assert loader.describe(path) == speaking.ours.describe()
    silent = loader.load(tiny.write(tiny.Tiny(), tmp_path / "silent"))
    assert not {"polish", "caption"} & set(silent.tasks)
    with pytest.raises(RequestError, match="hold no lm_head"):
        silent.write(Polish(prompt="a poster"))


def test_the_starter_says_that_it_cannot_write() -> None:
    path = loader.starter_path()
    if not path.is_dir():
        pytest.skip("assets/starter holds no model")
    assert not has_head(path)
    assert "polish" not in loader.describe(path).tasks


def test_text_models_polish_and_cannot_see(text_pair: Pair) -> None:
    assert text_pair.ours.tasks[-1] == "polish"
    picture = to_picture(PICTURES[0])
    for request in (Caption(image=picture), Polish(prompt="x", images=(picture,))):
        with pytest.raises(RequestError, match="no processor for pictures"):
            text_pair.ours.write(request)


def test_one_tensor_is_read_as_all_are(speaking: Pair, tmp_path: Path) -> None:
    assert speaking.ours.path is not None
    embedding = speaking.ours.networks.text_encoder.network.language_model.embed_tokens.weight
    found = read_head(speaking.ours.path, embedding)
    assert torch.equal(found, speaking.reference.text_encoder.lm_head.weight)
    folder = speaking.ours.path / "text_encoder"
    with pytest.raises(CheckpointError, match="its config describes"):
        read_tensor(folder, "model", "lm_head.weight", (1, 2), dtype=torch.float32, device="cpu")
    with pytest.raises(CheckpointError, match="lacks no"):
        read_tensor(folder, "model", "no.weight", (1, 2), dtype=torch.float32, device="cpu")
    single = tiny.write(tiny.Tiny(), tmp_path / "single") / "text_encoder"
    assert holds_tensor(single, "model", "model.norm.weight")
    assert not holds_tensor(single, "model", "lm_head.weight")
    with pytest.raises(CheckpointError, match="lacks no"):
        read_tensor(single, "model", "no.weight", (1,), dtype=torch.float32, device="cpu")
    norm = read_tensor(
        single, "model", "model.norm.weight", (16,), dtype=torch.bfloat16, device="cpu"
    )
    assert (norm.dtype, norm.shape) == (torch.bfloat16, (16,))
    assert not has_head(tmp_path / "nowhere")


# --- requests --------------------------------------------------------------------------------


def test_a_polished_prompt(speaking: Pair) -> None:
    seen: list[str] = []
    answer = 'Rewritten prompt: A red poster with "SALE" in white.'
    with says(speaking.ours, answer) as asked:
        found = speaking.ours.write(Polish(prompt='a "SALE" poster', seed=7), seen.append)
    assert found.text == seen[-1] == 'A red poster with "SALE" in white.'
    assert not found.is_original
    assert (found.request.seed, found.model) == (7, speaking.ours.identity)
    assert found.record is None
    system, user, images = asked.call_args.args
    assert (user, images) == ('a "SALE" poster', [])
    assert "paragraph of English" in system


def test_an_instruction_is_seen_with_its_pictures(speaking: Pair) -> None:
    large = Image.new("RGB", (3000, 1000), "red")
    request = Polish(prompt="把背景改成蓝色", images=(to_picture(large),))
    with says(speaking.ours, "把背景改成深蓝色，其他保持不变。") as asked:
        speaking.ours.write(request)
    system, _, (seen,) = asked.call_args.args
    assert "图片上" in system
    assert seen.width * seen.height <= 1.05 * 1024**2


def test_lost_words_are_tried_again_with_another_seed(speaking: Pair) -> None:
    prompt = Polish(prompt='a "SALE" poster', seed=7)
    with says(speaking.ours, "a sale poster", 'red, with "SALE"') as asked:
        found = speaking.ours.write(prompt)
    assert (found.text, found.is_original) == ('red, with "SALE"', False)
    seeds = [call.kwargs["sampling"].seed for call in asked.call_args_list]
    assert seeds == [7, 8]
    with says(speaking.ours, "a sale poster", "“Sale”"):
        found = speaking.ours.write(prompt)
    assert (found.text, found.is_original) == (prompt.prompt, True)


def test_a_caption_with_its_record(speaking: Pair) -> None:
    picture = to_picture(PICTURES[0])
    with says(speaking.ours, "no object", f"```json\n{RECORD}\n```") as asked:
        found = speaking.ours.write(Caption(image=picture, language="zh", seed=1))
    assert found.record is not None
    assert found.text == found.record.caption == "a “SALE” poster"
    assert found.record.values()["Abnormal Element"] == "no"
    assert "JSON" in asked.call_args.args[1]
    with says(speaking.ours, "no object", "nor here"):
        with pytest.raises(ModelError, match="no caption: there is no object"):
            speaking.ours.write(Caption(image=picture))


def test_a_picture_taken_apart_is_described_first(layered: loader.Model) -> None:
    request = Decompose(image=to_picture(PICTURES[0]), layers=1, steps=1, guidance=1.0, count=2)
    with says(layered, "Caption: x", "Caption: x") as asked:
        result = layered.run(request)
        assert asked.call_count == 1
        together = layered.run_together([request])
    assert [r.prompt for r in result.requests] == ["Caption: x"] * 2
    assert [r.prompt for r in together.requests] == ["Caption: x"] * 2
    sampling = asked.call_args.kwargs["sampling"]
    assert (sampling.temperature, sampling.max_tokens) == (0, 512)
    again = layered.run(result.requests[0])
    assert again.pictures == result.pictures[:1]


def test_a_layered_model_that_cannot_write_asks_for_a_prompt(tmp_path: Path) -> None:
    silent = loader.load(tiny.write(tiny.Tiny(pipeline=tiny.LAYERED), tmp_path / "silent"))
    with pytest.raises(RequestError, match="describe the picture in a few words yourself"):
        silent.run(Decompose(image=to_picture(PICTURES[0])))
