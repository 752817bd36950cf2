"""The chains that the tests of the contract run: every layer, alone and in between."""

from __future__ import annotations

import numpy as np
from helpers import full_of_nan, numbers

from npalexnet.layers import (
    LRN,
    Array,
    Conv2d,
    Dropout,
    Flatten,
    Layer,
    Linear,
    MaxPool,
    Param,
    ReLU,
    SameMapNorm,
    Tanh,
)
from npalexnet.net.graph import Graph


class Scale(Layer):
    """A user's own layer: every channel times a learned number."""

    def __init__(self, channels):
        super().__init__()
        self.params = {"scale": Param(np.linspace(0.5, 2, channels))}

    def forward(self, x, ws, train=False, mask=None):
        return x * self._across(x), x

    def backward(self, dy, cache, ws):
        x = cache
        ws.grads["scale"] += (dy * x).reshape(*x.shape[:2], -1).sum((0, 2))
        return dy * self._across(x)

    def _across(self, x):
        return self.params["scale"].data.reshape(-1, *[1] * (x.ndim - 2))


LAYERS = {
    "conv": (lambda: Conv2d(4, 6, 3, 2, 1, groups=2, std=0.5, bias=0.1), (4, 7, 6)),
    "conv with uneven pad": (lambda: Conv2d(2, 3, 4, 3, (0, 2), std=0.5), (2, 6, 9)),
    "conv by tiles": (
        lambda: Conv2d(4, 6, 3, 1, 1, groups=2, std=0.5, algorithm="winograd"),
        (4, 7, 6),
    ),
    "maxpool": (MaxPool, (3, 7, 8)),
    "lrn": (lambda: LRN(alpha=0.3, groups=2), (6, 3, 4)),
    "samemap norm": (lambda: SameMapNorm(size=3, alpha=0.3), (2, 4, 5)),
    "relu": (ReLU, (3, 4, 5)),
    "relu of rows": (ReLU, (10,)),
    "tanh": (Tanh, (3, 4, 5)),
    "dropout": (Dropout, (3, 4, 5)),
    "dropout of rows": (Dropout, (10,)),
    "flatten": (Flatten, (3, 4, 5)),
    "linear": (lambda: Linear(10, 7, std=0.5, bias=0.1), (10,)),
    "nothing": (Layer, (3, 4, 5)),
    "scale": (lambda: Scale(3), (3, 4, 5)),
    "scale of rows": (lambda: Scale(10), (10,)),
}

CHAINS = [f"{name}, {where}" for name in LAYERS for where in ("alone", "in between")]


def build(chain: str) -> Graph:
    """A graph in float64, the same weights each time: one of `CHAINS`."""
    name, _, where = chain.rpartition(", ")
    make, shape = LAYERS[name]
    layer = make()
    layers: dict[str, Layer] = {"layer": layer}
    if where == "in between":
        channels, after = shape[0], layer.output_shape(shape)
        layers = {
            "before": Linear(channels, channels)
            if len(shape) == 1
            else Conv2d(channels, channels, 1),
            "layer": layer,
            "flatten": Flatten(),
            "after": Linear(int(np.prod(after)), 4),
        }
    graph = Graph(layers, shape, np.float64)
    graph.engine.allocate = full_of_nan
    for param in graph.params.values():
        param.data = 0.5 * numbers(*param.data.shape)
    return graph


def batch(graph: Graph, images: int = 37, seed: int = 0) -> tuple[Array, Array]:
    """(x, dy), each image and each place with its own numbers."""
    *_, last = graph.output_shapes.values()
    x = numbers(images, *graph.input_shape, seed=2 * seed)
    return x, numbers(images, *last, seed=2 * seed + 1)


def step(graph: Graph, x: Array, dy: Array, train: bool = True) -> dict[str, Array]:
    """Forward and backward: y, dx, and a copy of every gradient."""
    y = graph.forward(x, train=train, rng=np.random.default_rng(0))
    dx = graph.backward(dy, need_dx=True)
    assert dx is not None
    grads = {name: param.grad.copy() for name, param in graph.params.items()}
    return {"y": y, "dx": dx, **grads}


def same_bits(found: dict[str, Array], expected: dict[str, Array]) -> None:
    """Not one bit may differ."""
    for name, array in expected.items():
        assert found[name].dtype == array.dtype, name
        assert found[name].tobytes() == array.tobytes(), name
