"""The memory that a loaded model may take, kept to from one request to the next."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from model.engine.protocol import Outlook
from model.errors import DoesNotFit
from model.memory.calibration import Speed
from model.memory.planner import Forecast, Planner
from model.memory.savings import Savings
from model.memory.streaming import Stream
from model.requests import Request


class Reserve:
    """The memory that a loaded model may take in all; zero: not known, so nothing is refused."""

    def __init__(
        self,
        planner: Planner,
        savings: Savings,
        budget_bytes: int,
        blocks: Sequence[Stream],
        speed: Callable[[], Speed],
    ) -> None:
        """`blocks` are the transformer's."""
        self.planner, self.savings, self.budget_bytes = planner, savings, budget_bytes
        self._blocks = tuple(blocks)
        self._speed = speed

    def outlook(self, request: Request) -> Outlook:
        """Of a request for which there is plenty of room nothing is counted, which takes a moment
        that such a request itself would hardly take."""
        if self.budget_bytes and self.planner.is_roomy(self.budget_bytes, request):
            return Outlook(budget_bytes=self.budget_bytes)
        try:
            found = self.forecast(request)
        except DoesNotFit as error:
            return Outlook(budget_bytes=self.budget_bytes, problem=str(error))
        work = self.planner.work(request)
        seconds = found.seconds(self._speed(), work.steps)
        return Outlook(
            peak_bytes=found.peak_bytes,
            budget_bytes=self.budget_bytes or None,
            seconds=seconds * request.count,
        )

    def forecast(self, request: Request) -> Forecast:
        """Raises DoesNotFit, with the nearest size that fits, for a request that does not."""
        if not self.budget_bytes:
            return self.planner.forecast(self.savings, request)
        return self.planner.fit(self.savings, self.budget_bytes, request)

    def make_room(self, request: Request) -> None:
        """Let blocks go where a request needs their memory. Raises as `forecast` does, and takes no
        time where there is plenty."""
        if not self.budget_bytes or self.planner.is_roomy(self.budget_bytes, request):
            return
        found = self.forecast(request)
        if found.savings != self.savings:
            self._keep(found.savings)

    def step_down(self) -> bool:
        """After memory ran out all the same: let more blocks go, if there are any."""
        savings = self.planner.next_down(self.savings)
        if savings is not None:
            self._keep(savings)
        return savings is not None

    def _keep(self, savings: Savings) -> None:
        assert savings.resident_blocks is not None
        self.savings = savings
        for stream in self._blocks:
            stream.keep(savings.resident_blocks)
