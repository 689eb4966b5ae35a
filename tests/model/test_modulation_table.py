"""The table of the modulation: equal to the plain transformer, made once a schedule, from weights
that are never resident together."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from model import loader
from model.bench import tiny
from model.bench.reference import noise_image, see_through, to_picture
from model.checkpoint.lora_folders import LoraFolders
from model.errors import CheckpointError, Stopped
from model.lora import Adapter, Delta
from model.memory.modulation import ModulationTable, modulation_linears, modulation_tensors
from model.memory.savings import Savings
from model.requests import Decompose, Edit, LoraUse, Request, TextToImage
from model.sampling.denoise import timesteps_of
from model.sampling.schedule import sigmas
from model.transformer import Transformer
from tests import loras
from tests.reference import SIZES

STREAMED = Savings(keeps_modulation=False)
GRIDS = {
    "plain": [(1, 6, 4)],
    "deep": [(1, 6, 4), (1, 3, 5)],
    "layered": [(3, 4, 6), (1, 2, 5)],
}
TINY = {
    "plain": SIZES["plain"],
    "deep": SIZES["deep"],  # zero_cond_t
    "layered": tiny.Tiny(pipeline=tiny.LAYERED, seed=4),
}


@dataclass(frozen=True)
class Sides:
    """The same weights, with the table and without."""

    name: str
    folder: Path
    tabled: Transformer
    plain: Transformer

    def inputs(self, batch: int = 1) -> tuple[Tensor, Tensor]:
        generator = torch.Generator().manual_seed(3)
        tokens = sum(frames * rows * columns for frames, rows, columns in GRIDS[self.name])
        dtype, config = self.plain.proj_out.weight.dtype, self.plain.config
        img = torch.randn(batch, tokens, config.in_channels, generator=generator)
        txt = torch.randn(batch, 7, config.joint_attention_dim, generator=generator)
        return img.to(dtype), txt.to(dtype)

    @torch.inference_mode()
    def velocity(self, network: Transformer, *levels: float) -> Tensor:
        img, txt = self.inputs(len(levels))
        return network(img, txt, torch.tensor(levels).to(img.dtype), GRIDS[self.name])

    def same(self, *levels: float) -> bool:
        return all(
            torch.equal(self.velocity(self.tabled, s), self.velocity(self.plain, s)) for s in levels
        )


def transformer_of(model: loader.Model) -> Transformer:
    found = model.networks.transformer
    assert isinstance(found, Transformer)
    return found


def make_sides(name: str, folder: Path, dtype: str, savings: Savings) -> Sides:
    tabled = transformer_of(loader.load(folder, dtype=dtype, savings=savings))
    whole = transformer_of(loader.load(folder, dtype=dtype))
    plain = Transformer(whole.config).to(loader.DTYPES[dtype]).eval()
    plain.load_state_dict(whole.state_dict())
    return Sides(name, folder, tabled, plain)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("tabled")
    return {name: tiny.write(size, root / name, shard_bytes=60_000) for name, size in TINY.items()}


@pytest.fixture(params=["float32", "bfloat16"])
def dtype(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=["kept", "streamed"])
def savings(request: pytest.FixtureRequest) -> Savings:
    return Savings(keeps_modulation=request.param == "kept")


@pytest.fixture(params=list(TINY))
def sides(
    request: pytest.FixtureRequest, folders: dict[str, Path], dtype: str, savings: Savings
) -> Sides:
    return make_sides(request.param, folders[request.param], dtype, savings)


class Count:
    """How often the modulation linears of a transformer ran, and how many had weights then."""

    def __init__(self, transformer: Transformer) -> None:
        self.calls: list[str] = []
        self.most_resident = 0
        linears = {n: transformer.get_submodule(n) for n in modulation_linears(transformer)}

        def seen(name: str) -> Callable[..., None]:
            def hook(module: nn.Module, inputs: object, output: object) -> None:
                self.calls.append(name)
                self.most_resident = max(self.most_resident, sum(map(is_filled, linears.values())))

            return hook

        for name, linear in linears.items():
            linear.register_forward_hook(seen(name))
        self.linears = linears


def is_filled(linear: nn.Module) -> bool:
    return any(parameter.device.type != "meta" for parameter in linear.parameters())


def schedule(steps: int, like: torch.dtype = torch.float32) -> Tensor:
    levels = sigmas(tiny.Tiny().scheduler, steps, 64)
    return timesteps_of(levels, torch.zeros((), dtype=like))


def beside(transformer: nn.Module, *ends: str) -> dict[str, Delta]:
    pairs = loras.pairs(transformer)
    return {n: Delta(chain=(b, a)) for n, (a, b) in pairs.items() if n.endswith(ends)}


def in_type(deltas: dict[str, Delta], network: Transformer) -> dict[str, Delta]:
    weight = network.proj_out.weight
    return {name: delta.to(weight.device, weight.dtype) for name, delta in deltas.items()}


# --- equal ------------------------------------------------------------------------------------


def test_a_forward_is_the_plain_one_bit_for_bit(sides: Sides) -> None:
    assert sides.same(1.0, 0.83, 0.21, 0.0)


def test_a_batch_is_its_samples(sides: Sides) -> None:
    levels = (0.83, 0.21, 0.83)
    found = sides.velocity(sides.tabled, *levels)
    expected = sides.velocity(sides.plain, *levels)
    limit = 1e-5 if found.dtype == torch.float32 else 0.05
    assert (found - expected).abs().max() <= limit


@pytest.mark.parametrize(
    "ends",
    [
        ("img_mod.1",),
        ("txt_mod.1",),
        ("norm_out.linear",),
        ("timestep_embedder.linear_1",),
        ("to_q", "to_add_out"),
    ],
)
def test_loras_are_in_it_and_leave_it(sides: Sides, ends: tuple[str, ...]) -> None:
    before = sides.velocity(sides.tabled, 0.6)
    deltas = in_type(beside(sides.plain, *ends), sides.plain)
    assert deltas
    with Adapter(sides.tabled, deltas, 0.7) as ours, Adapter(sides.plain, deltas, 0.7) as theirs:
        assert not torch.equal(sides.velocity(sides.tabled, 0.6), before)
        assert sides.same(0.6)
        ours.weight = theirs.weight = -1.5
        assert sides.same(0.6, 0.3)
        ours.weight = theirs.weight = 0.0
        assert torch.equal(sides.velocity(sides.tabled, 0.6), before)
    assert torch.equal(sides.velocity(sides.tabled, 0.6), before)


@settings(max_examples=30, deadline=None)
@given(
    known=st.lists(st.floats(0, 1, width=32), min_size=1, max_size=6),
    asked=st.lists(st.floats(0, 1, width=32), min_size=1, max_size=3),
    kept_bytes=st.sampled_from([0, 20_000, 10**9]),
)
@pytest.mark.parametrize("name", ["plain", "deep"])
def test_any_levels_in_any_order(
    name: str, known: list[float], asked: list[float], kept_bytes: int
) -> None:
    torch.manual_seed(0)
    plain = Transformer(TINY[name].transformer).eval()
    tiny.randomise(plain)
    tabled = Transformer(plain.config).eval()
    tabled.load_state_dict(plain.state_dict())
    both = Sides(name, Path(), tabled, plain)
    with torch.inference_mode():
        table = ModulationTable(tabled, kept_bytes=kept_bytes)
        table.expect(torch.tensor(known))
    assert both.same(*asked, *known)


def requests_of(name: str) -> Request:
    if name == "layered":
        image = to_picture(see_through(48, 48))
        return Decompose(prompt="x", image=image, layers=2, steps=2, guidance=2.0)
    return Edit(prompt="x", images=(to_picture(noise_image(64, 48)),), steps=3, guidance=2.0)


@pytest.mark.parametrize("name", list(TINY))
def test_whole_runs(name: str, folders: dict[str, Path]) -> None:
    request = requests_of(name)
    streamed, kept = loader.load(folders[name], savings=STREAMED), loader.load(folders[name])
    assert streamed.identity == kept.identity
    live = transformer_of(kept)
    plain = Transformer(live.config).eval()
    plain.load_state_dict(live.state_dict())
    expected = [p.data for p in kept.run(request).pictures]
    assert [p.data for p in streamed.run(request).pictures] == expected
    object.__setattr__(kept.networks, "transformer", plain)
    assert [p.data for p in kept.run(request).pictures] == expected


# --- once a schedule --------------------------------------------------------------------------


def test_once_a_schedule(folders: dict[str, Path], savings: Savings) -> None:
    model = loader.load(folders["deep"], savings=savings)
    count = Count(transformer_of(model))
    request = requests_of("deep")
    model.run(request)
    assert len(count.calls) == 3 * len(count.linears)  # steps; never again for the second branch
    model.run(request)
    assert len(count.calls) == 3 * len(count.linears)
    model.run(Edit(prompt="x", images=request.images, steps=2))
    assert len(count.calls) == 5 * len(count.linears)
    model.run(request)
    assert len(count.calls) == 5 * len(count.linears)  # the first one was kept


def test_another_lora_of_the_same_file_is_no_other_table(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    known = LoraFolders()
    model = loader.load(folders["plain"], savings=STREAMED, lora_folders=known)
    live = transformer_of(model)
    path = loras.write(loras.DIALECTS["bare"](loras.pairs(live)), tmp_path / "a.safetensors")
    use, count = known.add(path), Count(live)
    request = TextToImage(prompt="x", width=64, height=64, steps=2, loras=(use,))
    for expected, weight in ((2, 1.0), (2, 1.0), (4, 0.5), (4, 1.0)):
        used = (LoraUse(name=use.name, sha256=use.sha256, weight=weight),)
        model.run(TextToImage(**{**vars(request), "loras": used}))
        assert len(count.calls) == expected * len(count.linears)


def test_little_is_kept(folders: dict[str, Path]) -> None:
    plain = transformer_of(loader.load(folders["plain"]))
    whole = Transformer(plain.config).eval()
    whole.load_state_dict(plain.state_dict())
    count = Count(whole)
    table = ModulationTable(whole, kept_bytes=0)
    for steps in (4, 2, 4):
        table.expect(schedule(steps))
    assert len(count.calls) == 10 * len(count.linears)


# --- from the files ---------------------------------------------------------------------------


def test_never_two_linears_have_weights(folders: dict[str, Path]) -> None:
    model = loader.load(folders["deep"], savings=STREAMED)
    live = transformer_of(model)
    count = Count(live)
    names = set(modulation_tensors(live))
    meta = {name for name, tensor in live.state_dict().items() if tensor.device.type == "meta"}
    assert meta == names
    model.run(requests_of("deep"))
    assert count.calls
    assert count.most_resident == 1
    assert not any(map(is_filled, count.linears.values()))


def test_weights_that_are_kept_stay(folders: dict[str, Path]) -> None:
    model = loader.load(folders["deep"])
    model.run(requests_of("deep"))
    tensors = transformer_of(model).state_dict()
    assert not any(tensor.device.type == "meta" for tensor in tensors.values())
    assert set(tensors) == set(Transformer(TINY["deep"].transformer).state_dict())


def test_a_single_file_in_eight_bits(folders: dict[str, Path], tmp_path: Path) -> None:
    from safetensors.torch import save_file

    from tests import packed

    state = transformer_of(loader.load(folders["plain"])).state_dict()
    tensors: dict[str, Tensor] = {}
    for name, tensor in state.items():
        base, _, leaf = name.rpartition(".")
        parts = {leaf: tensor}
        if leaf == "weight" and base.endswith("_mod.1"):
            parts, _ = packed.plain_int8(tensor)
        tensors |= {f"model.diffusion_model.{base}.{end}": part for end, part in parts.items()}
    path = tmp_path / "Qwen-Image-Edit.safetensors"
    save_file(tensors, path)
    kept = loader.load(path, places=[folders["plain"]])
    streamed = loader.load(path, places=[folders["plain"]], savings=STREAMED)
    request = requests_of("plain")
    assert kept.run(request).pictures[0].data == streamed.run(request).pictures[0].data


def test_files_that_changed_are_not_mixed(folders: dict[str, Path], tmp_path: Path) -> None:
    folder = shutil.copytree(folders["plain"], tmp_path / "copy")
    model = loader.load(folder, savings=STREAMED)
    (first, *_) = sorted((folder / "transformer").glob("*.safetensors"))
    data = first.read_bytes()
    first.write_bytes(data[:-4] + bytes(4))
    with pytest.raises(CheckpointError, match="was changed while it was in use"):
        model.run(TextToImage(prompt="x", width=64, height=64, steps=1))


def test_a_file_that_is_gone(folders: dict[str, Path], tmp_path: Path) -> None:
    folder = shutil.copytree(folders["plain"], tmp_path / "copy")
    model = loader.load(folder, savings=STREAMED)
    shutil.rmtree(folder / "transformer")
    with pytest.raises(CheckpointError):
        model.run(TextToImage(prompt="x", width=64, height=64, steps=1))


def test_a_stop_while_it_is_made(sides: Sides) -> None:
    polls = 0

    def poll() -> None:
        nonlocal polls
        polls += 1
        if polls == 4:
            raise Stopped

    table = sides.tabled.time_text_embed._book
    levels = schedule(3, sides.plain.proj_out.weight.dtype)
    with pytest.raises(Stopped), torch.inference_mode():
        table.expect(levels, poll)
    assert sides.same(0.7)


def test_a_third_of_the_published_size() -> None:
    from model.config import TransformerConfig

    with torch.device("meta"):
        transformer = Transformer(TransformerConfig())
    tensors = transformer.state_dict()
    left_out = sum(tensors[name].numel() for name in modulation_tensors(transformer))
    assert left_out == 60 * 113_283_072 + 18_880_512


# --- what trains ------------------------------------------------------------------------------


def test_with_gradients_everything_is_new(folders: dict[str, Path]) -> None:
    live = transformer_of(loader.load(folders["plain"]))
    both = Sides("plain", folders["plain"], live, live)
    weight = live.get_parameter("transformer_blocks.0.img_mod.1.weight").requires_grad_()
    before = both.velocity(live, 0.5)
    img, txt = both.inputs()
    live(img, txt, torch.tensor([0.5]), GRIDS["plain"]).square().mean().backward()
    assert weight.grad is not None
    assert weight.grad.abs().max() > 0
    with torch.no_grad():
        weight.add_(weight.grad)
    assert not torch.equal(both.velocity(live, 0.5), before)
