"""What 1.x takes stays short enough to be read in an afternoon, and no pipeline repeats another."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

ROOT = Path(__file__).parents[2] / "model"
NETWORKS = ("transformer", "rope", "attention", "modules", "vae", "latents")
MOST_LINES = 2200
RUN = 6


def test_the_networks_and_pipelines_of_1_x_are_short() -> None:
    files = [
        *(ROOT / f"{name}.py" for name in NETWORKS),
        *(ROOT / "sampling").glob("*.py"),
        *(path for path in (ROOT / "pipelines").glob("*.py") if path.stem != "edit21"),
    ]
    assert len(files) > 20
    lines = sum(len(path.read_text(encoding="utf-8").splitlines()) for path in files)
    assert lines <= MOST_LINES


def test_no_pipeline_shares_six_lines_with_a_sibling() -> None:
    runs = {path.name: _runs(path) for path in (ROOT / "pipelines").glob("*.py")}
    for (first, ours), (second, theirs) in combinations(runs.items(), 2):
        assert not ours & theirs, (first, second)


def _runs(path: Path) -> set[tuple[str, ...]]:
    """Every six lines in a row below the imports, without their indentation."""
    lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    ends = [i for i, line in enumerate(lines) if line.startswith(("from ", "import ", ")"))]
    first = max((i for i in ends if "def " not in " ".join(lines[:i])), default=0)
    code = [line for line in lines[first + 1 :] if line]
    return {tuple(code[i : i + RUN]) for i in range(len(code) - RUN + 1)}
