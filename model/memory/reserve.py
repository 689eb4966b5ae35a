"""The memory that a loaded model may take, kept to from one request to the next."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from model.engine.protocol import Outlook
from model.errors import DoesNotFit
from model.memory.calibration import Speed
from model.memory.planner import DISK_BYTES_PER_S, Forecast, Planner
from model.memory.savings import Savings
from model.memory.streaming import Stream
from model.memory.tiling import tiles
from model.requests import Request
from model.text_encoder.encoder import TextEncoder
from model.vae import FrameVae

LINK_BYTES_PER_S = 12e9
"""Between main memory and a card, PCIe 3.0 x16, whose copies are seen to start, not to end."""

UNSTEADY = 0.05
"""What is free goes up and down by so much of itself: no block is let go for that."""


class Reserve:
    """The memory that a loaded model may take in all; zero: not known, so nothing is refused."""

    def __init__(
        self,
        planner: Planner,
        savings: Savings,
        budget_bytes: int,
        *,
        blocks: Sequence[Stream],
        encoder: TextEncoder,
        vae: FrameVae,
        speed: Callable[[], Speed],
        free: Callable[[], int] | None = None,
    ) -> None:
        """`blocks` are the transformer's. Where the budget is what is free, `free` tells how much
        that is, and is asked anew for every request."""
        self.planner, self.savings, self.budget_bytes = planner, savings, budget_bytes
        self._blocks, self._encoder, self._vae = tuple(blocks), encoder, vae
        self._speed, self._free = speed, free

    def outlook(self, request: Request) -> Outlook:
        """Of a request for which there is plenty of room nothing is counted, which takes a moment
        that such a request itself would hardly take."""
        self._look()
        if self.budget_bytes and self.planner.is_roomy(self.budget_bytes, request):
            return Outlook(budget_bytes=self.budget_bytes)
        try:
            found = self.forecast(request)
        except DoesNotFit as error:
            return Outlook(budget_bytes=self.budget_bytes, problem=str(error))
        work = self.planner.work(request)
        seconds = found.seconds(self._speed(), work.steps, self._bytes_per_s or DISK_BYTES_PER_S)
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
        """Let blocks go, or the VAE work in tiles, where a request needs the memory. Raises as
        `forecast` does, and takes no time where there is plenty."""
        self._look()
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
        self.savings = savings
        if savings.vae_bytes is not None:
            tiles(self._vae, savings.vae_bytes)
        if savings.resident_blocks is not None:
            for stream in self._blocks:
                stream.keep(savings.resident_blocks)

    def _look(self) -> None:
        """What there is now."""
        self.planner.has_eye = self._encoder.has_eye
        if self._free is None or not (free := self._free()):
            return
        budget = free + self.planner.resident_bytes(self.savings)
        if abs(budget - self.budget_bytes) > UNSTEADY * self.budget_bytes:
            self.budget_bytes = budget

    @property
    def _bytes_per_s(self) -> float | None:
        """As the blocks came last; None before any has."""
        rates = [stream.bytes_per_s for stream in self._blocks if stream.bytes_per_s is not None]
        return min([*rates, LINK_BYTES_PER_S]) if rates else None
