"""Flatten: from maps to one row of numbers an image, before the first Linear.

    (N, C, H, W) → (N, C·H·W)        backward: the same numbers in the old shape

Nothing is computed, nothing is copied, nothing is kept.
"""

from __future__ import annotations

from math import prod
from typing import Any

from npalexnet.layers.layer import Array, Layer, Memory, Shape


class Flatten(Layer):
    """Each image as one row of numbers."""

    needs_input = True  # its output IS its input: who keeps the one keeps the other
    needs_output = False

    def output_shape(self, shape: Shape) -> Shape:
        return (prod(shape),)

    def forward(
        self, x: Array, mem: Memory, train: bool = False, noise: Array | None = None
    ) -> tuple[Array, Any]:
        return x.reshape(len(x), -1), x.shape

    def backward(
        self, dy: Array, cache: Any, mem: Memory, need_dx: bool = True
    ) -> Array | None:
        x_shape = cache
        return dy.reshape(x_shape)
