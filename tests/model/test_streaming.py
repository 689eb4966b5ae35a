"""Blocks that come from their files: the same numbers, two in memory, and every ending clean."""

from __future__ import annotations

import copy
import threading
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from model.memory.streaming import InOrder, Pinned, Stream
from model.quantize.choice import Kernels
from model.quantize.linear import QuantLinear, is_packed
from model.quantize.packed import Packed
from model.quantize.schemes import SCHEMES

CPU = torch.device("cpu")


class Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, width)
        self.gain = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x).tanh() * self.gain


NAMES = ("linear.weight", "linear.bias", "gain")


def weights(count: int, width: int = 4) -> dict[str, Tensor]:
    chance = torch.Generator().manual_seed(3)
    like = Block(width).state_dict()
    return {
        f"blocks.{index}.{name}": torch.randn(tensor.shape, generator=chance)
        for index in range(count)
        for name, tensor in like.items()
    }


class Files:
    """Remembers what was read, and fails where it is told to."""

    def __init__(self, tensors: dict[str, Tensor]) -> None:
        self.tensors, self.seen, self.broken = tensors, [], ""

    def __call__(self, name: str) -> Tensor:
        self.seen.append(name)
        if name == self.broken:
            raise OSError(f"{name} cannot be read")
        return self.tensors[name]

    @property
    def blocks(self) -> list[int]:
        return [int(name.split(".")[1]) for name in self.seen if name.endswith("gain")]


def stream_of(files: Files, count: int, resident: int = 0, **options: Any) -> Stream:
    blocks = []
    for index in range(count):
        with torch.device("cpu" if index < resident else "meta"):
            block = Block(4)
        if index < resident:
            own = {name: files.tensors[f"blocks.{index}.{name}"] for name in NAMES}
            block.load_state_dict(own)
        blocks.append(block.requires_grad_(False))
    names = [NAMES] * count
    options = {"dtype": torch.float32, "device": CPU, **options}
    return Stream(blocks, "blocks.", names, resident, files, **options)


def passed(blocks: Any, x: Tensor) -> Tensor:
    for block in blocks:
        x = block(x)
    return x


@pytest.mark.parametrize("count", [1, 2, 3, 5])
@pytest.mark.parametrize("resident", [0, 1, 2])
@pytest.mark.parametrize("is_kept", [False, True])
@torch.inference_mode()
def test_the_numbers_are_those_of_blocks_in_memory(
    count: int, resident: int, is_kept: bool
) -> None:
    files = Files(weights(count))
    whole = stream_of(files, count, resident=count)
    stream = stream_of(files, count, resident=min(resident, count), is_kept=is_kept)
    x = torch.randn(3, 4, generator=torch.Generator().manual_seed(1))
    for _ in range(3):
        assert torch.equal(passed(stream, x), passed(whole, x))
    stream.rest()


@torch.inference_mode()
def test_two_blocks_are_in_memory_and_the_next_is_on_its_way() -> None:
    files = Files(weights(4))
    stream = stream_of(files, 4)
    for index, block in enumerate(stream):
        assert [b.gain.is_meta for b in stream.children()] == [k != index for k in range(4)]
        assert len(stream._slots) == 2
        block(torch.zeros(1, 4))
    assert files.blocks == [0, 1, 2, 3]
    assert stream._slots == []
    assert all(block.gain.is_meta for block in stream.children())


@torch.inference_mode()
def test_a_kept_stream_has_the_first_block_ready_and_rests_when_told() -> None:
    files = Files(weights(3))
    stream = stream_of(files, 3, is_kept=True)
    passed(stream, torch.zeros(1, 4))
    passed(stream, torch.zeros(1, 4))
    stream.rest()
    assert files.blocks == [0, 1, 2, 0, 1, 2, 0]
    assert stream._slots == []
    passed(stream, torch.zeros(1, 4))
    assert files.blocks[7:10] == [0, 1, 2]
    stream.rest()


@torch.inference_mode()
def test_a_run_that_stops_in_the_middle_leaves_no_weights_and_the_next_one_works() -> None:
    files = Files(weights(5))
    stream = stream_of(files, 5, is_kept=True)
    x = torch.ones(1, 4)
    expected = passed(stream_of(files, 5, resident=5), x)

    def stop() -> None:
        for index, block in enumerate(stream):
            block(x)
            if index == 2:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop()
    assert all(block.gain.is_meta for block in stream.children())
    assert torch.equal(passed(stream, x), expected)
    stream.rest()


@torch.inference_mode()
def test_a_file_that_cannot_be_read_says_so_where_its_block_is_due() -> None:
    files = Files(weights(4))
    stream = stream_of(files, 4)
    files.broken = "blocks.2.linear.bias"
    with pytest.raises(OSError, match=r"blocks\.2\.linear\.bias cannot be read"):
        passed(stream, torch.zeros(1, 4))
    assert files.blocks[:2] == [0, 1]
    files.broken = ""
    passed(stream, torch.zeros(1, 4))


@torch.inference_mode()
def test_weights_become_of_the_run_s_type() -> None:
    tensors = {name: tensor.half() for name, tensor in weights(2).items()}
    stream = stream_of(Files(tensors), 2)
    for block in stream:
        assert block.linear.weight.dtype == torch.float32


