"""Times foretold from times measured: nothing measured, nothing foretold. Pure values.

Measurements live as long as the engine, and belong to one model on one device.
"""

from __future__ import annotations

from dataclasses import dataclass

from model.engine.protocol import ModelDescription
from model.requests import Request, Result


class StepClock:
    """Seconds a step, from the reports of one run. The first report only starts the clock: what
    came before it (reading the prompt) is no step."""

    def __init__(self) -> None:
        self._first: tuple[int, float] | None = None
        self._last: tuple[int, float] | None = None

    def tick(self, step: int, now: float) -> None:
        self._last = (step, now)
        self._first = self._first or self._last

    @property
    def step_seconds(self) -> float | None:
        if self._first is None or self._last is None or self._last[0] == self._first[0]:
            return None
        return (self._last[1] - self._first[1]) / (self._last[0] - self._first[0])

    def seconds_left(self, step: int, total: int) -> float | None:
        return None if self.step_seconds is None else self.step_seconds * (total - step)


@dataclass(frozen=True, kw_only=True)
class _Measured:
    """One finished run. `other_seconds` is all that is no step: text, encoding, decoding."""

    pixels: int
    step_seconds: float
    other_seconds: float


_Key = tuple[str, str, bool, float, str]
"""Model, task, whether guided, which runs the network twice a step, and the lossy modes."""


class Measurements:
    """The latest measured run of every kind of request."""

    def __init__(self) -> None:
        self._runs: dict[_Key, dict[int, _Measured]] = {}

    def learn(self, model: str, result: Result, step_seconds: float) -> None:
        request = result.requests[0]
        pixels, steps = (request.width or 0) * (request.height or 0), request.steps or 0
        count = len(result.requests)
        if not pixels or not steps:
            return
        other_seconds = max(0.0, result.seconds / count - step_seconds * steps)
        key = _key(model, request, request.guidance or 1.0)
        self._runs.setdefault(key, {})[pixels] = _Measured(
            pixels=pixels,
            step_seconds=step_seconds,
            other_seconds=other_seconds,
        )

    def seconds(self, model: str, description: ModelDescription, request: Request) -> float | None:
        """Scaled by the number of pixels from the nearest size that was run."""
        guidance = request.guidance or description.guidance
        runs = self._runs.get(_key(model, request, guidance))
        pixels = _pixels(description, request)
        if not runs or pixels is None:
            return None
        nearest = min(runs.values(), key=lambda run: abs(run.pixels - pixels))
        steps = request.steps or description.steps
        once = nearest.step_seconds * steps + nearest.other_seconds
        return once * pixels / nearest.pixels * request.count


def _key(model: str, request: Request, guidance: float) -> _Key:
    return model, request.task, guidance > 1.0, request.step_cache, request.attention


def _pixels(description: ModelDescription, request: Request) -> int | None:
    if request.width and request.height:
        return request.width * request.height
    if not description.sizes:
        return None
    width, height = description.sizes[0]
    return width * height
