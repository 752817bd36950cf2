"""What this machine allows: its usable processors and its free memory."""

from __future__ import annotations

import math
import os
from pathlib import Path


def usable_cpus() -> int:
    """CPUs that this process may use: its affinity, and its container's limit."""
    if hasattr(os, "sched_getaffinity"):
        cpus = len(os.sched_getaffinity(0))
    else:
        cpus = os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        cpus = min(cpus, math.ceil(int(quota) / int(period)))
    except (OSError, ValueError):  # no such file, or the quota is "max"
        pass
    return max(1, cpus)


def free_memory() -> int | None:
    """Bytes of memory that this process may still take, from machine and container.

    None where they are not known (anywhere but on Linux).
    """
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        free = next(int(s.split()[1]) * 1024 for s in lines if "MemAvailable" in s)
    except (OSError, StopIteration):
        return None
    try:
        group = Path("/sys/fs/cgroup")
        limit = int((group / "memory.max").read_text())
        used = int((group / "memory.current").read_text())
        free = min(free, limit - used)
    except (OSError, ValueError):  # no such file, or the limit is "max"
        pass
    return free


def bytes_text(count: float) -> str:
    """A number of bytes as a person would say it: 698 MB."""
    units = ["bytes", "kB", "MB", "GB", "TB"]
    while count >= 999.5 and len(units) > 1:
        count /= 1000
        units.pop(0)
    return f"{count:.3g} {units[0]}"
