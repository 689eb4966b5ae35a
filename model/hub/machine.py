"""What this computer has, and the rule of thumb by which a model fits it.

The rule is simple and says so: all weights of a model at 16 bits must fit one device. It knows
neither quantised weights nor streaming.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from model.hub.catalogue import Entry
from model.system import windows_memory

RULE = (
    "By a rule of thumb: the weights at 16 bits, and a tenth for the work, in the memory of the "
    "graphics card or of a Mac; at 32 bits in the main memory for the processor alone"
)
WORKING_ROOM = 1.1
MAC_SHARE = 0.75
"""Of a Mac's memory, what its graphics may use."""
ASK_S = 5.0


class Fit(StrEnum):
    graphics = "graphics"
    processor = "processor"
    none = "none"


@dataclass(frozen=True, kw_only=True)
class Machine:
    """In bytes. Zero: there is none, or it is not known."""

    memory: int
    graphics: int
    free: int

    def fit(self, entry: Entry) -> Fit:
        needed = entry.bytes * WORKING_ROOM
        if self.graphics >= needed:
            return Fit.graphics
        return Fit.processor if self.memory >= 2 * needed else Fit.none


def look(folder: Path) -> Machine:
    """Of this computer; `free` is of the disk on which `folder` lies or would lie."""
    memory = main_memory()
    graphics = int(memory * MAC_SHARE) if is_mac() else nvidia_memory()
    return Machine(memory=memory, graphics=graphics, free=free_bytes(folder))


def is_mac() -> bool:
    return sys.platform == "darwin" and os.uname().machine == "arm64"


def free_bytes(folder: Path) -> int:
    """Of the disk of the nearest folder that exists."""
    for path in (folder, *folder.parents):
        try:
            return shutil.disk_usage(path).free
        except OSError:
            continue
    return 0


def main_memory() -> int:
    if sys.platform == "win32":
        return windows_memory()[0]
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return 0


def nvidia_memory() -> int:
    """Of the largest card, as its driver tells."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return 0
    command = [tool, "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
    try:
        out = subprocess.run(command, capture_output=True, text=True, timeout=ASK_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return 0
    sizes = [int(line) for line in out.stdout.split() if line.isdecimal()]
    return max(sizes, default=0) * 2**20
