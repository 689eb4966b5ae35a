"""Lossy modes: exact where they are off, what they skip, and whether they say truly how far off
they are."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from model.attention import attend
from model.bench import tiny, tiny21
from model.bench.reference import noise_image, small_areas, to_picture
from model.config import FAMILIES
from model.errors import Stopped
from model.loader import Model, load
from model.lossy import attention as kernels
from model.lossy import choice
from model.lossy.attention import EmulatedFp8, Sage
from model.lossy.choice import Attentions, attending
from model.lossy.run import CHECKED_FROM, Lossy
from model.lossy.step_cache import WHOLE, StepCache
from model.memory.costs import Work, step_cost
from model.memory.savings import Savings
from model.memory.streaming import Stream
from model.modules import JointAttention
from model.recipes import from_recipe, to_recipe
from model.requests import Edit, RequestError, TextToImage
from model.transformer import Transformer

pytestmark = pytest.mark.filterwarnings("ignore")

SIZE = tiny.like(tiny.Tiny(), layers=4)
EDIT = tiny.like(SIZE, pipeline=tiny.PLUS, zero_cond_t=True)
STEPS = 9
TEXT = TextToImage(
    prompt="a poster", negative="", width=64, height=64, steps=STEPS, seed=4, guidance=2.0
)
CACHED = replace(TEXT, step_cache=1.0)
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write(SIZE, tmp_path_factory.mktemp("lossy"))


@pytest.fixture(scope="module")
def model(folder: Path) -> Model:
    return load(folder)


@pytest.fixture(scope="module")
def model21(tmp_path_factory: pytest.TempPathFactory) -> Model:
    path = tmp_path_factory.mktemp("lossy21")
    tiny21.write_with_diffusers(tiny21.Tiny21(layers=3), path)
    return load(path, accepted=[family.licence for family in FAMILIES])


def pixels(model: Model, request: TextToImage | Edit) -> bytes:
    return model.run(request).pictures[0].data


def blocks_run(model: Model, request: TextToImage | Edit) -> list[int]:
    """How often each block was run."""
    counts = [0] * len(model.networks.transformer.transformer_blocks)

    def count(index: int) -> Any:
        def hook(*_: Any) -> None:
            counts[index] += 1

        return hook

    hooks = [
        block.get_submodule("attn.to_k").register_forward_hook(count(index))
        for index, block in enumerate(model.networks.transformer.transformer_blocks.children())
    ]
    model.run(request)
    for hook in hooks:
        hook.remove()
    return counts


# --- the step cache ---------------------------------------------------------------------------


def test_a_threshold_of_zero_is_the_exact_run(model: Model) -> None:
    exact = model.run(TEXT)
    assert exact.differences == ()
    assert pixels(model, replace(TEXT, step_cache=0.0)) == exact.pictures[0].data
    tight = model.run(replace(TEXT, step_cache=1e-6))
    assert tight.pictures == exact.pictures, "nothing changes so little"
    (found,) = tight.differences
    assert (found.steps, found.reused, found.step_cache) == (STEPS, 0, None)


@torch.inference_mode()
def test_a_cache_that_skips_nothing_changes_no_number() -> None:
    torch.manual_seed(1)
    network = Transformer(SIZE.transformer).eval()
    tiny.randomise(network)
    cache = StepCache(0.0)
    width = SIZE.transformer.joint_attention_dim
    texts = [(torch.randn(1, n, width), None) for n in (5, 3)]
    for sigma in (0.9, 0.6):
        cache.may_skip = True
        img, level = torch.randn(1, 16, SIZE.transformer.in_channels), torch.tensor([sigma])
        for ours, plain in zip(
            network.together(img, texts, level, [(1, 4, 4)], cache=cache),
            network.together(img, texts, level, [(1, 4, 4)]),
            strict=True,
        ):
            assert torch.equal(ours, plain)
        assert not cache.has_skipped


@pytest.mark.parametrize("name", ["model", "model21"])
def test_both_generations_reuse_steps(name: str, request: pytest.FixtureRequest) -> None:
    used: Model = request.getfixturevalue(name)
    result = used.run(CACHED)
    (found,) = result.differences
    assert 0 < found.reused <= STEPS - 3, (
        "the first, the last and the one that is checked are whole"
    )
    assert found.step_cache is not None
    assert 0 < found.step_cache.difference < 1
    assert result.pictures[0].data != pixels(used, TEXT)
    first, *others = blocks_run(used, CACHED)
    plain = blocks_run(used, TEXT)
    branches = 2
    skipped = branches * found.reused
    assert first == plain[0] + branches, "the checked step is run twice"
    assert others == [runs - skipped for runs in plain[1:]]


def test_an_edit_with_references_reuses_steps(tmp_path: Path) -> None:
    with small_areas(EDIT):
        edits = load(tiny.write(EDIT, tmp_path))
        images = (to_picture(noise_image(64, 64)),)
        request = Edit(
            prompt="x", images=images, width=64, height=64, steps=6, seed=1, step_cache=0.8
        )
        (found,) = edits.run(request).differences
        assert found.reused > 0


def test_a_control_that_begins_is_noticed() -> None:
    """What a ControlNet adds behind the first block counts as a change of it."""
    cache = StepCache(0.1)
    start, first = torch.zeros(1, 3, 2), torch.ones(1, 3, 2)
    for tokens, skips in ((first, False), (first * 1.05, True), (first * 1.2, False)):
        cache.may_skip = True
        assert cache.skips(start, [tokens]) is skips
        ends = cache.completed([tokens if skips else tokens + 7])
        assert torch.allclose(ends[0], tokens + 7)


def test_both_branches_are_decided_together() -> None:
    cache = StepCache(0.1)
    start, tokens = torch.zeros(1, 3, 2), torch.ones(1, 3, 2)
    cache.skips(start, [tokens, tokens])
    cache.completed([tokens, tokens])
    cache.may_skip = True
    assert not cache.skips(start, [tokens, tokens * 1.2])
    assert not cache.skips(start, [tokens]), "another number of prompts"


def test_of_a_batch_the_picture_that_changed_most_decides() -> None:
    cache = StepCache(0.1)
    start, tokens = torch.zeros(2, 3, 2), torch.ones(2, 3, 2)
    cache.skips(start, [tokens])
    cache.completed([tokens])
    cache.may_skip = True
    assert not cache.skips(start, [tokens * torch.tensor([1.0, 1.15]).view(2, 1, 1)])


@pytest.mark.parametrize("resident", [0, 1, 3])
def test_a_skipped_step_reads_no_block_behind_the_first(
    folder: Path, model: Model, resident: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    streamed = load(folder, savings=Savings(resident_blocks=resident))
    read: list[int] = []
    real = Stream._fill

    def fill(self: Stream, index: int, *more: Any) -> Any:
        if self is streamed.networks.transformer.transformer_blocks:
            read.append(index)
        return real(self, index, *more)

    monkeypatch.setattr(Stream, "_fill", fill)
    result = streamed.run(CACHED)
    assert result.pictures == model.run(CACHED).pictures
    (found,) = result.differences
    assert found.reused > 0
    passes = STEPS + 1  # one step is run twice
    whole = passes - found.reused - 1
    for block in range(SIZE.layers):
        expected = 0 if block < resident else passes if block == 0 else whole
        is_ahead = block == resident < SIZE.layers - 1  # of a next pass, which did not come
        assert read.count(block) == expected + is_ahead, block


def test_nothing_is_left_of_a_run_that_was_stopped(folder: Path, model: Model) -> None:
    streamed = load(folder, savings=Savings(resident_blocks=0))
    seen: list[int] = []

    def on_step(step: int, *_: Any) -> None:
        seen.append(step)

    with pytest.raises(Stopped):
        streamed.run(replace(CACHED, attention="fp8"), on_step, lambda: len(seen) == 4)
    assert pixels(streamed, TEXT) == pixels(model, TEXT)
    stream = streamed.networks.transformer.transformer_blocks
    assert isinstance(stream, Stream)
    assert not stream.may_end_early


def test_what_is_kept_between_steps_is_foretold() -> None:
    work = Work(grid=(1, 32, 32), branches=2, text_tokens=8)
    plain, kept = (
        step_cost(SIZE.transformer, replace(work, keeps_steps=k), torch.float32).peak_bytes
        for k in (False, True)
    )
    tokens = 1024 * SIZE.transformer.dim * 4
    assert plain + 2 * tokens <= kept <= plain + 8 * tokens


# --- recipes ----------------------------------------------------------------------------------


@pytest.mark.parametrize("asked", [CACHED, replace(TEXT, attention="fp8")])
def test_the_recipe_makes_the_same_picture(model: Model, asked: TextToImage) -> None:
    made = model.run(replace(asked, count=2))
    assert made.pictures[0] != made.pictures[1]
    for picture, single in zip(made.pictures, made.requests, strict=True):
        recipe = to_recipe(single, made.model)
        assert recipe["request"]["step_cache"] == asked.step_cache
        assert recipe["request"]["attention"] == asked.attention
        assert model.run(from_recipe(recipe)).pictures == (picture,)


def test_exact_recipes_know_nothing_of_it() -> None:
    recipe = to_recipe(TEXT)
    assert not {"step_cache", "attention"} & set(recipe["request"])
    assert from_recipe(recipe) == TEXT


# --- what is reported -------------------------------------------------------------------------


def by_hand(model: Model, asked: TextToImage, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Every prediction of a run: step, whether blocks were skipped, tokens and velocity."""
    seen: list[tuple[int, bool, Tensor, Tensor]] = []
    real = Lossy.over

    def over(self: Lossy, predict: Any, network: Any, total: int) -> Any:
        def watched(tokens: Tensor, sigma: Tensor, step: int, cache: StepCache = WHOLE) -> Tensor:
            found = predict(tokens, sigma, step, cache)
            seen.append((step, cache.has_skipped, tokens, found))
            return found

        return real(self, watched, network, total)

    monkeypatch.setattr(Lossy, "over", over)
    result = model.run(asked)
    monkeypatch.undo()
    return result, seen


