"""A Graph whose work is split over the ranks.

    graph = ParallelGraph(alexnet("paper"), "images", world())

It holds this rank's shard: a chain of pieces, each an ordinary Graph, with an exchange
between them. Every rank calls the same methods in the same order.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from npalexnet.datasets.input import Input
from npalexnet.layers.layer import Array, Param, Shape
from npalexnet.net.graph import Graph
from npalexnet.parallel.part import Part
from npalexnet.parallel.plan import (
    BATCH,
    FEATURE_AXIS,
    OUTPUT,
    plan,
    rows_of,
    shard_rows,
)
from npalexnet.parallel.ranks import Ranks
from npalexnet.weights import checkpoint
from npalexnet.weights.checkpoint import Pieces


class ParallelGraph:
    """What a training loop needs from a Graph, on several ranks.

    Args:
        graph: the whole network, with the same weights on all ranks. Its arrays are no
            longer used once this rank's shard has been taken.
        scheme: "columns", "images" or "hybrid".
        ranks: who shares the work.

    Attributes:
        params: this rank's shard of the parameters, for an optimiser.

    Raises:
        UserError: this network cannot be split in this way.
    """

    def __init__(self, graph: Graph, scheme: str, ranks: Ranks) -> None:
        pieces = plan(graph, scheme, ranks.size)
        self.scheme, self.ranks = scheme, ranks
        self.dtype, self.input_shape = graph.dtype, graph.input_shape
        *_, self.output_shape = graph.output_shapes.values()
        self.about = graph.about
        self._described = checkpoint.describe(graph)
        self._lengths = {name: len(p.data) for name, p in graph.params.items()}
        self._rows = shard_rows(graph, pieces, ranks.rank, ranks.size)
        self.parts: list[Part] = []
        shape, stores = graph.input_shape, list[dict[Any, Array]]()
        for piece in pieces:
            if piece.gathers == FEATURE_AXIS:
                shape = graph.engine.input_shapes[piece.names[0]]
            self.parts.append(Part(piece, graph, ranks, shape, stores))
            *_, shape = self.parts[-1].chain.output_shapes.values()
        self.params: dict[str, Param] = {
            name: param
            for part in self.parts
            for name, param in part.chain.params.items()
        }
        self.input = graph.input
        self._batch: int | None = None  # of the forward pass that was kept

    @property
    def input(self) -> Input:
        """What turns pixels into the network's input."""
        return self.parts[0].chain.input

    @input.setter
    def input(self, given: Input) -> None:
        self.parts[0].chain.input = given

    @property
    def axis(self) -> int:
        """The axis along which the input is split."""
        return self.parts[0].axis

    def shard(self, images: int) -> slice:
        """Which images of a batch this rank must bring: all of them, if by units."""
        return (
            slice(0, images) if self.axis == FEATURE_AXIS else self.ranks.shard(images)
        )

    def prepare(self, pictures: npt.NDArray[np.uint8]) -> Array:
        """This rank's shard of pictures (N, H, W, 3), uint8 RGB, as network input."""
        mine = pictures[self.shard(len(pictures))]
        if len(mine) == 0:
            return np.empty((0, *self.input_shape), self.dtype)
        return self.parts[0].chain.prepare(mine)

    def forward(
        self,
        x: npt.ArrayLike,
        train: bool = False,
        keep: bool = True,
        rng: np.random.Generator | None = None,
    ) -> Array:
        """Run the network on a batch.

        Args:
            x: this rank's images, see `shard`; not to be changed before backward.
            train: dropout drops some neurons (True), or weakens all of them (False).
            keep: remember what backward needs.
            rng: where dropout masks are drawn from, in the same state on all ranks; the
                masks are then those of a single process.

        Returns:
            The outputs for the whole batch (N, *output_shape), the same on all ranks.

        Raises:
            ValueError: what the ranks bring is not the shards of one batch, or there is
                no rng where one is needed.
        """
        v = np.ascontiguousarray(x, self.dtype)
        batch = self._count(len(v))
        for part in self.parts:
            first, gathers = part.piece.names[0], part.piece.gathers
            if gathers is not None:
                count = part.chain.input_shape[0] if gathers == FEATURE_AXIS else batch
                v = self.ranks.all_gather(v, gathers, count, (first, "forward"))
            v = part.forward(v, batch, train, keep, rng)
        if keep:
            self._batch = batch
        axis = self.parts[-1].axis
        count = self.output_shape[0] if axis == FEATURE_AXIS else batch
        y = self.ranks.all_gather(v, axis, count, (OUTPUT, "forward"))
        return y.copy() if y is v else y

    def _count(self, images: int) -> int:
        """How many images there are in the batch, over all ranks."""
        if self.axis == FEATURE_AXIS:
            return images
        counts = self.ranks.counts(images, (BATCH, "forward"))
        batch = sum(counts)
        for rank, count in enumerate(counts):
            mine = self.ranks.shard(batch, rank)
            if count != mine.stop - mine.start:
                raise ValueError(f"not the shards of one batch: ranks bring {counts}")
        return batch

    def memory(self, batch: int) -> dict[str, int]:
        """Bytes that the ranks on this machine need for a training step."""
        total: Counter[str] = Counter()
        for part in self.parts:
            images = (
                batch if part.axis == FEATURE_AXIS else -(-batch // self.ranks.size)
            )
            for what, count in part.chain.memory(images).items():
                total[what] += count * self.ranks.here
        return dict(total)

    def backward(self, dy: npt.ArrayLike) -> None:
        """Go back through the latest forward pass that was kept.

        Fills `grad` of this rank's parameters with the gradient of the whole batch.

        Args:
            dy: ∂loss/∂y for the whole batch, the same on all ranks.

        Raises:
            RuntimeError: no forward pass was kept, or it was used already.
            ValueError: dy has another shape than forward's result.
        """
        if self._batch is None:
            raise RuntimeError("backward needs a forward pass with keep=True")
        v = np.asarray(dy, self.dtype)
        if v.shape != (self._batch, *self.output_shape):
            wanted = (self._batch, *self.output_shape)
            raise ValueError(f"dy must be {wanted}, and is {v.shape}")
        self._batch = None
        axis = self.parts[-1].axis
        mine = self.ranks.shard(v.shape[axis])
        v = v[mine] if axis == 0 else np.ascontiguousarray(v[:, mine])
        for part in reversed(self.parts):
            v = part.backward(v, need_dx=part is not self.parts[0])
            if part.piece.gathers is not None:
                what = part.piece.names[0], "backward"
                v = self.ranks.reduce_scatter(v, part.piece.gathers, what)

    # ------------------------------------------------ to and from one process

    def _pieces(self, arrays: Mapping[str, Array]) -> dict[str, Array | Pieces]:
        """Whole arrays from the ranks' shards: rows that all ranks must go through."""
        found: dict[str, Array | Pieces] = {}
        for name, array in arrays.items():
            found[name] = array
            if self._rows[name] is not None:
                rows = self.ranks.collect(array, self._lengths[name])
                found[name] = Pieces(self.whole_shape(name), array.dtype, rows)
        return found

    def save(
        self, path: Path, velocity: Mapping[str, Array] | None = None, **extra: Any
    ) -> None:
        """`checkpoint.save` by rank 0: the same file that a single process would write.

        It is written a few rows at a time: rank 0 never holds the whole network.

        Raises:
            UserError: on rank 0: the file cannot be written.
        """
        values = self._pieces({name: p.data for name, p in self.params.items()})
        if velocity is not None:
            extra["velocity"] = self._pieces(velocity)
        if self.ranks.rank == 0:
            checkpoint.write(path, self._described, values, self.input, extra)
            return
        for array in (*values.values(), *extra.get("velocity", {}).values()):
            if isinstance(array, Pieces):
                deque(array.rows, maxlen=0)  # sends them to rank 0

    def collect(self, arrays: Mapping[str, Array]) -> dict[str, Array] | None:
        """Put together arrays that belong to the parameters: values, or velocity.

        Args:
            arrays: name of a parameter to this rank's shard of its array.

        Returns:
            The whole arrays on rank 0, None on the others.
        """
        found: dict[str, Array] = {}
        for name, array in self._pieces(arrays).items():
            if isinstance(array, Pieces):
                rows = list(array.rows)
                array = np.concatenate(rows) if rows else np.empty(0)
            found[name] = array
        return None if self.ranks.rank else found

    def whole(self) -> Graph | None:
        """On rank 0, the whole network, with a copy of the weights; elsewhere None."""
        values = self.collect({name: p.data for name, p in self.params.items()})
        if values is None:
            return None
        graph = checkpoint.rebuild(self._described)
        for name, param in graph.params.items():
            param.data = values[name]
        graph.input = self.input
        return graph

    def whole_shape(self, name: str) -> Shape:
        """The shape of a parameter, of which this rank may hold a shard."""
        return (self._lengths[name], *self.params[name].data.shape[1:])

    def rows(self, name: str, array: Array) -> Array:
        """This rank's shard of a whole array that belongs to a parameter."""
        return rows_of(array, self._rows[name])
