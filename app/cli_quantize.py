"""`main.py quantize`: a model's transformer as one file of fewer bits. What packs is handed in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from app.cli_options import PROGRAM, SCHEMES, CommandError, Parser, check_output
from app.cli_progress import ProgressBar, terminal
from model.engine.estimate import StepClock

ABOUT = """\
Write a model's transformer as one file whose blocks are packed: int8 and fp8 take half of 16 bits,
int4 under a third. ComfyUI reads it, and so does --model OUT.safetensors --parts MODEL. MODEL is a
model folder, or a transformer's file in any format that is read, packed ones too.
"""
DONE = 0
Quantise = Callable[[Path, Path, str, Callable[[int, int], None]], int]
"""From, to, scheme, and what is told of weights done and all; the bytes written."""


def run(argv: Sequence[str], quantise: Quantise) -> int:
    """Raises CommandError, or what `quantise` raises."""
    options = _parser().parse_args(argv)
    source, out = options.source, options.output
    check_output(out, (".safetensors",))
    if not source.exists():
        raise CommandError(f"{source}: is not there; name a model folder or a transformer's file")
    if out.exists() and (out.samefile(source) or source.resolve() in out.resolve().parents):
        raise CommandError(f"{out}: is what is read, or part of it; name another file")
    with ProgressBar(out.name, terminal(is_quiet=False), StepClock()) as bar:
        size = quantise(
            source, out, options.scheme, lambda done, total: bar.on_step(done, total, None)
        )
    print(f"{out}  {options.scheme}, {size / 1e9:.2f} GB")
    return DONE


def _parser() -> Parser:
    parser = Parser(prog=f"{PROGRAM} quantize", description=ABOUT)
    parser.add_argument("source", type=Path, metavar="MODEL")
    parser.add_argument("output", type=Path, metavar="OUT.safetensors")
    parser.add_argument("--scheme", choices=SCHEMES, required=True, metavar="SCHEME",
        help=", ".join(SCHEMES))  # fmt: skip
    return parser
