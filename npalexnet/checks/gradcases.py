"""What gradcheck tries out: for each layer a small case, and its mutants.

Hyper-parameters are chosen so that every term counts: with the paper's α = 1e-4 an LRN
backward that forgets its second term is wrong by 0.06 % only, with α = 0.3 by a third.
The mutants are mistakes that have been made: most of them stand in some published
teaching project.

One function per layer, `conv_cases` and so on, returns the reference's case and then
the machine's; its mutants stand before it. `cases` lists them all.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npalexnet import layers as L
from npalexnet.checks.case import Case, reference_and_machine
from npalexnet.checks.instruments import away_from_zero, complex_step, distinct
from npalexnet.layers.layer import Array
from npalexnet.net.loss import softmax_cross_entropy


def flipped_filter(dy: Array, cache: Any, dx: Array) -> Array:
    """Convolution backward as in a mathematics book, where forward has no flip."""
    x, w, *settings = cache
    return L.conv2d_backward(dy, (x, w[..., ::-1, ::-1], *settings))[0]


def first_image_only(dy: Array, cache: Any, dw: Array) -> Array:
    """Weight gradient of the first image alone."""
    x, *rest = cache
    return L.conv2d_backward(dy[:1], (x[:1], *rest))[1]


def conv_cases() -> list[Case]:
    """Convolution with a stride, padding and groups."""
    rng = np.random.default_rng(0)
    settings: dict[str, Any] = {"stride": 2, "pad": 1, "groups": 2}
    return reference_and_machine(
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


def not_transposed(dy: Array, cache: Any, dx: Array) -> Array:
    """Winograd backward that comes back through Bᵀ, as forward went, and not B."""
    U, V, A, B, *rest = cache
    return L.winograd_backward(dy, (U, V, A, B.T, *rest))[0]


def no_infinity(dy: Array, cache: Any, dw: Array) -> Array:
    """Winograd backward that forgets the point at infinity."""
    U, V, A, B, G, *rest = cache
    finite = np.arange(len(G))[:, None] < len(G) - 1
    return L.winograd_backward(dy, (U, V, A, B, np.where(finite, G, 0), *rest))[1]


def winograd_cases() -> list[Case]:
    """Winograd's convolution, with tiles that hang over the edge, and groups."""
    rng = np.random.default_rng(0)
    return reference_and_machine(
        "winograd",
        "move one pixel, weight or bias; all filters' answers must move as claimed",
        lambda x, w, b: L.winograd_forward(x, w, b, pad=(0, 1), groups=2, m=4),
        L.winograd_backward,
        L.Conv2d(4, 6, 3, pad=(0, 1), groups=2, algorithm="winograd"),
        {
            "x": rng.standard_normal((2, 4, 7, 6)),
            "w": rng.standard_normal((6, 2, 3, 3)),
            "b": rng.standard_normal(6),
        },
        {
            "x": ("the way back is through the matrix of forward", not_transposed),
            "w": ("the product at the point infinity is left out", no_infinity),
            "b": (
                "the mean over all places, where the sum should be",
                lambda dy, cache, db: dy.mean((0, 2, 3)),
            ),
        },
    )


def last_wins(dy: Array, cache: Any, dx: Array) -> Array:
    """Max-pool backward that assigns where it must add: the classic mistake."""
    x_shape, winner, kernel, stride = cache
    wrong = np.zeros(x_shape)
    for n, c, p, q in np.ndindex(dy.shape):
        i, j = divmod(int(winner[n, c, p, q, 0]), kernel)
        wrong[n, c, p * stride + i, q * stride + j] = dy[n, c, p, q]
    return wrong


def maxpool_cases() -> list[Case]:
    """Max-pooling with windows that overlap, and no two pixels equal."""
    return reference_and_machine(
        "maxpool",
        "move one pixel; only the windows in which it is the largest may answer",
        L.maxpool_forward,
        L.maxpool_backward,
        L.MaxPool(),
        {"x": distinct((2, 3, 7, 8), np.random.default_rng(0))},
        {
            "x": (
                "= where += should be: a pixel that wins twice is paid once",
                last_wins,
            )
        },
    )


