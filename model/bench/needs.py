"""What every published model needs of memory, by the planner's count, for those who cannot ask it:
`main.py bench needs` prints the module `model/hub/counted.py`.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import torch

from model.bench.plan import planner_of
from model.config import FAMILIES, Family
from model.engine.protocol import Need, Way
from model.hub.machine import Place
from model.memory.planner import LEAST_TILE_BYTES, Planner
from model.memory.savings import Savings
from model.quantize.schemes import SCHEMES

MB = 10**6
WAYS = (Way.whole, Way.encoder_read, Way.blocks_read)
HEAD = '''\
"""In MB: the least memory of each published model, packed by each scheme, whole, with its text
encoder read from disk, and with its blocks read too; 0: there is no such way.

Printed by `python main.py bench needs`; not to be edited.
"""

from __future__ import annotations

COUNTED: tuple[tuple[str, str, str, int, int, int], ...] = ('''
_KINDS = tuple(
    Savings(keeps_modulation=keeps, streams_encoder=streams)
    for keeps in (True, False)
    for streams in (True, False)
)
_WORKS_WITH = {
    Place.card: (torch.bfloat16, "cuda"),
    Place.mac: (torch.bfloat16, "mps"),
    Place.processor: (torch.float32, "cpu"),
}


def module() -> str:
    lines = [HEAD]
    for row in FAMILIES:
        for place in Place:
            for scheme in ("", *SCHEMES):
                need = count(row, place, scheme)
                sizes = ", ".join(str(-(-need.bytes(way) // MB)) for way in WAYS)
                lines.append(f'    ("{row.name}", "{place}", "{scheme}", {sizes}),')
    return "\n".join([*lines, ")"])


def count(row: Family, place: Place, scheme: str) -> Need:
    """Packed while it is loaded, or with an empty scheme as published; at 32 bits on the
    processor, at 16 elsewhere."""
    dtype, device = _WORKS_WITH[place]
    with tempfile.TemporaryDirectory() as empty:
        planner = planner_of(Path(empty), row, scheme or None, dtype, device, is_packed_now=True)
        least: dict[Way, int] = {}
        for budget_bytes in _budgets(planner):
            way = _way_of(planner.choose(budget_bytes).savings)
            least[way] = min(budget_bytes, least.get(way, budget_bytes))
    return Need(scheme=scheme, **{way: least.get(way, 0) for way in WAYS})


def _way_of(savings: Savings) -> Way:
    if savings.resident_blocks is not None:
        return Way.blocks_read
    return Way.encoder_read if savings.streams_encoder else Way.whole


def _budgets(planner: Planner) -> list[int]:
    """What each kind of savings takes, as far as it is enough for any way that the planner has."""
    least, *more = (
        planner.forecast(replace(savings, vae_bytes=LEAST_TILE_BYTES)).peak_bytes
        for savings in (planner.least, *_KINDS)
    )
    return [least, *(size for size in more if size > least)]
