"""Foreign ways to compute something, against our own: each proves itself on its device, or is
dropped. A driver, a card or a build that returns wrong numbers, or takes longer than the plain way,
costs a notice and no picture.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

SAMPLES = 3

Seconds = Callable[[Callable[[], object], torch.device], float]
"""What a run takes on a device."""


def why_not(
    run: Callable[[], Tensor],
    plain: Callable[[], Tensor],
    *,
    tolerance: float,
    device: torch.device,
    seconds: Seconds,
    around: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> str | None:
    """What is to be said against `run`, which works inside `around`; None where it is right, by so
    much of the result's norm, and takes no longer than `plain`."""
    expected = plain()
    try:
        with around():
            found = run()
        error = relative_error(found, expected)
        if not error <= tolerance:  # NaN too
            return f"is wrong by {error:.1%}"
        with around():
            taken = seconds(run, device)
    except Exception as fault:  # whatever a foreign kernel raises, there is another way
        return f"failed ({type(fault).__name__})"
    plainly = seconds(plain, device)
    return f"takes {taken / plainly:.1f} times as long" if taken > plainly else None


def relative_error(found: Tensor, expected: Tensor) -> float:
    """L2 norm of the difference by that of the expected one."""
    found, expected = found.float(), expected.float()
    return ((found - expected).norm() / expected.norm().clamp(min=1e-30)).item()


def least_seconds(run: Callable[[], object], device: torch.device) -> float:
    """Of a few runs, after one that warms up."""
    best = float("inf")
    for number in range(SAMPLES + 1):
        began = time.perf_counter()
        run()
        wait(device)
        if number:
            best = min(best, time.perf_counter() - began)
    return best


def wait(device: torch.device) -> None:
    """Until the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def say(text: str) -> None:
    """On standard error, where the window's log takes it from."""
    print(f"inkstone: {text}", file=sys.stderr, flush=True)
