"""Flatten: from maps to one row of numbers per image, before the first Linear.

    (N, C, H, W) → (N, C·H·W)        backward: the same numbers in the old shape

Nothing is computed, nothing is copied, nothing is kept.
"""

from __future__ import annotations

from math import prod
from typing import Any

from npalexnet.layers.layer import Array, Layer, Shape, Workspace


class Flatten(Layer):
    """Each image as one row of numbers, (N, C, H, W) → (N, C·H·W) (paper 3.5).

    >>> Flatten().output_shape((256, 6, 6))
    (9216,)
    """

    needs_input = True  # its output IS its input: who keeps the one keeps the other
    needs_output = False

    def output_shape(self, shape: Shape) -> Shape:
        return (prod(shape),)

    def reserve(self, ws: Workspace, shape: Shape) -> None:
        pass  # output and dx are views

    def forward(
        self, x: Array, ws: Workspace, train: bool = False, mask: Array | None = None
    ) -> tuple[Array, Any]:
        return x.reshape(len(x), -1), x.shape

    def backward(self, dy: Array, cache: Any, ws: Workspace) -> Array:
        x_shape = cache
        return dy.reshape(x_shape)
