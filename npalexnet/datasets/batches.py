"""Shuffled batches, prefetched: a loader thread works one batch ahead.

While the network learns from one batch, the thread crops and colours the next, so that
the step never waits. The order is a function of (seed, epoch): see augment.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from npalexnet.datasets.augment import generator
from npalexnet.system.workers import workers

Numbers = npt.NDArray[np.int64]
Batch = TypeVar("Batch")


def shuffled(count: int, size: int, seed: int, epoch: int) -> list[Numbers]:
    """The numbers 0..count-1 in this epoch's order, split into batches of `size`.

    The last batch may be shorter; no picture is left out or shown twice.
    """
    order = generator(seed, "shuffle", epoch).permutation(count)
    return [order[lo : lo + size] for lo in range(0, count, size)]


def prefetch(
    make: Callable[[Numbers], Batch], batches: list[Numbers]
) -> Iterator[Batch]:
    """make(batch) for each batch; the next one is made while this one is used."""
    with workers(1, "loader") as loader:
        coming = None
        for batch in batches:
            ready, coming = coming, loader.submit(make, batch)
            if ready is not None:
                yield ready.result()
        if coming is not None:
            yield coming.result()
