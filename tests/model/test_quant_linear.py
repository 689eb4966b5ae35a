"""A linear of packed weights gives what one of their numbers gives; kernels that are wrong, slow or
broken are dropped, with a word."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.lora import Adapter, Delta, linears
from model.proving import least_seconds
from model.quantize import fp8, int8, w4a8
from model.quantize.choice import Kernels
from model.quantize.kernels import IntMm, Kernel, KitchenInt8, KitchenW4A8, ScaledMm, plain
from model.quantize.linear import QuantLinear
from model.quantize.packed import Packed
from model.quantize.schemes import SCHEMES

CPU = torch.device("cpu")


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def linear(name: str, kernels: Kernels | None = None) -> QuantLinear:
    bias = nn.Parameter(random(32, seed=2), requires_grad=False)
    return QuantLinear(SCHEMES[name].pack(random(32, 64)), bias, kernels or Kernels())


# --- the plain path ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", SCHEMES)
@pytest.mark.parametrize("shape", [(64,), (5, 64), (2, 3, 64)])
def test_as_a_linear_of_its_numbers(name: str, shape: tuple[int, ...]) -> None:
    module, x = linear(name), random(*shape, seed=1)
    weight = module.packed.dequantise("cpu")
    torch.testing.assert_close(module(x), F.linear(x, weight, module.bias), rtol=1e-5, atol=1e-5)
    without = QuantLinear(module.packed, None, Kernels())
    torch.testing.assert_close(without(x), F.linear(x, weight), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_sixteen_bits_are_multiplied_in_float32_on_the_cpu(dtype: torch.dtype) -> None:
    module, x = linear("fp8"), random(5, 64, seed=1).to(dtype)
    expected = F.linear(x.float(), module.packed.dequantise("cpu"), module.bias)
    assert torch.equal(module(x), expected.to(dtype))


def test_a_cast_leaves_the_packed_parts_alone() -> None:
    network = nn.Sequential(linear("int4"))
    before = [part.clone() for part in network[0].packed.parts]
    network.to(torch.bfloat16)
    after = network[0].packed.parts
    assert network[0].bias.dtype is torch.bfloat16
    assert [part.dtype for part in after] == [part.dtype for part in before]
    assert all(torch.equal(a.float(), b.float()) for a, b in zip(after, before, strict=True))
    network.to("meta")
    assert all(part.device.type == "meta" for part in network[0].packed.parts)


def test_its_bytes_are_those_of_the_packed_weight() -> None:
    module = linear("int4")
    assert sum(b.nbytes for b in module.buffers()) == module.packed.num_bytes
    assert module.packed.num_bytes < 32 * 64 * 0.75
    assert [name for name, _ in module.named_parameters()] == ["bias"]


def test_no_convolution() -> None:
    with pytest.raises(ValueError, match=r"\[2, 3, 4\] is none of a linear"):
        QuantLinear(fp8.pack(random(2, 3, 4)), None, Kernels())


@pytest.mark.parametrize("name", SCHEMES)
def test_a_lora_stands_beside_it_and_leaves_no_trace(name: str) -> None:
    network, x = nn.Sequential(linear(name)), random(7, 64, seed=1)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    assert linears(network) == {"0": (32, 64)}
    out = network(x)
    up, down = random(32, 3, seed=3), random(3, 64, seed=4)
    with Adapter(network, {"0": Delta(chain=(up, down), scale=0.5)}, weight=2.0):
        assert torch.allclose(network(x), out + x @ down.T @ up.T, atol=1e-4)
        merged = network.state_dict()
        assert all(torch.equal(merged[key].float(), before[key].float()) for key in before)
    assert torch.equal(network(x), out)


# --- kernels ----------------------------------------------------------------------------------


@pytest.mark.parametrize("rotated", [True, False])
@pytest.mark.parametrize("kernel", [KitchenInt8(), IntMm()])
def test_int8_kernels(kernel: Kernel, rotated: bool) -> None:
    columns = 64 if rotated else 72  # of 8 times 9 the largest group is 4
    packed = int8.pack(random(32, columns))
    if not rotated:
        codes = int8.quantise(random(32, columns))
        packed = Packed(
            scheme=int8.scheme(None), shape=(32, columns), parts=codes, unpack=int8.dequantise
        )
    check(kernel, packed)


def test_four_bit_kernel() -> None:
    check(KitchenW4A8(), w4a8.pack(random(32, 64)))


def test_fp8_kernel() -> None:
    check(ScaledMm(), fp8.pack(random(32, 64)))
    cast = random(32, 64).to(torch.float8_e4m3fn)
    packed = Packed(scheme="F8_E4M3", shape=(32, 64), parts=(cast,), unpack=fp8.dequantise)
    check(ScaledMm(), packed)


def check(kernel: Kernel, packed: Packed) -> None:
    x, bias = random(40, packed.shape[1], seed=1), random(32, seed=2)
    assert kernel.takes(x, packed)
    for given in (bias, None):
        expected, found = plain(x, packed, given), kernel(x, packed, given)
        assert found.dtype is x.dtype
        assert (found - expected).norm() <= kernel.tolerance * expected.norm()


def test_what_kernels_take() -> None:
    packed, odd = int8.pack(random(32, 64)), int8.pack(random(30, 64))
    assert not IntMm().takes(random(16, 64), packed)
    assert not IntMm().takes(random(40, 64), odd)
    assert not ScaledMm().takes(random(40, 24), fp8.pack(random(32, 24)))


class Cards:
    """What torch says of a card that is not there."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._patch = patch

    def has(self, capability: tuple[int, int]) -> None:
        self._patch.setattr(torch.cuda, "get_device_capability", lambda device: capability)


