"""Blocks whose weights come when they are needed: two of them are in memory, one at work and one on
its way.

A run passes over its blocks again and again in one order, so the next one is always known. What is
loaded and what streams is decided elsewhere; this knows no networks and no files.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from model.quantize.linear import parts_of, put_parts
from model.quantize.packed import Packed

Read = Callable[[str], Tensor | Packed]
"""A weight of the network by its name, of any number type, usually on the CPU; packed where its
linear keeps it so."""
ALIGNED_BYTES = 256
"""Where a tensor may begin, as the devices' own allocators have it."""


class Transfers(Protocol):
    """How copies to a device are ordered with the work on it."""

    def copying(self) -> AbstractContextManager[object]:
        """Around copies, in the thread that makes them."""
        ...

    def after_copies(self) -> Any:
        """A mark behind the copies made so far; called inside `copying`."""
        ...

    def await_copies(self, mark: Any) -> None:
        """Work that is started from now on comes behind the mark."""
        ...

    def after_work(self) -> Any:
        """A mark behind the work started so far."""
        ...

    def await_work(self, mark: Any) -> None:
        """Copies that are made from now on come behind the mark; called inside `copying`."""
        ...


class InOrder:
    """On the CPU everything is done when its call returns."""

    def copying(self) -> AbstractContextManager[object]:
        return nullcontext()

    def after_copies(self) -> Any:
        return None

    def await_copies(self, mark: Any) -> None:
        pass

    def after_work(self) -> Any:
        return None

    def await_work(self, mark: Any) -> None:
        pass


class OnStream:
    """CUDA: copies run on a stream of their own beside the work. Untried on a device."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream = torch.cuda.Stream(device)

    def copying(self) -> AbstractContextManager[object]:
        return torch.cuda.stream(self._stream)

    def after_copies(self) -> Any:
        return self._stream.record_event()

    def await_copies(self, mark: Any) -> None:
        torch.cuda.current_stream(self._device).wait_event(mark)

    def after_work(self) -> Any:
        return torch.cuda.current_stream(self._device).record_event()

    def await_work(self, mark: Any) -> None:
        self._stream.wait_event(mark)


def transfers_of(device: torch.device) -> Transfers:
    """MPS has no streams in PyTorch; its queue keeps the order."""
    return OnStream(device) if device.type == "cuda" else InOrder()


class Pinned:
    """Keeps what it has read once in page-locked main memory, from where a device copies at its
    full speed and beside its work, packed weights in their few bits; what goes beyond `most_bytes`
    is read every time. Untried on a device."""

    def __init__(
        self,
        read: Read,
        dtype: torch.dtype,
        most_bytes: int,
        pin: Callable[[Tensor], Tensor] = Tensor.pin_memory,
    ) -> None:
        self._read, self._dtype, self._pin = read, dtype, pin
        self._left = most_bytes
        self._kept: dict[str, Tensor | Packed] = {}

    def __call__(self, name: str) -> Tensor | Packed:
        if name in self._kept:
            return self._kept[name]
        found = self._read(name)
        is_packed = isinstance(found, Packed)
        size = found.num_bytes if is_packed else found.numel() * self._dtype.itemsize
        if size > self._left:
            return found
        self._left -= size
        if is_packed:
            parts = tuple(self._pin(part.to("cpu", copy=True)) for part in found.parts)
            self._kept[name] = replace(found, parts=parts)
        else:
            self._kept[name] = self._pin(found.to("cpu", self._dtype, copy=True))
        return self._kept[name]


Form = Mapping[str, tuple[Tensor, ...]]
"""What a block's weights are: by the name of each, its tensors, without memory."""


class _Slot:
    """Room for the weights of one block of any form. `tensors` are of the last one."""

    def __init__(self, num_bytes: int, device: torch.device) -> None:
        self._bytes = torch.empty(num_bytes, dtype=torch.uint8, device=device)
        self.tensors: Form = {}
        self.work: object = None
        self.has_worked = False

    def take(self, form: Form) -> None:
        begin, found = 0, {}
        for name, parts in form.items():
            views = []
            for part in parts:
                view = self._bytes[begin : begin + part.nbytes].view(part.dtype)
                views.append(view.reshape(part.shape))
                begin += aligned(part.nbytes)
            found[name] = tuple(views)
        self.tensors = found


