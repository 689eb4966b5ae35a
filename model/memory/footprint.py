"""What a piece of work takes, found out without doing it: the most bytes that are alive at once,
and the floating point operations.

The work runs over tensors without values (PyTorch's fake tensors), so it takes no memory and little
time, whatever the sizes. What a library allocates inside one operation is not seen.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count


@dataclass(frozen=True, kw_only=True)
class Cost:
    """`peak_bytes` beyond what was there before, `flops` with a multiplication and an addition as
    two."""

    peak_bytes: int
    flops: int


def cost_of(prepare: Callable[[], Callable[[], Any]]) -> Cost:
    """Of what `prepare` returns. Inside both, every tensor that is made is a fake one: `prepare`
    builds networks and inputs, which do not count."""
    with ExitStack() as stack:
        stack.enter_context(FakeTensorMode())
        stack.enter_context(torch.inference_mode())
        work = prepare()
        counter = stack.enter_context(FlopCounterMode(display=False, custom_mapping=_MORE))
        alive = stack.enter_context(Alive())
        work()
        return Cost(peak_bytes=alive.peak, flops=int(counter.get_total_flops()))


class Alive(TorchDispatchMode):
    """Counts the bytes of every tensor made inside for as long as it is held."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.peak = 0
        self._known: dict[int, weakref.ref[Any]] = {}

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        self._see((args, kwargs), is_made=False)  # a view of it is no memory made here
        result = func(*args, **(kwargs or {}))
        self._see(result, is_made=True)
        return result

    def _see(self, values: Any, *, is_made: bool) -> None:
        for tensor in tree_leaves(values):
            if isinstance(tensor, Tensor):
                self._count(tensor, is_made=is_made)

    def _count(self, tensor: Tensor, *, is_made: bool) -> None:
        storage = tensor.untyped_storage()
        key = id(storage)  # lives as long as the memory, and so does its number
        if key in self._known:
            return
        size = storage.nbytes() if is_made and not tensor.is_meta else 0
        self.now += size
        self.peak = max(self.peak, self.now)

        def gone(_: object) -> None:
            self.now -= size
            del self._known[key]

        self._known[key] = weakref.ref(storage, gone)


def _cpu_attention_flops(
    query: Sequence[int], key: Sequence[int], value: Sequence[int], *_: Any, **__: Any
) -> int:
    return sdpa_flop_count(query, key, value)


_MORE = {torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _cpu_attention_flops}
"""PyTorch's counter knows attention on accelerators alone."""
