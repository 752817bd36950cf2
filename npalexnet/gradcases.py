"""What gradcheck tries out: for each layer a small case, and its mutants.

The references are checked as they are, and the machines (kernels and all) as one-layer
graphs in float64. Hyper-parameters are chosen so that every term counts: with the
paper's α = 1e-4 an LRN backward that forgets its second term is wrong by 0.06 % only,
with α = 0.3 by a third. The mutants are mistakes that have been made: most of them
stand in some published teaching project.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from npalexnet import layers as L
from npalexnet.gradcheck import (
    Backward,
    Forward,
    Method,
    complex_step,
    differences,
    small_differences,
)
from npalexnet.graph import Graph
from npalexnet.layers.layer import Array, Layer
from npalexnet.loss import softmax_cross_entropy


@dataclass(frozen=True)
class Case:
    """One check.

    Attributes:
        name: the layer, and "(kernel)" for the machine.
        says: in one sentence, what is compared.
        forward, backward: the pair.
        arrays: where it is checked, away from kinks.
        method: the instrument.
        tolerance: a larger relative error is a wrong derivative.
        mutants: array name to (the mistake, a backward that makes it).
    """

    name: str
    says: str
    forward: Forward
    backward: Backward
    arrays: Mapping[str, Array]
    method: Method = differences
    tolerance: float = 1e-10
    mutants: Mapping[str, tuple[str, Backward]] = field(default_factory=dict)


def machine(layer: Layer, arrays: Mapping[str, Array]) -> tuple[Forward, Backward]:
    """A layer's machine, in float64, as a pair of functions like its reference."""
    x = arrays["x"]
    graph = Graph({"layer": layer}, x.shape[1:], np.float64)

    def forward(*values: Array) -> tuple[Array, Any]:
        for (name, _), value in zip(arrays.items(), values, strict=True):
            if name != "x":
                graph.params[f"layer.{name}"].data = value
        rng = np.random.default_rng(0)
        return graph.forward(values[0], train=True, rng=rng), None

    def backward(dy: Array, cache: Any) -> tuple[Array, ...]:
        dx = graph.backward(dy, need_dx=True)
        assert dx is not None
        others = (graph.params[f"layer.{name}"].grad for name in arrays if name != "x")
        return (dx, *(grad.copy() for grad in others))

    return forward, backward


Mutation = Callable[[Array, Any, Array], Array]


def change(backward: Backward, index: int, how: Mutation) -> Backward:
    """A backward whose result number `index` is how(dy, cache, right result)."""

    def mutant(dy: Array, cache: Any) -> Any:
        right = backward(dy, cache)
        if not isinstance(right, tuple):
            return how(dy, cache, right)
        wrong = list(right)
        wrong[index] = how(dy, cache, right[index])
        return tuple(wrong)

    return mutant


