"""A Graph whose work is divided over the ranks.

    graph = ParallelGraph(alexnet("paper"), "images", world())

It holds this rank's share: a chain of pieces, each an ordinary Graph, with an exchange
between them. Every rank calls the same methods in the same order.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from npalexnet import checkpoint
from npalexnet.checkpoint import Pieces
from npalexnet.graph import Graph, Input
from npalexnet.layers.layer import Array, Layer, Param, Shape
from npalexnet.parallel.plan import (
    AXES,
    BATCH,
    OUTPUT,
    UNITS,
    Piece,
    cut_params,
    plan,
    rows_of,
    share_of_layer,
)
from npalexnet.parallel.ranks import Ranks


class Part(Graph):
    """This rank's share of a piece of the network.

    Args:
        piece: which layers, and how they are divided.
        whole: the network that it is a piece of.
        ranks: who shares the work.
        input_shape: of one image, as it comes out of the exchange before.
        stores: where the arrays of all parts live between calls.
    """

    copies = False

    def __init__(
        self,
        piece: Piece,
        whole: Graph,
        ranks: Ranks,
        input_shape: Shape,
        stores: list[dict[Any, Array]],
    ) -> None:
        layers: dict[str, Layer] = {name: whole.layers[name] for name in piece.names}
        if piece.divided == "units":
            layers = {
                name: share_of_layer(layer, ranks.rank, ranks.size)
                for name, layer in layers.items()
            }
        super().__init__(layers, input_shape, whole.dtype)
        self.piece, self.ranks, self._stores = piece, ranks, stores
        self.axis = AXES[piece.divided]
        self.whole_shapes = {name: whole._shape_before(name) for name in layers}
        self.batch = 0  # images in the batch that is under way, over all ranks
        self.sums = self._join_gradients() if piece.divided == "images" else {}

    def _join_gradients(self) -> dict[str, Array]:
        """Layer to one array that holds all of its gradients: one sum a layer."""
        joined = {}
        for name, layer in self.layers.items():
            params = layer.params.values()
            if params:
                joined[name] = np.concatenate([p.grad.reshape(-1) for p in params])
                end = 0
                for p in params:
                    end += p.grad.size
                    p.grad = joined[name][end - p.grad.size : end].reshape(p.grad.shape)
        return joined

    def forward_share(
        self, x: Array, train: bool, keep: bool, rng: np.random.Generator | None
    ) -> Array:
        """`forward`, of a share that may hold no image."""
        if len(x):
            return self.forward(x, train, keep, rng=rng)
        if train:
            self._draw(tuple(self.layers), 0, rng)  # the ranks' rng stay in step
        *_, last = self.output_shapes.values()
        return np.empty((0, *last), self.dtype)

    def backward_share(self, dy: Array, need_dx: bool) -> Array | None:
        """`backward`, of a share that may hold no image; then gradients are summed."""
        dx: Array | None = np.empty((0, *self.input_shape), self.dtype)
        if len(dy):
            dx = self.backward(dy, need_dx)
        else:
            for param in self.params.values():
                param.grad[...] = 0
        for name in reversed(self.sums):
            self.ranks.sum(self.sums[name], (name, "gradients"))
        return dx

    def _draw(
        self, names: tuple[str, ...], images: int, rng: np.random.Generator | None
    ) -> dict[str, Array]:
        """Draw for the whole batch and all units, as one process would; take a share.

        Raises:
            ValueError: there is something to draw and no rng: ranks would differ.
        """
        noise = {}
        for name in names:
            shape = (self.batch, *self.whole_shapes[name])
            if rng is None and type(self.layers[name]).draw is not Layer.draw:
                raise ValueError("give an rng to forward, the same one on all ranks")
            drawn = self.layers[name].draw(rng, shape) if rng is not None else None
            if drawn is not None:
                mine = self.ranks.share(drawn.shape[self.axis])
                noise[name] = drawn[mine] if self.axis == 0 else drawn[:, mine]
        return noise


class ParallelGraph:
    """What a training loop needs of a Graph, on several ranks.

    Args:
        graph: the network, whole, with the same weights on all ranks. Its arrays are
            not used any more once this rank's share has been taken.
        scheme: "columns", "images" or "hybrid".
        ranks: who shares the work.

    Attributes:
        params: this rank's share of the parameters, for an optimiser.

    Raises:
        UserError: this network cannot be divided so.
    """

    def __init__(self, graph: Graph, scheme: str, ranks: Ranks) -> None:
        pieces = plan(graph, scheme, ranks.size)
        self.scheme, self.ranks = scheme, ranks
        self.dtype, self.input_shape = graph.dtype, graph.input_shape
        *_, self.output_shape = graph.output_shapes.values()
        self.about = graph.about
        self._described = checkpoint.describe(graph)
        self._lengths = {name: len(p.data) for name, p in graph.params.items()}
        self._cuts = cut_params(graph, pieces, ranks.rank, ranks.size)
        self.parts: list[Part] = []
        shape, stores = graph.input_shape, list[dict[Any, Array]]()
        for piece in pieces:
            if piece.gathers == UNITS:
                shape = graph._shape_before(piece.names[0])
            self.parts.append(Part(piece, graph, ranks, shape, stores))
            *_, shape = self.parts[-1].output_shapes.values()
        self.params: dict[str, Param] = {
            name: param for part in self.parts for name, param in part.params.items()
        }
        self.input = graph.input
        self._batch: int | None = None  # of the forward pass that was kept

    @property
    def input(self) -> Input:
        """What turns pixels into the network's input."""
        return self.parts[0].input

    @input.setter
    def input(self, given: Input) -> None:
        self.parts[0].input = given

    @property
    def axis(self) -> int:
        """The axis along which the input is divided."""
        return self.parts[0].axis

    def share(self, images: int) -> slice:
        """Which images of a batch this rank must bring: by units, all of them."""
        return slice(0, images) if self.axis == UNITS else self.ranks.share(images)

    def prepare(self, pictures: npt.NDArray[np.uint8]) -> Array:
        """This rank's share of pictures (N, H, W, 3), uint8 RGB, as network input."""
        mine = pictures[self.share(len(pictures))]
        if len(mine) == 0:
            return np.empty((0, *self.input_shape), self.dtype)
        return self.parts[0].prepare(mine)

    def forward(
        self,
        x: npt.ArrayLike,
        train: bool = False,
        keep: bool = True,
        rng: np.random.Generator | None = None,
    ) -> Array:
        """Run the network on a batch.

        Args:
            x: this rank's images, see `share`; not to be changed before backward.
            train: dropout drops (True), or weakens (False).
            keep: remember what backward needs.
            rng: where dropout masks are drawn from, the same on all ranks; the masks
                are those of one process.

        Returns:
            The outputs for the whole batch (N, *output_shape), the same on all ranks.

        Raises:
            ValueError: the ranks do not bring the shares of one batch, or there is no
                rng where one is needed.
        """
        v = np.ascontiguousarray(x, self.dtype)
        batch = self._count(len(v))
        for part in self.parts:
            part.batch = batch
            first, gathers = part.piece.names[0], part.piece.gathers
            if gathers is not None:
                count = part.input_shape[0] if gathers == UNITS else batch
                v = self.ranks.gather(v, gathers, count, (first, "forward"))
            v = part.forward_share(v, train, keep, rng)
        if keep:
            self._batch = batch
        axis = self.parts[-1].axis
        count = self.output_shape[0] if axis == UNITS else batch
        y = self.ranks.gather(v, axis, count, (OUTPUT, "forward"))
        return y.copy() if y is v else y

    def _count(self, images: int) -> int:
        """How many images there are in the batch, over all ranks."""
        if self.axis == UNITS:
            return images
        counts = self.ranks.counts(images, (BATCH, "forward"))
        batch = sum(counts)
        for rank, count in enumerate(counts):
            mine = self.ranks.share(batch, rank)
            if count != mine.stop - mine.start:
                raise ValueError(f"no shares of one batch: the ranks bring {counts}")
        return batch

    def memory(self, batch: int) -> dict[str, int]:
        """Bytes that the ranks on this machine need for a training step."""
        total: Counter[str] = Counter()
        for part in self.parts:
            images = batch if part.axis == UNITS else -(-batch // self.ranks.size)
            for what, count in part.memory(images).items():
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
        v: Array | None = np.asarray(dy, self.dtype)
        assert v is not None
        if v.shape != (self._batch, *self.output_shape):
            wanted = (self._batch, *self.output_shape)
            raise ValueError(f"dy must be {wanted}, and is {v.shape}")
        self._batch = None
        axis = self.parts[-1].axis
        mine = self.ranks.share(v.shape[axis])
        v = v[mine] if axis == 0 else np.ascontiguousarray(v[:, mine])
        for part in reversed(self.parts):
            assert v is not None
            v = part.backward_share(v, need_dx=part is not self.parts[0])
            if part.piece.gathers is not None:
                assert v is not None
                what = part.piece.names[0], "backward"
                v = self.ranks.sum_shares(v, part.piece.gathers, what)

    # ------------------------------------------------ to and from one process

    def _pieces(self, arrays: Mapping[str, Array]) -> dict[str, Array | Pieces]:
        """The whole of what belongs to parameters, to be gone through on all ranks."""
        found: dict[str, Array | Pieces] = {}
        for name, array in arrays.items():
            found[name] = array
            if self._cuts[name] is not None:
                rows = self.ranks.collect(array, self._lengths[name])
                found[name] = Pieces(self.whole_shape(name), array.dtype, rows)
        return found

    def save(
        self, path: Path, velocity: Mapping[str, Array] | None = None, **extra: Any
    ) -> None:
        """`checkpoint.save` by rank 0, the same file as one process writes.

        A few rows at a time: rank 0 never holds the whole network.

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
                deque(array.rows, maxlen=0)  # sends them

    def collect(self, arrays: Mapping[str, Array]) -> dict[str, Array] | None:
        """Put together what belongs to the parameters: their values, their velocity.

        Args:
            arrays: name of a parameter to this rank's share.

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
        """The network as one process has it, with a copy of the weights, on rank 0."""
        values = self.collect({name: p.data for name, p in self.params.items()})
        if values is None:
            return None
        graph = checkpoint.build(self._described)
        for name, param in graph.params.items():
            param.data = values[name]
        graph.input = self.input
        return graph

    def whole_shape(self, name: str) -> Shape:
        """The shape of a parameter, of which this rank may hold a share."""
        return (self._lengths[name], *self.params[name].data.shape[1:])

    def rows(self, name: str, array: Array) -> Array:
        """This rank's share of a whole array that belongs to a parameter."""
        return rows_of(array, self._cuts[name])
