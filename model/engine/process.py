"""The engine as a program of its own: its pipes, its options, its end together with the window."""

from __future__ import annotations

import argparse
import faulthandler
import os
import signal
import sys
from pathlib import Path
from typing import BinaryIO

from model.engine.library import Library, ModelLibrary
from model.engine.worker import EXIT_DEVICE, DeviceLost, Outbox, Worker
from model.hub.local import cached_models

# Of a crowded core the engine gets a tenth of what the window gets; of an idle one, all.
NICENESS = 10
BELOW_NORMAL_PRIORITY_CLASS = 0x4000


def main(argv: list[str]) -> int:
    options = _parser().parse_args(argv)
    library = Library(
        [*options.models, *cached_models()],
        device=options.device,
        dtype=options.dtype,
        variants=dict(options.variant),
        lora_folders=options.loras,
        budget_bytes=options.budget,
        speeds=options.speeds,
    )
    return serve(library)


def serve(library: ModelLibrary) -> int:
    """Speak the protocol on the inherited pipes until Quit, or until the window is gone."""
    source, outbox = claim_pipes()
    _settle()
    try:
        Worker(library, outbox).serve(source)
    except DeviceLost:
        return EXIT_DEVICE
    return 0


def claim_pipes() -> tuple[BinaryIO, Outbox]:
    """Standard input and output become the protocol's alone: what anything else prints goes to
    standard error, and nothing else reads the requests."""
    sys.stdout.flush()
    source = os.fdopen(os.dup(0), "rb")
    sink = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return source, Outbox(sink)


def _settle() -> None:
    """What every engine process wants of its surroundings."""
    faulthandler.enable()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is the window's to decide about
    os.environ["HF_HUB_OFFLINE"] = os.environ["TRANSFORMERS_OFFLINE"] = "1"
    _die_with_parent()
    step_back()


def step_back() -> None:
    """The window and other programs go first: a frame of theirs is never behind a step of ours."""
    if sys.platform == "win32":
        import ctypes

        kernel = ctypes.windll.kernel32
        kernel.GetCurrentProcess.restype = ctypes.c_void_p
        process = ctypes.c_void_p(kernel.GetCurrentProcess())
        kernel.SetPriorityClass(process, BELOW_NORMAL_PRIORITY_CLASS)
    else:
        os.nice(NICENESS)


def _die_with_parent() -> None:
    """Where the system can do it, it ends us with the window even if no thread of ours can run."""
    if sys.platform != "linux":
        return
    import ctypes

    pr_set_pdeathsig = 1
    try:
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, int(signal.SIGKILL))
    except (OSError, AttributeError):
        return  # the end of the pipe does it alone


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="main.py engine", description="Runs models for the window; not for people."
    )
    for option in ("--models", "--loras"):
        parser.add_argument(option, type=Path, action="append", default=[], metavar="FOLDER")
    parser.add_argument(
        "--variant", nargs=2, action="append", default=[], metavar=("FINGERPRINT", "NAME")
    )
    parser.add_argument("--speeds", type=Path, metavar="FILE")
    parser.add_argument("--budget", type=int, metavar="BYTES")
    parser.add_argument("--device")
    parser.add_argument("--dtype")
    return parser