class Told(InOrder):
    """A device's queue of copies and its queue of work, as told: what waits for what."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._lock = threading.Lock()
        self._marks = 0

    def _tell(self, line: str) -> str:
        with self._lock:
            self._marks += 1
            self.lines.append(line)
            return f"{line} {self._marks}"

    @contextmanager
    def _copying(self):
        assert threading.current_thread() is not threading.main_thread()
        yield

    def copying(self):
        return self._copying()

    def after_copies(self) -> object:
        return self._tell("copied")

    def await_copies(self, mark: object) -> None:
        assert str(mark).startswith("copied")
        self._tell("work waits for copies")

    def after_work(self) -> object:
        return self._tell("worked")

    def await_work(self, mark: object) -> None:
        assert str(mark).startswith("worked")
        self._tell("copies wait for work")


@torch.inference_mode()
def test_a_slot_is_filled_again_only_behind_the_work_that_read_it() -> None:
    """Of the third block on, whose room the first one has had."""
    told = Told()
    passed(stream_of(Files(weights(4)), 4, transfers=told), torch.zeros(1, 4))
    assert told.lines.count("copied") == 4
    assert told.lines.count("work waits for copies") == 4
    assert told.lines.count("copies wait for work") == 2
    assert told.lines.index("worked") < told.lines.index("copies wait for work")


@torch.inference_mode()
def test_blocks_in_memory_are_let_go_and_come_from_the_files() -> None:
    files = Files(weights(4))
    whole, stream = (stream_of(files, 4, resident=4) for _ in range(2))
    x = torch.ones(1, 4)
    for count, expected in ((3, [3]), (3, [3]), (1, [1, 2, 3])):
        files.seen.clear()
        stream.keep(count)
        assert [block.gain.is_meta for block in stream.children()] == [k >= count for k in range(4)]
        assert torch.equal(passed(stream, x), passed(whole, x))
        assert files.blocks == expected


def packed_linear(width: int, rows: int, name: str, index: int) -> QuantLinear:
    weight = torch.randn(rows, width, generator=torch.Generator().manual_seed(index))
    bias = nn.Parameter(torch.full((rows,), 0.5), requires_grad=False)
    return QuantLinear(SCHEMES[name].pack(weight), bias, Kernels())


@torch.inference_mode()
def test_packed_blocks_of_different_forms_share_the_slots() -> None:
    """Their parts differ in number, type and size, and some blocks are not packed at all."""
    whole: list[nn.Module] = [
        packed_linear(16, 32, "int8", 0),
        packed_linear(32, 16, "int4", 1),
        nn.Linear(16, 16).requires_grad_(False),
        packed_linear(16, 16, "fp8", 3),
        packed_linear(16, 16, "int8", 4),
    ]
    empty = [copy.deepcopy(block).to("meta") for block in whole]

    def read(name: str) -> Tensor | Packed:
        index, leaf = name.split(".")[1:]
        block = whole[int(index)]
        return block.packed if is_packed(block, leaf) else block.get_parameter(leaf)

    names = [("weight", "bias")] * len(whole)
    stream = Stream(empty, "blocks.", names, 0, read, dtype=torch.float32, device=CPU, is_kept=True)
    x = torch.randn(3, 16, generator=torch.Generator().manual_seed(9))
    expected = passed(whole, x)
    for _ in range(3):
        assert torch.equal(passed(stream, x), expected)
    stream.rest()
    assert all(t.is_meta for block in stream.children() for t in block.state_dict().values())


def test_what_is_packed_is_pinned_in_its_few_bits() -> None:
    packed, reads = SCHEMES["int4"].pack(torch.randn(16, 32)), []

    def read(name: str) -> Packed:
        reads.append(name)
        return packed

    pinned = Pinned(read, torch.bfloat16, packed.num_bytes, pin=lambda tensor: tensor)
    found = [pinned("weight"), pinned("weight")]
    assert reads == ["weight"]
    for each in found:
        assert isinstance(each, Packed)
        assert torch.equal(each.dequantise("cpu"), packed.dequantise("cpu"))
        assert each.parts[0].data_ptr() != packed.parts[0].data_ptr(), "a reader's room is its own"
    pinned("another")
    pinned("another")
    assert reads == ["weight", "another", "another"]


def test_what_is_pinned_is_read_once_and_the_rest_every_time() -> None:
    files = Files(weights(2))
    pinned: list[int] = []

    def pin(tensor: Tensor) -> Tensor:
        pinned.append(tensor.nbytes)
        return tensor

    read = Pinned(files, torch.bfloat16, most_bytes=2 * (16 + 4), pin=pin)
    first, bias, gain = (f"blocks.0.{name}" for name in NAMES)
    for _ in range(2):
        for name in (first, bias, gain):
            assert torch.equal(read(name), files.tensors[name].to(read(name).dtype))
    assert pinned == [32, 8]
    assert files.seen.count(first) == files.seen.count(bias) == 1
    assert files.seen.count(gain) == 4
    assert read(first).dtype == torch.bfloat16
    assert read(first).data_ptr() != files.tensors[first].data_ptr(), "a reader's room is its own"
