"""One side of the comparison in a process of its own: import, load, make one picture, and tell
times and memory as a line of JSON."""

from __future__ import annotations

import importlib
import json
import logging
import sys
import time
from pathlib import Path
from typing import Any

PROMPT = '一张红色的海报, with the headline "SALE"'


def open_reference(folder: Path) -> Any:
    """diffusers' pipeline for text to image, silent."""
    import torch

    diffusers: Any = importlib.import_module("diffusers")
    diffusers.utils.logging.set_verbosity_error()
    logging.getLogger("transformers").setLevel(logging.ERROR)
    # In float32 as ours: the reference would otherwise keep the type of the files.
    opened = diffusers.QwenImagePipeline.from_pretrained(folder, dtype=torch.float32)
    opened.set_progress_bar_config(disable=True)
    return opened


def _ours(folder: Path) -> tuple[float, float]:
    from model import loader
    from model.requests import TextToImage

    model = loader.load(folder)
    loaded = time.process_time()
    model.run(TextToImage(prompt=PROMPT, steps=2, guidance=1.0))
    return loaded, time.process_time()


def _diffusers(folder: Path) -> tuple[float, float]:
    from model.checkpoint.folder import read_folder

    pipeline = open_reference(folder)
    loaded = time.process_time()
    width, height = read_folder(folder).row.sizes[0]
    pipeline(prompt=PROMPT, true_cfg_scale=1.0, width=width, height=height, num_inference_steps=2)
    return loaded, time.process_time()


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
    loaded, picture = {"ours": _ours, "diffusers": _diffusers}[side](Path(folder))
    found = {"loaded_s": loaded, "picture_s": picture, "peak_mb": _peak_megabytes()}
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
