"""When a lost engine is started again, and which work is not tried any more. Pure values."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable

BACK_OFF_S = (0.0, 0.5, 1.0, 2.0, 4.0)
FORGET_AFTER_S = 60.0
STRIKES = 3
KEPT_STRIKES = 8


class Supervision:
    """Losses of the last minute, one after another, set the pause before the next start; work that
    was going on at three losses is refused from then on."""

    def __init__(self) -> None:
        self._losses: deque[float] = deque()
        self._strikes: dict[Hashable, int] = {}

    def lost(self, now: float, work: Hashable | None) -> None:
        """The engine ended at `now` in the middle of `work`, or of nothing."""
        self._losses.append(now)
        if work is None:
            return
        self._strikes[work] = self._strikes.pop(work, 0) + 1  # the latest comes last
        while len(self._strikes) > KEPT_STRIKES:
            del self._strikes[next(iter(self._strikes))]

    def succeeded(self) -> None:
        self._losses.clear()

    def pause_s(self, now: float) -> float:
        while self._losses and now - self._losses[0] > FORGET_AFTER_S:
            self._losses.popleft()
        return BACK_OFF_S[min(max(len(self._losses) - 1, 0), len(BACK_OFF_S) - 1)]

    def is_struck_out(self, work: Hashable | None) -> bool:
        """Asks for the hash of `work`, which is that of its pixels, only when there is a reason."""
        return bool(self._strikes) and self._strikes.get(work, 0) >= STRIKES
