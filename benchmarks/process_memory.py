"""How much memory this process holds, and held at most since it last began to count.

From /proc/self/status: `resource.ru_maxrss` would not do, as a child of a big process
starts with its parent's.
"""

from pathlib import Path

import psutil

MIB = 2**20
STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def resident():
    """Return the bytes that this process holds in memory."""
    return psutil.Process().memory_info().rss


def start_peak():
    """Let `peak_resident` count from now; return what is held now."""
    CLEAR.write_text("5")
    return resident()


def peak_resident():
    """Return the most that this process has held since `start_peak`."""
    line = next(s for s in STATUS.read_text().splitlines() if s.startswith("VmHWM"))
    return 1024 * int(line.split()[1])
