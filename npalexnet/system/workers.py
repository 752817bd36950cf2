"""Threads, or, where there are none (in a browser), their caller."""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import cache
from threading import Thread
from typing import Any


@cache
def can_start_threads() -> bool:
    """Has this platform threads? If not, it is said once."""
    try:
        thread = Thread(target=int)
        thread.start()
        thread.join()
    except RuntimeError:
        print("no threads here: one processor does all the work", file=sys.stderr)
        return False
    return True


class InCaller(Executor):
    """Does at once, and in the thread that asks, what others would put off."""

    def submit(
        self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any
    ) -> Future[Any]:
        """A future that is over already."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


def workers(count: int, name: str) -> Executor:
    """So many threads that take on work."""
    return ThreadPoolExecutor(count, name) if can_start_threads() else InCaller()
