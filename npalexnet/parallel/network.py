"""What training needs from a network, whether one process holds it or several."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from npalexnet.datasets.input import Input
from npalexnet.datasets.pictures import Pixels
from npalexnet.layers.layer import Array, Param, Shape
from npalexnet.net.graph import Graph
from npalexnet.net.step import Trainable
from npalexnet.weights import checkpoint


class Network(Trainable, Protocol):
    """A network in training: a `ParallelGraph`, or a Graph in `OneProcess`."""

    params: dict[str, Param]
    input: Input

    @property
    def input_shape(self) -> Shape: ...

    @property
    def dtype(self) -> np.dtype[Any]: ...

    def prepare(self, pictures: Pixels) -> Array: ...

    def memory(self, batch: int) -> dict[str, int]: ...

    def shard(self, images: int) -> slice:
        """Which images of a batch this process must bring."""

    def whole_shape(self, name: str) -> Shape:
        """The shape of a parameter, of which this process may hold a shard."""

    def rows(self, name: str, array: Array) -> Array:
        """This process's shard of a whole array that belongs to a parameter."""

    def collect(self, arrays: Mapping[str, Array]) -> dict[str, Array] | None:
        """Whole arrays from every process's shards, on rank 0; None on the others."""

    def save(
        self, path: Path, velocity: Mapping[str, Array] | None = ..., **extra: Any
    ) -> None:
        """`checkpoint.save`."""


class OneProcess:
    """A Graph that one process holds by itself: its shard of anything is all of it."""

    def __init__(self, graph: Graph) -> None:
        self.graph, self.params = graph, graph.params
        self.input_shape, self.dtype = graph.input_shape, graph.dtype
        self.prepare, self.memory = graph.prepare, graph.memory

    @property
    def input(self) -> Input:
        """What turns pixels into the network's input."""
        return self.graph.input

    @input.setter
    def input(self, given: Input) -> None:
        self.graph.input = given

    def forward(
        self,
        x: npt.ArrayLike,
        train: bool = False,
        keep: bool = True,
        *,
        rng: np.random.Generator | None = None,
    ) -> Array:
        return self.graph.forward(x, train, keep, rng=rng)

    def backward(self, dy: npt.ArrayLike) -> None:
        self.graph.backward(dy)

    def shard(self, images: int) -> slice:
        return slice(0, images)

    def whole_shape(self, name: str) -> Shape:
        return self.params[name].data.shape

    def rows(self, name: str, array: Array) -> Array:
        return array

    def collect(self, arrays: Mapping[str, Array]) -> dict[str, Array] | None:
        return dict(arrays)

    def save(
        self, path: Path, velocity: Mapping[str, Array] | None = None, **extra: Any
    ) -> None:
        if velocity is not None:
            extra["velocity"] = dict(velocity)
        checkpoint.save(path, self.graph, **extra)
