"""What this computer has, and how much of it models may take."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from model.system import windows_memory

FREE = 0.92
"""Of a memory, what is left beside driver, screen and system."""
MAC_SHARE = 0.75
"""Of a Mac's memory, what its graphics may use."""
ASK_S = 5.0


class Place(StrEnum):
    """Where a model works: on a graphics card, a Mac's graphics, or the processor."""

    card = "card"
    mac = "mac"
    processor = "processor"


def place_of(device: str) -> Place:
    return {"cpu": Place.processor, "mps": Place.mac}.get(device, Place.card)


@dataclass(frozen=True, kw_only=True)
class Machine:
    """In bytes. Zero: there is none, or it is not known."""

    memory: int
    graphics: int
    free: int

    def place(self, device: str = "") -> Place:
        """Where a device is; an empty one means the best there is."""
        if device:
            return place_of(device)
        if not self.graphics:
            return Place.processor
        return Place.mac if is_mac() else Place.card

    def room(self, device: str = "") -> int:
        """What models may take there if nothing else does."""
        is_main = self.place(device) is Place.processor
        return int(FREE * (self.memory if is_main else self.graphics))


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
