"""Which attention a run gets for the kind it asked for: a kernel proves itself once on its device,
for its shape and type, or is dropped with a notice.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from model.attention import attend
from model.lossy.attention import SAGE, Attention, EmulatedFp8, Fa3Fp8, Sage
from model.proving import Seconds, least_seconds, say, why_not
from model.requests import EXACT, RequestError
from model.transformer import Transformer
from model.transformer21 import Transformer21

TOKENS = 4096
"""Of a test: those of a picture of 1024 x 1024 px."""
OUTLIER = 2000.0
"""The largest values of a test: sums of some hundred of them are beyond float16."""
KINDS: dict[str, tuple[Attention, ...]] = {"fp8": (Fa3Fp8(), EmulatedFp8()), "sage": (Sage(),)}
"""The best first."""

Key = tuple[str, str, torch.dtype, int, int]


def check(kind: str, device: torch.device) -> None:
    """RequestError, which says what to do, where this computer has no such attention."""
    if kind == EXACT or any(each.serves(device) for each in KINDS[kind]):
        return
    if kind != "sage":
        raise RequestError(f"attention: {kind} is not to be had on {device.type}; use {EXACT}")
    if device.type != "cuda":
        raise RequestError(f"attention: sage runs on NVIDIA cards alone; use {EXACT}")
    if importlib.util.find_spec(SAGE) is None:
        raise RequestError(
            "attention: sage needs SageAttention 2, which is not installed; install it from "
            f"https://github.com/thu-ml/SageAttention, or use {EXACT}"
        )
    raise RequestError(
        "attention: the SageAttention that is installed has no kernel that sums in float32, or "
        f"none for this card; install version 2 on a card from 2020 on, or use {EXACT}"
    )


def faster_kinds(device: torch.device) -> tuple[str, ...]:
    """Those for which there is a kernel here, as far as is known before it is tried."""
    return tuple(
        kind
        for kind, candidates in KINDS.items()
        if any(each.serves(device) and each.tolerance is not None for each in candidates)
    )


class Attentions:
    """Chooses, and remembers what has proved itself. `seconds(run, device)` times; `notice` is told
    of every kernel that is dropped."""

    def __init__(
        self,
        *,
        tokens: int = TOKENS,
        seconds: Seconds = least_seconds,
        notice: Callable[[str], None] = say,
    ) -> None:
        self._tokens = tokens
        self._seconds = seconds
        self._notice = notice
        self._chosen: dict[Key, Attention | None] = {}

    def choose(self, kind: str, network: Transformer | Transformer21) -> Attention | None:
        """None where the run attends exactly. RequestError as `check`."""
        weight, config = network.proj_out.weight, network.config
        check(kind, weight.device)
        if kind == EXACT:
            return None
        heads, dim = config.num_attention_heads, config.attention_head_dim
        key = (kind, str(weight.device), weight.dtype, heads, dim)
        if key not in self._chosen:
            self._chosen[key] = self._first(KINDS[kind], weight, heads, dim)
        return self._chosen[key]

    def _first(
        self, candidates: Sequence[Attention], like: Tensor, heads: int, dim: int
    ) -> Attention | None:
        serving = [each for each in candidates if each.serves(like.device)]
        found = next((each for each in serving if self._is_proved(each, like, heads, dim)), None)
        if isinstance(found, EmulatedFp8):
            self._notice(
                "attention in float8 is only emulated on this computer: it shows what it does to "
                "a picture, and takes longer"
            )
        return found

    def _is_proved(self, candidate: Attention, like: Tensor, heads: int, dim: int) -> bool:
        if candidate.tolerance is None:
            return True
        q, k, v = samples(self._tokens, heads, dim, like)
        why = why_not(
            lambda: candidate(q, k, v),
            lambda: attend(q, k, v),
            tolerance=candidate.tolerance,
            device=like.device,
            seconds=self._seconds,
            around=candidate.at_work,
        )
        return why is None or self._drop(candidate, why)

    def _drop(self, candidate: Attention, why: str) -> bool:
        self._notice(f"{candidate.name} {why} on this computer, so it is not used")
        return False


def samples(tokens: int, heads: int, dim: int, like: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Queries, keys and values [1, tokens, heads, dim] with what real ones bring to light: keys
    that have much in common, and values with outliers."""
    random = torch.Generator().manual_seed(0)  # the run's own chance is not touched
    shape = (1, tokens, heads, dim)
    q, k, v = (torch.randn(shape, generator=random) for _ in range(3))
    k = k + 4 * torch.randn((1, 1, heads, dim), generator=random)
    v = v * (OUTLIER / v.abs().max())
    return q.to(like), k.to(like), v.to(like)


@contextmanager
def attending(network: nn.Module, attention: Attention | None) -> Iterator[None]:
    """Inside, the network's blocks attend so; before and afterwards exactly."""
    if attention is None:
        yield
        return
    sites = [module for module in network.modules() if hasattr(module, "attend")]
    with attention.at_work():
        for site in sites:
            setattr(site, "attend", attention)  # noqa: B010
        try:
            yield
        finally:
            for site in sites:
                delattr(site, "attend")
