"""This rank's shard of a piece of the network, and the sum of its gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from npalexnet.layers.layer import Array, Layer, Shape
from npalexnet.net.graph import Graph, sample_masks
from npalexnet.parallel.plan import AXES, BATCH_AXIS, Piece, shard_layer
from npalexnet.parallel.ranks import Ranks


class Part:
    """This rank's shard of a piece of the network: a chain, and the exchange around it.

    Args:
        piece: which layers, and how they are split.
        whole: the network that it is a piece of.
        ranks: who shares the work.
        input_shape: of one image, as it comes out of the exchange before this part.
        stores: where the arrays of all parts live between calls.
    """

    def __init__(
        self,
        piece: Piece,
        whole: Graph,
        ranks: Ranks,
        input_shape: Shape,
        stores: list[dict[Any, Array]],
    ) -> None:
        layers: dict[str, Layer] = {name: whole.layers[name] for name in piece.names}
        if piece.parallel_over == "features":
            layers = {
                name: shard_layer(layer, ranks.rank, ranks.size)
                for name, layer in layers.items()
            }
        self.chain = Graph(layers, input_shape, whole.dtype)
        # what comes in and goes out belongs to the ParallelGraph: nothing is copied
        self.chain.engine.copies_input = False
        self.chain.engine.stores = stores
        self.piece, self.ranks = piece, ranks
        self.axis = AXES[piece.parallel_over]
        self.whole_shapes = {name: whole.engine.input_shapes[name] for name in layers}
        batch_parallel = piece.parallel_over == "batch"
        self.sums = self._join_gradients() if batch_parallel else {}

    def _join_gradients(self) -> dict[str, Array]:
        """Layer to one array that holds all its gradients: one all-reduce per layer."""
        joined = {}
        for name, layer in self.chain.layers.items():
            params = layer.params.values()
            if params:
                joined[name] = np.concatenate([p.grad.reshape(-1) for p in params])
                end = 0
                for p in params:
                    end += p.grad.size
                    p.grad = joined[name][end - p.grad.size : end].reshape(p.grad.shape)
        return joined

    def forward(
        self,
        x: Array,
        batch: int,
        train: bool,
        keep: bool,
        rng: np.random.Generator | None,
    ) -> Array:
        """Run the chain on this rank's shard of a batch; it may hold no image."""
        masks = self._masks(batch, rng) if train else {}
        if len(x):
            return self.chain.run(x, train, keep, None, masks)
        *_, last = self.chain.output_shapes.values()
        return np.empty((0, *last), self.chain.dtype)

    def backward(self, dy: Array, need_dx: bool) -> Array:
        """Go back through the chain, then add up the gradients of all ranks."""
        dx = np.empty((0, *self.chain.input_shape), self.chain.dtype)
        if len(dy):
            dx = self.chain.run_back(dy, need_dx)
        else:
            for param in self.chain.params.values():
                param.grad[...] = 0
        for name in reversed(self.sums):
            self.ranks.all_reduce(self.sums[name], (name, "gradients"))
        return dx

    def _masks(self, batch: int, rng: np.random.Generator | None) -> dict[str, Array]:
        """This rank's shard of the dropout masks.

        They are drawn for the whole batch and all units, as a single process would.

        Raises:
            ValueError: a layer needs a mask, and there is no rng: ranks would differ.
        """
        layers = self.chain.layers
        if rng is None:
            if any(
                type(x).sample_mask is not Layer.sample_mask for x in layers.values()
            ):
                raise ValueError("give an rng to forward, the same one on all ranks")
            return {}
        shapes = {name: (batch, *shape) for name, shape in self.whole_shapes.items()}
        masks = sample_masks(layers, shapes, rng)
        mine = {name: self.ranks.shard(m.shape[self.axis]) for name, m in masks.items()}
        if self.axis == BATCH_AXIS:
            return {name: mask[mine[name]] for name, mask in masks.items()}
        return {name: mask[:, mine[name]] for name, mask in masks.items()}