def aligned(num_bytes: int) -> int:
    """What a tensor takes of a slot."""
    return -(-num_bytes // ALIGNED_BYTES) * ALIGNED_BYTES


class _Coming:
    def __init__(self, index: int, slot: _Slot, filled: Future[object]) -> None:
        self.index, self.slot, self.filled = index, slot, filled


class Stream(nn.ModuleList):
    """Blocks in their order, each with its weights from when it is handed out until the next one is
    asked for. Iterate it; a block got by its index has none.

    The first `resident` blocks have their weights in memory; of the others those named in
    `tensors`, a tuple a block, are on the meta device outside, packed ones in their parts. With
    `is_kept`, room and the first block of the next pass are held between passes, until `rest`. With
    `may_end_early`, a pass may end behind the first block, so none is read ahead of it.

    What `read` raises is raised where the block is asked for.
    """

    def __init__(
        self,
        blocks: Sequence[nn.Module],
        prefix: str,
        tensors: Sequence[Sequence[str]],
        resident: int,
        read: Read,
        *,
        dtype: torch.dtype,
        device: torch.device,
        is_kept: bool = False,
        transfers: Transfers | None = None,
        close: Callable[[], None] = lambda: None,
    ) -> None:
        """`prefix` stands before a block's number in the network's names. `close` is called when
        nothing is read for now."""
        super().__init__(blocks)
        self._prefix, self._read = prefix, read
        self._names = tuple(map(tuple, tensors))
        self.resident = min(resident, len(self._names))
        self._dtype, self._device = dtype, device
        self._is_kept, self._close = is_kept, close
        self._transfers = transfers or transfers_of(device)
        self.may_end_early = False
        self._slots: list[_Slot] = []
        self._coming: _Coming | None = None
        self._reader: ThreadPoolExecutor | None = None
        self._fills: deque[tuple[int, float]] = deque(maxlen=len(self._names))

    @property
    def bytes_per_s(self) -> float | None:
        """How fast blocks came of late: read, made into numbers and copied. What the system keeps
        of the files comes faster than from disk. None before any has come."""
        fills = tuple(self._fills)
        seconds = sum(seconds for _, seconds in fills)
        return sum(num_bytes for num_bytes, _ in fills) / seconds if seconds else None

    def keep(self, count: int) -> None:
        """Let go of the weights of all but the first `count` blocks; they stream from now on."""
        self.rest()
        for index in range(count, self.resident):
            self._unbind(index)
        self.resident = min(count, self.resident)

    @property
    def _num_slots(self) -> int:
        return min(2, len(self._names) - self.resident)

    def __iter__(self) -> Iterator[nn.Module]:
        blocks = list(super().__iter__())
        try:
            for index, block in enumerate(blocks):
                if index < self.resident:
                    yield block
                    continue
                slot = self._take(index)
                self._bind(index, slot)
                try:
                    yield block
                finally:
                    self._unbind(index)
                    slot.work, slot.has_worked = self._transfers.after_work(), True
        finally:
            if not self._is_kept:
                self.rest()

    def rest(self) -> None:
        """Give up the room until the next pass."""
        coming, self._coming = self._coming, None
        if coming is not None:
            coming.filled.exception()  # waits; what went wrong is told when it is asked for again
        if self._reader is not None:
            self._reader.shutdown()
            self._reader = None
        self._slots.clear()
        self._close()

    def _take(self, index: int) -> _Slot:
        """The slot with the block's weights; the next block that streams is sent for."""
        coming, self._coming = self._coming, None
        if coming is not None and coming.index != index:
            coming.filled.exception()
            coming = None
        if coming is None:
            coming = self._send_for(index, None)
        mark = coming.filled.result()
        self._transfers.await_copies(mark)
        is_last = index == len(self._names) - 1
        is_next_wanted = self._is_kept if is_last else index > 0 or not self.may_end_early
        if self._num_slots > 1 and is_next_wanted:
            self._coming = self._send_for(self.resident if is_last else index + 1, coming.slot)
        return coming.slot

    def _send_for(self, index: int, busy: _Slot | None) -> _Coming:
        if not self._slots:
            streamed = range(self.resident, len(self._names))
            room = max(_num_bytes(self._form(index)) for index in streamed)
            self._slots = [_Slot(room, self._device) for _ in range(self._num_slots)]
        slot = next(slot for slot in self._slots if slot is not busy)
        form = self._form(index)
        if self._reader is None:
            self._reader = ThreadPoolExecutor(1, thread_name_prefix="weights")
        return _Coming(index, slot, self._reader.submit(self._fill, index, slot, form))

    @torch.inference_mode()
    def _fill(self, index: int, slot: _Slot, form: Form) -> Any:
        """In the reader's thread."""
        began = time.perf_counter()
        with self._transfers.copying():
            if slot.has_worked:
                self._transfers.await_work(slot.work)
            slot.take(form)
            for name, tensors in slot.tensors.items():
                found = self._read(f"{self._prefix}{index}.{name}")
                parts = found.parts if isinstance(found, Packed) else (found,)
                for tensor, part in zip(tensors, parts, strict=True):
                    tensor.copy_(part, non_blocking=True)
            mark = self._transfers.after_copies()
        self._fills.append((_num_bytes(form), time.perf_counter() - began))
        return mark

    def _form(self, index: int) -> Form:
        """Of a block that is not in memory."""
        found: dict[str, tuple[Tensor, ...]] = {}
        for name, module, leaf in self._places(index):
            parts = parts_of(module, leaf)
            is_plain = isinstance(parts[0], nn.Parameter)
            found[name] = (_empty(parts[0], self._dtype),) if is_plain else parts
        return found

    def _bind(self, index: int, slot: _Slot) -> None:
        for name, module, leaf in self._places(index):
            put_parts(module, leaf, slot.tensors[name])

    def _unbind(self, index: int) -> None:
        for _, module, leaf in self._places(index):
            put_parts(module, leaf, [_empty(part, part.dtype) for part in parts_of(module, leaf)])

    def _places(self, index: int) -> Iterator[tuple[str, nn.Module, str]]:
        """Of a block's weights: the name in it, the module that has it, and the name in that."""
        block = self._modules[str(index)]
        assert block is not None
        for name in self._names[index]:
            parent, _, leaf = name.rpartition(".")
            yield name, block.get_submodule(parent), leaf


def _empty(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    return torch.empty(tensor.shape, dtype=dtype, device="meta")


def _num_bytes(form: Form) -> int:
    return sum(aligned(part.nbytes) for parts in form.values() for part in parts)
