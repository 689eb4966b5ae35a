"""How much memory this process takes, as far as the system tells. Zero means: it does not."""

from __future__ import annotations

import os
import sys


def resident_bytes() -> int:
    """What the process holds now; where only the peak is known, the peak."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return peak_bytes()


def peak_bytes() -> int:
    """The most the process has held so far."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
