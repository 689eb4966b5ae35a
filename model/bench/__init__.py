"""Comparisons with the reference implementation: `main.py bench NAME` prints a Markdown table.

Here, and in the tests, diffusers may be imported, if it is installed. What packed weights cost,
`main.py bench quantize` tells, which is training's (`training/evaluation/schemes.py`).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import NoReturn

from model.errors import ModelError


class _Parser(argparse.ArgumentParser):
    """Faults are one line, as everywhere on this command line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; --help lists what there is\n")


def main(argv: list[str]) -> int:
    parser = _Parser(prog="main.py bench", description=__doc__)
    parser.add_argument(
        "name",
        choices=["cpu", "gpu", "lossy", "needs", "parity", "plan"],
        help="cpu: networks and one model against diffusers; gpu: the published size on a card, "
        "tiny without one; lossy: what changes the picture against the exact run; needs: the "
        "memory of every published model, as a module; parity: every task of the family, tiny; "
        "plan: what runs in which memory",
    )
    parser.add_argument(
        "--model", type=Path, help="cpu, lossy: model folder; the starter by default"
    )
    parser.add_argument("--samples", type=int, help="interleaved runs of each side")
    parser.add_argument("--steps", type=int, help="cpu, lossy: steps of a whole run")
    options = parser.parse_args(argv)
    try:
        print(_table(options))
    except ModelError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    return 0


def _table(options: argparse.Namespace) -> str:
    if options.name == "parity":
        from model.bench import parity

        return parity.table(options.samples or parity.SAMPLES)
    if options.name == "gpu":
        from model.bench import gpu

        return gpu.table(samples=options.samples or gpu.SAMPLES)
    if options.name == "needs":
        from model.bench import needs

        return needs.module()
    if options.name == "plan":
        from model.bench import plan

        return plan.table()
    from model.loader import starter_path

    folder = options.model or starter_path()
    if options.name == "lossy":
        from model.bench import lossy

        return lossy.table(folder, options.samples or lossy.SAMPLES, options.steps or lossy.STEPS)
    from model.bench import cpu

    return cpu.table(folder, options.samples or 9, options.steps or 8)
