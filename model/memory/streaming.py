"""Blocks whose weights come when they are needed: two of them are in memory, one at work and one on
its way.

A run passes over its blocks again and again in one order, so the next one is always known. What is
loaded and what streams is decided elsewhere; this knows no networks and no files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

import torch
from torch import Tensor, nn

Read = Callable[[str], Tensor]
"""A tensor of the network by its name, on the CPU, of any number type."""


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
    full speed and beside its work; what goes beyond `most_bytes` is read every time. Untried on a
    device."""

    def __init__(
        self,
        read: Read,
        dtype: torch.dtype,
        most_bytes: int,
        pin: Callable[[Tensor], Tensor] = Tensor.pin_memory,
    ) -> None:
        self._read, self._dtype, self._pin = read, dtype, pin
        self._left = most_bytes
        self._kept: dict[str, Tensor] = {}

    def __call__(self, name: str) -> Tensor:
        if name in self._kept:
            return self._kept[name]
        tensor = self._read(name)
        size = tensor.numel() * self._dtype.itemsize
        if size > self._left:
            return tensor
        self._left -= size
        self._kept[name] = self._pin(tensor.to(self._dtype, copy=True))
        return self._kept[name]


class _Slot:
    """Room for the weights of one block, by their names in it."""

    def __init__(
        self, shapes: Mapping[str, torch.Size], dtype: torch.dtype, device: torch.device
    ) -> None:
        self.tensors = {
            name: torch.empty(shape, dtype=dtype, device=device) for name, shape in shapes.items()
        }
        self.work: object = None
        self.has_worked = False


class _Coming:
    def __init__(self, index: int, slot: _Slot, filled: Future[object]) -> None:
        self.index, self.slot, self.filled = index, slot, filled


class Stream(nn.ModuleList):
    """Blocks in their order, each with its weights from when it is handed out until the next one is
    asked for. Iterate it; a block got by its index has none.

    The first `resident` blocks have their weights in memory; of the others the parameters named in
    `tensors`, a tuple a block, are on the meta device outside. All have the same shapes. With
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
        while len(self._slots) < self._num_slots:
            self._slots.append(_Slot(self._shapes(), self._dtype, self._device))
        slot = next(slot for slot in self._slots if slot is not busy)
        if self._reader is None:
            self._reader = ThreadPoolExecutor(1, thread_name_prefix="weights")
        return _Coming(index, slot, self._reader.submit(self._fill, index, slot))

    @torch.inference_mode()
    def _fill(self, index: int, slot: _Slot) -> Any:
        """In the reader's thread."""
        with self._transfers.copying():
            if slot.has_worked:
                self._transfers.await_work(slot.work)
            for name in self._names[index]:
                tensor = self._read(f"{self._prefix}{index}.{name}")
                slot.tensors[name].copy_(tensor, non_blocking=True)
            return self._transfers.after_copies()

    def _shapes(self) -> dict[str, torch.Size]:
        block = self._block(self.resident)
        return {name: block.get_parameter(name).shape for name in self._names[self.resident]}

    def _bind(self, index: int, slot: _Slot) -> None:
        for name in self._names[index]:
            _put(self._block(index), name, slot.tensors[name])

    def _unbind(self, index: int) -> None:
        block = self._block(index)
        for name in self._names[index]:
            _put(block, name, torch.empty_like(block.get_parameter(name), device="meta"))

    def _block(self, index: int) -> nn.Module:
        block = self._modules[str(index)]
        assert block is not None
        return block


def _put(block: nn.Module, name: str, tensor: Tensor) -> None:
    parent, _, leaf = name.rpartition(".")
    module = block.get_submodule(parent)
    module._parameters[leaf] = nn.Parameter(tensor, requires_grad=False)
