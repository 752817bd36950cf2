"""Dropout: half of the neurons stay at home, each time others (paper 4.2).

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

from npalexnet.layers.layer import Array, Layer, Memory, Shape


def draw_mask(rng: np.random.Generator, shape: Shape, rate: float) -> Array:
    """True with probability 1 - rate."""
    return rng.random(shape, np.float32) >= np.float32(rate)


def dropout_forward(
    x: Array, rate: float, rng: np.random.Generator, train: bool = True
) -> tuple[Array, Any]:
    factor = draw_mask(rng, x.shape, rate).astype(x.dtype) if train else 1 - rate
    return x * factor, factor


def dropout_backward(dy: Array, cache: Any) -> Array:
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

    def kept_bytes(self, shape: Shape, itemsize: int) -> int:
        return int(np.prod(shape))

    def draw(self, rng: np.random.Generator, shape: Shape) -> Array | None:
        return draw_mask(rng, shape, self.rate)

    def forward(
        self, x: Array, mem: Memory, train: bool = False, noise: Array | None = None
    ) -> tuple[Array, Any]:
        factor: Any = noise if train else x.dtype.type(1 - self.rate)
        return np.multiply(x, factor, out=mem.output(x.shape)), factor

    def backward(
        self, dy: Array, cache: Any, mem: Memory, need_dx: bool = True
    ) -> Array | None:
        if not need_dx:
            return None
        factor = cache
        return np.multiply(dy, factor, out=mem.pass_on("dx", dy.shape))
