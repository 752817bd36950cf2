"""Dropout: every step switches off a different random half of the neurons (paper 4.2).

A neuron that cannot count on any other particular neuron must learn something that is
useful by itself. Every step trains another thinned network, and all of them share their
weights; at test time all neurons work, at reduced strength, which is close to averaging
the answers of the many thinned networks.

Shapes
    x, y, dy, dx: any, all the same.

Forward     training: y = mask ⊙ x, where each entry of mask is 0 with probability
            `rate`, else 1        test: y = (1 - rate) · x
Backward    training: dx = mask ⊙ dy        test: dx = (1 - rate) · dy

Because y is x times a number that does not depend on x.

Kept for backward
    the mask.

Conventions of others
    Nearly all libraries today divide by 1 - rate in training and do nothing at test
    time ("inverted" dropout). The expected output is the same up to that factor. This
    is the paper's way, and the 2012 code's.

No kernel: one multiplication.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npalexnet.layers.layer import Array, Layer, Shape, Workspace


def bernoulli_mask(rng: np.random.Generator, shape: Shape, rate: float) -> Array:
    """True with probability 1 - rate."""
    return rng.random(shape, np.float32) >= np.float32(rate)


def dropout_forward(
    x: Array, rate: float, rng: np.random.Generator, train: bool = True
) -> tuple[Array, Any]:
    """In training switch off random neurons, at test time weaken all of them.

    Args:
        x: any shape, floating point.
        rate: the probability of being switched off, in [0, 1).
        rng: draws the mask; not used at test time.
        train: training (True) or test time (False).

    Returns:
        (y, cache): y shaped like x; the cache is for `dropout_backward`.

    Source:
        paper 4.2, which has rate = 0.5.

    Example:
        >>> x, rng = np.ones(8), np.random.default_rng(2)
        >>> y, cache = dropout_forward(x, 0.25, rng)
        >>> y.tolist()
        [1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0]
        >>> y, cache = dropout_forward(x, 0.25, rng, train=False)
        >>> y.tolist()
        [0.75, 0.75, 0.75, 0.75, 0.75, 0.75, 0.75, 0.75]
    """
    factor = bernoulli_mask(rng, x.shape, rate).astype(x.dtype) if train else 1 - rate
    return x * factor, factor


def dropout_backward(dy: Array, cache: Any) -> Array:
    """From ∂loss/∂y to ∂loss/∂x: the same numbers times the same factors.

    Args:
        dy: shaped like x.
        cache: what `dropout_forward` returned.

    Returns:
        dx, shaped like x.

    Source:
        paper 4.2: neurons that are dropped take no part in backpropagation.

    Example:
        Where y was switched off, no gradient passes:

        >>> y, cache = dropout_forward(np.ones(8), 0.25, np.random.default_rng(2))
        >>> dropout_backward(np.arange(1, 9), cache).tolist()
        [1.0, 2.0, 0.0, 4.0, 5.0, 6.0, 7.0, 0.0]
    """
    factor = cache
    return dy * factor


class Dropout(Layer):
    """Drops neurons in training, weakens them at test time.

    Args:
        rate: the probability of being dropped, in [0, 1).

    Raises:
        ValueError: rate lies outside of [0, 1).
    """

    needs_input = False
    needs_output = False

    def __init__(self, rate: float = 0.5) -> None:
        super().__init__()
        if not 0 <= rate < 1:
            raise ValueError(f"rate must lie in [0, 1), and is {rate}")
        self.rate = rate

    def settings(self) -> dict[str, Any]:
        return {"rate": self.rate}

    def sample_mask(self, rng: np.random.Generator, shape: Shape) -> Array | None:
        return bernoulli_mask(rng, shape, self.rate)

    def forward(
        self, x: Array, ws: Workspace, train: bool = False, mask: Array | None = None
    ) -> tuple[Array, Any]:
        if train and mask is None:
            raise ValueError(
                "dropout in training needs a mask: give the result of sample_mask"
            )
        factor: Any = mask if train else x.dtype.type(1 - self.rate)
        return np.multiply(x, factor, out=ws.output(x.shape)), factor

    def backward(self, dy: Array, cache: Any, ws: Workspace) -> Array:
        factor = cache
        return np.multiply(dy, factor, out=ws.temporary("dx", dy.shape))
