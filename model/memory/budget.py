"""How much memory a device has free now."""

from __future__ import annotations

import sys

import torch

from model.system import windows_memory

MEMINFO = "/proc/meminfo"


def free_bytes(device: torch.device) -> int:
    """What PyTorch keeps for its next tensors is free too. Zero where it cannot be told."""
    if device.type == "cuda":
        kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + kept
    if device.type == "mps":
        free = torch.mps.recommended_max_memory() - torch.mps.current_allocated_memory()
        return max(0, free)
    return _free_main_memory()


def _free_main_memory() -> int:
    """What programs may take without others having to give anything up."""
    if sys.platform == "win32":
        return windows_memory()[1]
    try:
        with open(MEMINFO, encoding="ascii") as file:
            for line in file:
                name, _, rest = line.partition(":")
                if name == "MemAvailable":
                    return int(rest.split()[0]) * 1024
    except (OSError, ValueError):
        pass
    return 0