@pytest.mark.parametrize(
    ("capability", "expected"),
    [
        ((7, 5), {"int8": ["KitchenInt8", "IntMm"], "int4": ["KitchenW4A8"], "fp8": []}),
        ((8, 0), {"int8": ["IntMm"], "int4": [], "fp8": []}),
        ((8, 9), {"int8": ["KitchenInt8", "IntMm"], "int4": ["KitchenW4A8"], "fp8": ["ScaledMm"]}),
        ((9, 0), {"int8": ["IntMm"], "int4": [], "fp8": ["ScaledMm"]}),
        ((12, 0), {"int8": ["KitchenInt8", "IntMm"], "int4": ["KitchenW4A8"], "fp8": ["ScaledMm"]}),
    ],
)
def test_which_kernels_serve_which_card(
    capability: tuple[int, int], expected: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    Cards(monkeypatch).has(capability)
    kernels: list[Kernel] = [KitchenInt8(), KitchenW4A8(), IntMm(), ScaledMm()]
    for name, scheme in SCHEMES.items():
        packed, card = scheme.pack(random(32, 64)), torch.device("cuda")
        serving = [type(each).__name__ for each in kernels if each.serves(packed, card)]
        assert serving == expected[name]
        assert not any(each.serves(packed, CPU) for each in kernels)
        assert not any(each.serves(packed, torch.device("mps")) for each in kernels)


def test_without_comfy_kitchen_core_torch_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    Cards(monkeypatch).has((8, 9))
    monkeypatch.setattr("model.quantize.kernels.KITCHEN", "no_such_package")
    packed, card = int8.pack(random(32, 64)), torch.device("cuda")
    assert not KitchenInt8().serves(packed, card)
    assert IntMm().serves(packed, card)


# --- each proves itself -----------------------------------------------------------------------


class Fake:
    """A kernel that does what it is told, and counts its calls."""

    def __init__(self, name: str, change: Callable[[Tensor], Tensor] = lambda out: out) -> None:
        self.name, self.tolerance, self.calls = name, 0.03, 0
        self._change = change

    def serves(self, packed: Packed, device: torch.device) -> bool:
        return packed.scheme == "rotated I8"

    def takes(self, x: Tensor, packed: Packed) -> bool:
        return len(x) > 1

    def __call__(self, x: Tensor, packed: Packed, bias: Tensor | None) -> Tensor:
        self.calls += 1
        return self._change(plain(x, packed, bias))


def broken(out: Tensor) -> Tensor:
    raise RuntimeError("no kernel image is available")


class Clock:
    """Gives the times it is told, in turn: of a kernel, then of the plain path."""

    def __init__(self, *times: float) -> None:
        self._times = list(times)

    def __call__(self, run: Callable[[], object], device: torch.device) -> float:
        run()
        return self._times.pop(0)


def kernels(*candidates: Fake, times: tuple[float, ...] = (1.0, 2.0)) -> tuple[Kernels, list[str]]:
    said: list[str] = []
    return Kernels(candidates, seconds=Clock(*times), notice=said.append), said


def test_a_right_and_quick_one_works() -> None:
    good = Fake("good")
    found, said = kernels(good)
    module, x = linear("int8", found), random(5, 64)
    module(x)
    calls = good.calls
    module(x)
    assert good.calls == calls + 1  # proved once, used from then on
    assert not said


@pytest.mark.parametrize(
    ("change", "times", "word"),
    [
        (lambda out: out * 1.05, (), r"wrong by 5\.0%"),
        (lambda out: out * float("nan"), (), "wrong by nan"),
        (broken, (), r"failed \(RuntimeError\)"),
        (lambda out: out, (3.0, 2.0), r"takes 1\.5 times as long"),
    ],
)
def test_others_are_dropped_with_a_notice(
    change: Callable[[Tensor], Tensor], times: tuple[float, ...], word: str
) -> None:
    bad = Fake("bad", change)
    found, said = kernels(bad, times=times)
    module, x = linear("int8", found), random(5, 64)
    expected = plain(x, module.packed, module.bias)
    assert torch.equal(module(x), expected)
    calls = bad.calls
    assert torch.equal(module(x), expected)
    assert bad.calls == calls
    (notice,) = said
    assert notice.startswith("bad ")
    assert re.search(word, notice)


def test_the_next_one_gets_its_turn() -> None:
    bad, good = Fake("bad", broken), Fake("good")
    found, said = kernels(bad, good)
    linear("int8", found)(random(5, 64))
    assert good.calls > 0
    assert len(said) == 1


def test_told_once_though_every_shape_is_tried() -> None:
    bad = Fake("bad", broken)
    found, said = kernels(bad)
    for rows in (8, 16):
        QuantLinear(int8.pack(random(rows, 64)), None, found)(random(5, 64))
    assert bad.calls == 2
    assert len(said) == 1


def test_a_shape_that_it_does_not_take_goes_the_plain_way() -> None:
    good = Fake("good")
    found, _ = kernels(good)
    module = linear("int8", found)
    module(random(5, 64))
    calls = good.calls
    module(random(1, 64))
    assert good.calls == calls


def test_the_chance_of_a_run_is_not_touched() -> None:
    found, _ = kernels(Fake("good"))
    state = torch.random.get_rng_state()
    linear("int8", found)(random(5, 64))
    assert torch.equal(torch.random.get_rng_state(), state)


def test_seconds_are_of_the_runs_after_the_first() -> None:
    calls: list[int] = []
    assert least_seconds(lambda: calls.append(1), CPU) >= 0
    assert len(calls) > 1
