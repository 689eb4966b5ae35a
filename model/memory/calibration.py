"""How fast a device works, from a moment's measurement that is kept."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F

from model.checkpoint.strict_json import read_object
from model.errors import CheckpointError

MEASURE_S = 0.15
TOKENS, WIDTH = 1024, 1024
CHANNELS, SIDE_PX = 96, 192


@dataclass(frozen=True, kw_only=True)
class Speed:
    """Floating point operations a second: of products of matrices, and of convolutions."""

    products: float
    convolutions: float


def speed_of(device: torch.device, dtype: torch.dtype, kept: Path | None = None) -> Speed:
    """From the file `kept`, if it knows this device, or measured now and written there."""
    key = f"{_name_of(device)}, {str(dtype).removeprefix('torch.')}"
    known = _read(kept)
    if key not in known:
        known[key] = asdict(_measured(device, dtype))
        _write(kept, known)
    return Speed(**known[key])


@torch.inference_mode()
def _measured(device: torch.device, dtype: torch.dtype) -> Speed:
    x = torch.ones(TOKENS, WIDTH, device=device, dtype=dtype)
    weight = torch.ones(4 * WIDTH, WIDTH, device=device, dtype=dtype)
    picture = torch.ones(1, CHANNELS, SIDE_PX, SIDE_PX, device=device, dtype=dtype)
    picture = picture.to(memory_format=torch.channels_last)
    kernel = torch.ones(CHANNELS, CHANNELS, 3, 3, device=device, dtype=dtype)
    kernel = kernel.to(memory_format=torch.channels_last)
    return Speed(
        products=_rate(lambda: F.linear(x, weight), 8 * TOKENS * WIDTH**2, device),
        convolutions=_rate(
            lambda: F.conv2d(picture, kernel, padding=1),
            2 * 9 * CHANNELS**2 * SIDE_PX**2,
            device,
        ),
    )


def _rate(work: Callable[[], object], flops: int, device: torch.device) -> float:
    """Of the fastest call within the time there is; the first one only warms up."""
    best, until = float("inf"), time.perf_counter() + MEASURE_S
    work()
    _wait_for(device)
    while best == float("inf") or time.perf_counter() < until:
        began = time.perf_counter()
        work()
        _wait_for(device)
        best = min(best, time.perf_counter() - began)
    return flops / best


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def _name_of(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type}, {torch.get_num_threads()} threads"


def _read(kept: Path | None) -> dict[str, dict[str, float]]:
    """What is not as it was written counts as not there."""
    if kept is None or not kept.is_file():
        return {}
    try:
        found = read_object(kept)
    except CheckpointError:
        return {}
    names = set(Speed.__dataclass_fields__)
    return {
        key: values
        for key, values in found.items()
        if isinstance(values, dict)
        and set(values) == names
        and all(isinstance(value, float) and value > 0 for value in values.values())
    }


def _write(kept: Path | None, known: dict[str, dict[str, float]]) -> None:
    """It is measured again next time where it cannot be written."""
    if kept is None:
        return
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(known, indent=1), encoding="utf-8")
    except OSError:
        return