def only_itself(dy: Array, cache: Any, dx: Array) -> Array:
    """LRN or same-map backward that forgets the neighbours."""
    _, _, s, _, _, beta, *_ = cache
    return dy * s**-beta


def lrn_cases() -> list[Case]:
    """Normalisation across maps, in two groups."""
    return reference_and_machine(
        "lrn",
        "move one value; it and its neighbours at that place must answer as claimed",
        lambda x: L.lrn_forward(x, alpha=0.3, groups=2),
        L.lrn_backward,
        L.LRN(alpha=0.3, groups=2),
        {"x": np.random.default_rng(0).standard_normal((2, 12, 3, 2))},
        {
            "x": (
                "the second term is forgotten: what a value does to its neighbours",
                only_itself,
            )
        },
        complex_step,
    )


def samemap_norm_cases() -> list[Case]:
    """Normalisation inside each map."""
    return reference_and_machine(
        "samemap_norm",
        "move one value; it and the places around it must answer as claimed",
        lambda x: L.samemap_norm_forward(x, size=3, alpha=0.3),
        L.samemap_norm_backward,
        L.SameMapNorm(size=3, alpha=0.3),
        {"x": np.random.default_rng(0).standard_normal((2, 3, 4, 5))},
        {
            "x": (
                "the second term is forgotten: what a value does to the places around",
                only_itself,
            )
        },
        complex_step,
    )


def relu_cases() -> list[Case]:
    """ReLU, at inputs on either side of its kink."""
    return reference_and_machine(
        "relu",
        "move one input, on either side of zero; only positive ones may answer",
        L.relu_forward,
        L.relu_backward,
        L.ReLU(),
        {"x": away_from_zero((3, 4, 5), np.random.default_rng(0))},
        {
            "x": (
                "it asks whether dy is positive, not whether x was",
                lambda dy, cache, dx: np.where(dy > 0, dy, 0),
            )
        },
    )


def tanh_cases() -> list[Case]:
    """Tanh, where it is neither flat nor straight."""
    return reference_and_machine(
        "tanh",
        "move one input; the answer must move by 1 - y² times as much",
        L.tanh_forward,
        L.tanh_backward,
        L.Tanh(),
        {"x": np.random.default_rng(0).standard_normal((3, 4, 5))},
        {"x": ("the square is forgotten: 1 - y", lambda dy, y, dx: dy * (1 - y))},
        complex_step,
    )


def dropout_cases() -> list[Case]:
    """Dropout in training, with the same mask in every forward."""
    return reference_and_machine(
        "dropout",
        "move one input, the mask held fast; dropped neurons must not answer",
        lambda x: L.dropout_forward(x, 0.5, np.random.default_rng(0)),
        L.dropout_backward,
        L.Dropout(0.5),
        {"x": np.random.default_rng(1).standard_normal((3, 20))},
        {"x": ("the mask is forgotten on the way back", lambda dy, cache, dx: dy)},
    )


def linear_cases() -> list[Case]:
    """A fully connected layer, as many units as inputs: a transposed w fits."""
    rng = np.random.default_rng(0)
    return reference_and_machine(
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


def softmax_cases() -> list[Case]:
    """Softmax with cross-entropy: y is the loss, and there is no machine."""
    labels = np.array([0, 2, 1, 2])
    return reference_and_machine(
        "softmax",
        "move one logit; the mean loss of the batch must move as claimed",
        lambda x: softmax_cross_entropy(x, labels),
        lambda dy, dlogits: dy * dlogits,
        None,
        {"x": np.random.default_rng(0).standard_normal((4, 3))},
        {
            "x": (
                "the mean is forgotten: dlogits is not divided by N",
                lambda dy, cache, dx: dx * 4,
            )
        },
        complex_step,
    )


def cases() -> list[Case]:
    """All checks, layer by layer: the reference, then the kernel."""
    return [
        *conv_cases(),
        *winograd_cases(),
        *maxpool_cases(),
        *lrn_cases(),
        *samemap_norm_cases(),
        *relu_cases(),
        *tanh_cases(),
        *dropout_cases(),
        *linear_cases(),
        *softmax_cases(),
    ]
