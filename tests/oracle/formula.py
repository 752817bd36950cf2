"""Parameters of the `small` network, by a formula that needs only NumPy.

The oracle and the tests both import this module, so that the 2,163,914
parameters need not be stored.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

SHAPES: dict[str, tuple[int, ...]] = {
    "conv1.w": (48, 3, 5, 5),
    "conv1.b": (48,),
    "conv2.w": (128, 24, 5, 5),
    "conv2.b": (128,),
    "conv3.w": (192, 128, 3, 3),
    "conv3.b": (192,),
    "conv4.w": (192, 96, 3, 3),
    "conv4.b": (192,),
    "conv5.w": (128, 96, 3, 3),
    "conv5.b": (128,),
    "fc6.w": (1024, 512),
    "fc6.b": (1024,),
    "fc7.w": (1024, 1024),
    "fc7.b": (1024,),
    "fc8.w": (10, 1024),
    "fc8.b": (10,),
}
"""Shape of each parameter array; its place in this order is its index."""


def weights(name_index: int, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Return the parameter array at place `name_index` of `SHAPES`.

    A shape of one axis is a bias: 0.1 times a standard normal. Any other shape
    is a weight: a standard normal times sqrt(2 / fan_in), where fan_in is the
    product of all axes but the first.
    """
    if len(shape) == 1:
        return 0.1 * np.random.default_rng([name_index, 1]).standard_normal(shape)
    scale = math.sqrt(2.0 / math.prod(shape[1:]))
    return np.random.default_rng([name_index]).standard_normal(shape) * scale


def all_weights() -> dict[str, NDArray[np.float64]]:
    """Return every parameter array of `small`, by name and in order."""
    return {
        name: weights(index, shape)
        for index, (name, shape) in enumerate(SHAPES.items())
    }


PERIOD = 999_983


def tiled(key: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Return standard normal numbers, the same for the same key.

    The large networks have 60 million parameters, and drawing them all takes longer
    than using them: so at most PERIOD numbers are drawn, and repeated. PERIOD is a
    prime, so no two rows of a matrix are equal.
    """
    rng = np.random.default_rng(list(key.encode()))
    drawn = rng.standard_normal(min(math.prod(shape), PERIOD))
    return np.resize(drawn.astype(np.float32), shape)


def parameter(name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Return a parameter array of a large network, scaled as in `weights`.

    Those of fc8 are a fiftieth, or one class would be certain, and nearly all of the
    gradient zero.
    """
    scale = 0.1 if len(shape) == 1 else math.sqrt(2.0 / math.prod(shape[1:]))
    if name.startswith("fc8"):
        scale *= 0.02
    return tiled(name, shape) * np.float32(scale)


def pixels(side: int) -> NDArray[np.float32]:
    """Return two pictures (2, 3, side, side) as loud as pixels minus their mean."""
    return tiled("pixels", (2, 3, side, side)) * np.float32(60)


def direction(name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Return the direction along which a gradient is measured."""
    return tiled(f"direction {name}", shape)


def norm_and_slope(name: str, gradient: NDArray[np.floating]) -> tuple[float, float]:
    """Return the length of a gradient, and its product with its `direction`.

    Rows are summed up in the dtype of the gradient, then the sums in float64.
    """
    rows = gradient.reshape(len(gradient), -1)
    along = direction(name, rows.shape).astype(gradient.dtype, copy=False)
    squares = np.einsum("ij,ij->i", rows, rows).sum(dtype=np.float64)
    return math.sqrt(squares), float(
        np.einsum("ij,ij->i", rows, along).sum(dtype=np.float64)
    )
