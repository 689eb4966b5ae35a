"""One side of the comparison in a process of its own: import, load, make one picture, and tell
times and memory as a line of JSON. Times are the processor's."""

from __future__ import annotations

import importlib
import json
import logging
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

PROMPT = '一张红色的海报, with the headline "SALE"'


def open_reference(folder: Path) -> Any:
    """diffusers' pipeline for text to image, silent."""
    return _opened(_reference_class(), folder)


def _reference_class() -> Any:
    diffusers: Any = importlib.import_module("diffusers")
    diffusers.utils.logging.set_verbosity_error()
    logging.getLogger("transformers").setLevel(logging.ERROR)
    return diffusers.QwenImagePipeline


def _opened(pipeline: Any, folder: Path) -> Any:
    import torch

    # In float32 as ours: the reference would otherwise keep the type of the files.
    opened = pipeline.from_pretrained(folder, dtype=torch.float32)
    opened.set_progress_bar_config(disable=True)
    return opened


def _ours(folder: Path, *, has_table: bool = False) -> tuple[float, float, float]:
    from model import loader
    from model.memory.savings import Savings
    from model.requests import TextToImage

    imported = time.process_time()
    model = loader.load(folder, savings=Savings(keeps_modulation=not has_table))
    loaded = time.process_time()
    model.run(TextToImage(prompt=PROMPT, steps=2, guidance=1.0))
    return imported, loaded, time.process_time()


def _diffusers(folder: Path) -> tuple[float, float, float]:
    from model.checkpoint.folder import read_folder

    width, height = read_folder(folder).row.sizes[0]
    pipeline = _reference_class()
    imported = time.process_time()
    opened = _opened(pipeline, folder)
    loaded = time.process_time()
    opened(prompt=PROMPT, true_cfg_scale=1.0, width=width, height=height, num_inference_steps=2)
    return imported, loaded, time.process_time()


def _peak_megabytes() -> float:
    """Greatest resident size. Linux's getrusage would count the parent before the fork as well."""
    status = Path("/proc/self/status")
    if status.exists():
        lines = status.read_text(encoding="ascii", errors="replace").splitlines()
        return next(int(line.split()[1]) / 2**10 for line in lines if line.startswith("VmHWM"))
    try:
        import resource
    except ImportError:  # Windows
        return 0.0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # bytes on macOS


def main(side: str, folder: str) -> None:
    run = {
        "ours": _ours,
        "ours with a table": partial(_ours, has_table=True),
        "diffusers": _diffusers,
    }[side]
    imported, loaded, drawn = run(Path(folder))
    found = {"load_s": loaded - imported, "picture_s": drawn, "peak_mb": _peak_megabytes()}
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
