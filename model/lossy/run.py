"""One run in lossy modes: what is at work at which step, and how far it is off where it is checked.

Each mode is checked once, at the step named in `Differences`: the velocity is predicted twice from
the same tokens, as the mode does it and exactly, and the run goes on with the exact one. Attention
is checked in the middle of the run. What the step cache costs grows towards the end of a run, and
is near its mean where two thirds are done: it is checked at the first step from there on that it
skips, or, if it skips none there, at the last one before, once the run is at its end.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from torch import Tensor

from model.lossy.attention import Attention
from model.lossy.choice import attending
from model.lossy.step_cache import WHOLE, NoStepCache, StepCache
from model.memory.streaming import Stream
from model.requests import Checked, Differences
from model.transformer import Transformer
from model.transformer21 import Transformer21

CHECKED_FROM = 2 / 3
"""Share of the run from which the step cache is checked."""


class PredictBy(Protocol):
    """Predicts as `Predict` does, with a step cache that decides how much of the network runs."""

    def __call__(
        self, tokens: Tensor, sigma: Tensor, step: int, cache: StepCache = WHOLE
    ) -> Tensor: ...


class Lossy:
    """The modes of one run; by default none, and then the run is the exact one."""

    def __init__(self, step_cache: float = 0.0, attention: Attention | None = None) -> None:
        """`step_cache` is the threshold of `StepCache`, zero for none."""
        self._has_cache = step_cache > 0
        self._cache = StepCache(step_cache) if self._has_cache else NoStepCache()
        self._attention = attention
        self._total = self._reused = 0
        self._cache_check: tuple[int, Tensor] | None = None
        self._attention_check: tuple[int, Tensor] | None = None
        self._last: tuple[Tensor, Tensor, int, Tensor] | None = None

    @property
    def is_exact(self) -> bool:
        return not self._has_cache and self._attention is None

    def over(
        self, predict: PredictBy, network: Transformer | Transformer21, total: int
    ) -> PredictBy:
        """`predict` of a run of so many steps, with the modes at work in `network`."""
        if self.is_exact:
            return predict
        self._total = total

        def lossy(
            tokens: Tensor, sigma: Tensor, step: int, cache: StepCache = self._cache
        ) -> Tensor:
            is_checked = self._attention is not None and step == total // 2
            with self._at_work(network, may_skip=0 < step < total - 1 and not is_checked):
                found = predict(tokens, sigma, step, cache)
            has_skipped, cache.may_skip = cache.has_skipped, False
            if is_checked:
                exact = predict(tokens, sigma, step, cache)
                self._attention_check = (step + 1, relative_difference(found, exact))
                return exact
            if has_skipped and self._cache_check is None and step >= total * CHECKED_FROM:
                exact = predict(tokens, sigma, step, cache)
                self._cache_check = (step + 1, relative_difference(found, exact))
                return exact
            if has_skipped:
                self._reused += 1
                self._last = (tokens, sigma, step, found)
            if step == total - 1:
                self._check_last(predict)
            return found

        return lossy

    def differences(self, count: int) -> tuple[Differences, ...]:
        """What was found, of each of the run's `count` pictures; nothing of an exact run."""
        if self.is_exact:
            return ()
        return tuple(
            Differences(
                steps=self._total,
                reused=self._reused,
                step_cache=_checked(self._cache_check, k),
                attention=_checked(self._attention_check, k),
            )
            for k in range(count)
        )

    def _check_last(self, predict: PredictBy) -> None:
        if self._last is None or self._cache_check is not None:
            return
        tokens, sigma, step, found = self._last
        exact = predict(tokens, sigma, step)
        self._cache_check = (step + 1, relative_difference(found, exact))

    @contextmanager
    def _at_work(self, network: Transformer | Transformer21, *, may_skip: bool) -> Iterator[None]:
        self._cache.may_skip = may_skip
        blocks = network.transformer_blocks
        if isinstance(blocks, Stream):
            blocks.may_end_early = may_skip and self._has_cache
        try:
            with attending(network, self._attention):
                yield
        finally:
            if isinstance(blocks, Stream):
                blocks.may_end_early = False


def relative_difference(found: Tensor, exact: Tensor) -> Tensor:
    """L2 norm of the difference by that of the exact one, [B] of [B, L, C]."""
    found, exact = found.float().flatten(1), exact.float().flatten(1)
    return (found - exact).norm(dim=1) / exact.norm(dim=1).clamp(min=1e-30)


def _checked(check: tuple[int, Tensor] | None, k: int) -> Checked | None:
    return None if check is None else Checked(step=check[0], difference=check[1][k].item())