def distinct(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Whole numbers in random order: all different, so no maximum is ever a tie."""
    return rng.permutation(int(np.prod(shape))).reshape(shape).astype(float)


def away_from_zero(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Numbers of both signs, at least 1 away from ReLU's kink."""
    return rng.choice([-1.0, 1.0], shape) * (1 + rng.random(shape))


def flipped_filter(dy: Array, cache: Any, dx: Array) -> Array:
    """Convolution backward as in a mathematics book, where forward has no flip."""
    x, w, *settings = cache
    return L.conv2d_backward(dy, (x, w[..., ::-1, ::-1], *settings))[0]


def first_image_only(dy: Array, cache: Any, dw: Array) -> Array:
    """Weight gradient of the first image alone."""
    x, *rest = cache
    return L.conv2d_backward(dy[:1], (x[:1], *rest))[1]


def last_wins(dy: Array, cache: Any) -> Array:
    """Max-pool backward that assigns where it must add: the classic mistake."""
    x_shape, winner, kernel, stride = cache
    dx = np.zeros(x_shape)
    for n, c, p, q in np.ndindex(dy.shape):
        i, j = divmod(int(winner[n, c, p, q, 0]), kernel)
        dx[n, c, p * stride + i, q * stride + j] = dy[n, c, p, q]
    return dx


def only_itself(dy: Array, cache: Any) -> Array:
    """LRN or same-map backward that forgets the neighbours."""
    _, _, s, _, _, beta, *_ = cache
    return dy * s**-beta


def cases() -> list[Case]:
    """All checks, layer by layer: the reference, then the kernel."""
    rng = np.random.default_rng(0)
    found: list[Case] = []

    def add(
        name: str,
        says: str,
        forward: Forward,
        backward: Backward,
        layer: Layer | None,
        arrays: Mapping[str, Array],
        mutants: Mapping[str, tuple[str, Mutation]],
        method: Method = differences,
    ) -> None:
        wrong = {
            array: (mistake, change(backward, list(arrays).index(array), how))
            for array, (mistake, how) in mutants.items()
        }
        found.append(Case(name, says, forward, backward, arrays, method, mutants=wrong))
        if layer is not None:
            smooth = method is complex_step  # which kernels do not understand
            found.append(
                Case(
                    f"{name} (kernel)",
                    f"the same for the machine, {layer}",
                    *machine(layer, arrays),
                    arrays,
                    small_differences if smooth else method,
                    1e-7 if smooth else 1e-10,
                )
            )

    settings: dict[str, Any] = {"stride": 2, "pad": 1, "groups": 2}
    add(
        "conv",
        "move one pixel, weight or bias; all filters' answers must move as claimed",
        lambda x, w, b: L.conv2d_forward(x, w, b, **settings),
        L.conv2d_backward,
        L.Conv2d(4, 6, 3, **settings),
        {
            "x": rng.standard_normal((2, 4, 6, 7)),
            "w": rng.standard_normal((6, 2, 3, 3)),
            "b": rng.standard_normal(6),
        },
        {
            "x": ("the filter is flipped", flipped_filter),
            "w": ("only the first image of the batch is counted", first_image_only),
            "b": (
                "the mean over all places, where the sum should be",
                lambda dy, cache, db: dy.mean((0, 2, 3)),
            ),
        },
    )
    add(
        "maxpool",
        "move one pixel; only the windows in which it is the largest may answer",
        L.maxpool_forward,
        L.maxpool_backward,
        L.MaxPool(),
        {"x": distinct((2, 3, 7, 8), rng)},
        {
            "x": (
                "= where += should be: a pixel that wins twice is paid once",
                lambda dy, cache, dx: last_wins(dy, cache),
            )
        },
    )
    add(
        "lrn",
        "move one value; it and its neighbours at that place must answer as claimed",
        lambda x: L.lrn_forward(x, alpha=0.3, groups=2),
        L.lrn_backward,
        L.LRN(alpha=0.3, groups=2),
        {"x": rng.standard_normal((2, 12, 3, 2))},
        {
            "x": (
                "the second term is forgotten: what a value does to its neighbours",
                lambda dy, cache, dx: only_itself(dy, cache),
            )
        },
        complex_step,
    )
    add(
        "samemap_norm",
        "move one value; it and the places around it must answer as claimed",
        lambda x: L.samemap_norm_forward(x, size=3, alpha=0.3),
        L.samemap_norm_backward,
        L.SameMapNorm(size=3, alpha=0.3),
        {"x": rng.standard_normal((2, 3, 4, 5))},
        {
            "x": (
                "the second term is forgotten: what a value does to the places around",
                lambda dy, cache, dx: only_itself(dy, cache),
            )
        },
        complex_step,
    )
    add(
        "relu",
        "move one input, on either side of zero; only positive ones may answer",
        L.relu_forward,
        L.relu_backward,
        L.ReLU(),
        {"x": away_from_zero((3, 4, 5), rng)},
        {
            "x": (
                "it asks whether dy is positive, not whether x was",
                lambda dy, cache, dx: np.where(dy > 0, dy, 0),
            )
        },
    )
    add(
        "tanh",
        "move one input; the answer must move by 1 - y² times as much",
        L.tanh_forward,
        L.tanh_backward,
        L.Tanh(),
        {"x": rng.standard_normal((3, 4, 5))},
        {"x": ("the square is forgotten: 1 - y", lambda dy, y, dx: dy * (1 - y))},
        complex_step,
    )
    add(
        "dropout",
        "move one input, the mask held fast; dropped neurons must not answer",
        lambda x: L.dropout_forward(x, 0.5, np.random.default_rng(0)),
        L.dropout_backward,
        L.Dropout(0.5),
        {"x": rng.standard_normal((3, 20))},
        {"x": ("the mask is forgotten on the way back", lambda dy, cache, dx: dy)},
    )
    add(
        "linear",
        "move one input, weight or bias; all units' answers must move as claimed",
        L.linear_forward,
        L.linear_backward,
        L.Linear(5, 5),
        {
            "x": rng.standard_normal((3, 5)),
            "w": rng.standard_normal((5, 5)),
            "b": rng.standard_normal(5),
        },
        {
            "x": (
                "w is transposed, which fits when there are as many units as inputs",
                lambda dy, cache, dx: dy @ cache[1].T,
            ),
            "w": (
                "the mean over the batch, which the loss has taken already",
                lambda dy, cache, dw: dw / len(dy),
            ),
            "b": (
                "only the first image of the batch is counted",
                lambda dy, cache, db: dy[0],
            ),
        },
    )
    labels = np.array([0, 2, 1, 2])
    add(
        "softmax",
        "move one logit; the mean loss of the batch must move as claimed",
        lambda x: softmax_cross_entropy(x, labels),
        lambda dy, dlogits: dy * dlogits,
        None,
        {"x": rng.standard_normal((4, 3))},
        {
            "x": (
                "the mean is forgotten: dlogits is not divided by N",
                lambda dy, cache, dx: dx * 4,
            )
        },
        complex_step,
    )
    return found
