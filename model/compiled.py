"""Blocks of a transformer by torch.compile, where that is right and takes less time.

What a block adds between its products is then one kernel instead of many. Compiling takes seconds
to a minute, once for a first size of picture and prompt and once more for all others; the result is
kept on disk. It needs a compiler: Triton on CUDA, else one of C++.

Blocks run plainly where a LoRA or another attention is at work on them, for that would have to be
compiled anew in every block. On CUDA and MPS untried.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from model.lora import Beside
from model.proving import Seconds, least_seconds, relative_error, say
from model.transformer import Transformer
from model.transformer21 import Transformer21

TOLERANCES = {torch.float32: 1e-4}
"""By which a compiled block may be off, relative to the result's norm; in 16 bits 2e-2."""
PAYS = 0.97
"""Share of the plain time from which compiled blocks are used."""

Compile = Callable[[Callable[..., Any]], Callable[..., Any]]


def keep_in(folder: Path) -> None:
    """Where what is compiled is kept; counts until the process ends."""
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(folder)


class Compiled:
    """Puts itself in front of a transformer's blocks, before they stream: for every size that
    comes, one block is run both ways, and all run as the better one from then on."""

    def __init__(
        self,
        network: Transformer | Transformer21,
        *,
        compile: Compile | None = None,
        seconds: Seconds = least_seconds,
        notice: Callable[[str], None] = say,
    ) -> None:
        self._compile = compile or _compile
        self._seconds, self._notice = seconds, notice
        self._pays: dict[tuple[object, ...], bool] = {}
        self._made: Callable[..., Any] | None = None
        self._is_broken = False
        # Of 1.x not the modulation: a table stands for it, which is another object in every block.
        name = "modulated" if isinstance(network, Transformer) else "forward"
        for block in network.transformer_blocks:
            setattr(block, name, _Site(self, block, getattr(type(block), name)))

    def run(self, block: nn.Module, plain: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        if self._is_broken or not _is_plain(block):
            return plain(block, *args)
        key = tuple(_form(args))
        if key not in self._pays:
            self._pays[key] = self._is_proved(block, plain, args)
        return (self._made if self._pays[key] and self._made else plain)(block, *args)

    def _is_proved(
        self, block: nn.Module, plain: Callable[..., Any], args: tuple[Any, ...]
    ) -> bool:
        first: Tensor = args[0]
        expected = plain(block, *args)
        if self._made is None:
            self._made = self._compile(plain)
        made, began = self._made, time.perf_counter()
        try:
            found = made(block, *args)
        except torch.OutOfMemoryError:
            raise
        except Exception as error:  # whatever a foreign compiler raises, there is another way
            self._is_broken = True
            self._notice(
                f"blocks cannot be compiled on this computer ({type(error).__name__}: "
                f"{str(error).strip().splitlines()[0][:200] if str(error).strip() else 'no reason'}"
                "); they run plainly"
            )
            return False
        took = time.perf_counter() - began
        off = max(map(relative_error, _tensors(found), _tensors(expected)))
        if not off <= TOLERANCES.get(first.dtype, 2e-2):  # NaN too
            self._notice(f"compiled blocks are wrong by {off:.1%} on this computer; run plainly")
            self._is_broken = True
            return False
        ours = self._seconds(lambda: made(block, *args), first.device)
        share = ours / self._seconds(lambda: plain(block, *args), first.device)
        pays = share <= PAYS
        counts = " and ".join(str(x.shape[1]) for x in args[:2] if isinstance(x, Tensor))
        self._notice(
            f"compiled for {counts} tokens in {took:.0f} s: a block takes {share:.2f} of "
            f"its time{'' if pays else ', which does not pay; run plainly'}"
        )
        return pays


class _Site:
    """In the place of a block's method."""

    def __init__(self, compiled: Compiled, block: nn.Module, plain: Callable[..., Any]) -> None:
        self._compiled, self._block, self._plain = compiled, block, plain

    def __call__(self, *args: Any) -> Any:
        return self._compiled.run(self._block, self._plain, args)


def _compile(plain: Callable[..., Any]) -> Callable[..., Any]:
    from torch._inductor import config

    # Its pool of processes would start this program again where that is one file of its own.
    config.compile_threads = 1
    return torch.compile(plain)


def _is_plain(block: nn.Module) -> bool:
    for module in block.modules():
        if "attend" in vars(module):
            return False
        if any(isinstance(hook, Beside) for hook in module._forward_hooks.values()):
            return False
    return True


def _form(value: Any) -> Iterator[object]:
    """What a compiled function is made for, of its arguments."""
    if isinstance(value, Tensor):
        yield (tuple(value.shape), value.dtype, value.device.type)
    elif isinstance(value, tuple):
        for item in value:
            yield from _form(item)
    else:
        yield value


def _tensors(found: Any) -> tuple[Tensor, ...]:
    return (found,) if isinstance(found, Tensor) else tuple(found)
