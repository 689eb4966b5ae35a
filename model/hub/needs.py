"""What published models need of memory, as the planner counts it; the figures are counted before
(`counted.py`), for here nothing is loaded."""

from __future__ import annotations

from model.engine.protocol import Need
from model.hub.counted import COUNTED
from model.hub.machine import Place

MB = 10**6


def needs(name: str, place: Place) -> tuple[Need, ...]:
    """Of a published model, as published and then by each scheme."""
    return tuple(
        Need(
            scheme=scheme,
            whole=whole * MB,
            encoder_read=encoder_read * MB,
            blocks_read=blocks_read * MB,
        )
        for row, where, scheme, whole, encoder_read, blocks_read in COUNTED
        if (row, where) == (name, place)
    )