def test_the_difference_is_the_true_one(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    result, seen = by_hand(model, CACHED, monkeypatch)
    (found,) = result.differences
    check = found.step_cache
    lossy, exact = [entry for entry in seen if entry[0] == check.step - 1]
    assert (lossy[1], exact[1]) == (True, False)
    assert torch.equal(lossy[2], exact[2]), "the same tokens"
    difference = (lossy[3] - exact[3]).norm() / exact[3].norm()
    assert check.difference == pytest.approx(difference.item(), rel=1e-6)
    assert check.step - 1 >= STEPS * CHECKED_FROM
    assert found.reused == sum(skipped for _, skipped, _, _ in seen) - 1
    after = next(entry for entry in seen if entry[0] == check.step)
    sigmas_moved = after[2] - exact[2]
    assert torch.allclose(
        F.normalize(sigmas_moved.flatten(), dim=0),
        F.normalize(-exact[3].flatten(), dim=0),
        atol=1e-5,
    ), "the run goes on with the exact velocity"


def test_a_cache_that_rests_late_is_checked_all_the_same(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = StepCache.skips
    calls = 0

    def early(self: StepCache, *args: Any) -> bool:
        nonlocal calls
        calls += 1
        self.may_skip = self.may_skip and calls <= 4
        return real(self, *args)

    monkeypatch.setattr(StepCache, "skips", early)
    (found,) = model.run(replace(CACHED, step_cache=0.9)).differences
    assert found.step_cache is not None
    assert found.step_cache.step <= 4
    assert found.reused > 0


def test_attention_is_checked_in_the_middle(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    result, seen = by_hand(model, replace(TEXT, attention="fp8"), monkeypatch)
    (found,) = result.differences
    assert found.reused == 0
    assert found.step_cache is None
    assert found.attention.step == STEPS // 2 + 1
    lossy, exact = [entry for entry in seen if entry[0] == STEPS // 2]
    difference = (lossy[3] - exact[3]).norm() / exact[3].norm()
    assert found.attention.difference == pytest.approx(difference.item(), rel=1e-6)
    assert 1e-4 < found.attention.difference < 0.2
    both = model.run(replace(CACHED, attention="fp8")).differences[0]
    assert both.attention is not None
    assert both.step_cache is not None
    assert both.attention.difference != both.step_cache.difference


# --- attention --------------------------------------------------------------------------------


def qkv(tokens: int = 6) -> tuple[Tensor, Tensor, Tensor]:
    random = torch.Generator().manual_seed(3)
    q, k, v = (torch.randn(2, tokens, 3, 16, generator=random) for _ in range(3))
    return q, k * torch.tensor([1.0, 50.0, 0.02]).view(3, 1), v


def test_float8_has_a_scale_for_each_head() -> None:
    q, k, v = qkv()

    def rounded(x: Tensor) -> Tensor:
        out = torch.empty_like(x)
        for picture in range(2):
            for head in range(3):
                part = x[picture, :, head]
                scale = part.abs().max() / 448
                out[picture, :, head] = (part / scale).to(torch.float8_e4m3fn).float() * scale
        return out

    mask = torch.tensor([True] * 4 + [False] * 2).view(1, 1, 1, 6)
    for key_mask in (None, mask):
        expected = attend(rounded(q), rounded(k), rounded(v), key_mask)
        assert torch.allclose(EmulatedFp8()(q, k, v, key_mask), expected, rtol=1e-3, atol=1e-4)


def test_attention_is_a_run_s_alone(model: Model) -> None:
    exact = pixels(model, TEXT)
    lossy = pixels(model, replace(TEXT, attention="fp8"))
    assert lossy != exact
    assert pixels(model, TEXT) == exact
    network = model.networks.transformer
    sites = [module for module in network.modules() if isinstance(module, JointAttention)]
    with attending(network, EmulatedFp8()):
        assert all(isinstance(site.attend, EmulatedFp8) for site in sites)
    assert all(site.attend is attend for site in sites)


class FakeSage(SimpleNamespace):
    """The package, with the kernel that may be used: right, or with a fault."""

    def __init__(self, fault: str = "") -> None:
        super().__init__(fault=fault, calls=[])

    def sageattn_qk_int8_pv_fp16_cuda(
        self, q: Tensor, k: Tensor, v: Tensor, **options: Any
    ) -> Tensor:
        self.calls.append(options)
        if self.fault == "raises":
            raise RuntimeError("no kernel image")
        found = attend(q, k, v).unflatten(-1, (q.shape[2], -1))
        return found * float("nan") if self.fault == "black" else found + 1e-3 * found.abs().mean()


@pytest.fixture
def sage(monkeypatch: pytest.MonkeyPatch) -> FakeSage:
    """SageAttention installed, and a card for it."""
    fake = FakeSage()
    spec = SimpleNamespace(name=kernels.SAGE)
    monkeypatch.setattr(kernels.importlib.util, "find_spec", lambda name: spec)
    monkeypatch.setitem(sys.modules, kernels.SAGE, fake)  # type: ignore[arg-type]
    monkeypatch.setattr(kernels, "_capability", lambda _: (8, 9))
    return fake


def attentions(told: list[str], seconds: tuple[float, float] = (1.0, 2.0)) -> Attentions:
    times = iter(seconds * 4)
    return Attentions(tokens=32, seconds=lambda *_: next(times), notice=told.append)


def test_sage_sums_in_float32_and_proves_itself_once(model: Model, sage: FakeSage) -> None:
    told: list[str] = []
    found = attentions(told)
    for _ in range(2):
        assert isinstance(found.choose("sage", model.networks.transformer), Sage)
    assert told == []
    assert len(sage.calls) == 1
    assert sage.calls[0]["pv_accum_dtype"] == "fp32"
    assert sage.calls[0]["tensor_layout"] == "NHD"
    q, k, v = qkv()
    mask = torch.ones(1, 1, 1, 6, dtype=torch.bool)
    assert torch.equal(Sage()(q, k, v, mask), attend(q, k, v, mask)), "it knows no masks"


@pytest.mark.parametrize(
    ("fault", "seconds", "words"),
    [
        ("black", (1.0, 2.0), "is wrong by nan"),
        ("raises", (1.0, 2.0), "failed (RuntimeError)"),
        ("", (3.0, 2.0), "takes 1.5 times as long"),
    ],
)
def test_sage_that_is_wrong_or_slow_is_dropped(
    model: Model, sage: FakeSage, fault: str, seconds: tuple[float, float], words: str
) -> None:
    sage.fault = fault
    told: list[str] = []
    assert attentions(told, seconds).choose("sage", model.networks.transformer) is None
    (notice,) = told
    assert words in notice
    assert "so it is not used" in notice


def test_a_run_with_sage(model: Model, sage: FakeSage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "_attentions", attentions([]))
    (found,) = model.run(replace(TEXT, attention="sage")).differences
    assert found.attention is not None
    assert 0 < found.attention.difference < 0.1


def test_what_is_not_there_is_refused_with_advice(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(RequestError, match="runs on NVIDIA cards alone; use exact"):
        model.run(replace(TEXT, attention="sage"))
    cuda = torch.device("cuda")
    monkeypatch.setattr(kernels, "_capability", lambda _: (9, 0))
    with pytest.raises(RequestError, match="not installed; install it from https"):
        choice.check("sage", cuda)
    assert choice.faster_kinds(cuda) == ()
    assert choice.faster_kinds(CPU) == (), "an emulation is not faster"
    spec = SimpleNamespace(name=kernels.SAGE)
    monkeypatch.setattr(kernels.importlib.util, "find_spec", lambda name: spec)
    monkeypatch.setitem(sys.modules, kernels.SAGE, SimpleNamespace(sageattn=attend))  # type: ignore[arg-type]
    with pytest.raises(RequestError, match="no kernel that sums in float32"):
        choice.check("sage", cuda)
    monkeypatch.setattr(kernels, "_capability", lambda _: (0, 0))
    with pytest.raises(RequestError, match="fp8 is not to be had on mps"):
        choice.check("fp8", torch.device("mps"))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"step_cache": 1.5}, "step_cache: 1.5 is outside 0.0…1.0"),
        ({"step_cache": -0.1}, "step_cache: -0.1 is outside"),
        ({"step_cache": float("nan")}, "step_cache: nan is outside"),
        ({"step_cache": None}, "step_cache: must be a number"),
        ({"attention": "int4"}, "attention: 'int4' is none of 'exact', 'fp8', 'sage'"),
        ({"attention": None}, "attention: 'None' is none of"),
    ],
)
def test_requests_that_ask_for_what_there_is_not(values: dict[str, Any], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        TextToImage(prompt="x", **values)


def test_a_batch_has_no_step_cache(model: Model) -> None:
    with pytest.raises(RequestError, match="step_cache: in a batch"):
        model.run_together([CACHED, replace(CACHED, seed=5)])
    with pytest.raises(RequestError, match="the attention must be the same for all"):
        model.run_together([TEXT, replace(TEXT, attention="fp8")])
    lossy = [replace(TEXT, attention="fp8", seed=seed) for seed in (4, 5)]
    together = model.run_together(lossy)
    for found, alone in zip(together.differences, lossy, strict=True):
        (single,) = model.run(alone).differences
        assert found.attention is not None
        assert single.attention is not None
        assert found.attention.difference == pytest.approx(single.attention.difference, rel=0.2)
