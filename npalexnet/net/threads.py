"""How many threads, and who does what: the one place where work is split over cores.

Every kernel is serial and every matrix product runs on one core; what runs at the same
time is decided here, with one small pool of Python threads. (Kernels and BLAS release
Python's lock while they compute.) Two pools of threads that know nothing of each other,
Numba's and BLAS's, fight for the cores: the same convolutions took six times as long.

The split is that of Krizhevsky's "One weird trick" (2014), on cores instead of GPUs:

    convolutional layers   few weights, much work per image:  split the IMAGES
    fully connected layers many weights, little work:         split the UNITS

The engine asks `run` to work on several ranges of images at once; a layer that splits
its own work asks `parallel_for`. How the work is split depends only on the number of
threads, so the same number of threads gives the same bits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from contextvars import copy_context
from itertools import pairwise
from typing import Any

from threadpoolctl import ThreadpoolController

from npalexnet.layers.layer import Work
from npalexnet.system.machine import usable_cpus


class Pool:
    """The threads. There is one, `_pool` below, the package's only global state."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.helpers = ThreadPoolExecutor(max(1, count - 1), "npalexnet")
        self.blas = ThreadpoolController().select(user_api="blas")


_pool: Pool | None = None


def _the_pool() -> Pool:
    global _pool
    if _pool is None:
        _pool = Pool(default_threads())
    return _pool


def default_threads(processes: int = 1) -> int:
    """Threads unless told otherwise: all usable CPUs, at most 8, fairly shared.

    Args:
        processes: how many of this program work on this machine.
    """
    return max(1, min(8, usable_cpus() // processes))


def get_threads() -> int:
    """How many threads share the work."""
    return _the_pool().count


def set_threads(count: int) -> None:
    """Choose how many threads share the work; by default all usable CPUs, at most 8.

    Raises:
        ValueError: count is less than 1.
    """
    global _pool
    if count < 1:
        raise ValueError(f"the number of threads must be at least 1, and is {count}")
    _pool = Pool(count)


@contextmanager
def one_thread_blas() -> Iterator[None]:
    """While this lasts, a matrix product runs on the thread that asks for it.

    Only BLAS libraries are touched: OpenMP pools belong to others (PyTorch's, say).
    """
    with _the_pool().blas.limit(limits=1, user_api="blas"):
        yield


def split_range(count: int, parts: int) -> list[tuple[int, int]]:
    """Split range(count) into at most `parts` ranges (lo, hi) of nearly equal size."""
    parts = max(1, min(parts, count))
    edges = [count * i // parts for i in range(parts + 1)]
    return list(pairwise(edges))


def run(tasks: Sequence[Callable[[], Any]]) -> None:
    """Run all tasks at the same time, and return when the last one is done.

    The first exception of a task is raised here, after all tasks have ended.
    """
    # a thread gets a copy of the caller's context: NumPy's errstate lives there
    helpers = [
        _the_pool().helpers.submit(copy_context().run, task) for task in tasks[1:]
    ]
    try:
        tasks[0]()
    finally:
        wait(helpers)
    for helper in helpers:
        helper.result()


def parallel_for(count: int, work: Work) -> None:
    """Do `work(lo, hi)` on all of range(count), one range for each thread."""

    def part(lo: int, hi: int) -> Callable[[], None]:
        return lambda: work(lo, hi)

    run([part(lo, hi) for lo, hi in split_range(count, get_threads())])
