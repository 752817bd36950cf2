"""How much memory there is, so that a run that cannot fit says so before it starts."""

from __future__ import annotations

from pathlib import Path

from npalexnet.errors import UserError
from npalexnet.graph import Graph
from npalexnet.parallel import ParallelGraph
from npalexnet.summary import bytes_text


def free_memory() -> int | None:
    """Bytes that this process may still take: the machine's, and its container's.

    None where it is not known (anywhere but on Linux).
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


def check_fits(graph: Graph | ParallelGraph, batch: int) -> None:
    """Refuse a batch that would not fit into memory.

    Raises:
        UserError: it would not; says which batch would.
    """
    free = free_memory()
    need = sum(graph.memory(batch).values())
    if free is None or need <= free:
        return
    fixed = sum(graph.memory(0).values())
    image = (need - fixed) / batch
    fits = int(0.8 * (free - fixed) / image)
    advice = f"--batch {fits} fits" if fits > 0 else "choose a smaller --variant"
    raise UserError(
        f"a batch of {batch} needs {bytes_text(need)} of memory and "
        f"{bytes_text(free)} are free; {advice}"
    )
