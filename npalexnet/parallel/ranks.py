"""What MPI is asked to do, and what it sent.

MPI starts a program several times (`mpiexec -n 2 python -m ...`); each copy is a
"rank", with a number from 0. Three exchanges are all that is needed:

    all_gather      each rank gets the shards of all             MPI_Allgatherv
    reduce_scatter  add up; each rank gets its shard of the sum  MPI_Reduce_scatter
    all_reduce      add up; each rank gets the whole sum         MPI_Allreduce

mpi4py is imported only if the program was started by MPI.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from math import prod
from pathlib import Path
from time import monotonic, sleep
from typing import Any, TypeVar

import numpy as np

from npalexnet.layers.layer import Array
from npalexnet.parallel.plan import shard_of
from npalexnet.system.errors import Stopped, UserError

# Environment variables set by the mpiexec of MPICH (and Intel MPI) and of Open MPI, and
# by Slurm's srun: the rank of a process, and how many there are.
MARKS = ("PMI_RANK", "OMPI_COMM_WORLD_RANK", "PMIX_RANK")
SIZES = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "SLURM_NTASKS")

Made = TypeVar("Made")

# How many images' units are exchanged at a time: few, so that their copy stays small.
AT_A_TIME = 16

# Bytes that are collected on rank 0 at a time.
PIECE = 2**24


def started_by_mpi() -> bool:
    """Was this process started by mpiexec or the like?"""
    return any(mark in os.environ for mark in MARKS)


def started_often() -> bool:
    """Did mpiexec start more than one process?"""
    return any(int(os.environ.get(size, 1)) > 1 for size in SIZES)


@contextmanager
def first_speaks(errors: bool = False) -> Iterator[None]:
    """While this lasts, no rank but the first prints anything.

    Args:
        errors: nor does any rank but the first say what went wrong.
    """
    rank = next((os.environ[mark] for mark in MARKS if mark in os.environ), "0")
    if rank == "0":
        yield
        return
    with open(os.devnull, "w") as nothing, redirect_stdout(nothing):
        if errors:
            with redirect_stderr(nothing):
                yield
        else:
            yield


def world() -> Ranks:
    """All ranks of this program: one, if it was not started by MPI.

    Raises:
        UserError: it was, but mpi4py is missing.
    """
    if not started_by_mpi():
        return Ranks()
    try:
        from mpi4py import MPI
    except ImportError:
        raise UserError(
            "started by mpiexec, but mpi4py cannot be imported; install it: "
            "pip install 'npalexnet[mpi]'"
        ) from None
    return Ranks(MPI.COMM_WORLD)


class Ranks:
    """This process, and the others of the same program.

    Args:
        comm: a communicator of mpi4py; None for a process that is alone.

    Attributes:
        rank: the number of this process, from 0.
        size: how many there are.
        here: how many of them are on this machine.
        sent: bytes that this rank has sent, by (layer, direction), see `plan.Bytes`.
    """

    def __init__(self, comm: Any = None) -> None:
        self.comm = comm
        self.rank, self.size, self.here = 0, 1, 1
        self.sent: Counter[tuple[str, str]] = Counter()
        if comm is not None:
            from mpi4py import MPI

            self.rank, self.size = comm.rank, comm.size
            self._machine = comm.Split_type(MPI.COMM_TYPE_SHARED)
            self.here = self._machine.size
            self._in_place = MPI.IN_PLACE
            self._aside = comm.Dup()  # so that `_all_come_here` meets no other message

    def shard(self, count: int, rank: int | None = None) -> slice:
        """A rank's shard of range(count); this rank's, if none is named."""
        return shard_of(count, self.rank if rank is None else rank, self.size)

    # ------------------------------------------------------------- the exchanges

    def all_gather(
        self, x: Array, axis: int, count: int, what: tuple[str, str]
    ) -> Array:
        """Put the shards of all ranks together: (N, ...) with `count` along the axis.

        Args:
            x: this rank's shard, contiguous.
            axis: 0 or 1.
            count: length of the whole along the axis.
            what: layer and direction, for `sent`.
        """
        if self.size == 1:
            return x
        self.sent[what] += x.nbytes * (self.size - 1)
        whole = np.empty((*x.shape[:axis], count, *x.shape[axis + 1 :]), x.dtype)
        if axis == 0:
            parts = self._parts(whole.shape, 0)
            self.comm.Allgatherv(x, [whole, [prod(part) for part in parts]])
            return whole
        for lo in range(0, len(x), AT_A_TIME):
            some, target = x[lo : lo + AT_A_TIME], whole[lo : lo + AT_A_TIME]
            flat = np.empty(target.size, x.dtype)  # one rank's shard after the other
            parts = self._parts(target.shape, 1)
            self.comm.Allgatherv(some, [flat, [prod(part) for part in parts]])
            end = 0
            for rank, part in enumerate(parts):
                end += prod(part)
                theirs = flat[end - prod(part) : end].reshape(part)
                target[:, self.shard(count, rank)] = theirs
        return whole

    def reduce_scatter(self, x: Array, axis: int, what: tuple[str, str]) -> Array:
        """Add up the x of all ranks, and return this rank's shard of the sum."""
        if self.size == 1:
            return x
        mine = np.empty(self._parts(x.shape, axis)[self.rank], x.dtype)
        self.sent[what] += x.nbytes - mine.nbytes
        if axis == 0:
            numbers = [prod(part) for part in self._parts(x.shape, 0)]
            self.comm.Reduce_scatter(x, mine, numbers)
            return mine
        cuts = [self.shard(x.shape[1], rank) for rank in range(self.size)]
        for lo in range(0, len(x), AT_A_TIME):
            some = x[lo : lo + AT_A_TIME]
            flat = np.concatenate([some[:, cut].reshape(-1) for cut in cuts])
            numbers = [prod(part) for part in self._parts(some.shape, 1)]
            self.comm.Reduce_scatter(flat, mine[lo : lo + AT_A_TIME], numbers)
        return mine

    def all_reduce(self, x: Array, what: tuple[str, str]) -> None:
        """Replace x, the same shape on all ranks, by the sum over the ranks."""
        if self.size == 1:
            return
        mine = self.shard(x.size)
        own = (mine.stop - mine.start) * x.itemsize
        # as reduce_scatter and then all_gather, which is how it is done
        self.sent[what] += x.nbytes - own + own * (self.size - 1)
        self.comm.Allreduce(self._in_place, x)

    def counts(self, count: int, what: tuple[str, str]) -> list[int]:
        """The number that each rank brings, in the order of the ranks."""
        if self.size == 1:
            return [count]
        mine = np.array([count], np.int64)
        all_counts = np.empty(self.size, np.int64)
        self.sent[what] += mine.nbytes * (self.size - 1)
        self.comm.Allgather(mine, all_counts)
        return [int(n) for n in all_counts]

    def sent_by_all(self) -> dict[tuple[str, str], int]:
        """`sent`, added up over all ranks."""
        if self.size == 1:
            return dict(self.sent)
        total: Counter[tuple[str, str]] = Counter()
        for sent in self.comm.allgather(self.sent):
            total.update(sent)
        return dict(total)

    def _parts(self, shape: tuple[int, ...], axis: int) -> list[tuple[int, ...]]:
        """The shapes of all ranks' shards of an array."""
        cuts = [self.shard(shape[axis], rank) for rank in range(self.size)]
        return [(*shape[:axis], c.stop - c.start, *shape[axis + 1 :]) for c in cuts]

    # --------------------------------------------------- what rank 0 does for all

    def collect(self, x: Array, count: int) -> Iterator[Array]:
        """The rows of all ranks in order, a few at a time: (..., *x.shape[1:]).

        Rank 0 gets them; the others send theirs, and get none. Every rank must go
        through the iterator to its end.

        Args:
            x: this rank's shard of the rows.
            count: how many rows there are in all.
        """
        step = max(1, PIECE // max(1, prod(x.shape[1:]) * x.itemsize))
        for rank in range(self.size):
            cut = self.shard(count, rank)
            for lo in range(cut.start, cut.stop, step):
                hi = min(lo + step, cut.stop)
                mine = x[lo - cut.start : hi - cut.start]
                if self.rank == rank == 0:
                    yield mine
                elif self.rank == rank:
                    self.comm.Send(mine, 0)
                elif self.rank == 0:
                    theirs = np.empty((hi - lo, *x.shape[1:]), x.dtype)
                    self.comm.Recv(theirs, rank)
                    yield theirs

    def broadcast(self, x: Array | None) -> Array:
        """Rank 0's x, on all ranks; the others pass None."""
        if self.size == 1:
            return np.asarray(x)
        shape, dtype = self.comm.bcast(None if x is None else (x.shape, x.dtype))
        whole = np.empty(shape, dtype) if x is None else np.ascontiguousarray(x)
        self.comm.Bcast(whole)
        return whole

    def broadcast_from_root(self, make: Callable[[], Made]) -> Made:
        """What `make` returns on rank 0, on all ranks. Only rank 0 calls it.

        Raises:
            UserError: on all ranks, if rank 0's `make` raised one.
        """
        if self.size == 1:
            return make()
        said: Any = None
        if self.rank == 0:
            try:
                said = make(), None
            except UserError as error:
                said = None, str(error)
        made, error_text = self.comm.bcast(said)
        if error_text is not None:
            raise UserError(error_text)
        return made

    def one_per_machine_first(self, make: Callable[[], Made]) -> Made:
        """What `make` returns, called by one rank of each machine before the others.

        So one downloads, or fills a cache, and the others find what it did.

        Raises:
            UserError: `make` raised it.
        """
        if self.size == 1:
            return make()
        made: Any = None
        error = None
        if self._machine.rank == 0:
            try:
                made = make()
            except UserError as wrong:
                error = str(wrong)
        error = self._machine.bcast(error)
        if error is not None:
            raise UserError(error)
        return made if self._machine.rank == 0 else make()

    def all_reduce_max(self, *mine: int) -> tuple[int, ...]:
        """For each of the numbers, its maximum over all ranks."""
        if self.size == 1:
            return mine
        from mpi4py import MPI

        numbers = np.array(mine, np.int64)
        self.comm.Allreduce(self._in_place, numbers, MPI.MAX)
        return tuple(int(n) for n in numbers)

    # ------------------------------------------------------------------ the end

    def run(self, command: Callable[[], int]) -> int:
        """Run a command on all ranks; if one fails, all end, and one line says why.

        If all failed in the same way (a wrong option, say) rank 0 alone speaks and all
        return 2, as `cli.run` does. If some did not, they are waiting for a message
        that will never come: MPI ends them.
        """
        if self.size == 1:
            return command()
        try:
            return command()
        except Stopped:  # on all ranks
            raise
        except (Exception, KeyboardInterrupt) as error:
            status = 2 if isinstance(error, UserError) else 1
            if isinstance(error, KeyboardInterrupt):
                status = 130
            if not self._all_come_here(seconds=1.0):
                print(f"error: rank {self.rank}: {cause(error)}", file=sys.stderr)
                sys.stderr.flush()
                self.comm.Abort(status)
                os._exit(status)
            if self.rank == 0:
                print(f"error: {cause(error)}", file=sys.stderr)
            return status

    def _all_come_here(self, seconds: float) -> bool:
        """Do all ranks call this within so many seconds?"""
        request, end = self._aside.Ibarrier(), monotonic() + seconds
        while monotonic() < end:
            if request.Test():
                return True
            sleep(0.01)
        return False


def cause(error: BaseException) -> str:
    """An error in one line; if the user cannot mend it, also where it was raised."""
    text = " ".join(str(error).split())
    if isinstance(error, UserError):
        return text
    if isinstance(error, KeyboardInterrupt):
        return "stopped by Ctrl-C"
    where = traceback.extract_tb(error.__traceback__)[-1]
    name = type(error).__name__
    return f"{name}: {text} ({Path(where.filename).name}, line {where.lineno})"
