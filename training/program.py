"""What the programs `train`, `prepare` and `evaluate` share: one argument, one line for a fault."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from model.errors import ModelError
from training.errors import TrainingError

OK, REFUSED = 0, 2


def run_program(
    word: str, argument: str, arguments: Sequence[str] | None, action: Callable[[Path], object]
) -> int:
    """`action` with the one file named; 2 and one line for whatever a user or a file got wrong."""
    given = sys.argv[1:] if arguments is None else arguments
    if len(given) != 1 or given[0].startswith("-"):
        print(f"usage: {word} {argument}", file=sys.stderr)
        return REFUSED
    try:
        action(Path(given[0]))
    except (TrainingError, ModelError, OSError) as error:
        print(f"{word}: {' '.join(str(error).split())}", file=sys.stderr)
        return REFUSED
    return OK
