"""Several ranks without MPI: threads of one process, which exchange arrays.

Exchanges go by the methods of mpi4py's communicator that `Ranks` calls. So the tests of
who holds what run in a second, and wherever there is no MPI.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from queue import Queue
from threading import Barrier
from typing import Any

import numpy as np

from npalexnet.layers import Array
from npalexnet.parallel import Ranks


class Meeting:
    """Where the ranks put what they bring."""

    def __init__(self, size: int) -> None:
        self.brought: list[Any] = [None] * size
        self.barrier = Barrier(size, timeout=60)
        self.post = {(a, b): Queue[Array]() for a in range(size) for b in range(size)}


class Comm:
    """What one rank sees of the meeting."""

    def __init__(self, meeting: Meeting, rank: int) -> None:
        self.meeting, self.rank = meeting, rank

    def _all(self, mine: Array) -> list[Array]:
        """What each rank has brought, in their order."""
        self.meeting.brought[self.rank] = np.array(mine)
        self.meeting.barrier.wait()
        found = list(self.meeting.brought)
        self.meeting.barrier.wait()
        return found

    def Allgather(self, mine: Array, found: Array) -> None:
        found.reshape(-1)[:] = np.concatenate([a.reshape(-1) for a in self._all(mine)])

    def Allgatherv(self, mine: Array, found: Any) -> None:
        whole, counts = found
        brought = self._all(mine)
        assert [a.size for a in brought] == list(counts)
        whole.reshape(-1)[:] = np.concatenate([a.reshape(-1) for a in brought])

    def Reduce_scatter(self, x: Array, mine: Array, counts: list[int]) -> None:
        total = sum(a.reshape(-1) for a in self._all(x))
        end = sum(counts[: self.rank + 1])
        mine.reshape(-1)[:] = total[end - counts[self.rank] : end]

    def Allreduce(self, in_place: Any, x: Array) -> None:
        x[...] = sum(self._all(x))

    def Send(self, x: Array, to: int) -> None:
        self.meeting.post[self.rank, to].put(np.array(x))

    def Recv(self, x: Array, sender: int) -> None:
        x[...] = self.meeting.post[sender, self.rank].get(timeout=60)


class RanksInThreads(Ranks):
    """A rank whose neighbours are threads."""

    def __init__(self, meeting: Meeting, rank: int) -> None:
        super().__init__()
        self.rank, self.size = rank, len(meeting.brought)
        self.comm, self._in_place = Comm(meeting, rank), None


def together(size: int, work: Callable[[Ranks], Any]) -> list[Any]:
    """work(ranks) on so many ranks at once; what each returns."""
    meeting = Meeting(size)

    def one(rank: int) -> Any:
        try:
            return work(RanksInThreads(meeting, rank))
        except BaseException:
            meeting.barrier.abort()  # the others need not wait
            raise

    with ThreadPoolExecutor(size) as pool:
        done = [pool.submit(one, rank) for rank in range(size)]
    failed = [f.exception() for f in done if f.exception() is not None]
    for error in sorted(failed, key=lambda e: type(e).__name__ == "BrokenBarrierError"):
        raise error
    return [f.result() for f in done]
