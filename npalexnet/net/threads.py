"""The pool of threads: how many there are, and a range divided over them.

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

Several Python threads may use networks, too. They take turns (`one_thread_blas`): there
is one pool and one setting of BLAS, and a network writes into arrays that it keeps.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import wait
from contextlib import contextmanager
from contextvars import copy_context
from itertools import pairwise
from threading import RLock
from typing import Any

import threadpoolctl
from threadpoolctl import ThreadpoolController

from npalexnet.layers.layer import Work
from npalexnet.system.machine import usable_cpus
from npalexnet.system.workers import can_start_threads, workers


class Pool:
    """The threads. `_pool` and whose turn it is are the package's only global state."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.blas = ThreadpoolController().select(user_api="blas")
        self.start()

    def start(self) -> None:
        self.helpers = workers(max(1, self.count - 1), "npalexnet")


_pool: Pool | None = None
_turn = RLock()


def _the_pool() -> Pool:
    global _pool
    if _pool is None:
        with _turn:
            _pool = _pool or Pool(default_threads())
    return _pool


def _after_fork() -> None:
    """A forked process has none of its parent's threads, nor waits for their turn."""
    global _turn
    _turn = RLock()
    if _pool is not None:
        _pool.start()


if hasattr(os, "register_at_fork"):  # Windows does not fork
    os.register_at_fork(after_in_child=_after_fork)


def default_threads(processes: int = 1) -> int:
    """Threads unless told otherwise: all usable CPUs, at most 8, fairly shared.

    Args:
        processes: how many of this program work on this machine.
    """
    if not can_start_threads():
        return 1
    return max(1, min(8, usable_cpus() // processes))


def get_threads() -> int:
    """How many threads share the work."""
    return _the_pool().count


def holds_blas() -> bool:
    """Can the threads of BLAS be limited? Not those of Apple's Accelerate, say."""
    return bool(_the_pool().blas.lib_controllers)


def set_threads(count: int) -> None:
    """Choose how many threads share the work; by default all usable CPUs, at most 8.

    Raises:
        ValueError: count is less than 1.
    """
    global _pool
    if count < 1:
        raise ValueError(f"the number of threads must be at least 1, and is {count}")
    with _turn:
        _pool = Pool(count)


@contextmanager
def one_thread_blas() -> Iterator[None]:
    """While this lasts, a matrix product runs on the thread that asks for it.

    One Python thread at a time: the next one waits until this one has left. (Each would
    put BLAS back to what it found, and what the second finds is the first one's limit.)
    The same thread may enter again.

    Only BLAS libraries are touched: OpenMP pools belong to others (PyTorch's, say).
    """
    with _turn:
        _take_control_of_blas()
        with _the_pool().blas.limit(limits=1, user_api="blas"):
            yield


def _take_control_of_blas() -> None:
    """Let this thread set the limit, whoever has set one before.

    Since threadpoolctl 3.8 a limit that one thread has set makes those of all other
    threads do nothing, without a word. The limit found is put back afterwards.
    """
    openblas = getattr(threadpoolctl, "OpenBLASController", None)
    clear = getattr(openblas, "clear_controlling_thread", None)
    if clear is not None:
        clear(force=True)


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
